"""Kernels that show what a compiled module has to get right. Compiled by numba when called."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np


def kernel(function):
    return numba.njit(nogil=True, no_cfunc_wrapper=True)(function)


class Pair(NamedTuple):
    first: np.ndarray
    second: np.ndarray


@kernel
def doubled(numbers):
    result = np.empty_like(numbers)
    for i in range(len(numbers)):
        result[i] = 2 * numbers[i]
    return result


@kernel
def fill(numbers, value):
    for i in range(len(numbers)):
        numbers[i] = value


@kernel
def itself_or_a_copy(numbers, is_copied):
    if is_copied:
        numbers = numbers.copy()
    return numbers


@kernel
def beginning(numbers, count):
    return numbers[:count]


@kernel
def same_twice(count):
    made = np.arange(count)
    return made, made[1:]


@kernel
def every_kind(narrow, truth, single, pair):
    return narrow[0], truth, single[0], pair.first[0] + pair.second[1], single, not truth


@kernel
def quotient(dividend, divisor):
    return dividend // divisor


@kernel
def zeros(count):
    return np.zeros(count, np.int64)


@kernel
def raising(number):
    if number > 2:
        raise ValueError("a number above two: it's too large")
    return number


@kernel
def repeated(number, times):
    for _ in range(times):
        number += number
    return number


@kernel
def calling_with_a_literal(number):
    return repeated(number, 3)


@kernel
def by_columns(table):
    return table[1, 0]


@kernel
def power(base, exponent):
    return base**exponent


def run_all() -> None:
    """Have each compiled for the types that the tests use."""
    numbers = np.arange(3)
    read_only = np.arange(3)
    read_only.flags.writeable = False
    doubled(numbers)
    doubled(numbers.astype(np.uint8))
    fill(numbers, 7)
    itself_or_a_copy(numbers, True)
    itself_or_a_copy(read_only, True)
    beginning(numbers, 2)
    same_twice(3)
    every_kind(np.array([-3], np.int16), True, np.array([0.5], np.float32), Pair(numbers, numbers))
    quotient(7, 2)
    zeros(3)
    raising(1)
    repeated(1, 2)
    calling_with_a_literal(1)
    by_columns(np.asfortranarray(np.eye(2)))


KERNELS = [
    doubled, fill, itself_or_a_copy, beginning, same_twice, every_kind, quotient, zeros, raising,
    repeated, calling_with_a_literal, by_columns,
]  # fmt: skip
