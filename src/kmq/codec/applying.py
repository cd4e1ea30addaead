"""`apply`: an image in the colours of a given palette.

Modules that are slow to import (NumPy, Pillow's readers, numba) are imported where they are
used, so that `import kmq` needs none of them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kmq.choices import DEFAULT_ALPHA, Alpha, DitherMethod
from kmq.codec.pixels import read
from kmq.errors import OptionError
from kmq.limits import DEFAULT_MAX_PIXELS
from kmq.options import Options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from kmq.colors import Rgb
    from kmq.image import IndexedImage, Palette
    from kmq.palettes.named import NamedPalette
    from kmq.pixels import ImageSource


def apply(
    image: ImageSource,
    palette: str | NamedPalette | Palette | ArrayLike,
    *,
    strict: bool = False,
    rdo: float | None = None,
    dither: bool | float | None = None,
    dither_method: DitherMethod | None = None,
    background: str | Rgb | None = None,
    alpha: Alpha = DEFAULT_ALPHA,
    strip: bool = False,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int | None = None,
) -> IndexedImage:
    """Return an image in the colours of a given palette, each pixel in the nearest of them.

    The result has the whole palette, in its order, whether every entry is used or not. With a
    named palette that was measured, pixels are matched with the colours that the hardware shows;
    an image that has the nominal colours already is preserved exactly.

    Parameters
    ----------
    image : array, PIL.Image.Image, path or binary file
        The image. An array, or an object with `__array__`, has shape (H, W) or (H, W, 1) for grey,
        (H, W, 3) for RGB, or (H, W, 4) for RGBA with alpha that is not premultiplied; H and W are
        at least 1. Its dtype is bool, float with samples from 0 to 1, uint16 with samples from 0
        to 65,535, or another integer type with samples from 0 to 255. Files may be in any format
        that Pillow reads; they are converted to sRGB and turned upright.
    palette : str, NamedPalette, Palette or array
        The colours, in index order: the name of a palette, such as "c64" (see `named_palette`), a
        palette, or an array of shape (K, 3) or (K, 4) with K from 1 to 65,536 and values from 0 to
        255, of which floats are rounded to the nearest whole number.
    strict : bool, default False
        Whether to refuse an image with a colour that is not in the palette, instead of taking the
        nearest.
    rdo : float, optional
        How much error to accept for a smaller file, from 0 to 4 in steps of 1/256. A pixel takes a
        colour other than its nearest if that saves enough bytes: one bit is worth `rdo` times the
        mean squared error. By default 0, where each pixel takes its nearest colour. The change is
        hardly visible at 0.25; at 1, fine texture becomes flatter. Not with `dither`.
    dither : bool or float, optional
        Strength of dithering, from 0 to 1 in steps of 1/256; True stands for 0.875. By default
        there is none. Dithering mixes the colours of neighbouring pixels so that their average
        comes closer to the image. It suits displays, GIF and PNG, where something other than the
        size limits the number of colours: files become larger. A pixel whose colour is in the
        palette keeps it, and clear pixels stay clear. Not with `rdo`.
    dither_method : {"diffusion", "pattern"}, optional
        How to dither; only with `dither`. "diffusion", the default, passes the error of a pixel on
        to its neighbours, and looks best. "pattern" repeats patterns of 2x2 pixels: files are
        smaller, and an edit changes nothing around it.
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
        The given palette, and one index per pixel, of shape (H, W).

    Raises
    ------
    OptionError
        An argument is out of its range, contradicts another, there is no palette of that name, or
        `strict` finds another colour. The message names the argument.
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
    Cheaper indices follow the rate-distortion optimisation of video encoders (Sullivan and
    Wiegand, 1998). "diffusion" uses the weights of Floyd and Steinberg (1976); "pattern" follows
    Yliluoma (2011).

    Examples
    --------
    >>> import kmq
    >>> import numpy as np
    >>> ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    >>> image = kmq.apply(ramp, [[0, 0, 0], [255, 255, 255]])
    >>> np.bincount(image.indices.ravel()).tolist()
    [128, 128]
    >>> kmq.apply(ramp, "gray4", dither=True)
    <IndexedImage 16x16 of 4 colours>
    """
    options = Options(
        rdo=rdo,
        dither=dither,
        dither_method=dither_method,
        background=background,
        alpha=alpha,
        strip=strip,
        max_pixels=max_pixels,
        threads=threads,
    )
    from kmq.image import Palette
    from kmq.palettes.named import NamedPalette, named_palette

    given: Palette | NamedPalette
    if isinstance(palette, str):
        given = named_palette(palette)
    elif isinstance(palette, Palette | NamedPalette):
        given = palette
    else:
        given = Palette(palette)
    found = read(image, options)
    indexed = apply_palette(found.rgb, given, options, strict=strict)
    return indexed.with_metadata(found.metadata)


def apply_palette(
    pixels: NDArray[np.uint8],
    palette: NamedPalette | Palette,
    options: Options,
    *,
    strict: bool = False,
) -> IndexedImage:
    """Return pixels, (H, W, 3) or (H, W, 4) uint8, in the colours of a palette."""
    from kmq import clustering, quantizing
    from kmq.palettes.named import NamedPalette
    from kmq.quality import first_difference

    if isinstance(palette, NamedPalette):
        nominal = clustering.apply(pixels, palette.palette, threads=options.workers)
        if strict or first_difference(pixels, nominal) is None:
            return apply_palette(pixels, palette.palette, replace(options, rdo=None), strict=strict)
        return palette.written(apply_palette(pixels, palette.choices, options))

    indexed = clustering.apply(pixels, palette, threads=options.workers)
    if strict and (place := first_difference(pixels, indexed)) is not None:
        x, y = place
        raise OptionError(
            f"strict: the palette has no colour #{pixels[y, x].tobytes().hex()}, "
            f"which is that of the pixel at x = {x:,}, y = {y:,}"
        )
    return quantizing.with_chosen_indices(pixels, indexed, options, keeps_palette=True)
