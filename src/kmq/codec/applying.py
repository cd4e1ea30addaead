"""Images in the colours of a given palette.

What is slow to import (NumPy, numba) is imported where it is used.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kmq.errors import OptionError
from kmq.options import Options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kmq.image import IndexedImage, Palette
    from kmq.palettes.named import NamedPalette


def apply_palette(
    pixels: NDArray[np.uint8],
    palette: NamedPalette | Palette,
    options: Options,
    *,
    strict: bool = False,
) -> IndexedImage:
    """Do what `apply` does, for pixels that have been read."""
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
