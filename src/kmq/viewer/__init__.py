"""The viewer: one HTML page that shows `.kmq` files and loads nothing from anywhere.

The page is put together from the parts beside this module. `kmq.js`, which decodes, is a copy
of the one in `formats/javascript`, because a wheel has no other.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from importlib.resources import files

SCRIPTS = (
    "format.js",
    "png.js",
    "decoding.js",
    "painting.js",
    "gestures.js",
    "stage.js",
    "palette.js",
    "details.js",
    "page.js",
)
"""Modules of the page, each before those that import from it."""

_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=async |class |const |function )", re.MULTILINE)


def page(pictures: Iterable[tuple[str, bytes]] = ()) -> str:
    """Return the viewer as HTML, with files inside that it opens.

    Parameters
    ----------
    pictures
        Names and contents of `.kmq` files. What is wrong with a file, the page says itself.
    """
    script = '"use strict";\n' + "".join(map(_as_script, SCRIPTS))
    opened = [{"name": name, "data": _base64(data)} for name, data in pictures]
    parts = {
        "policy": _policy(script),
        "style": _part("viewer.css"),
        # In a script element, only "<" could end it early.
        "files": json.dumps(opened).replace("<", "\\u003c"),
        "example": _base64(files(__name__).joinpath("example.kmq").read_bytes()),
        "decoder": _decoder(),
        "script": script,
    }
    return re.sub(r"\{\{ (\w+) \}\}", lambda name: parts[name[1]], _part("viewer.html"))


def _part(name: str) -> str:
    return files(__name__).joinpath(name).read_text(encoding="utf-8")


def _as_script(name: str) -> str:
    """Return a module without its imports and exports, to stand in one script with others."""
    return _EXPORT.sub("", _IMPORT.sub("", _part(name)))


def _decoder() -> str:
    """Return what runs in a worker: kmq.js, whose names stay its own, and what asks it."""
    inside = f"{_as_script('kmq.js')}\nreturn {{ decode, info }};\n"
    return f"const {{ decode, info }} = (() => {{\n{inside}}})();\n{_as_script('reading.js')}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _policy(script: str) -> str:
    """Return a Content Security Policy: nothing is loaded, and one script runs.

    A blob is the decoder, which the page itself gives to a worker.
    """
    digest = _base64(hashlib.sha256(script.encode()).digest())
    return (
        f"default-src 'none'; script-src 'sha256-{digest}' blob:; worker-src blob:; "
        "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
