"""Options that are one of a few words: types for editors and checkers, tuples for programs."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

Effort: TypeAlias = Literal["fast", "default", "best"]
"""How long to search for a palette."""
Coding: TypeAlias = Literal["auto", "packed", "modelled"]
"""How a `.kmq` file stores its indices."""
Alpha: TypeAlias = Literal["keep", "binary"]
"""What happens to transparent pixels."""
DitherMethod: TypeAlias = Literal["diffusion", "pattern"]
"""How neighbouring pixels mix the colours of a palette."""

EFFORTS: tuple[Effort, ...] = get_args(Effort)
CODINGS: tuple[Coding, ...] = get_args(Coding)
ALPHAS: tuple[Alpha, ...] = get_args(Alpha)
DITHER_METHODS: tuple[DitherMethod, ...] = get_args(DitherMethod)

DEFAULT_EFFORT: Effort = "default"
DEFAULT_CODING: Coding = "auto"
DEFAULT_ALPHA: Alpha = "keep"
DEFAULT_DITHER_METHOD: DitherMethod = "diffusion"
