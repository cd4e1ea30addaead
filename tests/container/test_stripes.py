from __future__ import annotations

import io
import math
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from kmq import FormatError, IndexedImage, KmqWarning, LimitError
from kmq.container import metadata
from kmq.container.head import (
    GREY,
    GREY_ALPHA,
    MAX_STRIPES,
    MOST_STRIPE_PIXELS,
    RGBA,
    read_head,
    write_head,
)
from kmq.container.palette import palette_of
from kmq.container.reading import faults, loads
from kmq.container.summary import packed_allowance
from kmq.container.writing import dumps
from kmq.metadata import NOTHING, Metadata

SHAPES = [(1, 1), (1, 37), (37, 1), (3, 5), (16, 16), (31, 33), (1, 1000)]


def stripes_of(data):
    return read_head(io.BytesIO(data)).stripes


@pytest.mark.parametrize("colors", [*range(1, 301), 1000, 4097, 65_535, 65_536])
def test_a_file_of_one_stripe_is_within_40_bytes_of_the_theoretical_count(random_indexed, colors):
    for height, width in SHAPES:
        image = random_indexed(colors, height, width)
        data = dumps(image, coding="packed")
        theoretical_bits = 24 * colors + height * width * math.log2(colors)
        assert 8 * len(data) - theoretical_bits <= 8 * packed_allowance(height * width)
        assert loads(data) == image


@pytest.mark.parametrize(("colors", "each"), [(2, 16), (3, 16), (256, 16), (65_535, 21)])
@pytest.mark.parametrize(
    ("height", "width", "stripes"),
    [
        (1024, 1024, 1),
        (1025, 1024, 2),
        (1023, 1025, 1),
        (1, (1 << 20) + 1, 1),
        ((1 << 20) + 1, 1, 2),
        (3, 1 << 20, 3),
        (2048, 1536, 3),
    ],
)
def test_large_images_are_cut_into_stripes_and_each_further_one_costs_few_bytes(
    random_indexed, colors, each, height, width, stripes
):
    image = random_indexed(colors, height, width)
    data = dumps(image, coding="packed", threads=2)
    assert len(stripes_of(data)) == stripes
    theoretical_bits = 24 * colors + height * width * math.log2(colors)
    assert 8 * len(data) - theoretical_bits <= 8 * (40 + each * (stripes - 1))
    assert 8 * len(data) - theoretical_bits <= 8 * packed_allowance(height * width)
    assert loads(data) == image


def test_stripes_whose_lengths_take_four_bytes_cost_more_than_16_bytes_but_at_most_21(
    random_indexed,
):
    image = random_indexed(64_779, 479, 17_500)
    data = dumps(image, coding="packed", threads=2)
    assert [stripe.length.bit_length() for stripe in stripes_of(data)] == [22] * 7 + [21]
    theoretical_bits = 24 * 64_779 + 479 * 17_500 * math.log2(64_779)
    excess = len(data) - theoretical_bits / 8
    assert 40 + 16 * 7 < excess <= packed_allowance(479 * 17_500) == 40 + 21 * 7


@pytest.mark.parametrize("coding", ["auto", "packed"])
@pytest.mark.parametrize("colors", [2, 3])
def test_any_number_of_threads_gives_the_same(random_indexed, colors, coding):
    noise = random_indexed(colors, 2050, 1030)
    image = IndexedImage(noise.palette, np.minimum(noise.indices, noise.indices[::-1] // 2))
    data = dumps(image, coding=coding)
    assert dumps(image, coding=coding, threads=2) == data
    assert dumps(image, coding=coding, threads=8) == data
    assert loads(data, threads=2) == loads(data, threads=8) == image


def test_grey_palettes_take_one_byte_an_entry(random_indexed):
    colored, grey = (random_indexed(200, 5, 5, grey=grey) for grey in (False, True))
    assert len(dumps(colored)) - len(dumps(grey)) == 2 * 200
    assert loads(dumps(grey)) == grey


indexed_images = st.integers(1, 300).flatmap(
    lambda colors: st.builds(
        IndexedImage,
        npst.arrays(np.uint8, (colors, 3)),
        npst.arrays(
            np.uint16,
            npst.array_shapes(min_dims=2, max_dims=2, max_side=9),
            elements=st.integers(0, colors - 1),
        ),
    )
)


codings = st.sampled_from(["auto", "packed"])


@given(indexed_images, codings)
def test_what_is_dumped_is_loaded(image, coding):
    assert loads(dumps(image, coding=coding)) == image


@given(indexed_images, codings, st.data())
def test_any_truncation_is_a_format_error(image, coding, data):
    whole = dumps(image, coding=coding)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(FormatError):
        loads(whole[:cut])


@given(indexed_images, codings, st.data())
def test_any_flipped_bit_is_a_format_error(image, coding, data):
    damaged = bytearray(dumps(image, coding=coding))
    bit = data.draw(st.integers(0, 8 * len(damaged) - 1))
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(FormatError):
        loads(bytes(damaged))
    assert faults(bytes(damaged))


@pytest.mark.parametrize("coding", ["auto", "packed"])
@pytest.mark.parametrize("colors", [2, 3, 300])
def test_every_truncation_and_every_flipped_bit_of_one_file_is_a_format_error(
    random_indexed, colors, coding
):
    noise = random_indexed(colors, 7, 11)
    whole = dumps(IndexedImage(noise.palette, np.sort(noise.indices)), coding=coding)
    for cut in range(len(whole)):
        with pytest.raises(FormatError):
            loads(whole[:cut])
    for bit in range(8 * len(whole)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FormatError):
            loads(bytes(damaged))


def test_trailing_bytes_are_refused(random_indexed):
    with pytest.raises(FormatError, match="bytes follow the end of the file: 1"):
        loads(dumps(random_indexed(3, 2, 2)) + b"\0")


def test_a_right_file_over_the_limit_is_a_limit_error(random_indexed):
    data = dumps(random_indexed(3, 10, 10))
    with pytest.raises(LimitError, match=r"100 pixels, over the limit of 99; .*--max-pixels"):
        loads(data, max_pixels=99)
    with pytest.raises(LimitError):
        faults(data, max_pixels=99)
    assert loads(data, max_pixels=100).width == 10


def head_of(width, height, stripe_rows, table):
    return write_head(width, height, GREY, b"\0", stripe_rows, table)


def test_a_head_that_claims_more_than_memory_allocates_nothing():
    data = head_of(MOST_STRIPE_PIXELS, MAX_STRIPES, 1, [(0, b"")] * MAX_STRIPES)
    with pytest.raises(LimitError, match="274,877,906,944 pixels"):
        loads(data + bytes(4) * MAX_STRIPES)


def test_a_table_longer_than_the_file_ends_with_the_file():
    data = head_of(4096, MAX_STRIPES, 1, [(0, b"")] * 5)
    with pytest.raises(FormatError, match="ends within"):
        loads(data)


def test_an_unknown_coding_is_named_with_its_rows():
    head = head_of(4096, 4, 2, [(0, b""), (9, b"")])
    data = head + zlib.crc32(b"").to_bytes(4, "little") * 2
    with pytest.raises(FormatError, match="rows 2 to 3: coding 9 is not known"):
        loads(data)


def test_every_damaged_stripe_is_found(random_indexed):
    image = random_indexed(2, 3 << 10, 1 << 10)
    damaged = bytearray(dumps(image))
    head = read_head(io.BytesIO(bytes(damaged)))
    damaged[head.size] ^= 1
    damaged[-1] ^= 1
    messages = [str(fault) for fault in faults(bytes(damaged))]
    assert len(messages) == 2
    assert messages[0].startswith("rows 0 to 1023: ")
    assert messages[1].startswith("rows 2048 to 3071: ")


@pytest.mark.parametrize("coding", ["packed", "modelled"])
@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("colors", [2, 3, 17, 256, 300])
def test_palettes_with_alpha_come_back(random_indexed, colors, grey, coding):
    image = random_indexed(colors, 13, 37, grey=grey)
    alpha = np.arange(colors) * 255 // (colors - 1)
    veiled = IndexedImage(np.column_stack([image.palette, alpha]), np.sort(image.indices))
    data = dumps(veiled, coding=coding)
    assert loads(data) == veiled
    assert read_head(io.BytesIO(data)).layout == (GREY_ALPHA if grey else RGBA)


@given(indexed_images, st.sampled_from(["auto", "packed"]), st.data())
def test_an_order_changes_the_file_and_nothing_that_is_read_from_it(image, coding, data):
    order = np.array(data.draw(st.permutations(range(len(image.palette)))))
    written = dumps(image, coding=coding, order=order)
    assert loads(written) == image
    assert palette_of(read_head(io.BytesIO(written))).tolist() == image.palette.tolist()


@given(st.integers(1, 600), st.randoms(use_true_random=False))
def test_an_order_takes_index_bits_for_each_entry(colors, random):
    order = list(range(colors))
    random.shuffle(order)
    image = IndexedImage(np.zeros((colors, 3), np.uint8), [[0]])
    plain = dumps(image, coding="packed")
    ordered = dumps(image, coding="packed", order=np.array(order))
    assert len(ordered) - len(plain) == -(-colors * (colors - 1).bit_length() // 8)
    assert read_head(io.BytesIO(ordered)).order == tuple(order)


DESCRIBED = Metadata(resolution=(300, 300), exif=b"II*\0", text=[("Title", "a map")])


def test_metadata_come_back_with_the_image_and_with_any_of_its_rows(random_indexed):
    image = random_indexed(7, 11, 13).with_metadata(DESCRIBED)
    data = dumps(image)
    assert loads(data).metadata == DESCRIBED
    assert loads(data, rows=(3, 5)).metadata == DESCRIBED
    assert faults(data) == []
    plain = dumps(image.with_metadata(NOTHING))
    # A varint of one byte, the block and its checksum; without metadata, nothing.
    block = len(metadata.to_bytes(DESCRIBED))
    assert len(data) - len(plain) == 1 + block + 4


def test_damaged_metadata_never_cost_the_picture(random_indexed):
    image = random_indexed(7, 11, 13).with_metadata(DESCRIBED)
    whole = dumps(image)
    start = read_head(io.BytesIO(whole)).metadata_start
    for place in range(start, len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        with pytest.warns(KmqWarning, match="metadata: the checksum does not match"):
            found = loads(bytes(damaged))
        assert found == image
        assert found.metadata == NOTHING
        assert [str(fault) for fault in faults(bytes(damaged))] == [
            "metadata: the checksum does not match"
        ]
