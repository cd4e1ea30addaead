"""Dithering: pixels that differ from the picture one by one, and together look like it.

It trades detail that is noise to the eye for colours that the palette does not have. It is
worth its bytes where something else limits the colours: on displays and e-paper, in a GIF or a
PNG of 8 bits. In a `.kmq` file more colours look better for the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kmq import alpha, clustering
from kmq.clustering import Histogram
from kmq.clustering.nearest import look_up
from kmq.clustering.pixels import checked_pixels
from kmq.dithering import cells, diffusion, light, pattern
from kmq.image import IndexedImage, Palette
from kmq.jit import useful_threads

DIFFUSION, PATTERN = "diffusion", "pattern"

_WORK = 2
"""Units of work for a pixel, or for a colour, as `kmq.jit.useful_threads` counts them."""


def dither(
    pixels: NDArray[np.uint8],
    nearest: IndexedImage,
    strength: int,
    method: str = DIFFUSION,
    threads: int = 1,
) -> IndexedImage:
    """Return the image with indices that are dithered.

    Pixels whose colour is in the palette keep it, and so do clear pixels. Opaque pixels take
    opaque entries where there are any. An entry that is chosen need not be the pixel's
    nearest. Errors spread in linear light, or, where a pixel or every entry is not opaque, in
    the coordinates of `kmq.alpha`.

    Parameters
    ----------
    pixels
        (H, W, 3) or (H, W, 4) uint8, each at least 1.
    nearest
        The same image with each pixel in its nearest entry, as `clustering.apply` returns it.
        Its palette is the one that is matched. To store other colours, such as the nominal
        ones of a display, make an image of them and the indices that are returned.
    strength
        0 to 256: the share of an error that is passed on, in 256ths. 0 changes nothing.
    method
        `DIFFUSION`, to neighbouring pixels, or `PATTERN`, within 2x2 pixels.
    threads
        At least 1; it never changes the result.
    """
    pixels = checked_pixels(pixels)
    if strength == 0:
        return nearest
    space = _Space.of(pixels, nearest.palette)
    plane = _with_opaque_entries(pixels, nearest, threads)
    if method == PATTERN:
        indices = _in_patterns(pixels, plane, space, strength, threads)
    else:
        indices = _diffused(pixels, plane, space, strength, threads)
    return IndexedImage.owning(
        Palette(nearest.palette),
        indices,
        is_grey_picture=nearest.is_grey_picture,
        metadata=nearest.metadata,
    )


@dataclass(frozen=True)
class _Space:
    """A palette as points, and the lists of candidates that pixels choose from."""

    entries: NDArray[np.int64]
    opaque: cells.Lists
    all: cells.Lists | None
    """None where all is opaque, and colours are matched as samples."""

    @classmethod
    def of(cls, pixels: NDArray[np.uint8], palette: NDArray[np.uint8]) -> _Space:
        """Return it for a palette (K, 3) or (K, 4) and these pixels."""
        rgba = alpha.with_alpha(palette)
        is_opaque = rgba[:, 3] == 255
        everything = np.ones(len(palette), np.bool_)
        if pixels.shape[2] == 3 and is_opaque.any():
            samples = np.zeros((len(palette), 4), np.int64)
            samples[:, :3] = palette[:, :3]
            return cls(samples, cells.Lists.of(samples, is_opaque, cells.RGB), None)
        points = alpha.coordinates(rgba)
        of_all = cells.Lists.of(points, everything, cells.RGBA)
        if not is_opaque.any():
            return cls(points, of_all, of_all)
        return cls(points, cells.Lists.of(points, is_opaque, cells.RGBA), of_all)

    @property
    def gaps(self) -> NDArray[np.int64]:
        """The squared distance of each entry to the nearest other colour."""
        order = np.argsort(self.entries[:, 0], kind="stable")
        gaps = np.empty(len(order), np.int64)
        gaps[order] = cells.squared_gaps(self.entries[order])
        return gaps


def _with_opaque_entries(
    pixels: NDArray[np.uint8], nearest: IndexedImage, threads: int
) -> NDArray[Any]:
    """Return the nearest entries, of opaque pixels the nearest opaque ones if there are any."""
    if not nearest.has_alpha:
        return nearest.indices
    opaque = np.flatnonzero(nearest.palette[:, 3] == 255)
    is_opaque_pixel = alpha.with_alpha(pixels)[..., 3] == 255
    astray = is_opaque_pixel & (nearest.palette[nearest.indices, 3] < 255)
    if len(opaque) == 0 or not astray.any():
        return nearest.indices
    among = clustering.apply(pixels, Palette(nearest.palette[opaque]), threads=threads)
    instead = opaque[among.indices].astype(nearest.indices.dtype)
    return _read_only(np.where(astray, instead, nearest.indices))


def _diffused(
    pixels: NDArray[np.uint8], nearest: NDArray[Any], space: _Space, strength: int, threads: int
) -> NDArray[Any]:
    indices = np.empty_like(nearest)
    threads = useful_threads(_WORK * indices.size, threads)
    bands = diffusion.bands_of(pixels)
    if space.all is None:
        diffusion.diffuse_light(
            threads, bands, pixels, nearest, space.entries, space.gaps,
            space.opaque.starts, space.opaque.candidates,
            light.linear(), light.levels(), strength, indices,
        )  # fmt: skip
    else:
        diffusion.diffuse_alpha(
            threads, bands, _read_only(alpha.with_alpha(pixels)), nearest,
            space.entries, space.gaps,
            space.all.starts, space.all.candidates,
            space.opaque.starts, space.opaque.candidates, strength, indices,
        )  # fmt: skip
    return indices


def _in_patterns(
    pixels: NDArray[np.uint8], nearest: NDArray[Any], space: _Space, strength: int, threads: int
) -> NDArray[Any]:
    histogram = Histogram.of_pixels(pixels)
    colors = _read_only(histogram.colors)
    chosen = np.empty((len(colors), 4), np.int32)
    useful = useful_threads(_WORK * len(colors), threads)
    if space.all is None:
        pattern.choose_light(
            useful, len(colors), colors, space.entries,
            space.opaque.starts, space.opaque.candidates,
            light.linear(), light.levels(), strength, chosen,
        )  # fmt: skip
    else:
        pattern.choose_alpha(
            useful, len(colors), _read_only(alpha.with_alpha(colors)), space.entries,
            space.all.starts, space.all.candidates,
            space.opaque.starts, space.opaque.candidates, strength, chosen,
        )  # fmt: skip
    indices = np.empty_like(nearest)
    for y, row in enumerate(pattern.MATRIX):
        for x, number in enumerate(row):
            part = _read_only(np.ascontiguousarray(pixels[y::2, x::2]))
            if part.size:
                entries = np.ascontiguousarray(chosen[:, number])
                indices[y::2, x::2] = look_up(
                    part, histogram.keys, entries, len(space.entries), threads
                )
    if pixels.shape[2] == 4:
        indices = np.where(pixels[..., 3] == 0, nearest, indices)
    return indices


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array as kernels take it: each is compiled for one kind."""
    view = array.view()
    view.flags.writeable = False
    return view
