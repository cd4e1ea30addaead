"""imageio and scikit-image read and write `.kmq` through Pillow, once kmq is imported."""

from __future__ import annotations

import importlib
import os

import numpy as np
import pytest

import kmq


def library(name):
    """Return a module; without it the test is skipped, if that is allowed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError:
        message = f"needs {name}, which is not installed (pip install 'kmq[test]')"
        if os.environ.get("KMQ_TEST_EVERYTHING"):
            pytest.fail(message)
        pytest.skip(message)


@pytest.fixture(scope="module")
def iio():
    return library("imageio.v3")


@pytest.fixture(scope="module")
def skimage_io():
    return library("skimage.io")


@pytest.fixture(scope="module")
def rgb():
    return np.random.default_rng(0).integers(0, 256, (20, 31, 3), np.uint8)


def test_imageio_reads_files_and_bytes(iio, tmp_path, random_indexed):
    for colors in (5, 300):
        indexed = random_indexed(colors, 11, 23)
        kmq.save(tmp_path / "a.kmq", indexed)
        for source in (tmp_path / "a.kmq", str(tmp_path / "a.kmq"), kmq.encode(indexed)):
            assert np.array_equal(iio.imread(source), indexed.to_rgb())
        assert iio.improps(tmp_path / "a.kmq").shape == (11, 23, 3)


def test_imageio_reads_greys_and_labels(iio, random_indexed):
    grey = random_indexed(9, 11, 23, grey=True)
    assert np.array_equal(iio.imread(kmq.encode(grey)), grey.to_rgb()[..., 0])
    labels = np.array([[0, 700], [65_535, 3]], np.uint16)
    assert np.array_equal(iio.imread(kmq.encode(kmq.IndexedImage.from_labels(labels))), labels)


def test_imageio_reads_transparency_where_it_is_asked_for(iio):
    indexed = kmq.IndexedImage([[9, 8, 7, 0], [1, 2, 3, 99]], [[0, 1, 1]])
    assert np.array_equal(iio.imread(kmq.encode(indexed), mode="RGBA"), indexed.to_rgba())


def test_imageio_writes_with_the_keywords_of_encode(iio, tmp_path, rgb):
    iio.imwrite(tmp_path / "a.kmq", rgb, colors=5, seed=3)
    assert (tmp_path / "a.kmq").read_bytes() == kmq.encode(rgb, 5, seed=3)
    data = iio.imwrite("<bytes>", rgb, extension=".kmq", plugin="pillow", colors=5, seed=3)
    assert data == kmq.encode(rgb, 5, seed=3)


def test_the_second_interface_of_imageio_works_too(tmp_path, rgb):
    imageio = library("imageio.v2")
    imageio.imwrite(tmp_path / "a.kmq", rgb, colors=7)
    assert np.array_equal(imageio.imread(tmp_path / "a.kmq"), kmq.quantize(rgb, 7).to_rgb())


def test_scikit_image_reads_and_writes(skimage_io, tmp_path, rgb):
    skimage_io.imsave(tmp_path / "a.kmq", rgb, check_contrast=False)
    assert (tmp_path / "a.kmq").read_bytes() == kmq.encode(rgb)
    assert np.array_equal(skimage_io.imread(tmp_path / "a.kmq"), kmq.decode(tmp_path / "a.kmq"))


def test_damage_is_an_error_through_imageio(iio, rgb):
    data = kmq.encode(rgb, 5)
    with pytest.raises(OSError, match="cut short"):
        iio.imread(data[:-5])
