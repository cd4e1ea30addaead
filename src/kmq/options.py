"""The options of `encode` and `quantize`, checked once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

from kmq.channel_bits import ChannelBits
from kmq.choices import (
    ALPHAS,
    CODINGS,
    DEFAULT_ALPHA,
    DEFAULT_CODING,
    DEFAULT_EFFORT,
    DITHER_METHODS,
    EFFORTS,
    Alpha,
    Coding,
    DitherMethod,
    Effort,
)
from kmq.colors import Rgb, parse_color
from kmq.errors import OptionError, shown
from kmq.limits import DEFAULT_MAX_PIXELS, MAX_COLORS, whole_number
from kmq.threads import thread_count

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_COLORS = 64
RDO_OF_TARGETS = 1.0
"""The default `rdo` with a target: more colours with cheaper indices then come closer."""
MAX_SEED = (1 << 32) - 1
MAX_RDO = 4.0
RDO_UNITS = 256
"""Steps per unit to which `rdo` is rounded."""
DEFAULT_DITHER = 0.875
"""The strength that `dither=True` stands for."""
DITHER_UNITS = 256
"""Steps per unit to which `dither` is rounded."""
MAX_PSNR = 100.0
"""Decibels. Equivalent to one sample in 650 million being off by one."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `kmq.encode`, checked once and immutable.

    All parameters are keywords. `dataclasses.replace` returns a copy with other values, which are
    checked as well.

    Parameters
    ----------
    colors : int, optional
        K, the number of colours, from 1 to 65,536. By default as many as `init` has, or else 64;
        with a target (`psnr` or `max_bytes`) as many as it takes; for a palette image as many as
        it has. A palette image with at most K entries keeps its palette and its indices, unless
        `bits`, `pinned` or `sort` is given.
    psnr : float, optional
        A target: the least peak signal-to-noise ratio of the result in decibels, above 0 and at
        most 100. The result is the smallest file found that reaches it with at most `colors`
        colours; with ``rdo=0`` it is the one with the fewest colours. A palette image keeps its
        palette if it takes all its colours to reach the target. Not with `max_bytes`, `dither`,
        `init`, `pinned` or `weights`.
    max_bytes : int, optional
        A target: the largest size of the file in bytes, at least 1. The result has as many
        colours, at most `colors`, as fit into it. For a large image the number is estimated from a
        sample, so that a few more colours might fit, unless `rdo` is 0. A palette image keeps its
        palette if its file fits. Not with `psnr`, `init`, `pinned` or `weights`.
    rdo : float, optional
        How much error to accept for a smaller file, from 0 to 4 in steps of 1/256. A pixel takes a
        colour other than its nearest if that saves enough bytes: one bit is worth `rdo` times the
        mean squared error. By default 0, where each pixel takes its nearest colour, or 1 with a
        target and no `dither`. The change is hardly visible at 0.25; at 1, fine texture becomes
        flatter. The result may have fewer than `colors` colours. Images that are stored without
        error do not change.
    dither : bool or float, optional
        Strength of dithering, from 0 to 1 in steps of 1/256; True stands for 0.875. By default
        there is none. Dithering mixes the colours of neighbouring pixels so that their average
        comes closer to the image. It suits displays, GIF and PNG, where something other than the
        size limits the number of colours: files become larger. A pixel whose colour is in the
        palette keeps it, and clear pixels stay clear. Not with `psnr` or `rdo`.
    dither_method : {"diffusion", "pattern"}, optional
        How to dither; only with `dither`. "diffusion", the default, passes the error of a pixel on
        to its neighbours, and looks best. "pattern" repeats patterns of 2x2 pixels: files are
        smaller, and an edit changes nothing around it.
    effort : {"fast", "default", "best"}, default "default"
        How long to search for a palette with a lower error and, with `rdo`, for cheaper indices.
    coding : {"auto", "packed", "modelled"}, default "auto"
        How the file stores the indices. "packed" takes log2 K bits per index. "modelled" predicts
        each index with a context model, and is packed where that is not larger. "auto" takes
        whichever is smaller for each stripe; with these two codings it equals "modelled".
    seed : int, default 0
        Seed of the search, from 0 to 2^32 - 1. Another seed may find another palette.
    max_iter : int, optional
        Most iterations of Lloyd's algorithm over the distinct colours at the end of the search, at
        least 1. By default the effort decides, or 300 with `init`.
    init : array or sequence of shape (K, 3) or (K, 4), optional
        Centroids from which K-means starts, instead of searching: red, green, blue and optionally
        alpha, from 0 to 255. Lloyd's iterations over the distinct colours follow, with steps 1.6
        times as long as the way to the mean, until the error falls by less than 1/10,000. Alpha is
        ignored for an opaque image, and is 255 where it is missing. `colors` must be K or left
        out. Not with `bits`, `pinned` or a target.
    bits : {"565", "555", "444", "332"} or int, optional
        Bits per channel (red, green, blue) of the hardware that will show the image, as a string
        or a number. K-means then finds entries that this hardware can show. The palette may have
        fewer than `colors` entries. By default all colours are allowed.
    pinned : sequence of colours, default ()
        Opaque colours that the palette must contain, each a name, a hex code, or (red, green,
        blue) from 0 to 255. They become its first entries, in this order, whether used or not, and
        the others are found around them. There are at most `colors` of them, each given once;
        without `colors` the palette has at least one entry for each. Not with `init` or a target.
    sort : bool, default False
        Whether to rearrange the palette of a palette image: leave out equal and unused entries,
        and order the others so that the file is small.
    background : str or (int, int, int), optional
        Colour to put behind transparent pixels: a name, a hex code, or (red, green, blue) from 0
        to 255. By default they stay transparent. Not with ``alpha="binary"``.
    alpha : {"keep", "binary"}, default "keep"
        What to do with transparent pixels if there is no `background`: keep their alpha, or make
        pixels with alpha below 128 clear and all others opaque.
    strip : bool, default False
        Whether to leave out the metadata: resolution, EXIF, XMP and text.
    max_pixels : int, default 2^28
        Most pixels that an image may have, at least 1. A larger one is refused before its pixels
        are read. If the program has set `PIL.Image.MAX_IMAGE_PIXELS`, that limit also holds for
        files in formats other than `.kmq`.
    threads : int, optional
        Number of threads, at least 1. By default the environment variable KMQ_NUM_THREADS, or else
        all processors. The result does not depend on it.

    Raises
    ------
    OptionError
        A value is out of its range or contradicts another. The message names the option and shows
        what was given.

    Notes
    -----
    The attributes have the names of the parameters. Their values are normalised: `background` and
    each of `pinned` are (red, green, blue), `init` is a tuple of tuples of floats, `bits` a string,
    `dither` a float or None, and `threads` the number of threads.

    Examples
    --------
    >>> import kmq
    >>> options = kmq.Options(colors=16, pinned=["black"], threads=1)
    >>> options.pinned
    ((0, 0, 0),)
    >>> kmq.Options(colors=0)
    Traceback (most recent call last):
        ...
    kmq.errors.OptionError: colors: expected a whole number from 1 to 65,536, got 0
    """

    colors: int | None = None
    psnr: float | None = None
    max_bytes: int | None = None
    rdo: float | None = None
    dither: bool | float | None = None
    dither_method: DitherMethod | None = None
    effort: Effort = DEFAULT_EFFORT
    coding: Coding = DEFAULT_CODING
    seed: int = 0
    max_iter: int | None = None
    init: Sequence[Sequence[float]] | NDArray[Any] | None = None
    bits: str | int | None = None
    pinned: Sequence[str | Rgb] = ()
    sort: bool = False
    background: str | Rgb | None = None
    alpha: Alpha = DEFAULT_ALPHA
    strip: bool = False
    max_pixels: int = DEFAULT_MAX_PIXELS
    threads: int | None = None

    def __post_init__(self) -> None:
        for name, low, high in (
            ("colors", 1, MAX_COLORS),
            ("max_bytes", 1, None),
            ("seed", 0, MAX_SEED),
            ("max_iter", 1, None),
            ("max_pixels", 1, None),
        ):
            given = getattr(self, name)
            if given is not None or name in ("seed", "max_pixels"):
                object.__setattr__(self, name, whole_number(name, given, low, high))
        if self.psnr is not None:
            object.__setattr__(self, "psnr", _decibels(self.psnr))
        if self.rdo is not None:
            object.__setattr__(self, "rdo", _strength("rdo", self.rdo, MAX_RDO))
        self._check_dithering()
        if self.background is not None:
            object.__setattr__(self, "background", parse_color(self.background))
        if self.bits is not None:
            object.__setattr__(self, "bits", str(ChannelBits.of(self.bits)))
        object.__setattr__(self, "pinned", self._checked_pins())
        if self.init is not None:
            self._check_init()
        for name, choices in (("effort", EFFORTS), ("coding", CODINGS), ("alpha", ALPHAS)):
            given = getattr(self, name)
            if given not in choices:
                raise OptionError(
                    f"{name}: expected one of {', '.join(choices)}, got {shown(given)}"
                )
        if self.background is not None and self.alpha != DEFAULT_ALPHA:
            raise OptionError("alpha: a background leaves no transparency; leave one of them out")
        for name in ("sort", "strip"):
            if not isinstance(given := getattr(self, name), bool):
                raise OptionError(f"{name}: expected True or False, got {shown(given)}")
        if self.psnr is not None and self.max_bytes is not None:
            raise OptionError("max_bytes: cannot be asked for together with psnr")
        object.__setattr__(self, "threads", thread_count(self.threads))

    def _check_dithering(self) -> None:
        if self.dither is None or self.dither is False:
            object.__setattr__(self, "dither", None)
            if self.dither_method is not None:
                raise OptionError("dither_method: nothing is dithered; ask for dither too")
            return
        strength = DEFAULT_DITHER if self.dither is True else self.dither
        object.__setattr__(self, "dither", _strength("dither", strength, 1))
        if self.dither_method not in (None, *DITHER_METHODS):
            raise OptionError(
                f"dither_method: expected one of {', '.join(DITHER_METHODS)}, "
                f"got {shown(self.dither_method)}"
            )
        if self.psnr is not None:
            raise OptionError(
                "dither: cannot be asked for together with psnr, which takes each pixel by itself"
            )
        if self.rdo:
            raise OptionError(
                "dither: cannot be asked for together with rdo, which would undo it; leave one out"
            )

    def _check_init(self) -> None:
        assert self.init is not None
        object.__setattr__(self, "init", centroids := _centroids(self.init))
        if self.colors not in (None, len(centroids)):
            raise OptionError(
                f"init: {len(centroids):,} centroids for {self.colors:,} colours; "
                "give as many, or leave colors out"
            )
        object.__setattr__(self, "colors", len(centroids))
        for name in ("psnr", "max_bytes", "bits", "pinned"):
            if getattr(self, name) not in (None, ()):
                raise OptionError(f"init: cannot be asked for together with {name}")

    def _checked_pins(self) -> tuple[Rgb, ...]:
        if isinstance(self.pinned, str | bytes) or not isinstance(self.pinned, Iterable):
            raise OptionError(f"pinned: expected a list of colours, got {shown(self.pinned)}")
        pins = tuple(parse_color(each, "pinned") for each in self.pinned)
        most = MAX_COLORS if self.colors is None else self.colors
        if len(pins) > most:
            raise OptionError(f"pinned: {len(pins):,} colours are more than the {most:,} in all")
        if pins and (self.psnr is not None or self.max_bytes is not None):
            raise OptionError("pinned: cannot be asked for together with a target")
        seen: set[Rgb] = set()
        for pin in pins:
            if pin in seen:
                raise OptionError(f"pinned: {_code(pin)} is given twice")
            seen.add(pin)
            if self.channel_bits is not None and not self.channel_bits.shows(pin):
                raise OptionError(
                    f"pinned: {self.bits} bits do not show {_code(pin)}; the nearest that they "
                    f"show is {_code(self.channel_bits.nearest(pin))}"
                )
        return pins

    @property
    def channel_bits(self) -> ChannelBits | None:
        """`bits` as numbers of red, green and blue bits; None allows all colours."""
        return None if self.bits is None else ChannelBits.of(self.bits)

    @property
    def is_constrained(self) -> bool:
        """Whether `bits` or `pinned` restrict the palette."""
        return self.bits is not None or len(self.pinned) > 0

    @property
    def exact_colors(self) -> int:
        """K without a target."""
        return max(DEFAULT_COLORS, len(self.pinned)) if self.colors is None else self.colors

    @property
    def most_colors(self) -> int:
        """The upper bound of K with a target."""
        return MAX_COLORS if self.colors is None else self.colors

    @property
    def rdo_strength(self) -> int:
        """`rdo`, or its default, in steps of 1 / `RDO_UNITS`."""
        given = self.rdo
        if given is None:
            has_target = self.psnr is not None or self.max_bytes is not None
            given = RDO_OF_TARGETS if has_target and self.dither is None else 0
        return math.floor(given * RDO_UNITS + 0.5)

    @property
    def dither_strength(self) -> int:
        """`dither` in steps of 1 / `DITHER_UNITS`, or 0 for no dithering."""
        return math.floor((self.dither or 0) * DITHER_UNITS + 0.5)

    def with_threads(self, threads: int) -> Options:
        """Return the same options with another number of threads."""
        return replace(self, threads=threads)

    @property
    def workers(self) -> int:
        """The number of threads."""
        assert self.threads is not None
        return self.threads


def _centroids(given: Any) -> tuple[tuple[float, ...], ...]:
    """Return `init`, an array or a list, as tuples."""
    rows = given.tolist() if hasattr(given, "tolist") else given  # Python's numbers of NumPy's
    try:
        centroids = tuple(tuple(row) for row in rows)
    except TypeError:
        centroids = ()
    if not 1 <= len(centroids) <= MAX_COLORS or {len(row) for row in centroids} not in ({3}, {4}):
        raise OptionError(
            f"init: expected 1 to {MAX_COLORS:,} centroids of red, green, blue, and alpha or not"
        )
    for row in centroids:
        for number in row:
            # Up to half a step outside, like `Palette`: means of 255 may come to 255 + 1e-13.
            if not _is_number(number) or not -0.5 <= number < 255.5:
                raise OptionError(f"init: expected numbers from 0 to 255, got {shown(number)}")
    return tuple(tuple(map(float, row)) for row in centroids)


def _code(color: Rgb) -> str:
    return f"#{bytes(color).hex()}"


def _is_number(given: object) -> bool:
    return isinstance(given, Real) and not isinstance(given, bool)


def _strength(name: str, given: object, most: float) -> float:
    if not _is_number(given) or not 0 <= given <= most:  # type: ignore[operator]  # a number
        raise OptionError(f"{name}: expected a number from 0 to {most:g}, got {shown(given)}")
    return float(given)  # type: ignore[arg-type]  # it is a number


def _decibels(given: object) -> float:
    if not _is_number(given) or not 0 < given <= MAX_PSNR:  # type: ignore[operator]  # a number
        raise OptionError(
            f"psnr: expected decibels above 0 and at most {MAX_PSNR:g}, got {shown(given)}"
        )
    return float(given)  # type: ignore[arg-type]  # it is a number
