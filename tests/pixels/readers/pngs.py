"""A PNG writer for tests: every kind that there is, of exactly the samples given."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Samples per pixel of each colour type."""

KINDS = [
    *[(bits, 0) for bits in (1, 2, 4, 8, 16)],
    *[(bits, 3) for bits in (1, 2, 4, 8)],
    *[(bits, kind) for kind in (2, 4, 6) for bits in (8, 16)],
]
"""Bits per sample and colour type, of all that the specification has."""

ADAM7 = (
    (0, 0, 8, 8),
    (4, 0, 8, 8),
    (0, 4, 4, 8),
    (2, 0, 4, 4),
    (0, 2, 2, 4),
    (1, 0, 2, 2),
    (0, 1, 1, 2),
)
"""First column, first row, and steps of each pass."""


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def rows_of(samples, bits):
    """The rows of (H, W, channels) without filters."""
    height = len(samples)
    if samples.size == 0:
        return b""
    shifts = np.arange(bits - 1, -1, -1)
    each = (samples.reshape(height, -1, 1) >> shifts & 1).astype(np.uint8)
    packed = np.packbits(each.reshape(height, -1), axis=1)
    return np.hstack([np.zeros((height, 1), np.uint8), packed]).tobytes()


def png_data(samples, bits, interlaced=False):
    """The image data before they are compressed."""
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    return b"".join(rows_of(samples[y::dy, x::dx], bits) for x, y, dx, dy in passes)


def png(samples, bits, color_type, chunks=(), *, interlaced=False, data=None):
    """A PNG file of (H, W, channels) samples; `chunks` stand before the image data."""
    height, width = samples.shape[:2]
    head = struct.pack(">IIBBBBB", width, height, bits, color_type, 0, 0, interlaced)
    if data is None:
        data = zlib.compress(png_data(samples, bits, interlaced))
    parts = [(b"IHDR", head), *chunks, (b"IDAT", data), (b"IEND", b"")]
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts))


def samples_of(bits, color_type, height=11, width=13, seed=0):
    """A picture in which each sample is as likely as any other."""
    shape = (height, width, CHANNELS[color_type])
    return np.random.default_rng(seed).integers(0, 1 << bits, shape)
