"""Many files, or one huge array, on a Dask cluster: the same bytes as on one machine.

`kmq[distributed]` installs its dependencies: dask, distributed and fsspec. Files are given by
URLs, which fsspec opens on the workers: local paths that all workers can see, `s3://`,
`gs://`, `http://`, `memory://`.

>>> from distributed import Client
>>> from kmq.distributed import encode_files
>>> with Client("tcp://scheduler:8786") as client:  # doctest: +SKIP
...     results = encode_files("s3://photos/*.jpg", "s3://small", colors=64, client=client)
>>> print(results)  # doctest: +SKIP
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

try:
    from distributed import Client
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        "kmq.distributed needs dask, distributed and fsspec: pip install 'kmq[distributed]'",
        name=error.name,
    ) from error

from kmq.clustering.counts import equal_share
from kmq.distributed import running, stores, tasks
from kmq.distributed.arrays import encode_array as encode_array
from kmq.distributed.results import FileResult as FileResult
from kmq.distributed.results import Results as Results
from kmq.distributed.tasks import Item
from kmq.errors import FormatError, OptionError
from kmq.image import Palette
from kmq.options import Options

Progress = Callable[[FileResult], None]

_DEFAULTS = Options(threads=1)


def encode_files(
    urls: str | Iterable[str],
    target: str,
    colors: int | None = None,
    *,
    client: Client | None = None,
    options: Options = _DEFAULTS,
    palette: Palette | None = None,
    overwrite: bool = False,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Results:
    """Encode images to `.kmq` files on the workers of a cluster.

    A file that fails does not stop the others. If a worker dies, another does its work
    again.

    Parameters
    ----------
    urls : str or iterable of str
        URLs of the images. A ``*`` stands for all files that match.
    target : str
        URL of the folder for the outputs. Subfolders are preserved.
    colors : int, optional
        The number of colours, from 1 to 65,536. By default that of `options`.
    client : distributed.Client, optional
        The cluster. By default the client that the program has started.
    options : Options
        The options of `kmq.encode`, for every image. Its `threads` are the threads of one task;
        by default 1.
    palette : Palette, optional
        The colours for all images, such as those of `fit_files`. By default each image gets
        its best palette.
    overwrite : bool, default False
        Whether to replace outputs that exist. Otherwise each of them is an error of its file.
    storage_options : mapping, optional
        Options of the file system, such as credentials, passed to fsspec.
    progress : callable, optional
        Called with each `FileResult` as it arrives.

    Returns
    -------
    Results
        One row per file, in the order of the URLs.

    Raises
    ------
    OptionError
        There is no client, no file matches, or two files would have the same output.
    ConnectionError
        The scheduler went away. Outputs that exist by then are complete.
    """
    settings = dict(storage_options or {})
    found = stores.expanded(urls, settings)
    items = [Item(*pair) for pair in zip(found, stores.targets(found, target, ".kmq"), strict=True)]
    return encode_pairs(
        items,
        client=client,
        options=options if colors is None else replace(options, colors=colors),
        palette=palette,
        occupied=set() if overwrite else stores.existing(target, settings),
        storage_options=settings,
        progress=progress,
    )


def encode_pairs(
    items: Sequence[Item],
    *,
    client: Client | None = None,
    options: Options = _DEFAULTS,
    palette: Palette | None = None,
    occupied: set[str] | None = None,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Results:
    """Encode images whose outputs are given, on the workers of a cluster.

    `occupied` are the paths of outputs that must not be replaced. The other parameters are
    those of `encode_files`.
    """
    settings = dict(storage_options or {})
    taken = occupied or set()
    found: dict[int, FileResult] = {}
    places = []
    for place, item in enumerate(items):
        if taken and stores.path_of(item.target, settings) in taken:
            found[place] = FileResult(
                file=item.file, target=item.target, error=f"{item.target} exists"
            )
            if progress is not None:
                progress(found[place])
        else:
            places.append(place)
    work = partial(tasks.encode, options=options, palette=palette, settings=settings)
    free = [items[place] for place in places]
    for place, result in running.run(running.current_client(client), work, free):
        found[places[place]] = result
        if progress is not None:
            progress(result)
    return Results(tuple(found[place] for place in range(len(items))))


def fit_files(
    urls: str | Iterable[str],
    colors: int | None = None,
    *,
    client: Client | None = None,
    options: Options = _DEFAULTS,
    per_image: bool = False,
    storage_options: Mapping[str, Any] | None = None,
) -> Palette:
    """Return the best palette for all images together: exactly the one that one machine finds.

    The workers count colours and merge the counts in a tree; one of them runs K-means.

    Parameters
    ----------
    urls : str or iterable of str
        URLs of the images. A ``*`` stands for all files that match.
    colors : int, optional
        The number of colours, from 1 to 65,536. By default that of `options`.
    client : distributed.Client, optional
        The cluster. By default the client that the program has started.
    options : Options
        The options of `kmq.fit` and of reading images. Its `threads` are the threads of one
        task; by default 1.
    per_image : bool, default False
        Whether each image counts the same, whatever its size. Otherwise each pixel does.
    storage_options : mapping, optional
        Options of the file system, such as credentials, passed to fsspec.

    Returns
    -------
    Palette
        The colours, for the parameter `palette` of `encode_files`.

    Raises
    ------
    FormatError
        An image cannot be read. Without it the palette would be different.
    OptionError
        There is no client, or no file matches.
    ConnectionError
        The scheduler went away.
    """
    settings = dict(storage_options or {})
    chosen = options if colors is None else replace(options, colors=colors)
    found = stores.expanded(urls, settings)
    cluster = running.current_client(client)
    counting = partial(
        tasks.count,
        options=chosen,
        settings=settings,
        pixels_each=equal_share(len(found)) if per_image else None,
    )
    groups = running.batches([Item(url) for url in found], running.thread_count(cluster))
    counted = [cluster.submit(counting, group, pure=False) for group in groups]
    palette: Palette | None
    palette, failed = running.result_of(
        cluster, cluster.submit(tasks.fit, running.merged(cluster, counted), chosen, pure=False)
    )
    if failed:
        more = f", and {len(failed) - 1:,} more" if len(failed) > 1 else ""
        raise FormatError(f"{failed[0].file}: {failed[0].error}{more}")
    if palette is None:
        raise OptionError("urls: they name no file")
    return palette


def verify_files(
    urls: str | Iterable[str],
    *,
    client: Client | None = None,
    options: Options = _DEFAULTS,
    storage_options: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> Results:
    """Check every byte of `.kmq` files on the workers of a cluster.

    Parameters
    ----------
    urls : str or iterable of str
        URLs of the files. A ``*`` stands for all files that match.
    client : distributed.Client, optional
        The cluster. By default the client that the program has started.
    options : Options
        Its `max_pixels` is the largest picture to decode, and its `threads` are the threads
        of one task; by default 1.
    storage_options : mapping, optional
        Options of the file system, such as credentials, passed to fsspec.
    progress : callable, optional
        Called with each `FileResult` as it arrives.

    Returns
    -------
    Results
        One row per file, in the order of the URLs. The `error` of a damaged file says where it
        is damaged.

    Raises
    ------
    OptionError
        There is no client, or no file matches.
    ConnectionError
        The scheduler went away.
    """
    settings = dict(storage_options or {})
    items = [Item(url) for url in stores.expanded(urls, settings)]
    work = partial(tasks.verify, options=options, settings=settings)
    found: dict[int, FileResult] = {}
    for place, result in running.run(running.current_client(client), work, items):
        found[place] = result
        if progress is not None:
            progress(result)
    return Results(tuple(found[place] for place in range(len(items))))
