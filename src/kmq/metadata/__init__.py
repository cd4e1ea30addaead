"""The metadata of a picture: resolution, EXIF, XMP, text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational

from kmq.errors import OptionError, shown

MAX_RESOLUTION_PART = (1 << 32) - 1
"""The largest numerator or denominator of a resolution."""
MAX_KEYWORD_BYTES = 255
MAX_TEXTS = 1024
"""The most texts of one picture."""


@dataclass(frozen=True, kw_only=True)
class Metadata:
    """Resolution, EXIF, XMP and text of a picture; immutable and never invalid.

    Empty metadata is false: ``if image.metadata: ...``.

    Parameters
    ----------
    resolution : (number, number), optional
        Pixels per inch across and down, kept as two positive fractions whose numerators and
        denominators are below 2^32. A float is rounded to the nearest fraction with a
        denominator of at most 10,000, which recovers every resolution that a PNG can store.
    exif : bytes, default b""
        The TIFF structure of an EXIF block, without the ``Exif`` prefix that JPEG puts in
        front of it. When kmq reads a picture it turns it upright, and sets the orientation in
        this block to 1.
    xmp : bytes, default b""
        An XMP packet in UTF-8.
    text : sequence of (str, str), default ()
        (keyword, text) pairs in the file's order, at most 1,024. A keyword has 1 to 255 bytes
        of UTF-8 and no NUL.

    Raises
    ------
    OptionError
        A value does not fit. The message names the argument.

    Examples
    --------
    >>> import kmq
    >>> metadata = kmq.Metadata(resolution=(300, 300), text=[("Title", "Map of the harbour")])
    >>> dict(metadata.text)["Title"]
    'Map of the harbour'
    >>> image = kmq.IndexedImage([[0, 0, 0]], [[0]]).with_metadata(metadata)
    >>> kmq.load(kmq.encode(image)).metadata == metadata
    True
    """

    resolution: tuple[Fraction, Fraction] | None = None
    exif: bytes = b""
    xmp: bytes = b""
    text: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if self.resolution is not None:
            object.__setattr__(self, "resolution", _resolution(self.resolution))
        for name in ("exif", "xmp"):
            given = getattr(self, name)
            if not isinstance(given, bytes):
                raise OptionError(f"{name}: expected bytes, got {type(given).__name__}")
        object.__setattr__(self, "text", _text(self.text))

    def __bool__(self) -> bool:
        return self != NOTHING


def _resolution(given: object) -> tuple[Fraction, Fraction]:
    if not isinstance(given, Iterable) or isinstance(given, str | bytes):
        raise OptionError(f"resolution: expected pixels per inch (x, y), got {shown(given)}")
    parts = tuple(_pixels_per_inch(part) for part in given)
    if len(parts) != 2:
        raise OptionError(f"resolution: expected pixels per inch (x, y), got {shown(given)}")
    return parts[0], parts[1]


def _pixels_per_inch(given: object) -> Fraction:
    try:
        if isinstance(given, Rational):
            exact = Fraction(int(given.numerator), int(given.denominator))
        else:
            exact = Fraction(float(given)).limit_denominator(10_000)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, ZeroDivisionError):
        exact = Fraction(0)
    if not 0 < max(exact.numerator, exact.denominator) <= MAX_RESOLUTION_PART or exact <= 0:
        raise OptionError(f"resolution: expected positive numbers below 2^32, got {shown(given)}")
    return exact


def _text(given: object) -> tuple[tuple[str, str], ...]:
    if isinstance(given, str | bytes) or not isinstance(given, Iterable):
        raise OptionError(f"text: expected (keyword, text) pairs, got {shown(given)}")
    pairs = []
    for pair in given:
        if not isinstance(pair, Iterable) or isinstance(pair, str | bytes):
            raise OptionError(f"text: expected (keyword, text) pairs, got {shown(pair)}")
        parts = tuple(pair)
        if len(parts) != 2 or not all(isinstance(part, str) for part in parts):
            raise OptionError(f"text: expected (keyword, text) pairs, got {shown(pair)}")
        keyword, text = parts
        try:
            size = len(keyword.encode())
            text.encode()
        except UnicodeEncodeError as error:
            raise OptionError(f"text: {shown(keyword)}: not valid Unicode: {error}") from error
        if not 1 <= size <= MAX_KEYWORD_BYTES or "\0" in keyword:
            raise OptionError(
                f"text: expected a keyword of 1 to {MAX_KEYWORD_BYTES} bytes without NUL, "
                f"got {shown(keyword)}"
            )
        pairs.append((keyword, text))
    if len(pairs) > MAX_TEXTS:
        raise OptionError(f"text: expected at most {MAX_TEXTS:,} pairs, got {len(pairs):,}")
    return tuple(pairs)


NOTHING = Metadata()
"""Empty metadata."""
