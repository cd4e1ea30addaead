"""Running programs in separate processes with a time limit, and their common preamble."""

from __future__ import annotations

import functools
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np

import kmq

SECONDS = 100
"""A program that takes longer hangs; on an idle machine, ten seconds would be enough."""

PREAMBLE = """
import hashlib, os, sys, threading
import numpy as np

def encoded(threads=2):
    import kmq
    from kmq import jit
    jit.SMALLEST_PARALLEL_WORK = 0  # so that an image this small takes the parallel kernels
    rgb = np.random.default_rng(0).integers(0, 256, (190, 190, 3), np.uint8)
    data = kmq.encode(rgb, 20, effort="fast", threads=threads)
    assert kmq.encode(kmq.load(data), threads=threads) == data
    return hashlib.sha256(data).hexdigest()
"""
"""Defines `encoded()`: the digest of an image's file, made with every kernel."""


@functools.cache
def expected() -> str:
    """Return the correct result of `encoded()`."""
    rgb = np.random.default_rng(0).integers(0, 256, (190, 190, 3), np.uint8)
    return hashlib.sha256(kmq.encode(rgb, 20, effort="fast", threads=1)).hexdigest()


def run(
    program: str, *arguments: object, seconds: float = SECONDS, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a program after `PREAMBLE`; it has to end on its own and succeed."""
    done = subprocess.run(
        [sys.executable, "-c", PREAMBLE + program, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=seconds,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    return done


@functools.cache
def layer_environment(layer: str) -> dict[str, str] | None:
    """Return the environment that selects a threading layer of numba; None if unavailable."""
    environment = {"NUMBA_THREADING_LAYER": layer, "NUMBA_NUM_THREADS": "4"}
    if (Path(sys.prefix) / "lib" / "libtbb.so.12").exists():
        environment["LD_LIBRARY_PATH"] = str(Path(sys.prefix) / "lib")
    program = "from numba.np.ufunc import parallel; parallel._launch_threads()"
    probe = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        timeout=SECONDS,
        env=os.environ | environment,
    )
    return environment if probe.returncode == 0 else None


EIGHT_AT_ONCE = """
found = []
gate = threading.Barrier(8)

def work():
    gate.wait()
    found.append(encoded())

threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
assert len(found) == 8
print(*set(found))
"""
