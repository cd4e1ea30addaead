"""kmq.js decodes what kmq decodes, and refuses what kmq refuses."""

from __future__ import annotations

import hashlib
import io
import json
import random
import sys
import warnings
from itertools import islice

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image
from reliability.mutations import mutations
from reliability.test_corpus import kmq_files

import kmq
from javascript.decoding import Decoded, Refused, decoded

VECTORS = ROOT / "formats" / "vectors"
MANIFEST = json.loads((VECTORS / "manifest.json").read_text())
SMALL = 30_000
"""Vectors of up to so many bytes are mutated, as they are for the other decoders."""


def vectors(kind: str) -> list[bytes]:
    return [(VECTORS / kind / f"{name}.kmq").read_bytes() for name in MANIFEST[kind]]


def sha256(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


def as_in_the_manifest(image: Decoded | Refused) -> dict[str, object]:
    assert isinstance(image, Decoded), image
    height, width = image.indices.shape
    channels = 4 if image.has_alpha else 3
    return {
        "width": width,
        "height": height,
        "channels": channels,
        "sha256": sha256(image.palette[image.indices][..., :channels]),
        "palette_sha256": sha256(image.palette),
        "indices_sha256": sha256(image.indices),
        "metadata": image.metadata,
    } | ({} if image.labels is None else {"labels_sha256": sha256(image.labels)})


def assert_is_the_same(image: Decoded | Refused, expected: kmq.IndexedImage) -> None:
    assert isinstance(image, Decoded), image
    assert np.array_equal(image.indices, expected.indices)
    assert np.array_equal(image.palette[image.indices], expected.to_rgba())


def loaded(data: bytes, max_pixels: int) -> tuple[kmq.IndexedImage | kmq.KmqError, bool]:
    """Return what kmq loads or why it does not, and whether it says that metadata are damaged."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", kmq.KmqWarning)
        try:
            image = kmq.load(io.BytesIO(data), max_pixels=max_pixels)
        except kmq.KmqError as error:
            return error, False
    return image, any("metadata" in str(warning.message) for warning in told)


def compare(node: str, files: list[bytes], max_pixels: int = 1 << 22) -> int:
    """Decode files with both decoders, and return how many are images."""
    images = 0
    for data, found in zip(files, decoded(node, files, maxPixels=max_pixels), strict=True):
        expected, metadata_are_damaged = loaded(data, max_pixels)
        if isinstance(expected, kmq.KmqError):
            is_too_large = isinstance(expected, kmq.LimitError)
            assert isinstance(found, Refused), f"{expected}: {data[:200].hex()}"
            assert found.fault == ("limit" if is_too_large else "file"), expected
        else:
            assert_is_the_same(found, expected)
            assert (found.metadata is None) == metadata_are_damaged
            images += 1
    return images


def test_all_valid_vectors_decode_to_what_the_manifest_says(node):
    images = decoded(node, vectors("valid"))
    for (name, expected), image in zip(MANIFEST["valid"].items(), images, strict=True):
        assert as_in_the_manifest(image) == expected, name


def test_all_invalid_vectors_are_refused_for_a_fault_of_the_file(node):
    for name, found in zip(MANIFEST["invalid"], decoded(node, vectors("invalid")), strict=True):
        assert isinstance(found, Refused), name
        assert found.fault == "file", name


def test_pngs_have_exactly_the_colours_of_the_image(node):
    names = [name for name, said in MANIFEST["valid"].items() if said["width"] < 400]
    files = [(VECTORS / "valid" / f"{name}.kmq").read_bytes() for name in names]
    for name, image in zip(names, decoded(node, files, withPNG=True), strict=True):
        assert isinstance(image, Decoded), name
        for picture in image.pictures:
            with Image.open(io.BytesIO(picture)) as opened:
                if image.labels is not None:
                    seen = np.asarray(opened)
                    expected = image.labels[image.indices]
                else:
                    seen = np.asarray(opened.convert("RGBA"))
                    expected = image.palette[image.indices]
            assert np.array_equal(seen, expected), name


@pytest.mark.parametrize("in_workers", [False, True])
@pytest.mark.parametrize(
    ("name", "first", "end"),
    [("colours-3", 0, 1), ("colours-3", 7, 23), ("modelled-1024x1025", 300, 902)],
)
def test_some_rows_are_those_of_the_whole_image(node, name, first, end, in_workers):
    data = (VECTORS / "valid" / f"{name}.kmq").read_bytes()
    [part] = decoded(node, [data], rows=[first, end], inWorkers=in_workers)
    assert isinstance(part, Decoded)
    assert np.array_equal(part.indices, kmq.load(io.BytesIO(data)).indices[first:end])


@pytest.mark.parametrize("rows", [[0, 0], [-1, 3], [0, 24], [3, 1], [0.5, 3], [2], "ab"])
def test_rows_that_are_not_in_the_image_are_the_callers_fault(node, rows):
    data = (VECTORS / "valid" / "colours-3.kmq").read_bytes()
    [found] = decoded(node, [data], rows=rows)
    assert isinstance(found, Refused)
    assert found.fault == "caller"
    assert "rows are" in found.message


def test_an_image_of_more_pixels_than_the_caller_allows_is_refused(node):
    data = (VECTORS / "valid" / "colours-3.kmq").read_bytes()
    pixels = 31 * 23
    for in_workers in (False, True):
        [allowed] = decoded(node, [data], maxPixels=pixels, inWorkers=in_workers)
        [refused] = decoded(node, [data], maxPixels=pixels - 1, inWorkers=in_workers)
        assert isinstance(allowed, Decoded)
        assert refused == Refused("limit", "713 pixels are more than maxPixels, which is 712")


def test_files_made_of_generated_pictures_decode_to_the_same(node, random_indexed):
    images = [random_indexed(k, 37, 53, grey=k < 200) for k in (1, 2, 3, 16, 37, 256, 257, 4097)]
    for image, found in zip(images, decoded(node, [kmq.encode(i) for i in images]), strict=True):
        assert_is_the_same(found, image)


def test_files_made_of_real_images_decode_to_the_same(node, real_images):
    folders = ("photos", "graphics", "sprites", "rgba")
    paths = [path for folder in folders for path in sorted(real_images.glob(f"{folder}/*.png"))[:1]]
    images = [kmq.quantize(path, colors) for path in paths for colors in (2, 16, 200)]
    files = [kmq.encode(image) for image in images]
    for image, found in zip(images, decoded(node, files), strict=True):
        assert_is_the_same(found, image)


def seeds() -> list[bytes]:
    return [data for data in vectors("valid") if len(data) <= SMALL]


def test_mutations_are_the_same_image_or_an_error_from_both(node):
    assert compare(node, list(islice(mutations(seeds(), random.Random(18)), 300))) > 20


@pytest.mark.soak
def test_20_000_mutations_are_the_same_image_or_an_error_from_both(node):
    damaged = mutations(seeds(), random.Random(2026))
    images = sum(compare(node, list(islice(damaged, 1000))) for _ in range(20))
    print(f"20,000 mutations: {images:,} images, {20_000 - images:,} refused", file=sys.stderr)


def test_what_fuzzing_found_is_decoded_or_refused_as_the_corpus_says(node):
    files, are_images = kmq_files()
    assert [isinstance(found, Decoded) for found in decoded(node, files)] == are_images
