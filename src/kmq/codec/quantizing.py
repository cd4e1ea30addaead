"""`quantize`: an image to K colours, in memory.

Modules that are slow to import (NumPy, Pillow's readers, numba) are imported where they are
used, so that `import kmq` needs none of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kmq.choices import DEFAULT_ALPHA, DEFAULT_EFFORT, Alpha, DitherMethod, Effort
from kmq.codec.pixels import quantize_pixels, read
from kmq.limits import DEFAULT_MAX_PIXELS
from kmq.options import Options

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from kmq.colors import Rgb
    from kmq.image import IndexedImage
    from kmq.pixels import ImageSource


def quantize(
    image: ImageSource,
    colors: int | None = None,
    *,
    psnr: float | None = None,
    rdo: float | None = None,
    dither: bool | float | None = None,
    dither_method: DitherMethod | None = None,
    effort: Effort = DEFAULT_EFFORT,
    seed: int = 0,
    max_iter: int | None = None,
    init: Sequence[Sequence[float]] | NDArray[Any] | None = None,
    bits: str | int | None = None,
    pinned: Sequence[str | Rgb] = (),
    weights: ArrayLike | None = None,
    sort: bool = False,
    background: str | Rgb | None = None,
    alpha: Alpha = DEFAULT_ALPHA,
    strip: bool = False,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int | None = None,
) -> IndexedImage:
    """Return an image in its K best colours, each pixel in the nearest of them.

    Without `bits` or `pinned`, an image with at most K distinct colours is preserved exactly. Any
    other image uses exactly K colours, or fewer with `rdo` or `bits`.

    Parameters
    ----------
    image : array, PIL.Image.Image, path or binary file
        The image. An array, or an object with `__array__`, has shape (H, W) or (H, W, 1) for grey,
        (H, W, 3) for RGB, or (H, W, 4) for RGBA with alpha that is not premultiplied; H and W are
        at least 1. Its dtype is bool, float with samples from 0 to 1, uint16 with samples from 0
        to 65,535, or another integer type with samples from 0 to 255. Files may be in any format
        that Pillow reads; they are converted to sRGB and turned upright.
    colors : int, optional
        K, the number of colours, from 1 to 65,536. By default as many as `init` has, or else 64;
        with `psnr` as many as it takes; for a palette image as many as it has. A palette image
        with at most K entries keeps its palette and its indices, unless `bits`, `pinned` or `sort`
        is given.
    psnr : float, optional
        A target: the least peak signal-to-noise ratio of the result in decibels, above 0 and at
        most 100. The result is the smallest file found that reaches it with at most `colors`
        colours; with ``rdo=0`` it is the one with the fewest colours. A palette image keeps its
        palette if it takes all its colours to reach the target. Not with `dither`, `init`,
        `pinned` or `weights`.
    rdo : float, optional
        How much error to accept for a smaller file, from 0 to 4 in steps of 1/256. A pixel takes a
        colour other than its nearest if that saves enough bytes: one bit is worth `rdo` times the
        mean squared error. By default 0, where each pixel takes its nearest colour, or 1 with
        `psnr` and no `dither`. The change is hardly visible at 0.25; at 1, fine texture becomes
        flatter. The result may have fewer than `colors` colours. Images that are stored without
        error do not change.
    dither : bool or float, optional
        Strength of dithering, from 0 to 1 in steps of 1/256; True stands for 0.875. By default
        there is none. Dithering mixes the colours of neighbouring pixels so that their average
        comes closer to the image. It suits displays, GIF and PNG, where something other than the
        size limits the number of colours: files become larger. A pixel whose colour is in the
        palette keeps it, and clear pixels stay clear. Not with `psnr` or `rdo`.
    dither_method : {"diffusion", "pattern"}, optional
        How to dither; only with `dither`. "diffusion", the default, passes the error of a pixel on
        to its neighbours, and looks best. "pattern" repeats patterns of 2x2 pixels: files are
        smaller, and an edit changes nothing around it.
    effort : {"fast", "default", "best"}, default "default"
        How long to search for a palette with a lower error and, with `rdo`, for cheaper indices.
    seed : int, default 0
        Seed of the search, from 0 to 2^32 - 1. Another seed may find another palette.
    max_iter : int, optional
        Most iterations of Lloyd's algorithm over the distinct colours at the end of the search, at
        least 1. By default the effort decides, or 300 with `init`.
    init : array or sequence of shape (K, 3) or (K, 4), optional
        Centroids from which K-means starts, instead of searching: red, green, blue and optionally
        alpha, from 0 to 255. Lloyd's iterations over the distinct colours follow, with steps 1.6
        times as long as the way to the mean, until the error falls by less than 1/10,000. Alpha is
        ignored for an opaque image, and is 255 where it is missing. `colors` must be K or left
        out. Not with `bits`, `pinned` or `psnr`.
    bits : {"565", "555", "444", "332"} or int, optional
        Bits per channel (red, green, blue) of the hardware that will show the image, as a string
        or a number. K-means then finds entries that this hardware can show. The palette may have
        fewer than `colors` entries. By default all colours are allowed.
    pinned : sequence of colours, default ()
        Opaque colours that the palette must contain, each a name, a hex code, or (red, green,
        blue) from 0 to 255. They become its first entries, in this order, whether used or not, and
        the others are found around them. There are at most `colors` of them, each given once;
        without `colors` the palette has at least one entry for each. Not with `init` or `psnr`.
    weights : array of shape (H, W), optional
        How much each pixel counts when the palette is chosen: whole numbers from 0 to 2^32, or
        floats of at least 0, which are rounded to 65,536ths of the largest; not all 0. The pixels
        are those of the image after it has been turned upright. Clear pixels stay clear even at
        weight 0. Not with `psnr`.
    sort : bool, default False
        Whether to rearrange the palette of a palette image: leave out equal and unused entries,
        and order the others so that the file is small.
    background : str or (int, int, int), optional
        Colour to put behind transparent pixels: a name, a hex code, or (red, green, blue) from 0
        to 255. By default they stay transparent. Not with ``alpha="binary"``.
    alpha : {"keep", "binary"}, default "keep"
        What to do with transparent pixels if there is no `background`: keep their alpha, or make
        pixels with alpha below 128 clear and all others opaque.
    strip : bool, default False
        Whether to leave out the metadata: resolution, EXIF, XMP and text.
    max_pixels : int, default 2^28
        Most pixels that an image may have, at least 1. A larger one is refused before its pixels
        are read. If the program has set `PIL.Image.MAX_IMAGE_PIXELS`, that limit also holds for
        files in formats other than `.kmq`.
    threads : int, optional
        Number of threads, at least 1. By default the environment variable KMQ_NUM_THREADS, or else
        all processors. The result does not depend on it.

    Returns
    -------
    IndexedImage
        The palette, of shape (K, 3), or (K, 4) if some pixel is transparent, and one index per
        pixel, of shape (H, W).

    Raises
    ------
    OptionError
        An argument is out of its range, contradicts another, or cannot be met, as a `psnr` with
        too few `colors`. The message names the argument.
    FormatError
        The file is not an image, is damaged, or holds samples without a defined range.
    LimitError
        The image has more than `max_pixels` pixels.
    OSError
        The file cannot be read.

    Warns
    -----
    KmqWarning
        Something in the file is not kept, such as the later frames of an animation.

    Notes
    -----
    K-means sees the distinct colours, each weighted by its number of pixels, and minimises the
    mean squared error in sRGB. It starts from k-means++ (Arthur and Vassilvitskii, 2007) and from
    splits, iterates as Lloyd does (1982), and leaves local optima by splitting and merging
    clusters (Ball and Hall, 1965). Cheaper indices follow the rate-distortion optimisation of
    video encoders (Sullivan and Wiegand, 1998). "diffusion" uses the weights of Floyd and
    Steinberg (1976); "pattern" follows Yliluoma (2011).

    Examples
    --------
    >>> import kmq
    >>> import numpy as np
    >>> ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    >>> image = kmq.quantize(ramp, colors=4)
    >>> image
    <IndexedImage 16x16 of 4 colours>
    >>> image.to_rgb().shape
    (16, 16, 3)
    """
    options = Options(
        colors=colors,
        psnr=psnr,
        rdo=rdo,
        dither=dither,
        dither_method=dither_method,
        effort=effort,
        seed=seed,
        max_iter=max_iter,
        init=init,
        bits=bits,
        pinned=pinned,
        sort=sort,
        background=background,
        alpha=alpha,
        strip=strip,
        max_pixels=max_pixels,
        threads=threads,
    )
    found = read(image, options)
    indexed = quantize_pixels(found.rgb, options, palette_image=found.indexed, weights=weights)
    return indexed.with_metadata(found.metadata)
