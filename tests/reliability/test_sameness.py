"""The same bytes whatever the processor, the number of threads and the kernels."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from conftest import needs_jit, needs_numba

from kmq import jit, prebuilt
from reliability import sameness
from reliability.programs import SECONDS

LEVELS = ("x86-64-v2", "x86-64-v3", "x86-64-v4")


def digest(threads: int, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, sameness.__file__, str(threads)],
        stdout=subprocess.PIPE,
        text=True,
        timeout=SECONDS,
        check=True,
        env=os.environ | environment,
    ).stdout


@needs_jit
def test_1_and_2_and_8_threads_give_the_same_bytes():
    assert digest(1) == digest(2) == digest(8, NUMBA_NUM_THREADS="8")


@needs_numba
def test_a_plain_processor_gives_the_same_bytes_as_this_one(cold_start):
    assert digest(2, **cold_start[0]) == digest(1)


@pytest.mark.parametrize("level", LEVELS)
def test_each_level_of_compiled_kernels_gives_the_same_bytes(level):
    if jit.in_use == prebuilt.NUMBA:
        pytest.skip("kmq was installed without compiled kernels")
    from kmq import _kernels

    if not _kernels.runs(level):
        pytest.skip(f"this processor does not run {level}")
    assert digest(1, KMQ_KERNELS=level) == digest(2)
