"""Draw the sheet that shows what cheaper indices do to a picture, piece by piece.

    python docs/make_crops.py OUT.png [PICTURE,LEFT,TOP ...]

Without pictures, it draws a gradient, edges and text itself. Each row shows one piece, enlarged
three times: the original, in K colours, and with cheaper indices at strength 0.25, 0.5 and 1.
"""

from __future__ import annotations

import sys

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import kmq
from kmq.cli.demo_picture import draw

COLORS = 32
SIZE, SCALE, CAPTION = 96, 3, 18
STRENGTHS = (0.25, 0.5, 1.0)


def drawn_pieces() -> list[tuple[str, np.ndarray, int, int]]:
    """Return a name, a picture, and the place of a piece in it."""
    lake = draw()
    y, x = np.mgrid[:200, :200]
    noise = np.random.default_rng(0).normal(0, 2, (200, 200, 3))
    sky = np.stack([90 + x / 4 + y / 8, 120 + y / 3, 200 - x / 8], axis=2) + noise
    page = Image.new("RGB", (200, 200), "#f4f1e8")
    pen = ImageDraw.Draw(page)
    for line in range(12):
        text = "Thin strokes, dots and commas."
        pen.text((6, 6 + 16 * line), text, (20, 20, 20 + 15 * line), ImageFont.load_default(12))
    tiles = np.random.default_rng(1).integers(0, 256, (13, 13, 3), np.uint8)
    sprite = tiles.repeat(16, axis=0).repeat(16, axis=1)[:200, :200]
    return [
        ("drawing", lake, 300, 150),
        ("gradient", np.clip(sky, 0, 255).round().astype(np.uint8), 40, 40),
        ("text", np.asarray(page), 4, 4),
        ("pixel art", sprite, 20, 20),
    ]


def given_pieces(arguments: list[str]) -> list[tuple[str, np.ndarray, int, int]]:
    """Return the given pieces."""
    pieces = []
    for argument in arguments:
        path, left, top = argument.rsplit(",", 2)
        with Image.open(path) as image:
            pieces.append((path, np.asarray(image.convert("RGB")), int(left), int(top)))
    return pieces


def sheet(pieces: list[tuple[str, np.ndarray, int, int]]) -> Image.Image:
    """Return all pieces below each other."""
    side = SIZE * SCALE
    whole = Image.new("RGB", ((2 + len(STRENGTHS)) * side, len(pieces) * (side + CAPTION)), "white")
    pen, font = ImageDraw.Draw(whole), ImageFont.load_default(12)
    for row, (_, rgb, left, top) in enumerate(pieces):
        shown = [("original", rgb)]
        for strength in (0, *STRENGTHS):
            indexed = kmq.quantize(rgb, COLORS, rdo=strength)
            size = len(kmq.encode(indexed))
            shown.append((f"K = {COLORS}, rdo {strength:g}: {size:,} bytes", indexed.to_rgb()))
        for column, (caption, pixels) in enumerate(shown):
            piece = Image.fromarray(pixels[top : top + SIZE, left : left + SIZE])
            place = column * side, row * (side + CAPTION)
            whole.paste(piece.resize((side, side), Image.Resampling.NEAREST), place)
            pen.text((place[0] + 3, place[1] + side + 2), caption, "black", font)
    return whole


def main() -> None:
    """Draw the sheet."""
    target, *arguments = sys.argv[1:]
    sheet(given_pieces(arguments) if arguments else drawn_pieces()).save(target, optimize=True)


if __name__ == "__main__":
    main()
