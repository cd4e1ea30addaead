from __future__ import annotations

import io

import pytest

from kmq import FormatError, LimitError
from kmq.container.fields import Reader, varint
from kmq.container.head import (
    GREY,
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
    written = write_head(3000, 5, RGB, bytes(range(6)), 3, [(0, b"abc"), (1, b"")])
    stream = io.BytesIO(written + b"body")
    head = read_head(stream)
    assert (head.width, head.height, head.palette_size, head.stripe_rows) == (3000, 5, 2, 3)
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
    rows = stripe_rows_for(width, height, may_be_modelled=False)
    assert 1 <= rows <= height
    assert rows == height or rows == 1 or (rows - 1) * width < STRIPE_PIXELS
    assert -(-height // rows) <= MAX_STRIPES
    if width * height <= STRIPE_PIXELS:
        assert rows == height


def test_a_narrow_image_has_fewer_rows_in_a_stripe_if_that_may_be_modelled():
    assert stripe_rows_for(1, 10**6) == (1 << 22) // 17
    assert stripe_rows_for(5, 10**6) == (1 << 22) // 21
    assert stripe_rows_for(6, 10**6) == -(-(10**6) // 6)
    assert stripe_rows_for(1, 10**6, may_be_modelled=False) == 10**6


def test_a_modelled_stripe_has_room_for_its_margins():
    rows = (1 << 22) // 17
    assert read(write_head(1, rows, GREY, b"\0\1", rows, [(1, b"")])).stripes[0].rows == rows
    with pytest.raises(FormatError, match="stripe 1: 246724 x 1 pixels are too many to be mod"):
        read(write_head(1, rows + 1, GREY, b"\0\1", rows + 1, [(1, b"")]))
    assert read(write_head(1, rows + 1, GREY, b"\0\1", rows + 1, [(0, b"")]))


def test_a_giant_image_has_no_more_stripes_than_a_reader_allows():
    assert stripe_rows_for(1 << 18, 1 << 20) == (1 << 20) // MAX_STRIPES


@pytest.mark.parametrize(
    ("width", "height"), [((1 << 22) + 1, 1), (1 << 19, 1 << 20), (1, 1 << 31), (1 << 22, 1 << 17)]
)
def test_an_image_for_which_the_format_has_no_room_is_refused(width, height):
    with pytest.raises(LimitError, match=r"do not fit into a \.kmq file"):
        stripe_rows_for(width, height)


@pytest.mark.parametrize(
    ("width", "height", "rows", "colors", "message"),
    [
        (1 << 22, 1, 1, 2, None),
        (1 << 11, 1 << 12, 1 << 11, 2, None),
        ((1 << 11) + 1, 1 << 12, 1 << 11, 2, "stripes of 4196352 pixels are more than 4194304"),
        (4096, 2, 1, 4096, None),
        (4095, 2, 1, 2, "stripes of 4095 pixels are less than 4096, and only the last may be"),
        (4096, 2, 1, 4097, "stripes of 4096 pixels are less than 4097"),
        (7, 3, 3, 4097, None),
        (64, 65, 64, 2, None),
    ],
)
def test_stripes_are_neither_too_large_nor_too_small(width, height, rows, colors, message):
    table = [(0, b"")] * -(-height // rows)
    written = write_head(width, height, GREY, bytes(colors), rows, table)
    if message is None:
        assert read(written).stripe_rows == rows
    else:
        with pytest.raises(FormatError, match=message):
            read(written)
