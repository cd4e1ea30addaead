"""A picture as a C header: packed indices, palette and size."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from kmq.channel_bits import ChannelBits
from kmq.errors import OptionError, shown
from kmq.image import IndexedImage
from kmq.raw import MSB, RawForm, packed

_RGB565 = ChannelBits.of("565")
_WIDEST = 90
"""The most characters in a line of numbers."""

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RESERVED = re.compile(r"_[A-Z_].*|.*__.*")
"""Names that are reserved for compilers."""

_MOST_CHARACTERS = 40
"""C compilers must distinguish the first 63 characters, which leaves room for suffixes."""

# ISO C23 and C++20, and the types that the header itself uses.
_TAKEN = """
alignas alignof and and_eq asm auto bitand bitor bool break case catch char char8_t char16_t
char32_t class co_await co_return co_yield compl concept const const_cast consteval constexpr
constinit continue decltype default delete do double dynamic_cast else enum explicit export
extern false float for friend goto if inline int long mutable namespace new noexcept not
not_eq nullptr operator or or_eq private protected public register reinterpret_cast requires
restrict return short signed sizeof static static_assert static_cast struct switch template
this thread_local throw true try typedef typeid typename typeof typeof_unqual union unsigned
using virtual void volatile wchar_t while xor xor_eq main uint8_t uint16_t
"""


def checked_name(name: str) -> str:
    """Return the name if it is valid for an array in C and C++.

    Raises
    ------
    OptionError
        If the name is invalid or reserved in C or C++.
    """
    if not _IDENTIFIER.fullmatch(name):
        raise OptionError(
            f"header: {shown(name)} is no name in C: it takes letters from a to z, digits and _, "
            "and begins with no digit"
        )
    if name in _TAKEN.split() or _RESERVED.fullmatch(name):
        raise OptionError(f"header: C or C++ reserves the name {name}; choose another")
    if len(name) > _MOST_CHARACTERS:
        raise OptionError(f"header: a name of {len(name)} characters; {_MOST_CHARACTERS} may be")
    return name


def written(indexed: IndexedImage, form: RawForm, name: str) -> bytes:
    """Return a header for C and C++ that defines the picture as constants.

    The array `name` contains the indices, packed according to `form`. `name_palette` contains
    red, green and blue of each entry. If RGB565 can show every entry exactly,
    `name_palette_565` contains the entries in that form. Macros in capitals give the sizes.

    Raises
    ------
    OptionError
        If the indices need more bits, or an entry is transparent.
    """
    if indexed.has_alpha:
        raise OptionError(
            "header: the palette has transparent colours, which displays have not; --background "
            "of kmq encode and kmq quantize fills them"
        )
    data = packed(indexed, form)
    colors = [tuple(color) for color in indexed.palette.tolist()]
    macro = name.upper()
    first = "most" if form.order == MSB else "least"
    row_bytes = form.row_bytes(indexed.width)
    lines = [
        f"/* {indexed.width} x {indexed.height} pixels of {form.bits} bits; a byte's first pixel "
        f"is in its {first} significant bits. */",
        f"#ifndef {macro}_H",
        f"#define {macro}_H",
        "",
        "#include <stdint.h>",
        "",
        f"#define {macro}_WIDTH {indexed.width}",
        f"#define {macro}_HEIGHT {indexed.height}",
        f"#define {macro}_BITS {form.bits}",
        f"#define {macro}_ROW_BYTES {row_bytes}",
        f"#define {macro}_COLORS {len(colors)}",
        "",
        f"static const uint8_t {name}[{len(data)}] = {{",
        *_lines(f"0x{byte:02x}" for byte in data),
        "};",
        "",
        "/* Red, green, blue. */",
        f"static const uint8_t {name}_palette[{len(colors)}][3] = {{",
        *_lines(f"{{{red}, {green}, {blue}}}" for red, green, blue in colors),
        "};",
        "",
    ]
    if all(_RGB565.shows(color) for color in colors):
        lines += [
            f"static const uint16_t {name}_palette_565[{len(colors)}] = {{",
            *_lines(f"0x{_in_rgb565(*color):04x}" for color in colors),
            "};",
            "",
        ]
    lines += ["#endif", ""]
    return "\n".join(lines).encode()


def _in_rgb565(red: int, green: int, blue: int) -> int:
    """Return the RGB565 number of a colour."""
    return (red >> 3) << 11 | (green >> 2) << 5 | blue >> 3


def _lines(values: Iterable[str]) -> Iterator[str]:
    """Yield lines of as many values as fit, each followed by a comma."""
    each = iter(values)
    first = next(each)
    per_line = max(1, _WIDEST // (len(first) + 2))
    line = [first, *islice(each, per_line - 1)]
    while line:
        yield f"    {', '.join(line)},"
        line = list(islice(each, per_line))
