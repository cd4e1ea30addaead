"""Labels and indices in Zarr arrays, coded losslessly, slice by slice.

`KmqArrayCodec` is a serializer for Zarr version 3; `KmqCodec` is a codec for numcodecs. Both
are registered by entry points, so reading an array does not require importing kmq. They need
zarr or numcodecs, which `kmq[zarr]` installs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kmq.zarr.numcodecs_codec import KmqCodec
    from kmq.zarr.v3 import KmqArrayCodec

__all__ = ["KmqArrayCodec", "KmqCodec"]


def __getattr__(name: str) -> Any:
    if name == "KmqCodec":
        from kmq.zarr.numcodecs_codec import KmqCodec

        return KmqCodec
    if name == "KmqArrayCodec":
        from kmq.zarr.v3 import KmqArrayCodec

        return KmqArrayCodec
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
