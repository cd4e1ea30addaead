"""A Dask array of any chunks becomes the file of the whole array."""

from __future__ import annotations

import numpy as np
import pytest

import kmq
from kmq import distributed
from kmq.metadata import Metadata
from kmq.options import Options

da = pytest.importorskip("dask.array", reason="needs kmq[distributed]")

SHAPE = (1700, 1300)  # three stripes


def waves(channels):
    random = np.random.default_rng(channels)
    palette = random.integers(0, 256, (90, channels), np.uint8)
    height, width = SHAPE
    places = np.sin(np.arange(width) / 97) + np.cos(np.arange(height) / 41)[:, None]
    return palette[((places + 2) * 89 / 4).astype(int)]


@pytest.mark.parametrize("chunks", [(1700, 1300, 3), (400, 500, 3), (1, 1300, 3), (300, -1, 1)])
def test_any_chunks_give_the_file_of_the_whole(client, tmp_path, chunks):
    whole = waves(3)
    if chunks[0] == 1:  # many chunks take long
        whole = whole[:60]
    result = distributed.encode_array(
        da.from_array(whole, chunks=chunks), str(tmp_path / "a.kmq"), 9, client=client
    )
    data = (tmp_path / "a.kmq").read_bytes()
    assert data == kmq.encode(whole, 9)
    assert (result.width, result.height) == (1300, len(whole))
    assert (result.bytes, result.colors) == (len(data), 9)


def test_transparency_and_seams_are_those_of_the_whole(client, tmp_path):
    whole = waves(4)
    whole[..., 3] = np.where(whole[..., 3] < 120, 0, whole[..., 3])
    array = da.from_array(whole, chunks=(333, 1300, 4))
    distributed.encode_array(array, str(tmp_path / "a.kmq"), 12, client=client)
    assert (tmp_path / "a.kmq").read_bytes() == kmq.encode(whole, 12)


def test_alpha_that_is_opaque_throughout_is_dropped(client, tmp_path):
    whole = np.dstack([waves(3)[:50], np.full((50, 1300), 255, np.uint8)])
    array = da.from_array(whole, chunks=(20, 700, 4))
    distributed.encode_array(array, str(tmp_path / "a.kmq"), 5, client=client)
    assert (tmp_path / "a.kmq").read_bytes() == kmq.encode(whole, 5)


def test_grey_of_16_bits_a_palette_and_metadata(client, tmp_path):
    whole = np.random.default_rng(1).integers(0, 65_536, (60, 70), np.uint16)
    palette = kmq.Palette([[255, 255, 255], [0, 0, 0], [128, 128, 128]])
    distributed.encode_array(
        da.from_array(whole, chunks=(7, 33)),
        str(tmp_path / "a.kmq"),
        client=client,
        palette=palette,
        metadata=Metadata(resolution=(300, 300)),
    )
    expected = kmq.apply(whole, palette).with_metadata(Metadata(resolution=(300, 300)))
    assert (tmp_path / "a.kmq").read_bytes() == kmq.encode(expected)


def test_a_block_is_computed_where_it_is_and_may_fail(client, tmp_path):
    def fail(block):
        raise ValueError("the disk is gone")

    array = da.zeros((50, 40, 3), chunks=(20, 40, 3), dtype=np.uint8)
    array = array.map_blocks(fail, dtype=np.uint8, meta=np.zeros((0, 0, 0), np.uint8))
    with pytest.raises(ValueError, match="the disk is gone"):
        distributed.encode_array(array, str(tmp_path / "a.kmq"), client=client)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("shape", "options", "words"),
    [
        ((5, 4, 2), {}, "array: expected shape"),
        ((5,), {}, "array: expected shape"),
        ((0, 4, 3), {}, "array: expected shape"),
        ((5, 4, 3), {"rdo": 1}, "rdo: .* never held whole"),
        ((5, 4, 3), {"psnr": 30}, "psnr: .* never held whole"),
    ],
)
def test_what_cannot_be_done_is_said_before_it_is_begun(client, tmp_path, shape, options, words):
    array = da.zeros(shape, dtype=np.uint8)
    with pytest.raises(kmq.OptionError, match=words):
        distributed.encode_array(
            array, str(tmp_path / "a.kmq"), client=client, options=Options(**options)
        )
