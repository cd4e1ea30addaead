"""kmq as a serializer for Zarr version 3, which turns chunks into bytes."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from zarr.abc.codec import ArrayBytesCodec
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer, NDBuffer
from zarr.core.common import JSON, parse_named_configuration

from kmq.choices import CODINGS, DEFAULT_CODING, Coding
from kmq.errors import OptionError
from kmq.zarr import chunks


@dataclass(frozen=True)
class KmqArrayCodec(ArrayBytesCodec):  # type: ignore[misc]  # seen without its types
    """Lossless coding of labels or indices, uint8 or uint16, slice by slice.

    The last two axes of a chunk are a slice; all axes before them together count the slices.

    Parameters
    ----------
    coding : {"auto", "packed", "modelled"}, default "auto"
        How each slice stores its indices: "packed" takes log2 K bits per index; "modelled"
        predicts each index with a context model, and is packed where that is not larger;
        "auto" takes whichever is smaller.

    Examples
    --------
    >>> import zarr
    >>> from kmq.zarr import KmqArrayCodec
    >>> masks = zarr.create_array(  # doctest: +SKIP
    ...     "masks.zarr", shape=(90, 512, 512), chunks=(1, 512, 512), dtype="uint16",
    ...     serializer=KmqArrayCodec(), compressors=None,
    ... )
    """

    coding: Coding = DEFAULT_CODING
    is_fixed_size = False

    def __post_init__(self) -> None:
        if self.coding not in CODINGS:
            raise OptionError(f"coding: expected one of {', '.join(CODINGS)}, got {self.coding!r}")

    @classmethod
    def from_dict(cls, data: dict[str, JSON]) -> Self:
        """Return the codec described in an array's metadata."""
        _, configuration = parse_named_configuration(data, "kmq", require_configuration=False)
        return cls(**(configuration or {}))

    def to_dict(self) -> dict[str, JSON]:
        """Return the description of the codec for an array's metadata."""
        return {"name": "kmq", "configuration": {"coding": self.coding}}

    def compute_encoded_size(self, input_byte_length: int, _chunk_spec: ArraySpec) -> int:
        """Raise NotImplementedError, because the size is not known in advance."""
        raise NotImplementedError

    def validate(self, *, shape: tuple[int, ...], dtype: Any, chunk_grid: Any) -> None:
        """Raise OptionError if an array cannot be coded."""
        native = dtype.to_native_dtype()
        if len(shape) < 2 or native.newbyteorder("=") not in (np.uint8, np.uint16):
            raise OptionError(
                "array: kmq codes uint8 and uint16 of two axes or more, not "
                f"{native} of shape {shape}"
            )

    async def _encode_single(self, chunk_array: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        array = chunk_array.as_numpy_array()
        slices = array.reshape(-1, *array.shape[-2:])
        data = await asyncio.to_thread(chunks.to_bytes, slices, self.coding)
        return chunk_spec.prototype.buffer.from_bytes(data)

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        array = await asyncio.to_thread(chunks.from_bytes, chunk_bytes.to_bytes())
        native = chunk_spec.dtype.to_native_dtype()
        return chunk_spec.prototype.nd_buffer.from_ndarray_like(
            array.astype(native, copy=False).reshape(chunk_spec.shape)
        )
