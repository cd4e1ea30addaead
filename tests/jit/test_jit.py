from __future__ import annotations

import os
import subprocess
import sys
import threading
import warnings

import numba
import numpy as np
import pytest

from kmq import KmqWarning, jit
from kmq.jit import cache as kernel_cache

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="about compiled kernels")


@jit.helper
def square(number):
    return number * number


@jit.kernel
def sum_of_squares(numbers):
    total = 0
    for number in numbers:
        total += square(number)
    return total


@jit.parallel_kernel
def chunk_sums(first, end, numbers, sums):
    for chunk in jit.prange(first, end):
        for position in range(chunk, len(numbers), len(sums)):
            sums[chunk] += numbers[position]


NUMBERS = np.arange(1001)


def total_on(threads):
    sums = np.zeros(7, np.int64)
    chunk_sums(threads, len(sums), NUMBERS, sums)
    return sums.sum()


def test_kernels_and_their_helpers_run_compiled():
    assert sum_of_squares(NUMBERS) == (NUMBERS**2).sum()


def test_any_number_of_threads_does_every_part_once():
    assert total_on(1) == total_on(2) == total_on(8) == NUMBERS.sum()


def test_threads_share_the_loop_of_a_parallel_kernel(monkeypatch):
    parts = []
    monkeypatch.setattr(chunk_sums, "serial", lambda first, end, *_: parts.append((first, end)))
    total_on(1)
    assert parts == [(0, 7)]
    parts.clear()
    chunk_sums(2, 100, NUMBERS, None)
    bounds = sorted(parts)
    assert len(bounds) == 2 * jit.PARTS_PER_THREAD
    assert [end for _, end in bounds] == [first for first, _ in bounds[1:]] + [100]


def test_the_loops_are_parallel_loops_of_numbas_too():
    """Only the choice of threads keeps numba from running them in parallel."""
    compiled = numba.njit(parallel=True)(chunk_sums.serial.py_func)
    sums = np.zeros(7, np.int64)
    compiled(0, 7, NUMBERS, sums)
    assert sums.sum() == NUMBERS.sum()


def test_many_threads_at_once_get_right_results():
    totals = []
    threads = [threading.Thread(target=lambda: totals.append(total_on(2))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert totals == [NUMBERS.sum()] * 8


def test_a_forked_child_runs_serially():
    total_on(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # a fork among threads is the point
        child = os.fork()
    if child == 0:
        os._exit(0 if total_on(2) == NUMBERS.sum() else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_little_work_takes_one_thread():
    assert jit.useful_threads(jit.SMALLEST_PARALLEL_WORK - 1, 8) == 1
    assert jit.useful_threads(jit.SMALLEST_PARALLEL_WORK, 8) == 8


# Few kernels, so that compiling them again and again stays quick.
ENCODE = """
import sys, numpy as np, kmq
random = np.random.default_rng(0)
palette, indices = random.integers(0, 256, (7, 3)), random.integers(0, 7, (20, 30))
sys.stdout.buffer.write(kmq.encode(kmq.IndexedImage(palette, indices), coding="packed"))
"""


def encode_in_a_process(cache, *, expect_warnings=0, **environment):
    done = subprocess.run(
        [sys.executable, "-c", ENCODE],
        capture_output=True,
        timeout=120,
        check=True,
        env=os.environ | {"NUMBA_CACHE_DIR": str(cache)} | environment,
    )
    assert done.stderr.count(b"KmqWarning") == expect_warnings, done.stderr
    return done.stdout


@pytest.mark.parametrize("damage", ["truncated", "zeroed", "foreign", "empty"])
def test_a_damaged_cache_costs_a_compilation_and_nothing_else(tmp_path, damage):
    expected = encode_in_a_process(tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".nbi", ".nbc"}
    for path in files:
        whole = path.read_bytes()
        path.write_bytes(
            {
                "truncated": whole[: len(whole) // 2],
                "zeroed": bytes(len(whole)),
                "foreign": b"something else entirely",
                "empty": b"",
            }[damage]
        )
    assert encode_in_a_process(tmp_path) == expected
    assert encode_in_a_process(tmp_path) == expected


def test_an_edit_of_a_constant_in_another_file_is_noticed(tmp_path):
    (tmp_path / "kernels.py").write_text(
        "import numpy as np\nfrom constants import TABLE\nfrom kmq import jit\n"
        "@jit.kernel\ndef first(numbers):\n    return TABLE[0] + numbers[0]\n"
        "print(first(np.zeros(1, np.int64)), sum(first.stats.cache_hits.values()))\n"
    )
    outputs = []
    for table in ("[1]", "[1]", "[2]"):
        (tmp_path / "constants.py").write_text(f"import numpy as np\nTABLE = np.array({table})\n")
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "cache")}
        done = subprocess.run(
            [sys.executable, "-B", "kernels.py"],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        outputs.append(done.stdout.split())
    assert outputs == [["1", "0"], ["1", "1"], ["2", "0"]]


def test_no_place_for_a_cache_costs_one_warning(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    # Then neither the chosen folder nor the one next to the sources can be used.
    environment = {"NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator"}
    expected = encode_in_a_process(tmp_path / "cache")
    unkept = encode_in_a_process(tmp_path / "file" / "cache", expect_warnings=1, **environment)
    assert unkept == expected


def test_a_cache_that_cannot_be_saved_to_warns_once(tmp_path, monkeypatch):
    cache = kernel_cache.ForgivingCache(sum_of_squares.py_func)
    monkeypatch.setattr(kernel_cache._Warned, "already", False)
    monkeypatch.setattr(
        kernel_cache.FunctionCache,
        "save_overload",
        lambda *_: (_ for _ in ()).throw(OSError("disk full")),
    )
    with pytest.warns(KmqWarning, match="disk full.*NUMBA_CACHE_DIR") as caught:
        cache.save_overload(None, None)
    cache.save_overload(None, None)  # a second warning would be an error here
    assert len(caught) == 1
