from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import needs_jit

import kmq
from kmq.container import lazy, reading
from kmq.container.head import read_head
from kmq.metadata import Metadata

pytestmark = needs_jit

WIDTH, HEIGHT = 1 << 14, 150  # three stripes of 50 rows


@pytest.fixture(scope="module")
def file():
    """Three stripes of 37 colours, packed because they are noise."""
    random = np.random.default_rng(5)
    indices = random.integers(0, 37, (HEIGHT, WIDTH), np.uint8)
    palette = random.integers(0, 256, (37, 3), np.uint8)
    return kmq.encode(kmq.IndexedImage(palette, indices), coding="packed")


@pytest.fixture(scope="module")
def pixels(file):
    return kmq.decode(file)


@pytest.mark.parametrize(
    "key",
    [
        np.s_[...],
        np.s_[0],
        np.s_[-1],
        np.s_[49:51, 300:303],
        np.s_[149, 16_383],
        np.s_[5:140:61, ::4000],
        np.s_[::-1, ::-5000],
        np.s_[140:10:-7, -3:],
        np.s_[..., 1],
        np.s_[3, ..., 0],
        np.s_[60:70, 5, 2],
        np.s_[10:10],
        np.s_[:, 9:9],
        np.s_[np.int64(7)],
        np.s_[200:300],
    ],
)
def test_slicing_a_picture_is_slicing_its_pixels(file, pixels, key):
    with kmq.open(file) as picture:
        found = picture[key]
    assert found.dtype == np.uint8
    assert np.array_equal(found, pixels[key])
    assert found.shape == pixels[key].shape


def test_a_picture_looks_like_an_array(file, pixels):
    with kmq.open(file) as picture:
        assert (picture.shape, picture.ndim, picture.dtype) == (pixels.shape, 3, np.uint8)
        assert (len(picture), picture.width, picture.height) == (HEIGHT, WIDTH, HEIGHT)
        assert np.array_equal(np.asarray(picture), pixels)
        assert repr(picture) == "<LazyImage 16384x150 of 37 colours>"
        with pytest.raises(ValueError, match="copy=False"):
            np.array(picture, copy=False)


@pytest.mark.parametrize(
    "key", [150, -151, (0, WIDTH), (0, 0, 3), (0, 0, 0, 0), (..., ...), 1.5, "a", [1, 2], None]
)
def test_what_selects_no_pixels_is_an_index_error(file, key):
    with kmq.open(file) as picture, pytest.raises(IndexError):
        picture[key]


def test_only_the_stripes_that_are_looked_at_are_decoded(file, pixels):
    damaged = bytearray(file)
    damaged[read_head(io.BytesIO(file)).size + 100] ^= 1  # in the first stripe
    with kmq.open(bytes(damaged)) as picture:
        assert np.array_equal(picture[50:, :9], pixels[50:, :9])
        with pytest.raises(kmq.FormatError, match="rows 0 to 49: the checksum"):
            picture[49]
        assert np.array_equal(picture[149], pixels[149])


def test_the_last_stripes_are_kept_and_the_oldest_forgotten(file, monkeypatch):
    begun = []
    monkeypatch.setattr(lazy, "KEPT_PIXELS", 2 << 20)
    decoder = reading.stripe_decoder

    def counting(head):
        decode = decoder(head)
        return lambda item: (begun.append(item[0].first_row), decode(item))[1]

    monkeypatch.setattr(lazy, "stripe_decoder", counting)
    with kmq.open(file, threads=1) as picture:
        for row in (0, 1, 50, 0, 149, 50):
            picture[row]
    # 50 was the oldest of three when 149 was read, and the last two are cached.
    assert begun == [0, 50, 100, 50]


def test_more_pixels_than_allowed_are_not_decoded_at_once(file):
    with kmq.open(file, max_pixels=1 << 20) as picture:
        assert picture[49].shape == (WIDTH, 3)
        with pytest.raises(kmq.LimitError):
            picture[50:101]


def test_a_crop_keeps_the_palette_the_indices_and_the_metadata():
    random = np.random.default_rng(6)
    palette = random.integers(0, 256, (5, 4), np.uint8)
    image = kmq.IndexedImage(palette, random.integers(0, 5, (31, 17)))
    image = image.with_metadata(Metadata(text=(("Title", "a"),)))
    with kmq.open(kmq.encode(image)) as picture:
        part = picture.crop(3, 30, 14, 1)
        assert part == kmq.IndexedImage(palette, image.indices[30:, 3:])
        assert part.metadata == image.metadata == picture.metadata
        assert np.array_equal(picture[2:4], image.to_pixels()[2:4])


def test_a_crop_of_labels_holds_labels():
    labels = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000
    with kmq.open(kmq.encode(kmq.IndexedImage.from_labels(labels))) as picture:
        assert np.array_equal(picture.crop(1, 1, 2, 2).to_labels(), labels[1:3, 1:3])


@pytest.mark.parametrize("box", [(-1, 0, 1, 1), (0, 0, 0, 1), (0, 150, 1, 1), (0, 0, WIDTH + 1, 1)])
def test_a_part_that_is_not_in_the_picture_is_the_callers_fault(file, box):
    with kmq.open(file) as picture, pytest.raises(kmq.OptionError, match="crop: "):
        picture.crop(*box)


def test_many_threads_may_look_at_once(file, pixels):
    with kmq.open(file, threads=2) as picture, ThreadPoolExecutor(8) as pool:
        rows = [int(row) for row in np.random.default_rng(7).integers(0, HEIGHT, 40)]
        for row, found in zip(rows, pool.map(picture.__getitem__, rows), strict=True):
            assert np.array_equal(found, pixels[row])


def test_a_file_that_was_opened_is_closed_and_that_of_the_caller_stays_open(file, tmp_path):
    path = tmp_path / "a.kmq"
    path.write_bytes(file)
    with path.open("rb") as opened:
        with kmq.open(opened) as picture:
            picture[0]
        assert not opened.closed
    with kmq.open(path) as picture:
        picture[0]
    with pytest.raises(ValueError, match="closed"):
        picture[149]


def test_a_broken_file_is_refused_when_it_is_opened(file, tmp_path):
    path = tmp_path / "a.kmq"
    path.write_bytes(file[:-1])
    with pytest.raises(kmq.FormatError, match="cut short"):
        kmq.open(path)
    with pytest.raises(kmq.OptionError, match="source"):
        kmq.open(3)


def test_damaged_metadata_are_a_warning(random_indexed):
    image = random_indexed(3, 4, 5).with_metadata(Metadata(text=(("Title", "a"),)))
    damaged = bytearray(kmq.encode(image))
    damaged[-1] ^= 1
    with pytest.warns(kmq.KmqWarning, match="without them"):
        picture = kmq.open(bytes(damaged))
    with picture:
        assert picture.metadata.text == ()
        assert np.array_equal(picture[...], image.to_pixels())
