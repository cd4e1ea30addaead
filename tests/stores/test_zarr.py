"""Labels in Zarr arrays come back as they were."""

from __future__ import annotations

import numpy as np
import pytest

import kmq
from kmq.zarr import KmqArrayCodec, KmqCodec, chunks

zarr = pytest.importorskip("zarr", reason="needs kmq[zarr]")
numcodecs = pytest.importorskip("numcodecs", reason="needs kmq[zarr]")


def labels(*shape, dtype=np.uint16, most=900):
    """Blocks of labels, as masks have them."""
    random = np.random.default_rng(len(shape))
    coarse = random.integers(0, most, tuple(-(-side // 5) for side in shape))
    for axis in range(len(shape)):
        coarse = coarse.repeat(5, axis)
    return coarse[tuple(slice(side) for side in shape)].astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, ">u2"])
@pytest.mark.parametrize("shape", [(1, 1), (37, 41), (3, 1, 9), (7, 23, 11)])
def test_a_chunk_comes_back_as_it_was(shape, dtype):
    array = labels(*shape, dtype=dtype, most=256)
    for coding in ("auto", "packed"):
        codec = KmqCodec(coding)
        back = codec.decode(codec.encode(array))
        assert back.dtype == np.dtype(dtype).newbyteorder("=")
        assert np.array_equal(back, array)
        out = np.empty(shape, back.dtype)
        assert codec.decode(codec.encode(array), out) is out
        assert np.array_equal(out, array)


def test_a_codec_is_known_by_its_name():
    codec = numcodecs.get_codec({"id": "kmq", "coding": "packed"})
    assert isinstance(codec, KmqCodec)
    assert codec.get_config() == {"id": "kmq", "coding": "packed"}


def test_numbers_that_are_large_and_few_are_kept():
    array = np.array([[65_535, 0], [65_535, 258]], np.uint16)
    assert np.array_equal(chunks.from_bytes(chunks.to_bytes(array)), array)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((3,), np.uint8),
        np.zeros((2, 2, 2, 2), np.uint8),
        np.zeros((3, 4), np.int32),
        np.zeros((3, 4), np.float32),
        np.zeros((0, 4), np.uint8),
    ],
)
def test_what_is_no_array_of_labels_is_refused(array):
    with pytest.raises(kmq.OptionError, match="chunk: expected uint8 or uint16"):
        KmqCodec().encode(array)


def test_damaged_chunks_are_errors_of_the_format():
    data = chunks.to_bytes(labels(2, 9, 8))
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 1
        with pytest.raises((kmq.FormatError, kmq.LimitError)):
            chunks.from_bytes(bytes(damaged))
    for length in range(len(data)):
        with pytest.raises(kmq.FormatError):
            chunks.from_bytes(data[:length])


@pytest.mark.parametrize(("shape", "chunk"), [((37, 41), (16, 16)), ((5, 30, 31), (2, 20, 31))])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_an_array_of_zarr_is_written_and_read(tmp_path, shape, chunk, dtype):
    array = labels(*shape, dtype=dtype, most=200)
    written = zarr.create_array(
        tmp_path / "a.zarr",
        shape=shape,
        chunks=chunk,
        dtype=dtype,
        serializer=KmqArrayCodec(),
        compressors=None,
    )
    written[...] = array
    read = zarr.open_array(tmp_path / "a.zarr", mode="r")
    assert np.array_equal(read[...], array)
    assert np.array_equal(read[..., 3:7], array[..., 3:7])


def test_so_is_one_of_the_old_version(tmp_path):
    array = labels(4, 30, 31)
    written = zarr.create_array(
        tmp_path / "a.zarr",
        shape=array.shape,
        chunks=(1, 20, 31),
        dtype=array.dtype,
        zarr_format=2,
        compressors=KmqCodec(),
    )
    written[...] = array
    assert np.array_equal(zarr.open_array(tmp_path / "a.zarr", mode="r")[...], array)


def test_an_array_that_cannot_be_coded_is_refused_when_it_is_made(tmp_path):
    with pytest.raises(kmq.OptionError, match="array: kmq codes uint8 and uint16"):
        zarr.create_array(
            tmp_path / "a.zarr", shape=(9, 9), dtype="float32", serializer=KmqArrayCodec()
        )
    with pytest.raises(kmq.OptionError, match="coding: expected one of"):
        KmqArrayCodec(coding="none")
