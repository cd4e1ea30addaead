"""A module of example kernels, compiled as those of kmq are."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def module_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension module, of one level."""
    pytest.importorskip("numba", reason="compiles kernels")
    from kernels.extension import LEVELS, check_symbols, link, obstacle
    from kernels.level import write_level
    from kernels.objects import versions_of
    from prebuilt.examples import KERNELS, run_all

    reason = obstacle()
    if reason is not None:
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("kernels")
    level = list(LEVELS[platform.machine()])[-1]
    run_all()
    write_level([(each, versions_of(each, each.__name__)) for each in KERNELS], level, folder)
    check_symbols(folder / f"{level}.o")
    return link(folder, [level])


@pytest.fixture(scope="session")
def kernels(module_path: Path) -> dict[str, Callable[..., Any]]:
    """The example kernels, by name."""
    loader = ExtensionFileLoader("_kernels", str(module_path))
    spec = spec_from_file_location("_kernels", module_path, loader=loader)
    assert spec is not None
    module = module_from_spec(spec)
    loader.exec_module(module)
    [level] = module.levels
    assert module.runs(level)
    found: dict[str, Callable[..., Any]] = module.load(level)
    return found
