"""`kmq decode`: `.kmq` files to ordinary images."""

from __future__ import annotations

import time
from pathlib import Path

import click

from kmq.cli.common import (
    INPUT,
    STANDARD,
    check_outputs,
    display,
    for_each,
    output_for,
    read_input,
    refuse_existing,
    shared_options,
    tell,
    write_output,
)


@click.command(short_help="Turn .kmq files into PNG or another kind of image.")
@click.argument("files", nargs=-1, required=True, type=INPUT)
@shared_options
def decode(
    files: tuple[str, ...],
    output: str | None,
    force: bool,
    threads: int | None,
    max_pixels: int,
    quiet: bool,
) -> None:
    """Turn .kmq files into PNG, or into what the output's extension says.

    FILES may be - for standard input. photo.kmq becomes photo.png beside it.

    \b
    Examples:
      kmq decode photo.kmq
      kmq decode photo.kmq -o photo.webp
      kmq decode - < photo.kmq > photo.png
    """
    check_outputs(files, output, ".png")

    def decode_one(source: str) -> None:
        started = time.perf_counter()
        target = output_for(source, output, ".png")
        refuse_existing(target, force=force)
        stored = read_input(source)

        from kmq import codec, pixels

        indexed = codec.load(stored, max_pixels=max_pixels, threads=threads)
        extension = ".png" if target == STANDARD else Path(target).suffix
        data = pixels.to_file(indexed.to_pil(), extension)
        write_output(target, data, force=force)
        if not quiet:
            tell(
                f"{display(source)}: {len(stored):,} -> {len(data):,} bytes, "
                f"{indexed.width}x{indexed.height}, {len(indexed.palette)} colours, "
                f"{time.perf_counter() - started:.2f} s"
            )

    for_each(files, decode_one)
