"""Draw the README's picture: the demo picture in fewer and fewer colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kmq import codec
from kmq.demo_picture import draw
from kmq.quality import psnr

PICTURE = Path(__file__).parent / "few-colours.png"
COLORS = (2, 4, 8, 16, 64)
WIDTH, HEIGHT = 320, 200
MARGIN, CAPTION, SWATCHES = 10, 24, 12


def panel(rgb: np.ndarray, palette: np.ndarray | None, caption: str) -> Image.Image:
    """Return a picture above its palette above its caption."""
    image = Image.new("RGB", (WIDTH, HEIGHT + SWATCHES + CAPTION), "white")
    image.paste(Image.fromarray(rgb).resize((WIDTH, HEIGHT), Image.Resampling.BOX))
    if palette is not None:
        order = np.argsort(palette @ np.array([299, 587, 114]))
        swatches = Image.fromarray(palette[order][None])
        image.paste(swatches.resize((WIDTH, SWATCHES), Image.Resampling.NEAREST), (0, HEIGHT))
    font = ImageFont.load_default(14)
    ImageDraw.Draw(image).text((2, HEIGHT + SWATCHES + 3), caption, "black", font)
    return image


def main() -> None:
    """Write the picture beside this script."""
    rgb = draw()
    distinct = len(np.unique(rgb.reshape(-1, 3), axis=0))
    panels = [panel(rgb, None, f"original, {distinct:,} colours")]
    for colors in COLORS:
        indexed = codec.quantize(rgb, colors)
        size = len(codec.encode(indexed))
        caption = f"K = {colors}: {size:,} bytes, {psnr(rgb, indexed):.1f} dB"
        panels.append(panel(indexed.to_rgb(), indexed.palette, caption))
    width, height = panels[0].size
    sheet = Image.new("RGB", (3 * width + 4 * MARGIN, 2 * height + 3 * MARGIN), "white")
    for number, image in enumerate(panels):
        row, column = divmod(number, 3)
        sheet.paste(image, (MARGIN + column * (width + MARGIN), MARGIN + row * (height + MARGIN)))
    sheet.save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
