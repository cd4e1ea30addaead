"""A sample of a picture's rows, on which trying cheaper indices takes little time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from kmq import clustering, quantizing
from kmq.clustering import Histogram
from kmq.image import IndexedImage, Palette
from kmq.options import Options
from kmq.quality import squared_error

FEW_PIXELS = 1 << 19
MANY_PIXELS = 1 << 21
_ROWS = 16
"""Rows per band: taller bands have more context, shorter ones come from more places."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Bands of rows, spread evenly over a picture.

    Attributes
    ----------
    pixels
        (H, W, 3) or (H, W, 4) uint8.
    part
        The share of the picture's rows.
    """

    pixels: NDArray[np.uint8]
    histogram: Histogram
    part: Fraction
    options: Options

    @classmethod
    def of(cls, pixels: NDArray[np.uint8], count: int, options: Options) -> Sample:
        """Return a sample of about `count` pixels, or the whole picture if it has no more."""
        height, width = pixels.shape[:2]
        if height * width > count:
            bands = max(count // width // _ROWS, 1)
            starts = [(height - _ROWS) * band // bands for band in range(bands)]
            pixels = np.concatenate([pixels[start : start + _ROWS] for start in starts])
        part = Fraction(len(pixels), height)
        return cls(pixels, Histogram.of_pixels(pixels), part, options)

    def nearest(self, palette: Palette) -> IndexedImage:
        """Return the sample with each pixel's nearest entry."""
        return clustering.apply(
            self.pixels, palette, self.histogram, is_chosen=True, threads=self.options.workers
        )

    def with_cheaper_indices(self, palette: Palette) -> IndexedImage:
        """Return the sample with the indices that `Options.rdo` selects."""
        return quantizing.with_cheaper_indices(
            self.pixels,
            self.nearest(palette),
            self.options,
            keeps_palette=self.options.is_constrained,
        )

    def rise_of_error(self, palette: Palette) -> Fraction:
        """Return an estimate of the factor by which cheaper indices raise the squared error."""
        before = squared_error(self.pixels, self.nearest(palette))
        after = squared_error(self.pixels, self.with_cheaper_indices(palette))
        return max(after / before, Fraction(1)) if before > 0 else Fraction(1)

    def bytes_of_picture(
        self, indexed: IndexedImage, to_bytes: Callable[[IndexedImage, Options], bytes]
    ) -> int:
        """Return an estimate of the picture's file size if the sample is encoded as `indexed`."""
        entries = indexed.palette.size  # the palette does not grow with the picture
        return entries + round((len(to_bytes(indexed, self.options)) - entries) / self.part)
