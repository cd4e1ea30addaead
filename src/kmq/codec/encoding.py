"""Images to `.kmq` files: reading, clustering and container joined.

What is slow to import (NumPy, Pillow's readers, numba) is imported where it is used,
so that reading a head needs none of it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kmq.errors import OptionError
from kmq.extensions import extension_of, names_another_format
from kmq.files import write_whole
from kmq.limits import DEFAULT_MAX_PIXELS
from kmq.metadata import NOTHING, Metadata
from kmq.options import DEFAULT_ALPHA, DEFAULT_CODING, DEFAULT_EFFORT, Options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

    from kmq.colors import Rgb
    from kmq.image import IndexedImage, Palette
    from kmq.palettes.named import NamedPalette
    from kmq.pixels import ImageSource, Pixels


def quantize(
    image: ImageSource,
    colors: int | None = None,
    *,
    psnr: float | None = None,
    rdo: float | None = None,
    dither: bool | float | None = None,
    dither_method: str | None = None,
    effort: str = DEFAULT_EFFORT,
    seed: int = 0,
    max_iter: int | None = None,
    init: Sequence[Sequence[float]] | NDArray[Any] | None = None,
    bits: str | int | None = None,
    pinned: Sequence[str | Rgb] = (),
    weights: ArrayLike | None = None,
    sort: bool = False,
    background: str | Rgb | None = None,
    alpha: str = DEFAULT_ALPHA,
    strip: bool = False,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int | None = None,
) -> IndexedImage:
    """Return an image in its K best colours, each pixel in the nearest, or dithered.

    An image with at most K distinct colours is preserved exactly; any other
    gets K different colours, each used, or fewer with `rdo`. A palette image with no more
    than K entries, equal and unused ones included, keeps its palette and its indices.

    Parameters
    ----------
    image
        Array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4): bool; floats from 0 to 1; uint16
        samples of 16 bits; any other integer dtype with values from 0 to 255. An object
        with `__array__`, Pillow image, path or binary file.
    colors, psnr, rdo, dither, dither_method, effort, seed, max_iter, init, bits, pinned
        As `kmq.Options` has them.
    weights
        Array (H, W) of how much each pixel counts for the palette: whole numbers up to 2^32,
        or floats, which are rounded to 65,536ths of the largest; none negative, not all 0.
        They are those of the pixels that are quantized, after EXIF orientation. Clear pixels
        stay clear even at 0. Where all colours fit, nothing is weighed. Not with a target.
    sort, background, alpha, strip, max_pixels, threads
        As `kmq.Options` has them.

    Raises
    ------
    OptionError, FormatError, LimitError, OSError
        As `kmq.Options` and `kmq.pixels.read` do, and OptionError if `psnr` is out of
        reach.

    Warns
    -----
    KmqWarning
        Of what is not taken from a file, such as an animation's later frames.
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
    read = _read(image, options)
    found = quantize_pixels(read.rgb, options, palette_image=read.indexed, weights=weights)
    return found.with_metadata(read.metadata)


def encode(
    image: ImageSource | IndexedImage,
    colors: int | None = None,
    *,
    psnr: float | None = None,
    max_bytes: int | None = None,
    rdo: float | None = None,
    dither: bool | float | None = None,
    dither_method: str | None = None,
    effort: str = DEFAULT_EFFORT,
    coding: str = DEFAULT_CODING,
    seed: int = 0,
    max_iter: int | None = None,
    init: Sequence[Sequence[float]] | NDArray[Any] | None = None,
    bits: str | int | None = None,
    pinned: Sequence[str | Rgb] = (),
    weights: ArrayLike | None = None,
    sort: bool = False,
    background: str | Rgb | None = None,
    alpha: str = DEFAULT_ALPHA,
    strip: bool = False,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int | None = None,
) -> bytes:
    """Return an image as a `.kmq` file.

    Parameters and errors as for `quantize`; `max_bytes` and `coding` as `kmq.Options`
    has them. An IndexedImage is stored as it is: of the options only `coding`, `strip`
    and `threads` apply to it, and `colors`, `psnr`, `max_bytes`, `rdo`, `dither`, `init`,
    `bits`, `pinned`, `weights` or `sort` given with it is an OptionError. So is metadata of
    more than 2^22 bytes, in an IndexedImage; of any other image's, what is too long is left
    out with a KmqWarning.
    """
    options = Options(
        colors=colors,
        psnr=psnr,
        max_bytes=max_bytes,
        rdo=rdo,
        dither=dither,
        dither_method=dither_method,
        effort=effort,
        coding=coding,
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
    from kmq.image import IndexedImage

    if isinstance(image, IndexedImage):
        _refuse_to_choose_colors(options, weights)
        return to_bytes(image.with_metadata(NOTHING) if strip else image, options)
    read = _read(image, options)
    _, data = encode_pixels(
        read.rgb,
        options,
        metadata=read.metadata,
        palette_image=read.indexed,
        weights=weights,
    )
    return data


def save(
    path: str | Path,
    image: ImageSource | IndexedImage,
    colors: int | None = None,
    **options: Any,
) -> None:
    """Write an image to a `.kmq` file, which appears whole or not at all.

    Options and errors as for `encode`, and OptionError if the extension of `path` is
    that of another format, such as ".png". A file of that name is replaced.
    """
    if names_another_format(path):
        raise OptionError(
            f"path: {extension_of(path)} is not the extension of a .kmq file; "
            "quantize(image).to_pil() is an ordinary image to save"
        )
    write_whole(path, encode(image, colors, **options))


def apply(
    image: ImageSource,
    palette: str | NamedPalette | Palette | ArrayLike,
    *,
    strict: bool = False,
    rdo: float | None = None,
    dither: bool | float | None = None,
    dither_method: str | None = None,
    background: str | Rgb | None = None,
    alpha: str = DEFAULT_ALPHA,
    strip: bool = False,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int | None = None,
) -> IndexedImage:
    """Return an image in the colours of a given palette, each pixel in the nearest, or dithered.

    The palette is kept as it is, whether every entry is used or not; floats, such as
    the centroids of scikit-learn, are rounded as `Palette` has it. A string is the name of a
    palette, as `named_palette` knows it: pixels are matched with what the hardware shows, and
    an image whose colours are all nominal ones is preserved exactly. With `strict`, a pixel
    whose colour is not in the palette is an OptionError that names the first.
    Other parameters and errors as for `quantize`.
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
    from kmq.codec import applying
    from kmq.image import Palette
    from kmq.palettes.named import NamedPalette, named_palette

    given: Palette | NamedPalette
    if isinstance(palette, str):
        given = named_palette(palette)
    elif isinstance(palette, Palette | NamedPalette):
        given = palette
    else:
        given = Palette(palette)
    read = _read(image, options)
    return applying.apply_palette(read.rgb, given, options, strict=strict).with_metadata(
        read.metadata
    )


def to_bytes(indexed: IndexedImage, options: Options) -> bytes:
    """Return the `.kmq` file of an indexed image.

    Its palette is coded in its own order, or in the order in which clustering arranges
    palettes, whichever makes the file smaller; either way the file keeps its own order.
    """
    from kmq.container import stripes

    data = stripes.dumps(indexed, coding=options.coding, threads=options.workers)
    if options.coding == "packed" or indexed.labels is not None:
        return data
    from kmq.clustering.palette import order_of

    order = order_of(indexed.palette)
    if (order[1:] > order[:-1]).all():  # as it is in every palette that kmq finds
        return data
    arranged = stripes.dumps(indexed, coding=options.coding, order=order, threads=options.workers)
    return min(data, arranged, key=len)


def quantize_pixels(
    rgb: NDArray[np.uint8],
    options: Options,
    to_bytes: Callable[[IndexedImage, Options], bytes] = to_bytes,
    *,
    palette_image: IndexedImage | None = None,
    weights: ArrayLike | None = None,
) -> IndexedImage:
    """Do what `quantize` does, for pixels (H, W, 3) that have been read.

    `palette_image` is the same image in its own palette, if it has one. `to_bytes` makes the
    file that is to be small where `psnr` is the target.
    """
    counted = None if weights is None else _weighed(weights, rgb, options)
    kept = _kept(palette_image, options)
    if options.psnr is not None and (kept is None or kept.labels is None):
        from kmq import targets
        from kmq.quality import psnr

        found = targets.quantize_to_psnr(rgb, options.psnr, options, to_bytes)
        return found if kept is None or not math.isinf(psnr(rgb, found)) else kept
    if kept is not None:
        return kept
    if palette_image is not None and options.colors is None:
        own = len(palette_image.palette)
        options = replace(options, colors=max(own, len(options.pinned)))
    from kmq import quantizing

    return quantizing.quantize(rgb, options.exact_colors, options, weights=counted)


def _weighed(
    weights: ArrayLike, rgb: NDArray[np.uint8], options: Options
) -> NDArray[np.int64] | None:
    """Return the weights as whole numbers, None where they are equal."""
    from kmq.clustering.weights import whole_weights

    if options.psnr is not None or options.max_bytes is not None:
        raise OptionError("weights: cannot be asked for together with a target")
    numbers = whole_weights(weights, *rgb.shape[:2])
    return None if numbers.min() == numbers.max() else numbers


def encode_pixels(
    rgb: NDArray[np.uint8],
    options: Options,
    to_bytes: Callable[[IndexedImage, Options], bytes] = to_bytes,
    *,
    metadata: Metadata = NOTHING,
    palette_image: IndexedImage | None = None,
    weights: ArrayLike | None = None,
) -> tuple[IndexedImage, bytes]:
    """Do what `encode` does, for pixels that have been read; return the image and its file.

    `to_bytes` makes the file, of whatever format, from an image that has the metadata.
    `palette_image` and `weights` are as `quantize_pixels` has them.
    """
    if options.max_bytes is not None and weights is None:
        from kmq import targets

        kept = _kept(palette_image, options)
        if kept is not None:
            kept = kept.with_metadata(metadata)
            if len(data := to_bytes(kept, options)) <= options.max_bytes:
                return kept, data
            if kept.labels is not None:
                raise OptionError(
                    f"max_bytes: the labels take {len(data):,} bytes, and their numbers "
                    "cannot be merged; leave max_bytes out"
                )
        return targets.encode_to_size(rgb, options.max_bytes, options, to_bytes, metadata)
    found = quantize_pixels(rgb, options, to_bytes, palette_image=palette_image, weights=weights)
    indexed = found.with_metadata(metadata)
    return indexed, to_bytes(indexed, options)


def _kept(palette_image: IndexedImage | None, options: Options) -> IndexedImage | None:
    """Return an image in its own palette if it is to be kept as it is.

    Raises
    ------
    OptionError
        If it has more labels than colours are asked for: their numbers cannot be merged.
    """
    if palette_image is None:
        return None
    is_small = options.colors is None or len(palette_image.palette) <= options.colors
    if palette_image.labels is not None:
        if not is_small:
            raise OptionError(
                f"colors: {len(palette_image.palette):,} labels cannot become "
                f"{options.colors:,} without losing their numbers; leave colors out"
            )
        if options.is_constrained:
            name = "pinned" if options.pinned else "bits"
            raise OptionError(f"{name}: labels keep their own palette; leave {name} out")
        return palette_image
    is_free = not options.sort and not options.is_constrained
    return palette_image if is_small and is_free else None


def _refuse_to_choose_colors(options: Options, weights: ArrayLike | None) -> None:
    names = ("init", "colors", "psnr", "max_bytes", "rdo", "dither", "bits", "pinned", "sort")
    given = [name for name in names if getattr(options, name) not in (None, False, ())]
    for name in given if weights is None else ["weights", *given]:
        raise OptionError(
            f"{name}: an IndexedImage has its colours, and is stored as it is; leave {name} out"
        )


def _read(image: ImageSource, options: Options) -> Pixels:
    from kmq import pixels

    return pixels.read_with_warnings(
        image,
        background=options.background,
        alpha=options.alpha,
        max_pixels=options.max_pixels,
        strip=options.strip,
    )
