from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from kmq import FormatError
from kmq.pixels import read

SIDE = 16
ICON, CURSOR = 1, 2


def colors_of(seed=0, side=SIDE):
    return np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)


def half_clear(side=SIDE):
    """Alpha of a picture whose right half is transparent."""
    return np.repeat(np.where(np.arange(side) < side // 2, 255, 0)[None], side, axis=0)


def bitmap(colors, bits, *, alpha=None, is_clear=None):
    """The bitmap of an icon: colours from the bottom up, and the mask of what is clear."""
    height, width = colors.shape[:2]
    channels = [colors[..., ::-1]]
    if bits == 32:
        channels.append((np.zeros((height, width)) if alpha is None else alpha)[..., None])
    rows = np.concatenate(channels, axis=2).astype(np.uint8)[::-1].reshape(height, -1)
    rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 4)))
    mask = np.zeros((height, width), bool) if is_clear is None else is_clear
    mask = np.packbits(np.pad(mask, ((0, 0), (0, -width % 32))), axis=1)[::-1]
    head = struct.pack("<IiiHHIIiiII", 40, width, height * 2, 1, bits, 0, 0, 0, 0, 0, 0)
    return head + rows.tobytes() + mask.tobytes()


def icon(kind, *pictures, bits=0, sides=None):
    """An icon or cursor; `bits` is what its directory tells, of a cursor the hotspot."""
    head = struct.pack("<HHH", 0, kind, len(pictures))
    at = len(head) + 16 * len(pictures)
    for i, data in enumerate(pictures):
        side = SIDE if sides is None else sides[i]
        head += struct.pack("<BBBBHHII", side, side, 0, 0, 0, bits, len(data), at)
        at += len(data)
    return io.BytesIO(head + b"".join(pictures))


def over_red(colors, alpha):
    return np.where(alpha[..., None] == 255, colors, [255, 0, 0])


@pytest.mark.parametrize("kind", [ICON, CURSOR])
@pytest.mark.parametrize("told", [0, 5, 24, 32])
@pytest.mark.parametrize("bits", [24, 32])
def test_a_mask_is_transparency(kind, bits, told):
    colors, alpha = colors_of(), half_clear()
    file = icon(kind, bitmap(colors, bits, is_clear=alpha == 0), bits=told)
    assert read(file).rgb[..., 3].min() == 0
    file.seek(0)
    assert np.array_equal(read(file, background="red").rgb, over_red(colors, alpha))


@pytest.mark.parametrize("kind", [ICON, CURSOR])
@pytest.mark.parametrize("told", [0, 5, 24, 32])
def test_alpha_is_transparency(kind, told):
    colors, alpha = colors_of(), half_clear()
    file = icon(kind, bitmap(colors, 32, alpha=alpha), bits=told)
    assert np.array_equal(read(file, background="red").rgb, over_red(colors, alpha))


@pytest.mark.parametrize("kind", [ICON, CURSOR])
def test_an_opaque_picture_needs_no_background(kind):
    assert np.array_equal(read(icon(kind, bitmap(colors_of(), 24))).rgb, colors_of())


@pytest.mark.parametrize("kind", [ICON, CURSOR])
def test_the_largest_picture_of_most_colours_is_taken(kind):
    small = bitmap(colors_of(1, 8), 32, alpha=np.full((8, 8), 255))
    coarse, fine = colors_of(2), colors_of(3)
    pictures = [small, bitmap(coarse, 24), bitmap(fine, 32, alpha=np.full((SIDE, SIDE), 255))]
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        sides = [(8, SIDE, SIDE)[i] for i in order]
        assert np.array_equal(
            read(icon(kind, *[pictures[i] for i in order], sides=sides)).rgb, fine
        )


@pytest.mark.parametrize("kind", [ICON, CURSOR])
def test_a_png_within_is_read_as_one(kind):
    file = io.BytesIO()
    Image.fromarray(colors_of()).save(file, "PNG")
    assert np.array_equal(read(icon(kind, file.getvalue())).rgb, colors_of())
    with pytest.raises(FormatError, match="a PNG that cannot be read"):
        read(icon(kind, file.getvalue()[:-99]))


def test_a_cursor_that_pillow_opened_is_read_the_same():
    alpha = half_clear()
    with Image.open(icon(CURSOR, bitmap(colors_of(), 24, is_clear=alpha == 0))) as image:
        assert np.array_equal(read(image, background="red").rgb, over_red(colors_of(), alpha))


@pytest.mark.parametrize("kind", [ICON, CURSOR])
def test_an_icon_that_claims_more_than_it_holds_is_refused(kind):
    head = struct.pack("<IiiHHIIiiII", 40, 9000, 18000, 1, 32, 0, 0, 0, 0, 0, 0)
    with pytest.raises(FormatError, match="that cannot be read: its image data end early"):
        read(icon(kind, head + bytes(1000)))
    with pytest.raises(FormatError):
        read(icon(kind))
