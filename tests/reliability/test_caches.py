"""Caches of compiled code that are full, read-only, out of date, or torn by a killed process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, needs_numba
from PIL import Image

import kmq
from reliability.programs import SECONDS, expected, run

pytestmark = needs_numba

VECTOR = ROOT / "formats" / "vectors" / "valid" / "colours-17.kmq"
DECODING = """
import kmq
from kmq import jit  # once it is loaded, few pixels are decoded by a kernel too
print(hashlib.sha256(kmq.decode(sys.argv[1]).tobytes()).hexdigest())
"""
"""Uses one kernel, so that compiling is quick."""


def decode(**environment: str) -> tuple[str, int]:
    """Return the digest of a vector's pixels, and the number of warnings."""
    done = run(DECODING, VECTOR, **environment)
    return done.stdout, done.stderr.count("Warning")


def test_a_full_disk_costs_one_warning(small_disk):
    (small_disk / "filler").write_bytes(bytes(50_000))
    digest, _ = decode()
    environment = {"NUMBA_CACHE_DIR": str(small_disk)}
    assert decode(**environment) == (digest, 1)
    assert decode(**environment) == (digest, 1)
    (small_disk / "filler").unlink()
    assert decode(**environment) == (digest, 0)
    assert list(small_disk.rglob("*.nbc"))


def test_without_home_or_a_folder_to_write_to_nothing_is_kept_and_one_line_says_so(
    read_only_disk,
    tmp_path,
):
    digest, _ = decode()
    remount = ["mount", "-o", "remount,rw", read_only_disk]
    subprocess.run(remount, check=True, timeout=SECONDS)
    installed = Path(kmq.__file__).parent
    shutil.copytree(
        installed, read_only_disk / "kmq", ignore=shutil.ignore_patterns("__pycache__", "*.nb?")
    )
    subprocess.run([*remount[:2], "remount,ro", read_only_disk], check=True, timeout=SECONDS)
    unwritable = str(read_only_disk)
    environment = {"HOME": unwritable, "XDG_CACHE_HOME": unwritable, "PYTHONPATH": unwritable}
    environment["NUMBA_CACHE_DIR"] = ""
    assert decode(**environment) == (digest, 1)


COMPILING_NOTHING = """
from kmq import jit
jit.on_compile.append(lambda: sys.exit("there was something to compile"))
"""


def test_what_was_kept_is_found_where_it_can_only_be_read(read_only_disk):
    environment = {"NUMBA_CACHE_DIR": str(read_only_disk)}
    subprocess.run(["mount", "-o", "remount,rw", read_only_disk], check=True, timeout=SECONDS)
    first = decode(**environment)
    subprocess.run(["mount", "-o", "remount,ro", read_only_disk], check=True, timeout=SECONDS)
    done = run(COMPILING_NOTHING + DECODING, VECTOR, **environment)
    assert (done.stdout, done.stderr) == (first[0], "")


TARGET = """
from numba.core.registry import cpu_target
print(*cpu_target.target_context.codegen().magic_tuple()[1:], sep=",")
"""


def test_code_for_a_plain_processor_is_found_on_any_and_used_only_on_request(tmp_path):
    plain = {"NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_CPU_NAME": "generic"}
    # The processor's key in a cache: its name and features.
    assert run(TARGET, **plain).stdout.strip() == "generic,"
    first = decode(**plain)
    assert run(COMPILING_NOTHING + DECODING, VECTOR, **plain).stdout == first[0]
    assert decode(NUMBA_CACHE_DIR=str(tmp_path)) == first
    assert len(list(tmp_path.rglob("*.nbc"))) == 2


def test_what_a_killed_process_left_is_not_taken_for_newer_code(tmp_path):
    """Its source is edited, then the new code's data file cannot be written."""
    script = tmp_path / "script.py"
    source = """
import sys
from kmq import jit
from kmq.jit import cache as kernel_cache

@jit.kernel
def plus(x):
    return x + {number}

def fail(*_):
    raise OSError(28, "No space left on device")

if len(sys.argv) > 1:
    kernel_cache._Files._save_data = fail
print(plus(0))
"""

    def plus(number: int, *arguments: str) -> str:
        script.write_text(source.format(number=number))
        command = [sys.executable, "-W", "ignore", script, *arguments]
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=60, env=environment
        ).stdout.strip()

    assert plus(1) == "1"
    assert plus(2, "full") == "2"
    assert plus(2) == "2"


@pytest.mark.parametrize("position", [0.1, 0.5, 0.9])
def test_a_flipped_bit_in_compiled_code_costs_a_compilation(tmp_path, position):
    environment = {"NUMBA_CACHE_DIR": str(tmp_path)}
    first = decode(**environment)
    [code] = tmp_path.rglob("*.nbc")
    damaged = bytearray(code.read_bytes())
    damaged[int(position * len(damaged))] ^= 1
    code.write_bytes(damaged)
    assert decode(**environment) == first
    assert code.read_bytes() != damaged


AFTER_A_WARM_UP = """
import io
from PIL import Image
import kmq
from kmq import jit, warming

def compiled():
    return {(kernel.py_func.__qualname__, signature)
            for kernel in jit.kernels for signature in kernel.signatures}

warming.warm_up()
warm = compiled()
# What only other kernels call is compiled into them, and is not loaded where they are.
called_by_kernels = {name for kernel in jit.kernels for name in kernel.py_func.__code__.co_names}
assert {kernel.py_func.__qualname__ for kernel in jit.kernels} <= (
    {name for name, _ in warm} | called_by_kernels)
chance = np.random.default_rng(0)
small, large = (chance.integers(0, 256, (side, side, 3), np.uint8) for side in (30, 1100))
file = io.BytesIO()
Image.fromarray(large[:300]).save(file, "JPEG")
for image in (small, large, file, small[..., 0], Image.fromarray(large[:200])):
    for options in ({"colors": 2}, {"colors": 300, "coding": "packed"}, {"colors": 9}):
        kmq.decode(kmq.encode(image, effort="fast", threads=2, **options), threads=2)
kmq.encode(small, psnr=20)
kmq.encode(small, max_bytes=900)
kmq.apply(large, [[0, 0, 0], [255, 255, 255], [9, 9, 9]])
histograms = [kmq.Histogram.from_image(image) for image in (small, large)]
kmq.fit(kmq.Histogram.merge(histograms), 7, effort="best")
assert compiled() == warm, compiled() - warm
"""


def test_after_a_warm_up_nothing_is_left_to_compile():
    run(AFTER_A_WARM_UP)


KMQ = [sys.executable, "-c", "from kmq.cli import main; main()"]


def test_warmup_compiles_what_is_missing_and_says_where_it_is_kept(cold_start, tmp_path):
    rgb = np.random.default_rng(0).integers(0, 256, (12, 17, 3), np.uint8)
    Image.fromarray(rgb).save(tmp_path / "photo.png")
    environment = os.environ | cold_start[0]
    warmed = subprocess.run(
        [*KMQ, "warmup"], capture_output=True, text=True, timeout=SECONDS, env=environment
    )
    assert warmed.returncode == 0, warmed.stderr
    folder = cold_start[0]["NUMBA_CACHE_DIR"]
    assert folder in warmed.stdout
    kept = {path.name: path.read_bytes() for path in Path(folder).rglob("*.nbc")}
    assert kept
    assert not [name for name, code in kept.items() if b"unicode" in code]  # see kmq.jit
    command = [*KMQ, "encode", tmp_path / "photo.png"]
    encoded = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, env=environment
    )
    assert encoded.returncode == 0, encoded.stderr
    assert "compiling" not in encoded.stderr


WITHOUT_A_COMPILER = """
assert encoded() == sys.argv[1]
print(*(name for name in ("numba.np.arraymath", "scipy.linalg") if name in sys.modules))
"""


def test_compiled_code_is_run_without_loading_what_compiles():
    run(WITHOUT_A_COMPILER, expected())
    assert run(WITHOUT_A_COMPILER, expected()).stdout.split() == []
