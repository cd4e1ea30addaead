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
"""Settings for fsspec's file systems, such as credentials."""

ATTEMPTS = 3
"""Attempts to write an output before its error is final."""

_PAUSE = 0.5
"""Seconds before the second attempt; each further pause is twice as long."""


def read(url: str, settings: Settings) -> bytes:
    """Return a file's bytes."""
    files, path = url_to_fs(url, **settings)
    data: bytes = files.cat_file(path)
    return data


def write(url: str, data: bytes, settings: Settings) -> None:
    """Write a file, replacing an existing one.

    A local file, or an object in S3 or Google Cloud Storage, appears whole or not at all. In
    other stores, a failed write is retried.
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
    """Like `write`, but a context manager that yields a file to write to piece by piece."""

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
    """Return URLs, with each one that contains a `*` replaced by its matching files, in order."""
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
    """Return the paths of all files below a folder, in the form of `path_of`."""
    files, path = url_to_fs(folder, **settings)
    return set(files.find(path)) if files.exists(path) else set()


def path_of(url: str, settings: Settings) -> str:
    """Return the part of a URL that its file system uses as a path."""
    path: str = url_to_fs(url, **settings)[1]
    return path


def targets(urls: Iterable[str], folder: str, extension: str) -> list[str]:
    """Return the output of each file: below a folder, with subfolders preserved.

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
    """Yield each URL's path relative to their common folder."""
    paths = [url.partition("://")[2] or url for url in urls]
    parents = [posixpath.dirname(path) for path in paths]
    same_kind = len({path.startswith("/") for path in paths}) == 1
    common = posixpath.commonpath(parents) if same_kind and all(parents) else ""
    for path in paths:
        yield posixpath.relpath(path, common) if common else path.lstrip("/")
