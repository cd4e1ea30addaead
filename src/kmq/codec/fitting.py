"""`fit`: a histogram to a palette.

Modules that are slow to import (NumPy, numba) are imported where they are used, so that
`import kmq` needs neither of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kmq.choices import DEFAULT_EFFORT, Effort
from kmq.errors import OptionError
from kmq.options import Options

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kmq.clustering import Histogram
    from kmq.colors import Rgb
    from kmq.image import Palette


def fit(
    histogram: Histogram,
    colors: int | None = None,
    *,
    effort: Effort = DEFAULT_EFFORT,
    seed: int = 0,
    max_iter: int | None = None,
    init: Sequence[Sequence[float]] | NDArray[Any] | None = None,
    bits: str | int | None = None,
    pinned: Sequence[str | Rgb] = (),
    threads: int | None = None,
) -> Palette:
    """Return the best palette for a histogram, of one image or of several.

    It has K entries, or one for each colour if there are fewer; with `bits` there may be fewer
    still. Fitting merged histograms equals fitting the images put together, exactly.

    Parameters
    ----------
    histogram : Histogram
        The colours to cluster: of one image, or of several, merged. `Histogram.from_image` makes
        it.
    colors : int, optional
        K, the number of colours, from 1 to 65,536. By default as many as `init` has, or else 64,
        or as many as `pinned` has if that is more. A histogram with fewer colours gets one entry
        for each.
    effort : {"fast", "default", "best"}, default "default"
        How long to search for a palette with a lower error.
    seed : int, default 0
        Seed of the search, from 0 to 2^32 - 1. Another seed may find another palette.
    max_iter : int, optional
        Most iterations of Lloyd's algorithm over the distinct colours at the end of the search, at
        least 1. By default the effort decides, or 300 with `init`.
    init : array or sequence of shape (K, 3) or (K, 4), optional
        Centroids from which K-means starts, instead of searching: red, green, blue and optionally
        alpha, from 0 to 255. Lloyd's iterations over the distinct colours follow, with steps 1.6
        times as long as the way to the mean, until the error falls by less than 1/10,000. Alpha is
        ignored if all colours are opaque, and is 255 where it is missing. `colors` must be K or
        left out. Not with `bits` or `pinned`.
    bits : {"565", "555", "444", "332"} or int, optional
        Bits per channel (red, green, blue) of the hardware that will show the image, as a string
        or a number. K-means then finds entries that this hardware can show. The palette may have
        fewer than `colors` entries. By default all colours are allowed.
    pinned : sequence of colours, default ()
        Opaque colours that the palette must contain, each a name, a hex code, or (red, green,
        blue) from 0 to 255. They become its first entries, in this order, whether used or not, and
        the others are found around them. There are at most `colors` of them, each given once;
        without `colors` the palette has at least one entry for each. Not with `init`.
    threads : int, optional
        Number of threads, at least 1. By default the environment variable KMQ_NUM_THREADS, or else
        all processors. The result does not depend on it.

    Returns
    -------
    Palette
        The entries, in an order in which neighbours are similar.

    Raises
    ------
    OptionError
        An argument is out of its range, contradicts another, or is not a histogram. The message
        names the argument.

    Notes
    -----
    K-means sees the distinct colours, each weighted by its number of pixels, and minimises the
    mean squared error in sRGB. It starts from k-means++ (Arthur and Vassilvitskii, 2007) and from
    splits, iterates as Lloyd does (1982), and leaves local optima by splitting and merging
    clusters (Ball and Hall, 1965).

    Examples
    --------
    >>> import kmq
    >>> import numpy as np
    >>> black = np.zeros((2, 2), np.uint8)
    >>> white = np.full((2, 2), 255, np.uint8)
    >>> histograms = [kmq.Histogram.from_image(image) for image in (black, white)]
    >>> palette = kmq.fit(kmq.Histogram.merge(histograms), colors=2)
    >>> palette.colors.tolist()
    [[0, 0, 0], [255, 255, 255]]
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
    """Return the best palette, or with `options.psnr` the smallest one that reaches it."""
    if options.psnr is not None:
        from kmq import targets

        return targets.fit_to_psnr(histogram, options.psnr, options)
    from kmq import quantizing

    return quantizing.fit(histogram, options.exact_colors, options)
