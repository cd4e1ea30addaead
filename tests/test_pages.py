"""The pages: their code runs in the order in which it stands, and their links lead somewhere."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pages
import pytest
from conftest import ROOT
from PIL import ExifTags, Image, ImageDraw

from kmq.cli.demo_picture import draw

FOLLOWED_ELSEWHERE = {
    "docs/how-to/e-paper.md": "tests/test_e_paper.py",
}
"""Pages whose blocks another test runs, because it looks at what they leave behind."""

PAGES = sorted(
    page
    for pattern in ("README.md", "docs/*.md", "docs/how-to/*.md", "formats/README.md")
    for page in (path.relative_to(ROOT).as_posix() for path in ROOT.glob(pattern))
    if pages.blocks(page) and page not in FOLLOWED_ELSEWHERE
)

INPUTS = {
    "README.md": ("photo.jpg", "pictures"),
    "docs/command-line.md": (
        *("photo.jpg", "map.png", "mask.png", "instances.png", "ui.png", "face.png", "scan.tif"),
        *("pictures", "sprites"),
    ),
    "docs/efforts.md": ("photo.jpg",),
    "docs/library.md": ("photo.jpg", "map.png"),
    "docs/how-to/archives.md": ("plan.png", "scan.tif", "book.tif", "formats"),
    "docs/how-to/games.md": ("sprites",),
    "docs/how-to/machine-learning.md": ("masks-png", "pictures"),
    "docs/how-to/maps.md": ("map.png", "landcover.tif", "legend.hex"),
    "docs/how-to/web.md": ("pictures",),
}
"""The files that a page supposes to be there, besides those that it makes."""

NEEDS = {
    "docs/clusters.md": "zarr",
    "docs/command-line.md": "matplotlib",
    "docs/how-to/maps.md": "zarr",
    "docs/how-to/web.md": "oxipng",
    "docs/k-means.md": "matplotlib",
    "docs/library.md": "imageio",
    "docs/quick-start.md": "skimage",
}
"""The module of an extra without which a page is skipped."""

BLOCKS_LEFT_OUT = {
    ("README.md", "<script>"): "tests/javascript/test_browser.py shows such a page in a browser",
    ("docs/how-to/web.md", "<"): "tests/javascript/test_web_page.py shows it in a browser",
    ("docs/architecture.md", ""): "a drawing",
    ("docs/compiled-kernels.md", ""): "a drawing",
    ("docs/command-line.md", "   K   theory"): "docs/make_pictures.py writes it",
    ("docs/clusters.md", "from distributed"): "needs a cluster; tests/clusters runs such calls",
    ("docs/clusters.md", "import dask.array"): "needs a cluster; tests/clusters runs such calls",
    ("docs/clusters.md", "from collections.abc"): "needs torch, which the tests do not install",
}
"""Blocks that are not run, by page and beginning, and why."""

LINES_LEFT_OUT = {
    "make ": "installs into a virtual environment; CI runs it",
    "pip install ": "installs; CI does it",
    "python3 -m venv ": "installs; CI does it",
    "kmq compare photo.jpg --report": "takes ten seconds; tests/cli/test_compare.py",
}
"""Lines of shell blocks that are not run, by their beginnings, and why."""


def left_out(block: pages.Block) -> list[tuple[str, str]]:
    """Return the entries of BLOCKS_LEFT_OUT that name a block."""
    return [
        (page, start)
        for page, start in BLOCKS_LEFT_OUT
        if block.page == page and block.code.startswith(start)
    ]


def to_be_run(block: pages.Block) -> pages.Block:
    """Return a shell block without the lines that are not run; another as it is."""
    if not block.is_shell:
        return block
    lines = block.code.splitlines()
    return block._replace(
        language="sh",
        code="\n".join(line for line in lines if not line.startswith(tuple(LINES_LEFT_OUT))),
    )


SPRITES = {"ball": (255, 60, 40), "coin": (250, 210, 30), "gem": (60, 120, 255)}


def draw_sprite(color: tuple[int, int, int]) -> Image.Image:
    """Draw a shaded ball on a clear ground."""
    image = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    canvas = ImageDraw.Draw(image)
    for radius in range(14, 2, -1):
        shade = tuple(channel * (16 - radius) // 14 for channel in color)
        canvas.ellipse((16 - radius, 16 - radius, 16 + radius, 16 + radius), fill=shade)
    return image


def draw_diagram() -> Image.Image:
    """Draw boxes and arrows in four colours."""
    image = Image.new("RGB", (320, 200), "white")
    canvas = ImageDraw.Draw(image)
    for left in (20, 130, 240):
        canvas.rectangle((left, 60, left + 60, 120), fill="lightblue", outline="navy", width=2)
    for left in (84, 194):
        canvas.line((left, 90, left + 40, 90), fill="black", width=2)
    return image


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """A folder with every input that a page names, all of them small."""
    folder = tmp_path_factory.mktemp("inputs")
    for name in ("pictures", "sprites", "masks-png", "formats"):
        (folder / name).mkdir()
    lake, diagram = Image.fromarray(draw()), draw_diagram()
    lake.resize((320, 200)).save(folder / "pictures/lake.png")
    diagram.save(folder / "pictures/diagram.png")
    for name, color in SPRITES.items():
        draw_sprite(color).save(folder / f"sprites/{name}.png")

    small = lake.resize((128, 80))
    small.save(folder / "photo.jpg")
    small.save(folder / "ui.png")
    small.convert("L").save(folder / "face.png")
    small.quantize(5).save(folder / "mask.png")

    lake.resize((320, 200)).quantize(30).save(folder / "map.png")
    (folder / "legend.hex").write_text("#1e5aa8\n#3a7d2c\n#c8b48c\n#f0f0f0\n")
    classes = np.repeat(np.array([11, 21, 42, 81, 1301], np.uint16), 64)
    Image.fromarray(np.tile(classes, (200, 1))).save(folder / "landcover.tif")
    instances = np.arange(80 * 128, dtype=np.uint16).reshape(80, 128) // 20
    for name in ("instances.png", "masks-png/one.png", "masks-png/two.png"):
        Image.fromarray(instances).save(folder / name)

    diagram.save(folder / "plan.png")
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "Map of the harbour"
    exif[ExifTags.Base.Copyright] = "City archive"
    scan = lake.crop((0, 100, 640, 300)).resize((320, 100))
    scan.save(folder / "scan.tif", dpi=(300, 300), exif=exif)
    small.save(folder / "book.tif", save_all=True, append_images=[small])
    for file in (ROOT / "formats").glob("reference_*.py"):
        shutil.copy(file, folder / "formats")
    return folder


def put(inputs: Path, names: Iterable[str], folder: Path) -> None:
    """Copy some of the inputs into a folder."""
    for name in names:
        copy = shutil.copytree if (inputs / name).is_dir() else shutil.copy
        copy(inputs / name, folder / name)


@pytest.mark.parametrize("page", PAGES)
def test_the_code_of_a_page_does_what_the_page_says(page, inputs, tmp_path, monkeypatch):
    if page in NEEDS:
        pytest.importorskip(NEEDS[page])
    reader = pages.Reader()
    put(inputs, INPUTS.get(page, ()), tmp_path)
    monkeypatch.chdir(tmp_path)
    for block in pages.blocks(page):
        if not left_out(block):
            reader.follow(to_be_run(block))


def test_what_is_left_out_stands_on_a_page():
    blocks = [block for page in PAGES for block in pages.blocks(page)]
    assert {key for block in blocks for key in left_out(block)} == set(BLOCKS_LEFT_OUT)
    lines = "\n".join(block.code for block in blocks if block.is_shell).splitlines()
    assert all(any(line.startswith(start) for line in lines) for start in LINES_LEFT_OUT)


ALL_PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "formats/**/*.md", "benchmarks/*.md", ".github/**/*.md")
    for path in ROOT.glob(pattern)
)


@pytest.mark.parametrize("page", ALL_PAGES)
def test_links_between_pages_lead_to_files_and_headings(page):
    for path, anchor in pages.links(ROOT / page):
        target = ((ROOT / page).parent / path) if path else ROOT / page
        assert target.exists(), f"{page}: {path}"
        if anchor and target.suffix == ".md":
            assert anchor in pages.anchors(target), f"{page}: {path}#{anchor}"


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_python_is_python(page):
    for block in pages.blocks(page):
        if block.language == "python":
            compile(block.code, str(block), "exec")


def test_what_a_page_shows_is_compared_but_for_times_and_dots():
    block = pages.Block("page.md", 1, "text", "a.png: 9 bytes, ... colours, 0.30 s\n")
    pages.compare(block, "kmq: compiling this\na.png: 9 bytes, 3 colours, 12.5 s\n")
    with pytest.raises(AssertionError, match=r"page\.md:1 shows"):
        pages.compare(block, "a.png: 8 bytes, 3 colours, 0.30 s\n")


def test_anchors_are_those_of_github(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# A, b & `c_d`\n## Same\n## Same\n```\n# no heading\n```\n### [Linked](x.md)!\n"
    )
    assert pages.anchors(page) == {"a-b--c_d", "same", "same-1", "linked"}
