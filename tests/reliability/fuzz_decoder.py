"""Fuzz the decoder for as long as one likes: `make fuzz`, which needs the extra `fuzz`.

Arguments are libFuzzer's: a folder for inputs that reach new paths, then the seeds.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent.parent))

with atheris.instrument_imports(include=["kmq"]):
    from reliability.decoding import outcome

from reliability.mutations import mended, with_other_stripes


def try_one(data: bytes) -> None:
    """Raise if the decoder does something that is not allowed."""
    outcome(data)
    outcome(mended(data))


def mutated(data: bytes, max_size: int, seed: int) -> bytes:
    """Change some bytes, or the stripes of a file whose head stays valid."""
    chance = random.Random(seed)
    if chance.random() < 0.5:
        return with_other_stripes(data, chance, [data])[:max_size]
    return atheris.Mutate(data, max_size)


if __name__ == "__main__":
    atheris.Setup(sys.argv, try_one, custom_mutator=mutated)
    atheris.Fuzz()
