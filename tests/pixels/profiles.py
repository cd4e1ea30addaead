"""ICC profiles for tests, assembled from given tags, which Pillow cannot do."""

from __future__ import annotations

import struct

LINEAR = b"curv" + bytes(8)
D50 = (0.9642, 1.0, 0.8249)
SRGB_COLUMNS = {
    b"rXYZ": (0.4360, 0.2225, 0.0139),
    b"gXYZ": (0.3851, 0.7169, 0.0971),
    b"bXYZ": (0.1431, 0.0606, 0.7141),
}
"""sRGB's primaries under D50 (IEC 61966-2-1, annex F, in ICC's numbers)."""


def fixed(*numbers):
    return struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))


def xyz(numbers):
    return b"XYZ " + bytes(4) + fixed(*numbers)


def gamma(exponent):
    return b"curv" + bytes(4) + struct.pack(">IH", 1, round(exponent * 256)) + bytes(2)


def table(values):
    """A curve through values from 0 to 1."""
    numbers = [round(value * 65535) for value in values]
    data = struct.pack(f">I{len(numbers)}H", len(numbers), *numbers)
    return b"curv" + bytes(4) + data + bytes(len(data) % 4)


def parametric(kind, *numbers):
    return b"para" + bytes(4) + struct.pack(">HH", kind, 0) + fixed(*numbers)


def profile(space: bytes, tags: dict[bytes, bytes], connection: bytes = b"XYZ "):
    """A display profile of version 4; `space` is b"GRAY" or b"RGB "."""
    tags = {b"wtpt": xyz(D50), **tags}
    index, data = struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        index += name + struct.pack(">II", 132 + 12 * len(tags) + len(data), len(content))
        data += content
    head = bytes(4) + b"\x04\x20\0\0mntr" + space + connection + bytes(12) + b"acsp" + bytes(28)
    body = head + fixed(*D50) + bytes(48) + index + data
    return struct.pack(">I", len(body) + 4) + body


def grey_profile(curve):
    return profile(b"GRAY", {b"kTRC": curve})


def rgb_profile(curve, columns=SRGB_COLUMNS):
    tags = {name: xyz(numbers) for name, numbers in columns.items()}
    return profile(b"RGB ", tags | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve))
