"""kmq.js decodes what kmq decodes, and refuses what kmq refuses."""

from __future__ import annotations

import hashlib
import json

import numpy as np
from conftest import ROOT

import kmq
from javascript.decoding import Decoded, Refused, decoded

VECTORS = ROOT / "formats" / "vectors"
MANIFEST = json.loads((VECTORS / "manifest.json").read_text())


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


def test_all_valid_vectors_decode_to_what_the_manifest_says(node):
    images = decoded(node, vectors("valid"))
    for (name, expected), image in zip(MANIFEST["valid"].items(), images, strict=True):
        assert as_in_the_manifest(image) == expected, name


def test_all_invalid_vectors_are_refused_for_a_fault_of_the_file(node):
    for name, found in zip(MANIFEST["invalid"], decoded(node, vectors("invalid")), strict=True):
        assert isinstance(found, Refused), name
        assert found.fault == "file", name
