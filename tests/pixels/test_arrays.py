from __future__ import annotations

import numpy as np
import pytest

from kmq import OptionError
from kmq.pixels import read


class Tensor:
    """NumPy's view of a PyTorch tensor."""

    def __init__(self, values, error=None):
        self.values, self.error = values, error

    def __array__(self, dtype=None, copy=None):
        if self.error:
            raise self.error
        return np.asarray(self.values, dtype)


def levels(array):
    return read(np.asarray(array)).rgb[0, :, 0].tolist()


def test_bool_is_black_and_white():
    assert levels([[False, True, True]]) == [0, 255, 255]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_floats_from_0_to_1_are_rounded_to_the_nearest_level(dtype):
    given = np.array([[0, 0.25, 127.6 / 255, 1]], dtype)
    assert levels(given) == [0, 64, 128, 255]


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_that_are_levels_lose_nothing(dtype):
    every = np.arange(256, dtype=np.uint8)[None]
    pixels = read((every / 255).astype(dtype))
    assert pixels.rgb[0, :, 0].tolist() == list(range(256))
    assert pixels.lost == ()


def test_floats_between_the_levels_lose_something():
    assert read(np.array([[0, 0.5]])).lost == ("samples between 8-bit levels",)


@pytest.mark.parametrize("value", [-0.001, 1.001, 200, np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floats_out_of_range_are_refused_with_the_way_out(value, dtype):
    with pytest.raises(OptionError, match=r"^image: expected values from 0 to 1 .* integers"):
        read(np.array([[0.5, value]], dtype))


@pytest.mark.parametrize("dtype", ["i1", "i2", "i4", "i8", "u4", "u8", ">i2", ">u4", ">i8"])
def test_any_integer_dtype_holds_levels_of_8_bits(dtype):
    given = np.array([[0, 5, 127]], dtype)
    assert levels(given) == [0, 5, 127]
    assert read(given).lost == ()


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_samples_of_16_bits_are_scaled_in_either_byte_order(dtype):
    assert levels(np.array([[0, 257, 65_535]], dtype)) == [0, 1, 255]


@pytest.mark.parametrize(
    "given",
    [np.array([[-1, 5]], np.int8), np.array([[256, 5]], np.int64), np.array([[2**40]], ">u8")],
)
def test_integers_out_of_range_are_refused_with_the_way_out(given):
    with pytest.raises(OptionError, match=r"^image: expected values from 0 to 255 .* uint16"):
        read(given)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.bool_])
def test_an_axis_of_one_channel_is_grey(dtype):
    grey = np.array([[0, 1], [1, 0]], dtype)
    assert np.array_equal(read(grey[..., None]).rgb, read(grey).rgb)


def test_what_converts_itself_to_an_array_is_one():
    rgb = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert np.array_equal(read(Tensor(rgb)).rgb, rgb)
    with pytest.raises(OptionError, match="Tensor cannot be converted to an array: on the GPU"):
        read(Tensor(rgb, TypeError("on the GPU")))


def test_masked_arrays_are_refused():
    with pytest.raises(OptionError, match="masked array"):
        read(np.ma.masked_equal(np.zeros((2, 2), np.uint8), 0))


@pytest.mark.parametrize("dtype", [complex, object, "U3", "M8[s]"])
def test_other_dtypes_are_refused(dtype):
    with pytest.raises(OptionError, match=r"^image: expected bool, integers, or floats"):
        read(np.zeros((2, 2), dtype))
