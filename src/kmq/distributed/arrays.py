"""A Dask array as one `.kmq` file: counted, mapped and coded on the workers with its chunks."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, BinaryIO, TypeVar

import dask
from dask.array import Array
from distributed import Client, Future
from numpy.typing import NDArray

from kmq import clustering
from kmq.clustering import Histogram
from kmq.clustering.beside_clear import Neighbors
from kmq.codec import streaming
from kmq.container import writing
from kmq.container.head import stripe_rows_for
from kmq.distributed import running, stores
from kmq.distributed.results import FileResult
from kmq.distributed.tasks import Counted
from kmq.errors import OptionError
from kmq.image import Palette
from kmq.metadata import NOTHING, Metadata
from kmq.options import Options
from kmq.quality import psnr_of
from kmq.quantizing import constraint_of, initial_of

Result = TypeVar("Result")

_DEFAULTS = Options(threads=1)
_STRIPES_AHEAD = 3
"""Stripes per thread that are in progress or waiting, which bounds the memory."""


def encode_array(
    array: Array,
    target: str,
    colors: int | None = None,
    *,
    client: Client | None = None,
    options: Options = _DEFAULTS,
    palette: Palette | None = None,
    metadata: Metadata = NOTHING,
    storage_options: Mapping[str, Any] | None = None,
) -> FileResult:
    """Encode a Dask array to the file that `kmq.encode` would make, however it is chunked.

    The array is computed twice, stripe by stripe: to count its colours, and to map them.
    Only a few stripes are in memory at a time.

    Parameters
    ----------
    array : dask.array.Array
        Pixels of shape (H, W), (H, W, 3) or (H, W, 4): bool, float from 0 to 1, uint16 samples
        of 16 bits, or another integer type with samples from 0 to 255.
    target : str
        URL of the file, which is replaced if it exists.
    colors : int, optional
        The number of colours, from 1 to 65,536. By default that of `options`.
    client : distributed.Client, optional
        The cluster. By default the client that the program has started.
    options : Options
        The options of `kmq.encode`. Targets, and `rdo` and `dither` above 0, are refused
        because they need the whole picture at once. Its `threads` are the threads of one
        task; by default 1.
    palette : Palette, optional
        The colours. By default the best palette that K-means finds.
    metadata : Metadata, optional
        The metadata of the file. By default it has none.
    storage_options : mapping, optional
        Options of the file system, such as credentials, passed to fsspec.

    Returns
    -------
    FileResult
        Size, number of colours, PSNR and time.

    Raises
    ------
    OptionError
        The array or an option does not fit, or there is no client.
    ConnectionError
        The scheduler went away.
    """
    started = time.perf_counter()
    if array.ndim not in (2, 3) or 0 in array.shape or array.shape[2:] not in ((), (3,), (4,)):
        raise OptionError(f"array: expected shape (H, W, 3) or (H, W, 4), got {array.shape}")
    if colors is not None:
        from dataclasses import replace

        options = replace(options, colors=colors)
    streaming.refuse_what_needs_the_whole(options)
    height, width = array.shape[:2]
    rows = stripe_rows_for(width, height, may_be_modelled=options.coding != "packed")
    cluster = running.current_client(client)
    bands = [(first, min(first + rows, height)) for first in range(0, height, rows)]

    counting = (
        dask.delayed(_count)(_block(array, first - 1, end + 1), first > 0, end < height, options)
        for first, end in bands
    )
    counted = list(_computed(cluster, counting))
    fitted = cluster.submit(_map, running.merged(cluster, counted), palette, options, pure=False)
    found, error = running.result_of(cluster, cluster.submit(_described, fitted, pure=False))
    like = streaming.image_like(found, width, is_given=palette is not None, metadata=metadata)

    def write(file: BinaryIO, order: NDArray[Any] | None) -> int:
        coding = (
            dask.delayed(_code)(_block(array, first, end), fitted, order, options)
            for first, end in bands
        )
        bodies = (running.result_of(cluster, future) for future in _computed(cluster, coding))
        return writing.write_bodies(file, bodies, height, like, coding=options.coding, order=order)

    with stores.Writing(target, dict(storage_options or {})) as file:
        size = streaming.write_smaller(file, like.palette, options.coding, write)
    return FileResult(
        file="",
        target=target,
        bytes=size,
        width=width,
        height=height,
        colors=len(found),
        psnr=psnr_of(error, 3 * width * height),
        seconds=time.perf_counter() - started,
    )


def _block(array: Array, first: int, end: int) -> Any:
    """Return rows, limited to those that exist, as one delayed array."""
    return array[max(first, 0) : end].rechunk(-1).to_delayed().item()


def _computed(client: Client, delayed: Iterable[Any]) -> Iterator[Future]:
    """Yield a future of each, in order, with only a few unfinished at a time."""
    most = _STRIPES_AHEAD * running.thread_count(client)
    begun: deque[Future] = deque()
    for each in delayed:
        begun.append(client.compute(each))
        if len(begun) == most:
            begun[0].result()
            yield begun.popleft()
    yield from begun


def _count(block: NDArray[Any], has_above: bool, has_below: bool, options: Options) -> Counted:
    """Return the histogram of a stripe, which is given with its adjacent rows."""
    pixels = _pixels(block, options)
    first, end = int(has_above), len(pixels) - int(has_below)
    above = pixels[:1] if has_above else None
    below = pixels[-1:] if has_below else None
    return Counted(Histogram.of_band(Neighbors(above, pixels[first:end], below)))


def _map(counted: Counted, palette: Palette | None, options: Options) -> clustering.Mapping:
    """Return the palette, and the entry of each colour."""
    assert counted.histogram is not None
    if palette is not None:
        return clustering.Mapping.nearest(counted.histogram, palette, options.workers)
    return clustering.Mapping.fitted(
        counted.histogram,
        options.exact_colors,
        effort=options.effort,
        seed=options.seed,
        max_iter=options.max_iter,
        constraint=constraint_of(options),
        init=initial_of(options),
        threads=options.workers,
    )


def _described(mapping: clustering.Mapping) -> tuple[Palette, Any]:
    return mapping.palette, mapping.squared_error


def _code(
    block: NDArray[Any],
    mapping: clustering.Mapping,
    order: NDArray[Any] | None,
    options: Options,
) -> tuple[int, bytes]:
    """Return the coding and the body of a stripe."""
    indices = mapping.indices_of(_pixels(block, options))
    coder: Callable[[NDArray[Any]], tuple[int, bytes]] = writing.stripe_coder(
        mapping.palette.colors, options.coding, order
    )
    return coder(indices)


def _pixels(block: NDArray[Any], options: Options) -> NDArray[Any]:
    from kmq import pixels

    return pixels.read(
        block,
        background=options.background,
        alpha=options.alpha,
        max_pixels=options.max_pixels,
        strip=True,
    ).rgb
