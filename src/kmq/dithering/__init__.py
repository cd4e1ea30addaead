"""Dithering: each pixel differs from the picture, but together they look like it.

It adds fine noise to imitate colours that the palette lacks. It is worth its bytes if
something else limits the colours: displays and e-paper, GIF, or 8-bit PNG. In a `.kmq` file,
more colours look better at the same size.
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
"""Units of work per pixel or per colour, for `kmq.jit.useful_threads`."""


def dither(
    pixels: NDArray[np.uint8],
    nearest: IndexedImage,
    strength: int,
    method: str = DIFFUSION,
    threads: int = 1,
) -> IndexedImage:
    """Return the image with dithered indices.

    Pixels whose colour is in the palette keep it; so do clear pixels. Opaque pixels get
    opaque entries if there are any. The entry need not be the pixel's nearest. Errors spread
    in linear light, or in the coordinates of `kmq.alpha` if some pixel or every entry is not
    opaque.

    Parameters
    ----------
    pixels
        (H, W, 3) or (H, W, 4) uint8, each at least 1.
    nearest
        The same image with each pixel's nearest entry, from `clustering.apply`. Pixels are
        matched with its palette. To store other colours, such as the nominal ones of a
        display, combine them with the returned indices.
    strength
        0 to 256: the share of an error that is passed on, in 256ths. 0 changes nothing.
    method
        `DIFFUSION` spreads errors to neighbouring pixels; `PATTERN` works within 2x2 pixels.
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
    """A palette as points, and the lists of candidates for pixels."""

    entries: NDArray[np.int64]
    opaque: cells.Lists
    all: cells.Lists | None
    """None if everything is opaque and colours are matched as samples."""

    @classmethod
    def of(cls, pixels: NDArray[np.uint8], palette: NDArray[np.uint8]) -> _Space:
        """Return the space of a palette, (K, 3) or (K, 4), and these pixels."""
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
    """Return the nearest entries; for opaque pixels, the nearest opaque ones if there are any."""
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
    """Return a read-only view, the only kind that kernels are compiled for."""
    view = array.view()
    view.flags.writeable = False
    return view
