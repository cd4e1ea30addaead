"""A kernel's arguments and results: read from numba at build time, written to the C table."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

ARRAY_WORDS = 5
"""Words of numba's array structure before the shape and the strides."""


@dataclass(frozen=True)
class Field:
    """A number or an array that a kernel takes or returns; see kernels.h."""

    kind: str
    size: int
    dimensions: int = -1
    layout: str = "C"
    writable: bool = False

    @property
    def words(self) -> int:
        """The most 8-byte words that it takes."""
        return 1 if self.dimensions < 0 else ARRAY_WORDS + 2 * self.dimensions


@dataclass(frozen=True)
class Version:
    """The version of a kernel that numba compiled for one combination of types."""

    kernel: str
    arguments: tuple[Field, ...]
    results: tuple[Field, ...]
    returns_tuple: bool


@dataclass(frozen=True)
class Contents:
    """The contents of the module for one level, which are the same for each level."""

    versions: list[Version]
    folders: list[str]
    stamp: str

    @classmethod
    def from_json(cls, text: str) -> Contents:
        """Return the contents from the result of `to_json`."""
        read = json.loads(text)
        versions = []
        for version in read["versions"]:
            for name in ("arguments", "results"):
                version[name] = tuple(Field(**field) for field in version[name])
            versions.append(Version(**version))
        return cls(versions, read["folders"], read["stamp"])

    def to_json(self) -> str:
        """Return the contents as JSON."""
        return json.dumps(asdict(self), indent=1)


def entry_prefix(level: str) -> str:
    """Return the prefix of a level's entry names; the number of the version follows it."""
    return f"kmq_{level.replace('-', '_')}"
