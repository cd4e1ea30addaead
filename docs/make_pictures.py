"""Draw the pictures of the pages and write a table, all of the picture that `kmq demo` draws.

`few-colours.png` shows it in fewer and fewer colours, `dithered.png` what dithering makes of a
part of it; the table is what `kmq compare` prints. `report.png` and `plots.png` are what a
browser shows of its report, `viewer.png` what it shows of the viewer, and `browser.png` what it
shows of a page with a `.kmq` file in it; they need Chromium.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kmq import codec, viewer
from kmq.cli.demo import ORIGINAL
from kmq.cli.demo_picture import draw
from kmq.palettes.named import named_palette
from kmq.quality import psnr

HERE = Path(__file__).parent
COLORS = (2, 4, 8, 16, 64)
WIDTH, HEIGHT = 320, 200
MARGIN, CAPTION, SWATCHES = 10, 24, 12

PAGE = HERE / "command-line.md"
TABLE_BEGIN, TABLE_END = "<!-- compare begin -->\n", "<!-- compare end -->\n"

VIEWS = {
    "report.png": (".head { padding-block: 1.5rem 1rem }", (1000, 1020)),
    "plots.png": (
        ".head, .chooser, section:not(:has(#numbers)), #numbers, .scroller, .note { display: none }"
        " main section { padding-block: 1.5rem; border: 0 !important }",
        (1000, 510),
    ),
}
"""Each picture of the report: what is added to the page's style, the window's size."""

SITE_SIZE = (860, 720)
VIEWER_SIZE = (1180, 700)


def panel(rgb: np.ndarray, palette: np.ndarray | None, caption: str) -> Image.Image:
    """Return a picture with its palette and its caption below it."""
    image = Image.new("RGB", (WIDTH, HEIGHT + SWATCHES + CAPTION), "white")
    image.paste(Image.fromarray(rgb).resize((WIDTH, HEIGHT), Image.Resampling.BOX))
    if palette is not None:
        order = np.argsort(palette @ np.array([299, 587, 114]))
        swatches = Image.fromarray(palette[order][None])
        image.paste(swatches.resize((WIDTH, SWATCHES), Image.Resampling.NEAREST), (0, HEIGHT))
    font = ImageFont.load_default(14)
    ImageDraw.Draw(image).text((2, HEIGHT + SWATCHES + 3), caption, "black", font)
    return image


def draw_sheet(rgb: np.ndarray) -> Image.Image:
    """Return the picture in all its colours and in few."""
    distinct = len(np.unique(rgb.reshape(-1, 3), axis=0))
    panels = [panel(rgb, None, f"original, {distinct:,} colours")]
    for colors in COLORS:
        indexed = codec.quantize(rgb, colors)
        size = len(codec.encode(indexed))
        caption = f"K = {colors}: {size:,} bytes, {psnr(rgb, indexed):.1f} dB"
        panels.append(panel(indexed.to_rgb(), indexed.palette, caption))
    return sheet_of(panels)


def sheet_of(panels: list[Image.Image]) -> Image.Image:
    """Return six panels in rows of three."""
    width, height = panels[0].size
    sheet = Image.new("RGB", (3 * width + 4 * MARGIN, 2 * height + 3 * MARGIN), "white")
    for number, image in enumerate(panels):
        row, column = divmod(number, 3)
        sheet.paste(image, (MARGIN + column * (width + MARGIN), MARGIN + row * (height + MARGIN)))
    return sheet


def draw_dithered(rgb: np.ndarray) -> Image.Image:
    """Return a part of the picture in few colours, pixel for pixel, not dithered and dithered."""
    part = np.ascontiguousarray(rgb[40 : 40 + HEIGHT, 130 : 130 + WIDTH])
    spectra = named_palette("spectra6")
    pictures = {
        "K = 8, nearest colours": codec.quantize(part, 8),
        "K = 8, --dither": codec.quantize(part, 8, dither=True),
        "K = 8, --dither-method pattern": codec.quantize(
            part, 8, dither=True, dither_method="pattern"
        ),
        "spectra6, nearest colours": spectra.as_shown(codec.apply(part, spectra)),
        "spectra6, --dither": spectra.as_shown(codec.apply(part, spectra, dither=True)),
        "bw, --dither": codec.apply(part, "bw", dither=True),
    }
    return sheet_of([panel(each.to_rgb(), None, caption) for caption, each in pictures.items()])


def compare(rgb: np.ndarray, folder: Path) -> tuple[str, str]:
    """Return what `kmq compare` prints about the picture, and its report."""
    Image.fromarray(rgb).save(folder / ORIGINAL)
    command = [sys.executable, "-c", "from kmq.cli import main; main()"]
    command += ["compare", ORIGINAL, "--report", "report.html"]
    environment = os.environ | {"COLUMNS": "100"}
    done = subprocess.run(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    lines = [line.rstrip() for line in done.stdout.strip("\n").splitlines()]
    return "\n".join(lines).strip("\n"), (folder / "report.html").read_text(encoding="utf-8")


def write_table(text: str) -> None:
    """Put what was printed between its marker lines on the page."""
    before, rest = PAGE.read_text(encoding="utf-8").split(TABLE_BEGIN)
    _, after = rest.split(TABLE_END)
    block = f"\n```\n{text}\n```\n\n"
    PAGE.write_text(before + TABLE_BEGIN + block + TABLE_END + after, encoding="utf-8")


def photograph(page: str, size: tuple[int, int], folder: Path) -> Image.Image:
    """Return a screenshot of a page in a window of this size."""
    file = folder / "page.html"
    file.write_text(page, encoding="utf-8")
    return screenshot(file.as_uri(), size, folder)


def screenshot(url: str, size: tuple[int, int], folder: Path) -> Image.Image:
    """Return a screenshot of a URL in a window of this size."""
    shot = folder / "page.png"
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    flags += [f"--user-data-dir={folder / 'profile'}", "--virtual-time-budget=5000"]
    flags += [f"--window-size={size[0]},{size[1]}", f"--screenshot={shot}"]
    subprocess.run(["chromium", *flags, url], check=True, stderr=subprocess.DEVNULL)
    with Image.open(shot) as image:
        return image.convert("RGB")


def viewer_page(rgb: np.ndarray) -> str:
    """Return the viewer with the picture and one highlighted pixel."""
    page = viewer.page([(f"{Path(ORIGINAL).stem}.kmq", codec.encode(rgb, 16))])
    page = re.sub("<meta http-equiv.*?>", "", page)  # it would forbid further scripts
    # Chromium's virtual time does not wait for workers.
    page = page.replace("</head>", "<script>delete window.Worker</script></head>")
    script = "setTimeout(() => stage.point({ x: 285, y: 96 }, true), 2000)"
    return page.replace("</body>", f"<script>{script}</script></body>")


SITE = """<!doctype html>
<meta charset="utf-8">
<title>A lake</title>
<style>
body { margin: 0 auto; max-width: 46rem; padding: 1.5rem; font: 1rem/1.6 system-ui, sans-serif;
  background: #faf9f6; color: #222 }
h1 { margin: 0; padding: 2.2rem 1.5rem; border-radius: .5rem; color: #fff;
  background: url(lake.kmq) 50% 35% / cover; text-shadow: 0 0 .5rem #000 }
img { display: block; width: 100%; border-radius: .5rem }
pre { margin: 1.2rem 0; padding: .8rem 1rem; border-radius: .5rem; background: #ecebe6;
  font-size: .8rem; overflow: hidden }
</style>
{{ lines }}
<h1>A lake</h1>
<pre>{{ shown }}</pre>
<img src="lake.kmq" alt="A lake among hills">
"""
"""A page whose background and picture are a .kmq file."""

LINES = """<script>navigator.serviceWorker.register("/kmq-worker.js", { type: "module" })</script>
<img src="lake.kmq" alt="A lake among hills">
<style>h1 { background: url(lake.kmq) }</style>"""


def photograph_site(rgb: np.ndarray, folder: Path) -> Image.Image:
    """Return what Chromium shows of a page with a .kmq file, and of the lines that make it so."""
    site = folder / "site"
    site.mkdir()
    for name in ("kmq.js", "kmq-worker.js"):
        shutil.copy(HERE.parent / "formats" / "javascript" / name, site)
    (site / "lake.kmq").write_bytes(codec.encode(rgb, 16))
    page = SITE.replace("{{ lines }}", LINES.splitlines()[0])
    page = page.replace("{{ shown }}", LINES.replace("<", "&lt;"))
    (site / "index.html").write_text(page, encoding="utf-8")
    handler = partial(QuietHandler, directory=str(site))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/index.html"
        # The first visit starts the service worker that shows the images of the second.
        for _ in range(2):
            shown = screenshot(url, SITE_SIZE, folder)
        server.shutdown()
    return shown


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files without logging."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> None:
    """Write the pictures beside this script."""
    rgb = draw()
    draw_sheet(rgb).save(HERE / "few-colours.png", optimize=True)
    draw_dithered(rgb).save(HERE / "dithered.png", optimize=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table, page = compare(rgb, folder)
        write_table(table)
        if shutil.which("chromium") is None:
            sys.exit("pictures of pages need Chromium (Debian: apt-get install chromium)")
        for picture, (style, size) in VIEWS.items():
            shown = photograph(page.replace("</style>", f"{style}</style>"), size, folder)
            shown.save(HERE / picture, optimize=True)
        photograph(viewer_page(rgb), VIEWER_SIZE, folder).save(HERE / "viewer.png", optimize=True)
        photograph_site(rgb, folder).save(HERE / "browser.png", optimize=True)


if __name__ == "__main__":
    main()
