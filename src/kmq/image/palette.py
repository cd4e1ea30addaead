"""`Palette`, which is never invalid: colours in index order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kmq import alpha
from kmq.errors import OptionError
from kmq.image.arrays import array_of, frozen, whole_numbers
from kmq.limits import MAX_COLORS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class Palette:
    """1 to 65,536 colours in index order; immutable and never invalid.

    Parameters
    ----------
    colors : array of shape (K, 3) or (K, 4)
        Red, green and blue in sRGB, and alpha from 0 (clear) to 255 (opaque), each from 0 to
        255 and not premultiplied. A column of alpha that is 255 throughout is dropped.
        Floats, such as the centroids of scikit-learn, are rounded to the nearest whole number,
        halves up.

    Attributes
    ----------
    colors : array of uint8, shape (K, 3), or (K, 4) if some alpha is below 255
        The colours in index order. Read-only.

    Raises
    ------
    OptionError
        The shape, the dtype or a value does not fit. Floats of at most 1 that are not all 0 are
        refused too: they would be nearly black, and were probably meant on a scale from 0 to 1.

    Examples
    --------
    >>> import kmq
    >>> palette = kmq.Palette([[0, 0, 0], [127.5, 0, 0], [255, 255, 255]])
    >>> palette.colors.tolist()
    [[0, 0, 0], [128, 0, 0], [255, 255, 255]]
    >>> len(palette), palette.is_grey
    (3, False)
    """

    __slots__ = ("colors",)
    colors: NDArray[np.uint8]

    def __init__(self, colors: ArrayLike) -> None:
        given = array_of("palette", colors)
        if given.ndim != 2 or given.shape[1] not in (3, 4) or not 1 <= len(given) <= MAX_COLORS:
            raise OptionError(
                f"palette: expected shape (K, 3) or (K, 4) with K from 1 to {MAX_COLORS:,}, "
                f"got {given.shape}"
            )
        levels = _rounded_levels(given) if given.dtype.kind == "f" else given
        checked = whole_numbers("palette", levels, 255, np.uint8)
        if checked.shape[1] == 4 and (checked[:, 3] == 255).all():
            checked = np.ascontiguousarray(checked[:, :3])
        object.__setattr__(self, "colors", frozen(checked, given))

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a Palette is immutable; cannot set {name}")

    def __len__(self) -> int:
        return len(self.colors)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Palette):
            return NotImplemented
        return np.array_equal(self.colors, other.colors)

    def __hash__(self) -> int:
        return hash((self.colors.shape, self.colors.tobytes()))

    def __repr__(self) -> str:
        return f"<Palette of {len(self)} colours>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Palette, (self.colors,)

    def _repr_html_(self) -> str:
        """Return the swatches that notebooks show, as HTML."""
        from kmq.image.notebook import palette_as_html

        return palette_as_html(self.colors)

    @property
    def has_alpha(self) -> bool:
        """Whether some entry's alpha is below 255."""
        return bool(self.colors.shape[1] == 4)

    @property
    def is_grey(self) -> bool:
        """Whether red, green and blue are equal in every entry; alpha does not matter."""
        return bool((self.colors[:, :3] == self.colors[:, :1]).all())

    def to_rgba(self) -> NDArray[np.uint8]:
        """Return the colours with their alpha, a new array of shape (K, 4) uint8."""
        return alpha.with_alpha(self.colors).copy()


def _rounded_levels(colors: NDArray[Any]) -> NDArray[np.int64]:
    """Return a palette's floats from 0 to 255 as whole numbers, halves up."""
    levels = np.floor(colors.astype(np.float64) + 0.5)
    low, high = colors.min(), colors.max()
    if not (levels.min() >= 0 and levels.max() <= 255):  # NaN included
        raise OptionError(f"palette: expected values from 0 to 255, got {low} to {high}")
    if 0 < high <= 1:
        raise OptionError(
            f"palette: floats from {low} to {high} are nearly black on the scale of 0 to 255; "
            "multiply them by 255, or pass integers if they are levels"
        )
    return levels.astype(np.int64)
