"""What a kernel takes and returns: read from numba at the build, written to the table in C."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

ARRAY_WORDS = 5
"""Words of numba's array structure before the shape and the strides."""


@dataclass(frozen=True)
class Field:
    """A number, or an array, that a kernel takes or returns; see kernels.h."""

    kind: str
    size: int
    dimensions: int = -1
    layout: str = "C"
    writable: bool = False

    @property
    def words(self) -> int:
        """How many 8-byte words it takes at most."""
        return 1 if self.dimensions < 0 else ARRAY_WORDS + 2 * self.dimensions


@dataclass(frozen=True)
class Version:
    """What numba compiled of a kernel for one combination of types."""

    kernel: str
    arguments: tuple[Field, ...]
    results: tuple[Field, ...]
    returns_tuple: bool


@dataclass(frozen=True)
class Contents:
    """All that the module holds, for one level: the same for each."""

    versions: list[Version]
    folders: list[str]
    stamp: str

    @classmethod
    def from_json(cls, text: str) -> Contents:
        """Read what `to_json` wrote."""
        read = json.loads(text)
        versions = []
        for version in read["versions"]:
            for name in ("arguments", "results"):
                version[name] = tuple(Field(**field) for field in version[name])
            versions.append(Version(**version))
        return cls(versions, read["folders"], read["stamp"])

    def to_json(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self), indent=1)


def entry_prefix(level: str) -> str:
    """Return what the names of a level's entries begin with; the number of the version follows."""
    return f"kmq_{level.replace('-', '_')}"
