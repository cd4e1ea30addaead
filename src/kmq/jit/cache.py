"""A cache of compiled code whose failures cost a compilation, never an error or a wrong kernel.

With numba's own cache, a truncated file or a full disk makes the kernel's call raise. It also
numbers its data files, and writes the index entry before the file itself: if a process is
killed in between, or two compile at once, a name may refer to other code. And it checks only
the kernel's own file, although constants of neighbouring modules are compiled in. In this
cache, a data file is named after its contents, has a checksum and is written before its index
entry, and an edit to any file in the kernel's folder invalidates it.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import io
import pickle
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
from numba import config
from numba.core import environment
from numba.core.caching import (
    CompileResultCacheImpl,
    FunctionCache,
    IndexDataCacheFile,
    NullCache,
    UserProvidedCacheLocator,
)
from numba.core.runtime import rtsys

from kmq.errors import warn
from kmq.jit.obstacles import COMPILING_BYTES, LOADING_BYTES, require_memory
from kmq.jit.trust import is_trusted, keep_others_out, source_stamp

_CHECKSUM_BYTES = 4

on_compile: list[Callable[[], None]] = []
"""Called before a kernel is compiled because it is not in the cache."""


class _ReadableFolder(UserProvidedCacheLocator):  # type: ignore[misc]  # numba is untyped
    """The folder of NUMBA_CACHE_DIR, even if it is read-only because others filled it.

    This is the case in a container that root has built and another user runs; numba itself
    skips folders that it cannot write to.
    """

    def ensure_cache_path(self) -> None:
        try:
            super().ensure_cache_path()
        except OSError:
            if not Path(self.get_cache_path()).is_dir():
                raise


class _Places(CompileResultCacheImpl):  # type: ignore[misc]  # numba is untyped
    _locator_classes = (_ReadableFolder, *CompileResultCacheImpl._locator_classes[1:])

    def rebuild(self, target_context: Any, payload: Any) -> Any:
        """Restore compiled code, but parse its bitcode only if another kernel inlines it.

        To restore machine code, numba only needs the names in the bitcode, so a module that
        only declares them is parsed instead. This saves a fifth of a run.
        """
        (name, kind, code), *others = payload
        if kind != "object":
            return super().rebuild(target_context, payload)
        machine_code, bitcode = code
        described = others[0]
        names = described.llvm_func_name, described.llvm_cpython_wrapper_name, described.env_name
        declared = "\n".join(f'@"{each}" = global i8 0' for each in names)
        stand_in = llvm.parse_assembly(declared).as_bitcode()
        made = super().rebuild(target_context, ((name, kind, (machine_code, stand_in)), *others))
        made.library._get_module_for_linking = functools.lru_cache(
            functools.partial(llvm.parse_bitcode, bitcode)
        )
        return made


_SETTINGS = ("OPT", "BOUNDSCHECK", "DEBUGINFO_DEFAULT", "LOOP_VECTORIZE", "SLP_VECTORIZE")
"""The numba settings that affect the generated code."""


class _Warned:
    """Whether the warning that compiled code is not kept has been issued."""

    already = False


def warn_once(message: str) -> None:
    """Warn that compiled code is not kept, the first time."""
    if not _Warned.already:
        _Warned.already = True
        warn(f"{message}; set NUMBA_CACHE_DIR to a folder of your own to compile only once")


def _begin_compiling() -> None:
    require_memory(COMPILING_BYTES)
    for listener in on_compile:
        listener()


class NothingKept(NullCache):  # type: ignore[misc]  # numba is untyped
    """The cache of a kernel without a folder; warns when the kernel has to be compiled."""

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def load_overload(self, sig: Any, target_context: Any) -> None:
        """Warn that the kernel is compiled, and return None."""
        _begin_compiling()
        warn_once(f"compiled code cannot be kept ({self.reason})")


class ForgivingCache(FunctionCache):  # type: ignore[misc]  # numba is untyped
    """The cache of one kernel, in the first folder that numba would choose.

    Raises
    ------
    RuntimeError
        On creation, if there is neither such a folder nor one that can be written to, if others
        can write to it, or if the kernel's sources are unknown.
    """

    _impl_class = _Places
    _cache_file: Any

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        stamp = source_stamp(Path(inspect.getfile(function)).parent)
        folder = Path(self.cache_path)
        keep_others_out(folder)
        if not is_trusted(folder):
            raise RuntimeError(f"others can write to {folder}, which may hold any code")
        self._cache_file = _Files(self.cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled code, or None if it has to be compiled.

        numba's own method first loads everything that compiling may need, including SciPy if
        installed, which takes longer than encoding a picture. Compiled code only calls numba's
        memory manager; if there is no compiled code, compiling loads the rest.
        """
        require_memory(LOADING_BYTES)
        try:
            rtsys.initialize(target_context)
            with self._guard_against_spurious_io_errors():
                found = self._load_overload(sig, target_context)
        except Exception:  # unpickling damaged bytes raises nearly anything
            found = None
            self._forget()
        if found is None:
            _begin_compiling()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save compiled code; if that fails, warn the first time."""
        try:
            super().save_overload(sig, data)
        except Exception as error:  # full disk, vanished folder, lost permission
            warn_once(f"compiled code cannot be kept in {self.cache_path} ({error})")

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        settings = tuple(str(getattr(config, name)) for name in _SETTINGS)
        return (*super()._index_key(sig, codegen), settings)

    def _forget(self) -> None:
        """Empty the index, so that new entries are not added to a damaged one."""
        try:
            self.flush()
        except OSError:
            self.disable()


class _Files(IndexDataCacheFile):  # type: ignore[misc]  # numba is untyped
    """An index, and data files that cannot be confused with one another."""

    def save(self, key: Any, data: Any) -> None:
        """Write the data file, then add its name to the index."""
        name = self._data_name(self._number_for(key))
        self._save_data(name, data)
        self._save_index(self._load_index() | {key: name})

    def _number_for(self, key: Any) -> int:
        """Return a number that identifies this version of the source, signature and CPU."""
        identity = repr((self._version, self._source_stamp, key)).encode()
        return int.from_bytes(hashlib.sha256(identity).digest()[:8], "big")

    def _load_index(self) -> Any:
        _require_trusted(self._index_path)
        return super()._load_index()

    @contextlib.contextmanager
    def _open_for_write(self, filepath: str) -> Iterator[Any]:
        with super()._open_for_write(filepath) as file:
            keep_others_out(Path(file.name))
            yield file

    def _save_data(self, name: str, data: Any) -> None:
        pickled = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(pickled + _checksum(pickled))

    def _load_data(self, name: str) -> Any:
        _require_trusted(self._data_path(name))
        stored = Path(self._data_path(name)).read_bytes()
        pickled = stored[:-_CHECKSUM_BYTES]
        if stored[-_CHECKSUM_BYTES:] != _checksum(pickled):
            raise ValueError(f"{name} is damaged")
        return _Unpickler(io.BytesIO(pickled)).load()


class _Unpickler(pickle.Unpickler):
    """Restores compiled code without importing the modules of numba that were inlined into it."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == (environment.__name__, "_rebuild_env"):
            return _restored_environment
        return super().find_class(module, name)


def _restored_environment(module: str, constants: Any, name: str) -> Any:
    """Do what numba's `_rebuild_env` does, but do not import the module.

    Compiled code does not look up the module's globals, because it runs without the
    interpreter.
    """
    found = environment.lookup_environment(name)
    if found is None:
        namespace = vars(sys.modules[module]) if module in sys.modules else {"__name__": module}
        found = environment.Environment(namespace)
        found.consts[:] = constants
        found.env_name = name
        environment.Environment._memo[name] = found
    return found


def _require_trusted(name: str) -> None:
    path = Path(name)
    if path.exists() and not is_trusted(path):
        raise PermissionError(f"others can write to {name}")


def _checksum(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(_CHECKSUM_BYTES, "little")
