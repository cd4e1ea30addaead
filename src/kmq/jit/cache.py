"""A cache of compiled code whose failures cost a compilation, never an error or a wrong kernel.

numba's own cache lets a truncated file or a full disk raise from the kernel's call. It
also numbers its data files, and writes the index that names one before the file itself:
a process that is killed in between, or two that compile at once, leave a name that
stands for other code. And it looks at no file but the kernel's own, though constants of
its neighbours are compiled in. Here a data file is named after what it holds, carries a
checksum and is there before it is named, and an edit in any file of the kernel's folder
asks for new ones.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import io
import pickle
import sys
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba.core import environment
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    UserProvidedCacheLocator,
)
from numba.core.runtime import rtsys

_CHECKSUM_BYTES = 4

on_compile: list[Callable[[], None]] = []
"""Called before a kernel is compiled because the cache did not hold it."""


class _ReadableFolder(UserProvidedCacheLocator):  # type: ignore[misc]  # numba is untyped
    """The folder of NUMBA_CACHE_DIR, also where it was filled by others and can only be read.

    So it is in a container that a superuser built and another user runs; numba itself
    passes over what it cannot write to.
    """

    def ensure_cache_path(self) -> None:
        try:
            super().ensure_cache_path()
        except OSError:
            if not Path(self.get_cache_path()).is_dir():
                raise


class _Places(CompileResultCacheImpl):  # type: ignore[misc]  # numba is untyped
    _locator_classes = (_ReadableFolder, *CompileResultCacheImpl._locator_classes[1:])


class ForgivingCache(FunctionCache):  # type: ignore[misc]  # numba is untyped
    """The cache of one kernel, in the folder that numba would choose if it could write to it.

    Raises
    ------
    RuntimeError
        When it is made, if there is no such folder, nor one that can be written to.
    """

    _impl_class = _Places
    _warned = False
    _cache_file: Any

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        stamp = _folder_stamp(Path(inspect.getfile(function)).parent)
        self._cache_file = _Files(self.cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled code, None where it has to be compiled.

        numba's own loads first whatever compiling may need, SciPy with it where it is
        installed: that takes longer than a picture. Compiled code calls numba's memory
        manager and nothing else of it; where there is none, compiling loads the rest.
        """
        try:
            rtsys.initialize(target_context)
            with self._guard_against_spurious_io_errors():
                found = self._load_overload(sig, target_context)
        except Exception:  # unpickling damaged bytes raises nearly anything
            found = None
            self._forget()
        if found is None:
            for listener in on_compile:
                listener()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep compiled code; where that fails, warn the first time."""
        try:
            super().save_overload(sig, data)
        except Exception as error:  # full disk, vanished folder, lost permission
            if not ForgivingCache._warned:
                ForgivingCache._warned = True
                warnings.warn(
                    f"compiled code cannot be kept in {self.cache_path} ({error}); "
                    "set NUMBA_CACHE_DIR to a folder that can be written to",
                    RuntimeWarning,
                    stacklevel=2,
                )

    def _forget(self) -> None:
        """Empty the index, so that what is compiled next is not added to damage."""
        try:
            self.flush()
        except OSError:
            self.disable()


class _Files(IndexDataCacheFile):  # type: ignore[misc]  # numba is untyped
    """An index, and data files that it cannot mistake for one another."""

    def save(self, key: Any, data: Any) -> None:
        """Write the data file, then its name into the index."""
        name = self._data_name(self._number_for(key))
        self._save_data(name, data)
        self._save_index(self._load_index() | {key: name})

    def _number_for(self, key: Any) -> int:
        """Return a number that stands for this version of the source, signature and CPU."""
        identity = repr((self._version, self._source_stamp, key)).encode()
        return int.from_bytes(hashlib.sha256(identity).digest()[:8], "big")

    def _save_data(self, name: str, data: Any) -> None:
        pickled = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(pickled + _checksum(pickled))

    def _load_data(self, name: str) -> Any:
        stored = Path(self._data_path(name)).read_bytes()
        pickled = stored[:-_CHECKSUM_BYTES]
        if stored[-_CHECKSUM_BYTES:] != _checksum(pickled):
            raise ValueError(f"{name} is damaged")
        return _Unpickler(io.BytesIO(pickled)).load()


class _Unpickler(pickle.Unpickler):
    """Restores compiled code without importing the parts of numba that it was inlined from."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == (environment.__name__, "_rebuild_env"):
            return _restored_environment
        return super().find_class(module, name)


def _restored_environment(module: str, constants: Any, name: str) -> Any:
    """Do what numba's `_rebuild_env` does, but do not import the module.

    Compiled code without the interpreter looks up no global of it.
    """
    found = environment.lookup_environment(name)
    if found is None:
        namespace = vars(sys.modules[module]) if module in sys.modules else {"__name__": module}
        found = environment.Environment(namespace)
        found.consts[:] = constants
        found.env_name = name
        environment.Environment._memo[name] = found
    return found


@functools.lru_cache
def _folder_stamp(folder: Path) -> str:
    """Return a hash of all sources in a folder: a kernel takes constants from no other."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _checksum(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(_CHECKSUM_BYTES, "little")
