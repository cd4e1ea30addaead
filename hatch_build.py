"""Builds wheels with compiled kernels if possible, and otherwise says why not.

Three kinds of distributions come from one pyproject.toml:

- a wheel for this platform, which contains compiled kernels and does not need numba;
- a pure Python wheel, for which numba compiles the kernels when kmq runs;
- an editable installation and the source distribution, which need numba like the pure wheel.

So `dependencies` is a dynamic field. pyproject.toml lists the common dependencies in the table
of the metadata hook, and this module adds numba, the optional dependency of that name.
Installers may request the metadata before they build. Then numba is listed unless a platform
wheel can be expected.
"""

from __future__ import annotations

import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from hatchling.metadata.plugin.interface import MetadataHookInterface

sys.path.insert(0, str(Path(__file__).parent))
from kernels.extension import MODULE, CannotBuildError, build, obstacle

STABLE_ABI = "cp311-abi3"


class Dependencies(MetadataHookInterface):
    """The common dependencies, and numba unless kernels can be compiled."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set the dependencies."""
        metadata["dependencies"] = list(self.config["dependencies"])
        if obstacle() is not None:
            metadata["dependencies"] += metadata["optional-dependencies"]["numba"]


class CompiledKernels(BuildHookInterface):  # type: ignore[type-arg]  # of any builder
    """Adds the extension module to a wheel, or otherwise numba to its dependencies."""

    def dependencies(self) -> list[str]:
        """Return the build dependencies; compiling kernels includes running them."""
        if self.target_name != "wheel" or obstacle() is not None:
            return []
        return [*self.metadata.core.dependencies, *self._numba()]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the module before the wheel is assembled."""
        if self.target_name == "wheel" and version != "editable":
            try:
                self._include_module(build_data)
            except CannotBuildError as error:
                self.app.display_warning(
                    f"kmq: this wheel has no compiled kernels: {error}. Numba will compile them "
                    "when kmq first runs, which takes half a minute once."
                )
            else:
                return
        missing = set(self._numba()) - set(self.metadata.core.dependencies)
        build_data["dependencies"] += sorted(missing)

    def _include_module(self, build_data: dict[str, Any]) -> None:
        reason = obstacle()
        if reason is not None:
            raise CannotBuildError(reason)
        self.app.display_waiting("kmq: compiling kernels for this platform; this takes a minute")
        self.folder = tempfile.TemporaryDirectory()
        module = build(Path(self.folder.name))
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data["pure_python"] = False
        build_data["tag"] = f"{STABLE_ABI}-{platform}"
        build_data["force_include"][str(module)] = f"kmq/{MODULE}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove the files that the build left."""
        if hasattr(self, "folder"):
            self.folder.cleanup()

    def _numba(self) -> list[str]:
        return list(self.metadata.core.optional_dependencies["numba"])
