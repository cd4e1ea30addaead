"""The promises of every way of reading a `.kmq` file, whatever its bytes are."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable

import numpy as np
from PIL import Image

import kmq
from kmq.container.reading import faults

MAX_PIXELS = 1 << 16
"""Mutations that claim more are refused, so that trying many stays quick."""


def without_warnings(function: Callable[[bytes], str]) -> Callable[[bytes], str]:
    """Return the function without warnings about damaged metadata, which are correct here."""

    def silent(data: bytes) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", kmq.KmqWarning)
            return function(data)

    return silent


@without_warnings
def outcome(data: bytes) -> str:
    """Return the outcome of loading a file, on which all ways of reading it have to agree."""
    try:
        found = kmq.info(data)
    except kmq.FormatError:
        found = None
    try:
        image = kmq.load(data, max_pixels=MAX_PIXELS)
    except kmq.LimitError:
        assert found is None or found.width * found.height > MAX_PIXELS
        return "too large"
    except kmq.FormatError:
        assert faults(data, max_pixels=MAX_PIXELS)
        return "refused"
    assert found is not None
    assert (found.width, found.height) == (image.width, image.height)
    only_of_metadata = [str(fault) for fault in faults(data, max_pixels=MAX_PIXELS)]
    assert all(fault.startswith("metadata: ") for fault in only_of_metadata)
    assert image.indices.max() < len(image.palette)
    assert kmq.load(kmq.encode(image)) == image
    with Image.open(io.BytesIO(data)) as opened:
        if image.labels is None:
            assert np.array_equal(np.asarray(opened.convert("RGBA")), image.to_rgba())
        else:
            assert np.array_equal(np.asarray(opened), image.to_labels())
    return "an image"
