from __future__ import annotations

import io

import pytest

from kmq import FormatError
from kmq.container.fields import Reader, varint
from kmq.container.head import (
    MAX_STRIPES,
    RGB,
    STRIPE_PIXELS,
    Head,
    Stripe,
    read_head,
    stripe_rows_for,
    write_head,
)


def read(data: bytes) -> Head:
    return read_head(io.BytesIO(data))


def test_a_head_comes_back_and_the_stream_stands_behind_it():
    written = write_head(300, 5, RGB, bytes(range(6)), 3, [(0, b"abc"), (1, b"")])
    stream = io.BytesIO(written + b"body")
    head = read_head(stream)
    assert (head.width, head.height, head.palette_size, head.stripe_rows) == (300, 5, 2, 3)
    assert head.palette == bytes(range(6))
    assert head.stripes == (Stripe(0, 3, 0, 3), Stripe(3, 2, 1, 0))
    assert head.size == len(written)
    assert head.file_size == len(written) + 3 + 4 + 4
    assert stream.read() == b"body"


@pytest.mark.parametrize("number", [0, 1, 127, 128, 16_383, 16_384, 2**31 - 1, 2**62 + 5])
def test_numbers_of_any_length_come_back(number):
    encoded = varint(number)
    assert Reader(io.BytesIO(encoded)).varint("it") == number
    assert len(encoded) == max(1, -(-number.bit_length() // 7))


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        (b"\x80\x00", "shortest form"),
        (b"\xff\x80\x00", "shortest form"),
        (b"\xff" * 9 + b"\x01", "longer than 9 bytes"),
        (b"\xff\xff", "ends within it"),
        (b"\x06", "it is 6, outside 1 to 5"),
        (b"\x00", "it is 0, outside 1 to 5"),
    ],
)
def test_numbers_that_break_a_rule_are_refused(encoded, message):
    with pytest.raises(FormatError, match=message):
        Reader(io.BytesIO(encoded)).varint("it", 1, 5)


@pytest.mark.parametrize(
    ("width", "height"),
    [(1, 1), (1024, 1024), (1025, 1024), (1, 1 << 22), (1 << 22, 1), (7, 10**6)],
)
def test_stripes_are_whole_rows_of_about_a_megapixel(width, height):
    rows = stripe_rows_for(width, height)
    assert 1 <= rows <= height
    assert rows == height or rows == 1 or (rows - 1) * width < STRIPE_PIXELS
    assert -(-height // rows) <= MAX_STRIPES
    if width * height <= STRIPE_PIXELS:
        assert rows == height


def test_a_giant_image_has_no_more_stripes_than_a_reader_allows():
    assert stripe_rows_for(1 << 30, 1 << 20) == (1 << 20) // MAX_STRIPES
