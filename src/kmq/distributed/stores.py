"""Files behind URLs, through fsspec: local ones, memory, S3, Google Cloud Storage, HTTP."""

from __future__ import annotations

import posixpath
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import fsspec
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from kmq.errors import OptionError
from kmq.files import write_whole, writing_whole

Settings = Mapping[str, Any]
"""What fsspec's file systems are set up with, such as credentials."""

ATTEMPTS = 3
"""Times that an output is written before the error is final."""

_PAUSE = 0.5
"""Seconds before the second attempt; each further pause is twice as long."""


def read(url: str, settings: Settings) -> bytes:
    """Return a file's bytes."""
    files, path = url_to_fs(url, **settings)
    data: bytes = files.cat_file(path)
    return data


def write(url: str, data: bytes, settings: Settings) -> None:
    """Write a file, replacing what is there.

    A local file appears whole or not at all, and so does an object of S3 or Google Cloud
    Storage. Elsewhere writing is attempted again where it fails.
    """
    files, path = url_to_fs(url, **settings)
    if isinstance(files, LocalFileSystem):
        files.makedirs(files._parent(path), exist_ok=True)
        write_whole(path, data)
        return
    for attempt in range(ATTEMPTS):
        try:
            files.makedirs(files._parent(path), exist_ok=True)
            files.pipe_file(path, data)
        except PermissionError:
            raise
        except OSError:
            if attempt == ATTEMPTS - 1:
                raise
            time.sleep(_PAUSE * 2**attempt)
        else:
            return


class Writing:
    """A file that is written piece by piece, as a context manager; else like `write`."""

    def __init__(self, url: str, settings: Settings) -> None:
        files, path = url_to_fs(url, **settings)
        if isinstance(files, LocalFileSystem):
            files.makedirs(files._parent(path), exist_ok=True)
            self._file = writing_whole(path)
        else:
            self._file = fsspec.open(url, "wb", **settings)

    def __enter__(self) -> BinaryIO:
        return self._file.__enter__()

    def __exit__(self, *error: Any) -> None:
        self._file.__exit__(*error)


def expanded(urls: str | Iterable[str], settings: Settings) -> list[str]:
    """Return URLs, with those that hold a `*` replaced by the files that they match, in order."""
    listed = [urls] if isinstance(urls, str) else [str(url) for url in urls]
    found: list[str] = []
    for url in listed:
        if "*" not in url:
            found.append(url)
            continue
        files, path = url_to_fs(url, **settings)
        found += sorted(files.unstrip_protocol(name) for name in files.glob(path))
    if not found:
        raise OptionError("urls: they name no file")
    return found


def existing(folder: str, settings: Settings) -> set[str]:
    """Return the paths of all files below a folder, as `path_of` writes them."""
    files, path = url_to_fs(folder, **settings)
    return set(files.find(path)) if files.exists(path) else set()


def path_of(url: str, settings: Settings) -> str:
    """Return the part of a URL that its file system knows."""
    path: str = url_to_fs(url, **settings)[1]
    return path


def targets(urls: Iterable[str], folder: str, extension: str) -> list[str]:
    """Return where each file's output belongs: below a folder, their common tree kept.

    Raises
    ------
    OptionError
        If two files would have the same output.
    """
    listed = list(urls)
    owners: dict[str, str] = {}
    for url, name in zip(listed, _names_below(listed), strict=True):
        target = f"{folder.rstrip('/')}/{posixpath.splitext(name)[0]}{extension}"
        if target in owners:
            raise OptionError(f"urls: {url} and {owners[target]} would both become {target}")
        owners[target] = url
    return list(owners)


def _names_below(urls: list[str]) -> Iterator[str]:
    """Yield each URL's path below the folder that all have in common."""
    paths = [url.partition("://")[2] or url for url in urls]
    parents = [posixpath.dirname(path) for path in paths]
    same_kind = len({path.startswith("/") for path in paths}) == 1
    common = posixpath.commonpath(parents) if same_kind and all(parents) else ""
    for path in paths:
        yield posixpath.relpath(path, common) if common else path.lstrip("/")
