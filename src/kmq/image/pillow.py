"""An `IndexedImage` from a Pillow image, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kmq import alpha
from kmq.errors import OptionError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from kmq.image import IndexedImage


class Parts(NamedTuple):
    """What a Pillow image in mode P, L or 1 holds."""

    palette: NDArray[np.uint8]
    """(K, 3) or (K, 4)."""
    indices: NDArray[np.uint8]
    """(H, W)."""
    is_grey_picture: bool


def parts_of(image: Image.Image) -> Parts:
    """Return the palette and the indices of a Pillow image.

    Raises
    ------
    OptionError
        It is not a Pillow image, or has another mode than P, L or 1.
    """
    from PIL import Image

    if not isinstance(image, Image.Image):
        raise OptionError(f"image: expected a Pillow image, got {type(image).__name__}")
    if image.mode in ("L", "1"):
        levels = 256 if image.mode == "L" else 2
        ramp = np.linspace(0, 255, levels).astype(np.uint8)
        palette, is_grey = np.repeat(ramp[:, None], 3, axis=1), True
        if isinstance(key := image.info.get("transparency"), int) and key < levels:
            palette, is_grey = alpha.with_alpha(palette), False
            palette[key, 3] = 0
    elif image.mode == "P":
        palette, is_grey = palette_of(image), False
    else:
        raise OptionError(
            f"image: expected mode P, L or 1, got {image.mode}; kmq.quantize takes any image"
        )
    return Parts(palette, np.asarray(image, np.uint8), is_grey)


def palette_of(image: Image.Image) -> NDArray[np.uint8]:
    """Return the palette of a Pillow image in mode P, (K, 4), with an entry for every index."""
    image.load()
    entries = np.array(image.getpalette("RGBA") or [], np.uint8).reshape(-1, 4)
    missing = int(np.asarray(image).max(initial=0)) + 1 - len(entries)
    black = np.full((max(missing, 0), 4), (0, 0, 0, 255), np.uint8)
    palette = np.concatenate([entries, black])
    transparency = image.info.get("transparency")
    if isinstance(transparency, bytes):  # the alpha of the first entries
        alphas = np.frombuffer(transparency, np.uint8)[: len(palette)]
        palette[: len(alphas), 3] = alphas
    elif isinstance(transparency, int) and 0 <= transparency < len(palette):
        palette[transparency, 3] = 0
    return palette


def to_pillow(indexed: IndexedImage) -> Image.Image:
    """Return a Pillow image in the simplest mode that holds the pixels and the palette."""
    from PIL import Image

    if indexed.labels is not None:
        dtype = np.uint8 if indexed.labels.max() < 256 else np.uint16
        return Image.fromarray(indexed.to_labels().astype(dtype))
    is_opaque_grey = indexed.is_grey and not indexed.has_alpha
    if indexed.is_grey_picture or (is_opaque_grey and len(indexed.palette) > 256):
        return Image.fromarray(np.take(indexed.palette[:, 0], indexed.indices))
    if len(indexed.palette) > 256:
        return Image.fromarray(indexed.to_pixels())
    image = Image.frombytes("P", (indexed.width, indexed.height), indexed.indices.tobytes())
    image.putpalette(indexed.palette[:, :3].tobytes(), "RGB")
    if indexed.has_alpha:
        image.info["transparency"] = indexed.palette[:, 3].tobytes()
    return image
