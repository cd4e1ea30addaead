"""What a caller can ask of `encode` and `quantize`, checked once."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import TYPE_CHECKING, Any

from kmq.channel_bits import ChannelBits
from kmq.colors import Rgb, parse_color
from kmq.errors import OptionError, shown
from kmq.limits import DEFAULT_MAX_PIXELS, MAX_COLORS, whole_number
from kmq.threads import thread_count

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEFAULT_COLORS = 64
RDO_OF_TARGETS = 1.0
"""`rdo` where there is a target: more colours with cheaper indices then come closer."""
DEFAULT_EFFORT = "default"
EFFORTS = ("fast", "default", "best")
DEFAULT_CODING = "auto"
CODINGS = ("auto", "packed", "modelled")
DEFAULT_ALPHA = "keep"
ALPHAS = ("keep", "binary")
MAX_SEED = (1 << 32) - 1
MAX_RDO = 4.0
RDO_UNITS = 256
"""An `rdo` of 1, in the whole numbers that it is rounded to."""
DEFAULT_DITHER = 0.875
"""What `dither=True` asks for."""
DITHER_UNITS = 256
"""A `dither` of 1, in the whole numbers that it is rounded to."""
DITHER_METHODS = ("diffusion", "pattern")
MAX_PSNR = 100.0
"""Decibels. Equivalent to one sample in 650 million being off by one."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options of `kmq.encode`; what has been made is valid.

    Attributes
    ----------
    colors
        K, 1 to 65,536. None stands for 64, for all colours of a palette image, or for no
        bound where there is a target. A palette image with at most K entries keeps its
        palette and its indices, but not with `bits` or `pinned`.
    psnr
        A target: the smallest file found that reaches this PSNR, in decibels, above
        0, at most 100, with at most `colors`. Where `rdo` is 0, that is the one of fewest
        colours. A palette image is kept if that takes them all.
    max_bytes
        A target: the most colours, at most `colors`, whose whole file has at most this
        many bytes; of a large image nearly the most, unless `rdo` is 0. A palette image is kept
        if its file has.
    rdo
        0 to 4, in steps of 1/256: take a colour that is not the nearest where that saves
        enough bytes; one bit is worth this many times the mean squared error. 0 gives each
        pixel its nearest colour. None stands for 0, or for 1 where there is a target and no
        `dither`. With
        0.25 hardly anyone sees a difference. At 1 fine texture gets flatter. There may be
        fewer than `colors` in the end. Exact images, and palette images that are kept, stay
        as they are.
    dither
        0 to 1, in steps of 1/256, or True for 0.875: mix the colours of neighbouring pixels so
        that together they come closer to the picture, by this share of what each pixel's
        colour lacks. 0 changes nothing, and neither does False or None. It is for displays,
        GIF and PNG, where something else limits the colours: files get larger, and in a
        `.kmq` file more colours look better for the same bytes. Pixels whose colour is in the
        palette keep it; clear ones stay clear. Not with `psnr` or `rdo`, which measure each
        pixel by itself.
    dither_method
        "diffusion", to neighbouring pixels, looks best. "pattern" repeats 2x2 pixels: files
        are smaller, and an edit changes nothing around it. None stands for "diffusion".
    effort
        How long to search for a palette of lower error, and for cheaper indices: "fast",
        "default" or "best".
    coding
        How the file keeps the indices. "auto": for each stripe, what is smaller;
        "packed": log2 K bits an index; "modelled": as a context model predicts them,
        but packed where that is no larger. With two codings, "auto" does the same.
    seed
        0 to 2^32 - 1; another seed starts the search elsewhere.
    max_iter
        The most iterations over the distinct colours that end the search, at least 1;
        None for what the effort sets.
    init
        (K, 3) or (K, 4) numbers from 0 to 255: red, green, blue and alpha of the centroids that
        K-means starts from, instead of searching; kept as tuples of floats. Lloyd's iterations
        over the distinct colours follow, with steps of 1.6 times the way, at most `max_iter`
        or 300, until the error falls by less than 1/10,000. Where a picture is opaque, alpha
        is left out; without alpha, it is 255. `colors` is K; another number is an error. Not
        with `bits`, `pinned` or a target.
    bits
        "565", "555", "444" or "332", as a string or a number: entries that hardware with
        these bits of red, green and blue can show, found by K-means under that constraint.
        There may be fewer than `colors`, where no further entry comes closer. None allows
        all colours.
    pinned
        Opaque colours, each a name, a hex code or (red, green, blue), which is what is kept.
        They are the first entries of the palette, in this order, used or not, and the others
        are found around them. At most `colors` of them; where that is None, there are at
        least as many entries as pins. Not with a target.
    sort
        Do not keep the palette of an image that has one: leave out equal and unused
        entries, and order the others so that the file is small.
    background
        Colour laid behind transparent pixels: a name, a hex code, or (red, green, blue),
        which is what is kept. None keeps the transparency.
    alpha
        What becomes of transparent pixels where there is no background: "keep", or
        "binary", which makes those of alpha below 128 clear and all others opaque.
    strip
        Leave out the metadata (resolution, EXIF, XMP, text), which are kept otherwise.
    max_pixels
        Larger images are refused, before their pixels are read. If the program has set
        `PIL.Image.MAX_IMAGE_PIXELS`, that limit holds for ordinary image files too.
    threads
        At least 1; None for the environment's KMQ_NUM_THREADS or all processors. The
        result does not depend on it.

    Raises
    ------
    OptionError
        If a value is out of its range, naming it with what was given.
    """

    colors: int | None = None
    psnr: float | None = None
    max_bytes: int | None = None
    rdo: float | None = None
    dither: bool | float | None = None
    dither_method: str | None = None
    effort: str = DEFAULT_EFFORT
    coding: str = DEFAULT_CODING
    seed: int = 0
    max_iter: int | None = None
    init: Sequence[Sequence[float]] | NDArray[Any] | None = None
    bits: str | int | None = None
    pinned: Sequence[str | Rgb] = ()
    sort: bool = False
    background: str | Rgb | None = None
    alpha: str = DEFAULT_ALPHA
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
        """`bits`, of each channel."""
        return None if self.bits is None else ChannelBits.of(self.bits)

    @property
    def is_constrained(self) -> bool:
        """Whether not every palette will do."""
        return self.bits is not None or len(self.pinned) > 0

    @property
    def exact_colors(self) -> int:
        """K where there is no target."""
        return max(DEFAULT_COLORS, len(self.pinned)) if self.colors is None else self.colors

    @property
    def most_colors(self) -> int:
        """The bound on K where there is a target."""
        return MAX_COLORS if self.colors is None else self.colors

    @property
    def rdo_strength(self) -> int:
        """`rdo`, or what stands for None, in `RDO_UNITS`."""
        given = self.rdo
        if given is None:
            has_target = self.psnr is not None or self.max_bytes is not None
            given = RDO_OF_TARGETS if has_target and self.dither is None else 0
        return math.floor(given * RDO_UNITS + 0.5)

    @property
    def dither_strength(self) -> int:
        """`dither` in `DITHER_UNITS`, 0 where there is none."""
        return math.floor((self.dither or 0) * DITHER_UNITS + 0.5)

    def with_threads(self, threads: int) -> Options:
        """Return the same for another number of threads."""
        return replace(self, threads=threads)

    @property
    def workers(self) -> int:
        """The number of threads."""
        assert self.threads is not None
        return self.threads


def _centroids(given: Any) -> tuple[tuple[float, ...], ...]:
    """Return `init` as tuples, whether it was an array or a list."""
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
            # As `Palette` does, up to half a step outside: means of 255 may come to 255 + 1e-13.
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
