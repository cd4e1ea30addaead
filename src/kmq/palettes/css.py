"""Style sheets: the colours of CSS declarations, and of SCSS and Less variables, in order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import tinycss2
from tinycss2.color4 import parse_color

from kmq.errors import FormatError
from kmq.palettes.entries import OPAQUE, Entry, shown, to_hex

_MOST_CHARACTERS = 1 << 21
"""More than 65,536 lines of `write` take. Each may become a token of some hundred bytes in
memory."""

_VARIABLE = re.compile(r"^[ \t]*(?:\$|@|--)[-\w]+[ \t]*:", re.MULTILINE)
_REMARK = re.compile(r"^[ \t]*//.*", re.MULTILINE)
"""A comment in SCSS or Less."""
_FUNCTIONS = ("rgb", "rgba", "hsl", "hsla", "hwb")


def is_css(text: str) -> bool:
    """Whether the text has a block, or a line that sets a variable."""
    return "{" in text or _VARIABLE.search(text) is not None


def read(text: str) -> Iterator[Entry]:
    """Yield the colours in the values of declarations; values without a colour are skipped.

    A colour name counts only if it is the whole value.

    Raises
    ------
    FormatError
        If a colour is wrong or has no defined sRGB value; the message names the line.
    """
    if len(text) > _MOST_CHARACTERS:
        raise FormatError(f"{len(text):,} characters are too many for a style sheet of colours")
    plain = _REMARK.sub("", text)
    for declaration in _declarations(tinycss2.parse_component_value_list(plain, True)):
        value = declaration[declaration.index(":") + 1 :] if ":" in declaration else []
        for token in value:
            may_be_color = token.type in ("hash", "function")
            if may_be_color or (token.type == "ident" and len(value) == 1):
                yield from _colors_of(token)


def _declarations(tokens: list[Any]) -> Iterator[list[Any]]:
    """Yield the tokens of each declaration without white space, also of those inside blocks."""
    blocks = [iter(tokens)]  # a stack: blocks may be nested deeper than Python's calls
    declaration: list[Any] = []
    while blocks:
        token = next(blocks[-1], None)
        if token is None:  # the end of a block, and of its last declaration
            blocks.pop()
            yield declaration
            declaration = []
        elif token == ";":
            yield declaration
            declaration = []
        elif token.type == "{} block":  # the tokens before it are a selector
            blocks.append(iter(token.content))
            declaration = []
        elif token.type != "whitespace":
            declaration.append(token)


def _colors_of(token: Any) -> Iterator[Entry]:
    """Yield the colour of a token, if it has one."""
    color = parse_color(token)
    if color is not None and color != "currentcolor":
        yield _entry(color, token)
    elif token.type == "hash" or (token.type == "function" and token.lower_name in _FUNCTIONS):
        raise _error(token, "expected a colour such as #1e90ff")


def _entry(color: Any, token: Any) -> Entry:
    try:
        levels = color.to("srgb").coordinates
    except NotImplementedError:
        raise _error(token, "expected a colour in sRGB, such as #1e90ff") from None
    # CSS Color 4, section 5.1: values outside the range are clamped.
    red, green, blue, alpha = (
        round(OPAQUE * min(max(level, 0.0), 1.0)) for level in (*levels, color.alpha)
    )
    return red, green, blue, alpha


def _error(token: Any, expected: str) -> FormatError:
    try:
        given = shown(token.serialize())
    except RecursionError:  # tinycss2 recurses into nested brackets
        given = "brackets inside brackets"
    return FormatError(f"line {token.source_line}: {expected}, got {given}")


def write(entries: Sequence[Entry]) -> bytes:
    """Return a rule that sets `--color-0`, `--color-1` and so on."""
    lines = [f"  --color-{index}: {to_hex(entry)};" for index, entry in enumerate(entries)]
    return "\n".join([":root {", *lines, "}\n"]).encode()
