"""Palettes as the file stores them, in the narrowest layout, and as colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from kmq.alpha import composite
from kmq.container.head import ENTRY_BYTES, GREY, GREY_ALPHA, LABELS, RGB, RGBA, Head

MIDDLE_GREY = (128, 128, 128)
"""The background of entries with alpha when the model compares colours."""


def palette_of(head: Head) -> NDArray[np.uint8]:
    """Return a head's palette in index order, (K, 3), or (K, 4) where entries have alpha."""
    return samples(head.palette, head.layout)


def labels_of(head: Head) -> NDArray[np.uint16] | None:
    """Return the labels of a head's entries in index order, (K,); None if they are colours."""
    if head.layout != LABELS:
        return None
    return np.frombuffer(head.palette, "<u2").astype(np.uint16)


def samples(entries: bytes, layout: int) -> NDArray[np.uint8]:
    """Return stored palette entries as (K, 3) or (K, 4) samples; labels as greys."""
    columns = np.frombuffer(entries, np.uint8).reshape(-1, ENTRY_BYTES[layout])
    if layout == GREY:
        columns = columns[:, [0, 0, 0]]
    elif layout == LABELS:
        columns = columns[:, [1, 1, 1] if columns[:, 1].any() else [0, 0, 0]]
    elif layout == GREY_ALPHA:
        columns = columns[:, [0, 0, 0, 1]]
    return np.ascontiguousarray(columns)


def stored(
    palette: NDArray[np.uint8],
    labels: NDArray[np.uint16] | None = None,
    *,
    is_grey_picture: bool,
) -> tuple[int, bytes]:
    """Return the layout for (K, 3) or (K, 4) samples, or for labels, and the entries in it.

    A reader shows layout GREY as grey levels, without indices. So opaque greys whose indices
    carry a meaning are stored as RGB.
    """
    if labels is not None:
        return LABELS, labels.astype("<u2").tobytes()
    if palette.shape[1] == 3:
        layout, columns = (GREY, palette[:, :1]) if is_grey_picture else (RGB, palette)
    else:
        is_grey = bool((palette[:, :3] == palette[:, :1]).all())
        layout, columns = (GREY_ALPHA, palette[:, [0, 3]]) if is_grey else (RGBA, palette)
    return layout, columns.tobytes()


def visible_colors(palette: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the (K, 3) colours that the model compares: entries with alpha over middle grey."""
    if palette.shape[1] == 3:
        return palette
    return composite(palette[:, :3], palette[:, 3], MIDDLE_GREY)
