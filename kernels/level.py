"""Compile every kernel of kmq for one processor level.

    python -m kernels.level LEVEL FOLDER

Writes LEVEL.o, the object code, and LEVEL.json, its contents, into the folder. Numba reads the
processor from the environment when it is imported, so `kernels.extension` starts one process
per level.
"""

from __future__ import annotations

import importlib
import pkgutil
import sys
from pathlib import Path
from typing import Any

import numba

import kmq
from kernels.objects import object_code, versions_of
from kernels.signature import Contents, entry_prefix
from kmq import jit, prebuilt, warming


def compile_level(level: str, folder: Path) -> None:
    """Compile with numba for the processor named in the environment."""
    import_kernels()
    warming.run_kernels()
    kernels = [
        (dispatcher, versions_of(dispatcher, name_of(dispatcher)))
        for dispatcher in sorted(jit.kernels, key=name_of)
    ]
    write_level(kernels, level, folder)


def write_level(kernels: list[Any], level: str, folder: Path) -> None:
    """Write the object code of dispatchers, each given with the result of `versions_of`."""
    code = object_code(kernels, numba.config.CPU_NAME or "", entry_prefix(level))
    (folder / f"{level}.o").write_bytes(code)
    versions = [version for _, listed in kernels for version, _ in listed]
    folders = sorted({"/".join(version.kernel.split(".")[:-2]) for version in versions})
    contents = Contents(versions, folders, prebuilt.source_stamp(folders) or "")
    (folder / f"{level}.json").write_text(contents.to_json())


def import_kernels() -> None:
    """Import every module of kmq that defines a kernel, so that `jit.kernels` is complete."""
    for module in pkgutil.walk_packages(kmq.__path__, "kmq."):
        spec = module.module_finder.find_spec(module.name, None)
        assert spec is not None
        assert spec.origin is not None
        if "kernel\ndef " in Path(spec.origin).read_text():
            importlib.import_module(module.name)


def name_of(dispatcher: Any) -> str:
    """Return the name by which `kmq.prebuilt` finds a kernel."""
    return prebuilt.kernel_name(dispatcher.py_func)


if __name__ == "__main__":
    compile_level(sys.argv[1], Path(sys.argv[2]))
