"""The viewer: one HTML page that shows `.kmq` files and makes no requests.

The page is assembled from the files in this folder. `kmq.js`, which decodes, is a copy of the
one in `formats/javascript`, because a wheel does not contain that folder.
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
"""Modules of the page, in an order in which imports come first."""

_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=async |class |const |function )", re.MULTILINE)


def page(pictures: Iterable[tuple[str, bytes]] = ()) -> str:
    """Return the viewer as HTML, with embedded files that it opens.

    Parameters
    ----------
    pictures
        Names and contents of `.kmq` files. The page itself reports damaged files.
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
    """Return a module without its imports and exports, for joining with others in one script."""
    return _EXPORT.sub("", _IMPORT.sub("", _part(name)))


def _decoder() -> str:
    """Return the script of a worker: kmq.js in a private scope, and reading.js."""
    inside = f"{_as_script('kmq.js')}\nreturn {{ decode, info }};\n"
    return f"const {{ decode, info }} = (() => {{\n{inside}}})();\n{_as_script('reading.js')}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _policy(script: str) -> str:
    """Return a Content Security Policy that allows no requests and exactly one script.

    It also allows blobs, because the page passes the decoder to workers as a blob.
    """
    digest = _base64(hashlib.sha256(script.encode()).digest())
    return (
        f"default-src 'none'; script-src 'sha256-{digest}' blob:; worker-src blob:; "
        "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'"
    )
