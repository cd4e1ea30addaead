"""Named palettes: of e-paper panels, of machines, of the web.

Each records the source of its values. Index i is the hardware's own number for the colour,
so indices can be sent to it unchanged. If a panel shows colours that differ from the nominal
ones, `measured` has them: pixels are matched with the measured colours, and files contain
the nominal ones, which other programs know.
"""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from kmq.errors import OptionError, shown

if TYPE_CHECKING:
    from kmq.image import IndexedImage, Palette


@dataclass(frozen=True, kw_only=True)
class NamedPalette:
    """A palette that `named_palette`, `kmq.apply` and ``--palette`` know by its name.

    Attributes
    ----------
    name : str
        The name, such as "spectra6".
    title : str
        A few words that describe the palette.
    source : str
        Where the values come from.
    nominal : tuple of str
        The colours that files hold, six hexadecimal digits each, in index order. The index is
        the number by which the hardware knows the colour. A colour that occurs a second time
        fills a number that the hardware does not use; no pixel gets it.
    measured : tuple of str, or None
        The colours that the hardware shows, in the same order. None if they are the nominal
        ones, or if there is no good measurement.
    matched : tuple of str, or None
        The colours that pixels are matched with: the measured ones relative to the measured
        white, channel by channel in linear light, because the eye adapts to that white as it
        does to paper. None if there is no measurement.

    Examples
    --------
    >>> import kmq
    >>> panel = kmq.named_palette("spectra6")
    >>> len(panel), panel.color_count, panel.numbers  # the hardware does not use number 4
    (7, 6, [0, 1, 2, 3, 5, 6])
    >>> panel.palette.colors[3].tolist()
    [255, 0, 0]
    """

    name: str
    title: str
    source: str
    nominal: tuple[str, ...]
    measured: tuple[str, ...] | None = None
    matched: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.nominal)

    @property
    def palette(self) -> Palette:
        """The colours in files."""
        return _palette_of(self.nominal)

    @property
    def color_count(self) -> int:
        """The number of distinct colours."""
        return len(self.numbers)

    @property
    def numbers(self) -> list[int]:
        """The indices that pixels may have, ascending, one per colour."""
        return [i for i, code in enumerate(self.nominal) if code not in self.nominal[:i]]

    @property
    def choices(self) -> Palette:
        """The colours that pixels are matched with, one per index in `numbers`."""
        codes = self.nominal if self.matched is None else self.matched
        return _palette_of(tuple(codes[number] for number in self.numbers))

    def written(self, chosen: IndexedImage) -> IndexedImage:
        """Return an image in the colours of `choices` in the form in which files store it."""
        import numpy as np

        from kmq.image import IndexedImage

        numbers = np.array(self.numbers, np.uint8)
        return IndexedImage.owning(self.palette, numbers[chosen.indices], metadata=chosen.metadata)

    def as_shown(self, written: IndexedImage) -> IndexedImage:
        """Return an image in this palette as it looks on the hardware."""
        from kmq.image import IndexedImage

        codes = self.nominal if self.matched is None else self.matched
        return IndexedImage.owning(_palette_of(codes), written.indices, metadata=written.metadata)


def _palette_of(codes: tuple[str, ...]) -> Palette:
    from kmq.image import Palette

    return Palette([tuple(bytes.fromhex(code)) for code in codes])


def _greys(levels: int) -> tuple[str, ...]:
    """Return black to white in equal steps."""
    return tuple(f"{level * 255 // (levels - 1):02x}" * 3 for level in range(levels))


def _cube(levels: tuple[int, ...]) -> tuple[str, ...]:
    """Return every combination of these levels; blue changes fastest."""
    return tuple(
        f"{red:02x}{green:02x}{blue:02x}" for red in levels for green in levels for blue in levels
    )


_EQUAL_STEPS = "by definition: equal steps from black to white"

NAMED_PALETTES = (
    NamedPalette(
        name="spectra6",
        title="E Ink Spectra 6 panels: black, white, yellow, red, blue, green",
        source="numbers (4 is unused) and nominal colours: Waveshare's driver epd7in3e; measured: "
        "a 7.3-inch panel, photographed raw with a linear tone curve by the OpenDisplay project "
        "(epaper-dithering, SPECTRA_7_3_6COLOR_V2, 2026-03-15). Its measurement of February 2026 "
        "and that of esp32-photoframe are within 39 levels of these in each channel",
        nominal=("000000", "ffffff", "ffff00", "ff0000", "000000", "0000ff", "00ff00"),
        measured=("1f1829", "a8b4b6", "b4ad00", "711813", "1f1829", "24468b", "32543c"),
        matched=("35273d", "ffffff", "fff500", "ae271f", "35273d", "3c66c4", "517a58"),
    ),
    NamedPalette(
        name="acep7",
        title="E Ink ACeP (Gallery Palette) panels: black, white, green, blue, red, yellow, orange",
        source="numbers and nominal colours: Waveshare's drivers epd5in65f and epd7in3f. No "
        "measurement is good enough: the two photographs that Pimoroni's library inky takes its "
        "values from are up to 104 levels apart",
        nominal=("000000", "ffffff", "00ff00", "0000ff", "ff0000", "ffff00", "ff8000"),
    ),
    NamedPalette(
        name="bw",
        title="black and white",
        source=_EQUAL_STEPS,
        nominal=_greys(2),
    ),
    NamedPalette(
        name="gray4",
        title="4 greys: e-paper of 2 bits",
        source=_EQUAL_STEPS,
        nominal=_greys(4),
    ),
    NamedPalette(
        name="gray16",
        title="16 greys: e-paper of 4 bits",
        source=_EQUAL_STEPS,
        nominal=_greys(16),
    ),
    NamedPalette(
        name="cga",
        title="CGA's graphics mode, palette 1 in high intensity: black, cyan, magenta, white",
        source="IBM Color Graphics Adapter: the red, green, blue and intensity lines add 2/3 and "
        "1/3 of full light",
        nominal=("000000", "55ffff", "ff55ff", "ffffff"),
    ),
    NamedPalette(
        name="ega",
        title="the 16 colours of EGA, VGA text and CGA text",
        source="IBM Enhanced Graphics Adapter: default palette registers, two bits per channel; "
        "6 is brown",
        nominal=(
            "000000", "0000aa", "00aa00", "00aaaa", "aa0000", "aa00aa", "aa5500", "aaaaaa",
            "555555", "5555ff", "55ff55", "55ffff", "ff5555", "ff55ff", "ffff55", "ffffff",
        ),
    ),
    NamedPalette(
        name="gameboy",
        title="the first Game Boy's 4 shades, lightest first as its hardware counts them",
        source="the default of the emulator BGB; the console's screen has no agreed colours",
        nominal=("e0f8d0", "88c070", "346856", "081820"),
    ),
    NamedPalette(
        name="c64",
        title="Commodore 64",
        source="Colodore, a model of the video chip by Philip Timmermann, 2017 "
        "(pepto.de/projects/colorvic)",
        nominal=(
            "000000", "ffffff", "813338", "75cec8", "8e3c97", "56ac4d", "2e2c9b", "edf171",
            "8e5029", "553800", "c46c71", "4a4a4a", "7b7b7b", "a9ff9f", "706deb", "b2b2b2",
        ),
    ),
    NamedPalette(
        name="pico8",
        title="the fantasy console PICO-8",
        source="the system palette in the manual of PICO-8",
        nominal=(
            "000000", "1d2b53", "7e2553", "008751", "ab5236", "5f574f", "c2c3c7", "fff1e8",
            "ff004d", "ffa300", "ffec27", "00e436", "29adff", "83769c", "ff77a8", "ffccaa",
        ),
    ),
    NamedPalette(
        name="web216",
        title="the 216 colours that browsers of 256 colours shared",
        source="by definition: 6 levels per channel, 51 apart",
        nominal=_cube((0, 51, 102, 153, 204, 255)),
    ),
)  # fmt: skip
"""Every named palette, in the order in which they are listed."""

_BY_NAME = {each.name: each for each in NAMED_PALETTES}


def is_named(name: str) -> bool:
    """Whether there is a palette of this name."""
    return name in _BY_NAME


def named_palette(name: str) -> NamedPalette:
    """Return a palette by its name: of an e-paper panel, an old machine, or the web.

    ``kmq palette --list`` lists the names, and so does `kmq.palettes.named.NAMED_PALETTES`.

    Parameters
    ----------
    name : str
        "spectra6", "acep7", "bw", "gray4", "gray16", "cga", "ega", "gameboy", "c64", "pico8"
        or "web216".

    Returns
    -------
    NamedPalette
        The colours, what is known of how they look on the hardware, and where the values come
        from.

    Raises
    ------
    OptionError
        There is no palette of this name. The message suggests the nearest name.

    Examples
    --------
    >>> import kmq
    >>> kmq.named_palette("gameboy").nominal
    ('e0f8d0', '88c070', '346856', '081820')
    """
    if isinstance(name, str) and name in _BY_NAME:
        return _BY_NAME[name]
    raise OptionError(f"palette: {shown(name)} is no named palette; {suggestion(name)}")


def suggestion(name: object) -> str:
    """Return the advice for a name that no palette has."""
    near = get_close_matches(name.lower(), _BY_NAME, n=1) if isinstance(name, str) else []
    return f"did you mean {near[0]}?" if near else "kmq palette --list lists them"
