"""Images to `.kmq` files and back: clustering and container joined.

What is slow to import (NumPy, Pillow's readers, numba) is imported where it is used,
so that reading a head needs none of it.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from kmq.container.summary import Info, read_info
from kmq.errors import OptionError
from kmq.files import write_whole
from kmq.limits import DEFAULT_MAX_PIXELS, MAX_COLORS, whole_number
from kmq.threads import thread_count

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kmq.image import IndexedImage
    from kmq.pixels import ImageSource, Rgb

DEFAULT_COLORS = 64
DEFAULT_MAX_ITER = 30
MAX_SEED = (1 << 32) - 1

DataSource: TypeAlias = "bytes | bytearray | memoryview | str | Path"
"""The bytes of a `.kmq` file, or its path."""


def quantize(
    image: ImageSource,
    colors: int = DEFAULT_COLORS,
    *,
    seed: int = 0,
    max_iter: int = DEFAULT_MAX_ITER,
    background: str | Rgb | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int | None = None,
) -> IndexedImage:
    """Return an image in its K best colours, each pixel in the nearest of them.

    An image with no more than K distinct colours comes through exactly; any other
    gets K different colours, each used.

    Parameters
    ----------
    image
        Array (H, W), (H, W, 3) or (H, W, 4), uint8 or uint16; Pillow image; path;
        binary file.
    colors
        K, 1 to 65,536.
    seed
        0 to 2^32 - 1; another seed starts the search elsewhere.
    max_iter
        The most K-means iterations, at least 1.
    background
        Colour behind transparent pixels: a name, a hex code, or (red, green, blue).
    max_pixels
        Larger images are refused.
    threads
        At least 1; None for the environment's KMQ_NUM_THREADS or all processors. The
        result does not depend on it.

    Raises
    ------
    OptionError, FormatError, LimitError, OSError
        As `kmq.pixels.read` does, and OptionError for the options above.
    """
    from kmq import pixels

    clusters = whole_number("colors", colors, 1, MAX_COLORS)
    start = whole_number("seed", seed, 0, MAX_SEED)
    iterations = whole_number("max_iter", max_iter, 1)
    limit = whole_number("max_pixels", max_pixels, 1)
    workers = thread_count(threads)
    rgb = pixels.read(image, background=background, max_pixels=limit).rgb

    from kmq import clustering  # only now: the input may have been wrong

    return clustering.quantize(rgb, clusters, seed=start, max_iter=iterations, threads=workers)


def encode(
    image: ImageSource | IndexedImage,
    colors: int = DEFAULT_COLORS,
    *,
    seed: int = 0,
    max_iter: int = DEFAULT_MAX_ITER,
    background: str | Rgb | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int | None = None,
) -> bytes:
    """Return an image as a `.kmq` file of at most `colors` colours.

    Parameters and errors as for `quantize`. An IndexedImage is stored as it is: of
    the options only `threads` applies to it.
    """
    from kmq.container import stripes
    from kmq.image import IndexedImage

    if not isinstance(image, IndexedImage):
        image = quantize(
            image,
            colors,
            seed=seed,
            max_iter=max_iter,
            background=background,
            max_pixels=max_pixels,
            threads=threads,
        )
    return stripes.dumps(image, threads=thread_count(threads))


def save(
    path: str | Path,
    image: ImageSource | IndexedImage,
    colors: int = DEFAULT_COLORS,
    *,
    seed: int = 0,
    max_iter: int = DEFAULT_MAX_ITER,
    background: str | Rgb | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    threads: int | None = None,
) -> None:
    """Write an image to a `.kmq` file, which appears whole or not at all.

    Parameters and errors as for `encode`; a file of that name is replaced.
    """
    data = encode(
        image,
        colors,
        seed=seed,
        max_iter=max_iter,
        background=background,
        max_pixels=max_pixels,
        threads=threads,
    )
    write_whole(path, data)


def load(
    source: DataSource, *, max_pixels: int = DEFAULT_MAX_PIXELS, threads: int | None = None
) -> IndexedImage:
    """Return the palette and indices that a `.kmq` file holds.

    Parameters
    ----------
    source
        The file's bytes or its path.
    max_pixels
        Larger images are refused before anything is allocated.
    threads
        As for `quantize`.

    Raises
    ------
    FormatError
        If anything in the file is wrong.
    LimitError
        If the image has more than `max_pixels` pixels.
    OSError
        If the path cannot be read.
    """
    from kmq.container import stripes

    limit = whole_number("max_pixels", max_pixels, 1)
    return stripes.loads(_bytes_of(source), max_pixels=limit, threads=thread_count(threads))


def decode(
    data: DataSource, *, max_pixels: int = DEFAULT_MAX_PIXELS, threads: int | None = None
) -> NDArray[np.uint8]:
    """Return the pixels of a `.kmq` file, (H, W, 3) uint8.

    Parameters and errors as for `load`.
    """
    return load(data, max_pixels=max_pixels, threads=threads).to_rgb()


def info(source: DataSource) -> Info:
    """Return what the head of a `.kmq` file says; nothing else of the file is read.

    Raises
    ------
    FormatError
        If the head is wrong, or the file is not as long as it says.
    OSError
        If the path cannot be read.
    """
    if isinstance(source, str | Path):
        with Path(source).open("rb") as file:
            return read_info(file)
    return read_info(io.BytesIO(_bytes_of(source)))


def _bytes_of(source: DataSource) -> bytes:
    if isinstance(source, str | Path):
        return Path(source).read_bytes()
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source)
    raise OptionError(f"data: expected bytes or a path, got {type(source).__name__}")
