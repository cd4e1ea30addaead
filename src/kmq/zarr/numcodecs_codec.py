"""kmq as a numcodecs codec, for Zarr version 2 and other users of numcodecs."""

from __future__ import annotations

from typing import Any

import numpy as np
from numcodecs.abc import Codec
from numcodecs.compat import ensure_bytes, ndarray_copy

from kmq.choices import DEFAULT_CODING, Coding
from kmq.zarr import chunks


class KmqCodec(Codec):  # type: ignore[misc]  # seen without its types
    """Lossless coding of labels or indices: uint8 or uint16 arrays of two or three dimensions.

    Parameters
    ----------
    coding : {"auto", "packed", "modelled"}, default "auto"
        How each slice stores its indices: "packed" takes log2 K bits per index; "modelled"
        predicts each index with a context model, and is packed where that is not larger;
        "auto" takes whichever is smaller.

    Examples
    --------
    >>> import numpy as np
    >>> from kmq.zarr import KmqCodec
    >>> labels = np.zeros((3, 50, 40), np.uint16)
    >>> data = KmqCodec().encode(labels)
    >>> bool((KmqCodec().decode(data) == labels).all())
    True
    """

    codec_id = "kmq"

    def __init__(self, coding: Coding = DEFAULT_CODING) -> None:
        self.coding = coding

    def encode(self, buf: Any) -> bytes:
        """Return the bytes of an array; leading axes of length 1 are ignored.

        Raises
        ------
        OptionError
            If the shape or dtype is not supported.
        """
        array = np.asarray(buf)
        while array.ndim > 3 and array.shape[0] == 1:
            array = array[0]
        return chunks.to_bytes(array, self.coding)

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Return the array in these bytes, or write it to `out`.

        Raises
        ------
        FormatError
            If the bytes are damaged.
        """
        return ndarray_copy(chunks.from_bytes(ensure_bytes(buf)), out)
