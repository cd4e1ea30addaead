"""Histograms to palettes.

What is slow to import (NumPy, numba) is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kmq.errors import OptionError
from kmq.options import DEFAULT_EFFORT, Options

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq.clustering import Histogram
    from kmq.colors import Rgb
    from kmq.image import Palette


def fit(
    histogram: Histogram,
    colors: int | None = None,
    *,
    effort: str = DEFAULT_EFFORT,
    seed: int = 0,
    max_iter: int | None = None,
    init: Sequence[Sequence[float]] | NDArray[Any] | None = None,
    bits: str | int | None = None,
    pinned: Sequence[str | Rgb] = (),
    threads: int | None = None,
) -> Palette:
    """Return the best palette for a histogram, of one image or of many merged.

    It has `colors` entries (64 where None is given), or as many as there are colours; with
    `bits` there may be fewer.
    Parameters and errors as for `quantize`.
    """
    options = Options(
        colors=colors,
        effort=effort,
        seed=seed,
        max_iter=max_iter,
        init=init,
        bits=bits,
        pinned=pinned,
        threads=threads,
    )
    from kmq import clustering

    if not isinstance(histogram, clustering.Histogram):
        raise OptionError(
            f"histogram: expected a Histogram, got {type(histogram).__name__}; "
            "Histogram.from_image makes one"
        )
    return fit_histogram(histogram, options)


def fit_histogram(histogram: Histogram, options: Options) -> Palette:
    """Do what `fit` does, or return the palette of fewest colours that meets `options.psnr`."""
    if options.psnr is not None:
        from kmq import targets

        return targets.fit_to_psnr(histogram, options.psnr, options)
    from kmq import quantizing

    return quantizing.fit(histogram, options.exact_colors, options)
