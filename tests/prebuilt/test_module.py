"""The extension module in C: it checks what it passes on, and frees what it is given."""

from __future__ import annotations

import ctypes
import gc
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("numba", reason="compiles the examples")
from prebuilt.examples import Pair

NUMBERS = np.arange(5)


def read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def test_the_version_for_the_arguments_types_runs(kernels):
    for dtype in (np.int64, np.uint8):
        doubled = kernels["doubled"](np.arange(5, dtype=dtype))
        assert doubled.dtype == dtype
        assert doubled.tolist() == [0, 2, 4, 6, 8]


def test_what_a_kernel_returned_can_be_written_to_and_outlives_the_call(kernels):
    doubled = kernels["doubled"](NUMBERS)
    doubled += 1
    assert doubled.tolist() == [1, 3, 5, 7, 9]


@pytest.mark.parametrize(
    "wrong",
    [
        np.arange(5.0),
        np.arange(5, dtype=np.int32),
        np.arange(5).astype(">i8"),
        np.arange(10)[::2],
        np.arange(5)[::-1],
        np.eye(2, dtype=np.int64),
        np.array(5),
        np.frombuffer(bytes(41), np.int64, offset=1),
        np.zeros(3, [("a", np.int64)]),
        np.array(["a", "b"]),
        np.array([object()]),
        np.zeros(3, np.complex128),
        (ctypes.c_int64 * 3)(),
        [1, 2, 3],
        None,
        "text",
        7,
        2.5,
    ],
    ids=str,
)
def test_an_array_of_another_kind_is_refused(kernels, wrong):
    with pytest.raises(TypeError, match=r"kernel doubled: argument 1: expected (writable )?array"):
        kernels["doubled"](wrong)


def test_dates_are_refused(kernels):
    with pytest.raises((TypeError, ValueError)):
        kernels["doubled"](np.zeros(3, "M8[s]"))


def test_an_array_that_the_kernel_writes_to_has_to_be_writable(kernels):
    with pytest.raises(TypeError, match=r"expected writable array of int64.*got read-only array"):
        kernels["fill"](read_only(NUMBERS), 1)
    assert kernels["fill"](numbers := NUMBERS.copy(), 1) is None
    assert numbers.tolist() == [1] * 5


@pytest.mark.parametrize("arguments", [(), (NUMBERS,), (NUMBERS, 1, 1), ((NUMBERS,) * 99,)])
def test_the_number_of_arguments_is_checked(kernels, arguments):
    with pytest.raises(TypeError, match="arguments"):
        kernels["fill"](*arguments)


def test_names_of_arguments_are_not_known(kernels):
    with pytest.raises(TypeError, match="no keyword arguments"):
        kernels["quotient"](7, divisor=2)


@pytest.mark.parametrize("number", [2, np.int64(2), np.intp(2)])
def test_whole_numbers_may_be_python_s_or_numpy_s(kernels, number):
    assert kernels["quotient"](7, number) == 3


@pytest.mark.parametrize("number", [2.0, True, np.int32(2), np.uint64(2), np.float64(2), "2", None])
def test_a_number_of_another_kind_is_refused(kernels, number):
    with pytest.raises(TypeError, match="kernel quotient: argument 2: expected int64"):
        kernels["quotient"](7, number)


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**30])
def test_a_number_of_too_many_bits_is_refused(kernels, number):
    with pytest.raises(OverflowError):
        kernels["quotient"](number, 1)


def test_numbers_of_every_kind_come_and_go(kernels):
    narrow, single = np.array([-3], np.int16), np.array([0.5], np.float32)
    for truth in (True, False, np.True_):
        results = kernels["every_kind"](narrow, truth, single, Pair(NUMBERS, NUMBERS + 10))
        assert results[:4] == (-3, bool(truth), 0.5, 11)
        assert results[4] is single
        assert results[5] is (not truth)


def test_an_argument_that_is_returned_is_that_very_object(kernels):
    for numbers in (NUMBERS.copy(), read_only(NUMBERS)):
        assert kernels["itself_or_a_copy"](numbers, False) is numbers
        copied = kernels["itself_or_a_copy"](numbers, True)
        assert copied is not numbers
        assert copied.tolist() == numbers.tolist()


def test_a_part_of_an_argument_keeps_it_alive(kernels):
    numbers = NUMBERS.copy()
    alive = weakref.ref(numbers)
    part = kernels["beginning"](numbers, 3)
    assert part.tolist() == [0, 1, 2]
    assert np.shares_memory(part, numbers)
    del numbers
    assert alive() is not None
    del part
    gc.collect()
    assert alive() is None


def test_memory_that_two_results_share_is_freed_with_the_second(kernels):
    whole, part = kernels["same_twice"](1000)
    assert np.shares_memory(whole, part)
    del whole
    assert part.sum() == 999 * 500


def pages_in_memory():
    return int(Path("/proc/self/statm").read_text().split()[1])


def test_memory_is_freed(kernels):
    before = pages_in_memory()
    for _ in range(500):
        kernels["zeros"](1 << 17)[0] = 1
        kernels["same_twice"](1 << 17)
    assert pages_in_memory() < before + 2000


def test_what_a_kernel_raises_is_raised(kernels):
    with pytest.raises(ZeroDivisionError):
        kernels["quotient"](1, 0)
    with pytest.raises(ValueError, match="a number above two: it's too large"):
        kernels["raising"](3)
    assert kernels["raising"](2) == 2


@pytest.mark.parametrize("count", [1 << 55, 1 << 62])
def test_memory_that_there_is_not_is_an_error(kernels, count):
    with pytest.raises((MemoryError, ValueError)):
        kernels["zeros"](count)


def test_a_version_for_a_literal_value_is_left_to_the_kernel_that_calls_it(kernels):
    assert "1 versions" in repr(kernels["repeated"])
    assert kernels["repeated"](1, 2) == 4
    assert kernels["calling_with_a_literal"](1) == 8


def test_arrays_by_columns_are_taken_where_the_kernel_is_compiled_for_them(kernels):
    table = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert kernels["by_columns"](table) == 3
    with pytest.raises(TypeError, match="F-contiguous"):
        kernels["by_columns"](np.ascontiguousarray(table))


def test_empty_arrays_are_taken(kernels):
    assert kernels["doubled"](np.empty(0, np.int64)).shape == (0,)
    assert kernels["beginning"](NUMBERS, 0).shape == (0,)


def test_eight_threads_at_once_get_right_results(kernels):
    found = []
    gate = threading.Barrier(8)

    def work():
        gate.wait()
        found.extend(int(kernels["doubled"](NUMBERS)[4]) for _ in range(300))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [8] * 2400


def test_neither_kernels_nor_their_memory_can_be_made_by_hand(kernels):
    with pytest.raises(TypeError, match="cannot create"):
        type(kernels["doubled"])()


def test_the_module_names_no_file_of_the_machine_that_built_it(module_path):
    contents = module_path.read_bytes()
    assert b"examples.py" not in contents
    assert str(module_path.parent).encode() not in contents
