"""Build kmq._kernels, the extension module that contains compiled kernels.

    python -m kernels.extension FOLDER

See docs/compiled-kernels.md. hatch_build.py calls `build`.
"""

from __future__ import annotations

import os
import platform
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from kernels.signature import Contents
from kernels.table import table

HERE = Path(__file__).parent
ROOT = HERE.parent
SOURCES = ("module.c", "memory.c", "processor.c")
MODULE = "_kernels.abi3.so"

LEVELS = {
    "x86_64": {"x86-64-v4": "x86-64-v4", "x86-64-v3": "x86-64-v3", "x86-64-v2": "x86-64-v2"},
    "aarch64": {"arm64": "generic"},
}
"""The levels of each machine, best first, with LLVM's name of the processor."""

ALLOWED = {
    "NRT_MemInfo_alloc_aligned",
    "NRT_incref",
    "NRT_decref",
    "numba_attempt_nocopy_reshape",
    "memcpy",
    "memmove",
    "memset",
    "_GLOBAL_OFFSET_TABLE_",
}
"""The symbols that compiled kernels may use: memory.c, the C library or the linker provides them.
Other parts of numba would be missing, and functions like `pow` may round differently elsewhere."""


class CannotBuildError(Exception):
    """The module cannot be built here, for the reason stated in one line."""


def obstacle() -> str | None:
    """Return why no module can be built here, or None if no reason is known."""
    if os.environ.get("KMQ_PREBUILT") == "0":
        return "KMQ_PREBUILT is 0"
    if sys.platform != "linux" or platform.machine() not in LEVELS:
        return f"they are compiled for Linux on {' and '.join(LEVELS)} only"
    if sys.implementation.name != "cpython" or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return "the module is for CPython with its global interpreter lock"
    if shutil.which(compiler()[0]) is None:
        return f"there is no C compiler ({compiler()[0]})"
    if not (Path(sysconfig.get_paths()["include"]) / "Python.h").is_file():
        return "Python's C headers are not installed"
    return None


def compiler() -> list[str]:
    """Return the command of the C compiler: CC if set, otherwise cc."""
    return shlex.split(os.environ.get("CC", "")) or ["cc"]


def build(folder: Path) -> Path:
    """Build the module into a folder and return its path.

    Raises
    ------
    CannotBuildError
        If there is no compiler, it fails, or a kernel needs a symbol that the module lacks.
    """
    reason = obstacle()
    if reason is not None:
        raise CannotBuildError(reason)
    folder.mkdir(parents=True, exist_ok=True)
    levels = LEVELS[platform.machine()]
    with ThreadPoolExecutor(min(len(levels), os.cpu_count() or 1)) as pool:
        for _ in pool.map(lambda level: compile_level(level, levels[level], folder), levels):
            pass
    for level in levels:
        check_symbols(folder / f"{level}.o")
    return link(folder, list(levels))


def compile_level(level: str, processor: str, folder: Path) -> None:
    """Compile the kernels for a level, in a process without other numba settings."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")
    }
    # A fixed hash seed, so that the same sources make the same module.
    environment |= {
        "NUMBA_CPU_NAME": processor,
        "NUMBA_CPU_FEATURES": "",
        "KMQ_KERNELS": "numba",
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src"), *filter(None, sys.path)]),
        "PYTHONHASHSEED": "0",
    }
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "kernels.level", level, folder]
        run(command, environment | {"NUMBA_CACHE_DIR": cache})


def check_symbols(code: Path) -> None:
    """Raise `CannotBuildError` if object code uses a symbol that is not allowed."""
    listed = run(["nm", "--undefined-only", "--format=just-symbols", code])
    foreign = set(listed.split()) - ALLOWED
    if foreign:
        raise CannotBuildError(f"kernels need {', '.join(sorted(foreign))}, which is not there")


def link(folder: Path, levels: list[str]) -> Path:
    """Link the object code of the levels in the folder with the C sources."""
    described = {(folder / f"{level}.json").read_text() for level in levels}
    if len(described) != 1:
        raise CannotBuildError("the levels' kernels differ in their types")
    (folder / "table.c").write_text(table(Contents.from_json(described.pop()), levels))
    output = folder / MODULE
    flags = ["-std=c11", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", "-Wl,--strip-all"]
    include = [f"-I{HERE}", f"-I{sysconfig.get_paths()['include']}"]
    sources = [HERE / name for name in SOURCES]
    objects = [folder / f"{level}.o" for level in levels]
    run([*compiler(), *flags, *include, "-o", output, folder / "table.c", *sources, *objects])
    return output


def run(command: list[object], environment: dict[str, str] | None = None) -> str:
    """Run a command and return its output; on failure, the last line becomes the reason."""
    shown = Path(str(command[0])).name
    try:
        done = subprocess.run(
            list(map(str, command)), capture_output=True, text=True, env=environment
        )
    except OSError as error:
        raise CannotBuildError(f"{shown}: {error}") from error
    if done.returncode != 0:
        *_, last = ["no message", *done.stderr.strip().splitlines()]
        raise CannotBuildError(f"{shown} failed: {last}")
    return done.stdout


if __name__ == "__main__":
    try:
        print(build(Path(sys.argv[1])))
    except CannotBuildError as error:
        sys.exit(f"kmq: kernels are not compiled: {error}")
