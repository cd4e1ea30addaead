"""`kmq compare`: an image in several numbers of colours, as a table and as a report."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kmq.cli import arguments
from kmq.cli.common import (
    STANDARD,
    FileName,
    display,
    for_each,
    read_input,
    refuse_existing,
    require_folder,
    say,
    tell,
    tell_compiling,
    writing_standard_output,
)
from kmq.cli.reporting import working
from kmq.cli.strength import DITHERING, RDO, CommandWithStrength
from kmq.files import write_whole
from kmq.limits import MAX_COLORS
from kmq.options import Options
from kmq.report import INSTALL, render, require_packages

if TYPE_CHECKING:
    from kmq.comparison import Row

DEFAULT_LIST = "2,4,8,16,32,64,128,256"
ABSENT = "-"
_MEANING = {
    "rdo": "the .kmq file with --rdo.",
    "dithered": "the .kmq file with --dither, which looks closer than its PSNR says.",
}
_WIDEST = 1000
"""A width that no table exceeds."""


class ColorList(click.ParamType[tuple[int, ...]]):
    """Numbers of colours with commas between them; each is taken once."""

    name = "K,K,..."

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[int, ...]:
        """Return the numbers in the order given."""
        if isinstance(value, tuple):
            return value
        one = click.IntRange(1, MAX_COLORS)
        if not all(part.strip().isdecimal() for part in value.split(",")):
            self.fail(f"expected numbers with commas between them, got {value!r}", param, ctx)
        return tuple(dict.fromkeys(one.convert(part, param, ctx) for part in value.split(",")))


@click.command(cls=CommandWithStrength)
@click.argument("image", type=arguments.FILE)
@arguments.takes(
    click.option(
        "-k",
        "--colors",
        "palette_sizes",
        type=ColorList(),
        default=DEFAULT_LIST,
        show_default=True,
        help="Numbers of colours.",
    ),
    click.option("--json", "as_json", is_flag=True, help="Print a JSON object instead."),
    click.option("--csv", "as_csv", is_flag=True, help="Print comma-separated values instead."),
    click.option(
        "--report",
        type=FileName(dir_okay=False, readable=False, path_type=str),
        metavar="OUT.html",
        help=f"Write a page with pictures and plots too. Needs {INSTALL}",
    ),
    RDO,
    *DITHERING,
    arguments.EFFORT,
    arguments.SEED,
    arguments.MAX_ITER,
    arguments.BACKGROUND,
    arguments.FORCE,
    arguments.THREADS,
    arguments.MAX_PIXELS,
)
def compare(
    image: str,
    options: Options,
    palette_sizes: tuple[int, ...],
    as_json: bool,
    as_csv: bool,
    report: str | None,
    force: bool,
) -> None:
    """Compare size, quality and time of an image in several numbers of colours.

    Each .kmq file is compared with the same pixels as PNG with a palette and as lossless WebP;
    with --rdo, also with cheaper indices; with --dither, also with the dithered image. --report
    writes a self-contained page that shows the pictures side by side, not dithered.

    \b
    Examples:
      kmq compare photo.jpg
      kmq compare photo.jpg --colors 4,16,64 --csv > photo.csv
      kmq compare photo.jpg --report photo.html
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv: choose one")
    if report == STANDARD:
        raise click.UsageError(
            "--report: expected the name of a file; the table goes to standard output"
        )

    def compare_one(source: str) -> None:
        if report is not None:
            require_packages()
            refuse_existing(report, force=force)
            require_folder(report)
        stored = read_input(source)

        from kmq import comparison, pixels

        read = pixels.read(
            io.BytesIO(stored),
            background=options.background,
            alpha=options.alpha,
            max_pixels=options.max_pixels,
            strip=True,
        )
        for note in read.notes:
            tell(f"kmq: {display(source)}: {note}")
        if read.lost:
            tell(f"kmq: {display(source)}: compared without its {', '.join(read.lost)}")
        with working(f"comparing {display(source)}"):
            rows = comparison.compare(read.rgb, palette_sizes, options, read.lost)
            page = b""
            if report is not None:
                page = render(_title(source), read.rgb, len(stored), rows, options).encode()
        if as_json:
            height, width = read.rgb.shape[:2]
            _print_json(source, len(stored), width, height, rows)
        elif as_csv:
            _print_csv(len(stored), rows)
        else:
            _print_table(len(stored), rows)
            if not comparison.has_ssim():
                tell(f"kmq: SSIM is left out: it needs scikit-image; {INSTALL}")
        if report is not None:
            write_whole(report, page, overwrite=force)
            tell(f"kmq: {display(report)}: {len(page):,} bytes")

    tell_compiling()
    for_each([image], compare_one)


def _title(source: str) -> str:
    return display(source if source == STANDARD else Path(source).name)


def _print_json(source: str, file_bytes: int, width: int, height: int, rows: Sequence[Row]) -> None:
    described = {
        "file": source,
        "file_bytes": file_bytes,
        "width": width,
        "height": height,
        "rows": [row.to_dict(file_bytes) for row in rows],
    }
    say(json.dumps(described, indent=2))


def _print_csv(file_bytes: int, rows: Sequence[Row]) -> None:
    lines = [row.to_dict(file_bytes) for row in rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    say(text.getvalue(), newline=False)


def _print_table(file_bytes: int, rows: Sequence[Row]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    with_ssim = any(row.ssim is not None for row in rows)
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 1, 0, 0),
        caption=f"Sizes in bytes. theory: (24 K + N log2 K) / 8. share: the smallest .kmq beside "
        f"the file's {file_bytes:,}. PNG-8 and WebP (lossless) hold the same pixels. "
        "ms: clustering alone." + "".join(f" {name}: {_MEANING[name]}" for name in rows[0].others),
        caption_justify="left",
    )
    heads = ["K", "theory", "packed", "modelled", "share", "PNG-8", "WebP", "PSNR"]
    heads += ["SSIM"] * with_ssim + ["ms"]
    for name in rows[0].others:
        heads += [name, "PSNR", *["SSIM"] * with_ssim, "ms"]
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for row in rows:
        table.add_row(*_cells(row, file_bytes, with_ssim))
    console = Console(highlight=False)
    # A line too long is better than a number cut short.
    unbounded = console.options.update(max_width=_WIDEST)
    console.width = max(console.width, console.measure(table, options=unbounded).maximum)
    with writing_standard_output(), console.capture() as printed:
        console.print(table)
    say(printed.get(), newline=False)


def _cells(row: Row, file_bytes: int, with_ssim: bool) -> list[str]:
    cells = [
        f"{row.colors:,}" if row.used == row.colors else f"{row.colors:,} ({row.used:,})",
        f"{row.theoretical_bytes:,.0f}",
        f"{row.packed_bytes:,}",
        _bytes(row.modelled_bytes),
        f"{row.modelled_bytes / file_bytes:.1%}",
        _bytes(row.png_bytes),
        _bytes(row.webp_bytes),
        row.closeness(row.psnr),
    ]
    if with_ssim:
        cells.append(ABSENT if row.ssim is None else f"{row.ssim:.4f}")
    cells.append(f"{1000 * row.seconds:,.0f}")
    for other in row.others.values():
        cells += [f"{other.bytes:,}", row.closeness(other.psnr)]
        if with_ssim:
            cells.append(ABSENT if other.ssim is None else f"{other.ssim:.4f}")
        cells.append(f"{1000 * other.seconds:,.0f}")
    return cells


def _bytes(count: int | None) -> str:
    return ABSENT if count is None else f"{count:,}"
