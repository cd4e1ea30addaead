"""Images in K colours: K-means finds the colours, a `.kmq` file stores the result.

>>> import kmq
>>> data = kmq.encode("photo.jpg", colors=64)
>>> rgb = kmq.decode(data)

Importing kmq also makes Pillow read and write `.kmq` files. Each name below is loaded on
first use, and so are NumPy and numba.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kmq import pillow as _pillow

if TYPE_CHECKING:
    from kmq import kmeans
    from kmq.clustering import Histogram
    from kmq.codec import (
        apply,
        decode,
        encode,
        fit,
        info,
        load,
        open,
        quantize,
        save,
    )
    from kmq.container.lazy import LazyImage
    from kmq.container.summary import Info
    from kmq.errors import FormatError, KmqError, KmqWarning, LimitError, OptionError
    from kmq.image import IndexedImage, Palette
    from kmq.metadata import Metadata
    from kmq.options import Options
    from kmq.palettes.named import NamedPalette, named_palette

__version__ = "1.0.0rc1"

__all__ = [
    "FormatError",
    "Histogram",
    "IndexedImage",
    "Info",
    "KmqError",
    "KmqWarning",
    "LazyImage",
    "LimitError",
    "Metadata",
    "NamedPalette",
    "OptionError",
    "Options",
    "Palette",
    "__version__",
    "apply",
    "decode",
    "encode",
    "fit",
    "info",
    "kmeans",
    "load",
    "named_palette",
    "open",
    "quantize",
    "save",
]

_HOMES = {
    "kmq.clustering": ("Histogram",),
    "kmq.codec": (
        "apply",
        "decode",
        "encode",
        "fit",
        "info",
        "load",
        "open",
        "quantize",
        "save",
    ),
    "kmq.container.lazy": ("LazyImage",),
    "kmq.container.summary": ("Info",),
    "kmq.errors": ("FormatError", "KmqError", "KmqWarning", "LimitError", "OptionError"),
    "kmq.image": ("IndexedImage", "Palette"),
    "kmq.metadata": ("Metadata",),
    "kmq.options": ("Options",),
    "kmq.palettes.named": ("NamedPalette", "named_palette"),
}

_pillow.register()


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "kmeans":
        return import_module("kmq.kmeans")
    for home, names in _HOMES.items():
        if name in names:
            value = getattr(import_module(home), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
