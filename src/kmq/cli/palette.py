"""`kmq palette`: the colours alone."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import click

from kmq.cli import arguments, given_palettes, together
from kmq.cli import weights as pixel_weights
from kmq.cli.common import (
    STANDARD,
    display,
    for_each,
    is_folder,
    read_input,
    refuse_existing,
    tell_compiling,
    write_output,
)
from kmq.cli.jobs import Handling, Job, gather
from kmq.cli.quantizing import may_be_an_image
from kmq.options import Options
from kmq.palettes import KINDS, kind_named

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kmq.image import IndexedImage, Palette
    from kmq.pixels import Pixels


_CHOOSING = (
    *("colors", "psnr", "effort", "seed", "max_iter", "bits", "pinned", "background"),
    "weights_file",
)
"""Options that choose colours, of which a .kmq file leaves nothing to choose."""


def _kinds_as_lines() -> str:
    """Return a line of the help for each kind: its name, extensions and title."""
    lines = (
        f"  {kind.name:<9} {' '.join(filter(None, kind.extensions)):<10} {kind.title}"
        for kind in KINDS
    )
    return "\b\nKinds, and the extensions that stand for them:\n" + "\n".join(lines)


class _PaletteCommand(click.Command):
    """A command whose usage shows that `--list` takes no images."""

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one line for images and one for the list."""
        super().format_usage(ctx, formatter)
        formatter.write_usage(ctx.command_path, "--list", prefix=" " * len("Usage: "))


@click.command(cls=_PaletteCommand, epilog=_kinds_as_lines())
@arguments.IMAGES
@arguments.takes(
    click.option(
        "-o",
        "--output",
        type=arguments.FILE,
        help="Write to this file, or to standard output (-), which is the default.",
    ),
    click.option(
        "--kind",
        type=click.Choice([kind.name for kind in KINDS]),
        metavar="KIND",
        help="What to write, of the kinds below. [default: by the extension of the output; "
        "hex where there is none]",
    ),
    arguments.PALETTE_COLORS,
    *arguments.CLUSTERING,
    pixel_weights.WEIGHTS,
    together.PER_IMAGE,
    given_palettes.LIST,
    arguments.RECURSIVE,
    arguments.FORCE,
    arguments.THREADS,
    arguments.MAX_PIXELS,
)
def palette(
    images: tuple[str, ...],
    options: Options,
    handling: Handling,
    kind: str | None,
    weights_file: str | None,
    per_image: bool,
) -> None:
    """Print the K best colours of an image, or the palette of a .kmq file, in its order.

    An image whose palette has at most K entries keeps it, in its order. Several images, or all
    below a directory (with -r), get one palette for all their pixels; with --per-image each
    image counts the same. kmq encode --palette reads every kind of palette, and pictures too.

    \b
    Examples:
      kmq palette photo.jpg -k 16
      kmq palette photo.jpg -k 16 -o photo.gpl
      kmq palette photo.kmq --kind json
      kmq palette -r sprites -k 32 -o sprites.pal
      kmq palette photo.jpg -k 16 --kind riff -o photo.pal
      kmq palette --list
    """
    target = STANDARD if handling.output is None else handling.output
    is_alone = len(images) == 1 and not is_folder(images[0])
    if per_image and is_alone:
        raise click.UsageError("--per-image is for several images, and there is one; leave it out")
    if weights_file is not None and not is_alone:
        raise click.UsageError("--weights are for the pixels of one image; name one alone")
    chosen = together.kind_for(target) if kind is None else kind_named(kind)

    def write_palette(_: str) -> None:
        from kmq import palettes

        refuse_existing(target, force=handling.force)
        found = _colors_of(
            images,
            options,
            handling,
            counts_pixels=chosen.name == "json",
            per_image=per_image,
            weights=pixel_weights.given_weights(weights_file, options),
        )
        name = Path(display(images[0])).stem
        data = palettes.write(found.palette, chosen, name=name, pixels=found.pixels)
        write_output(target, data, force=handling.force, is_text=chosen.is_text)

    tell_compiling()
    for_each([images[0] if len(images) == 1 else target], write_palette)


class _Colors(NamedTuple):
    """A palette and, where it is known, the number of pixels of each entry."""

    palette: Palette
    pixels: list[int] | None = None


def _colors_of(
    images: Sequence[str],
    options: Options,
    handling: Handling,
    *,
    counts_pixels: bool,
    per_image: bool,
    weights: NDArray[np.uint8] | None,
) -> _Colors:
    """Return the palette of a .kmq file, or the best one of what else was named."""
    stored: bytes | None = None
    source = images[0]
    if len(images) == 1 and not is_folder(source):
        if source != STANDARD and Path(source).is_file():
            with Path(source).open("rb") as file:
                found = _stored_colors(source, file, options, counts_pixels)
        else:  # a pipe can be read once
            stored = read_input(source)
            found = _stored_colors(source, io.BytesIO(stored), options, counts_pixels)
        if found is not None:
            return found
    jobs = gather(images, recursive=handling.recursive, wanted=may_be_an_image)
    if len(jobs) == 1:
        return _colors_of_one(jobs, options, handling, stored, weights)
    return _colors_together(
        jobs, options, handling, counts_pixels=counts_pixels, per_image=per_image
    )


def _stored_colors(
    source: str, file: BinaryIO, options: Options, counts_pixels: bool
) -> _Colors | None:
    """Return the colours of a .kmq file, else None; all but the pixels stand in its head."""
    from kmq.container.head import SIGNATURE

    if file.read(len(SIGNATURE)) != SIGNATURE:
        return None
    if idle := arguments.given(*_CHOOSING):
        raise click.UsageError(f"{display(source)} has its palette: nothing to choose for {idle}")
    from kmq import codec, palettes

    file.seek(0)
    if not counts_pixels:
        return _Colors(palettes.read(file))
    return _counted(codec.load(file, max_pixels=options.max_pixels, threads=options.threads))


def _colors_of_one(
    jobs: Sequence[Job],
    options: Options,
    handling: Handling,
    stored: bytes | None,
    weights: NDArray[np.uint8] | None,
) -> _Colors:
    """Return the palette that `encode` gives the only image; `stored` has its bytes, if read."""
    from kmq import codec

    found: list[Pixels] = []
    together.read_all(jobs, options, handling, lambda _, pixels: found.append(pixels), stored)
    indexed = codec.quantize_pixels(
        found[0].rgb, options, palette_image=found[0].indexed, weights=weights
    )
    return _counted(indexed)


def _colors_together(
    jobs: Sequence[Job],
    options: Options,
    handling: Handling,
    *,
    counts_pixels: bool,
    per_image: bool,
) -> _Colors:
    """Return the best palette for the pixels of all images put together."""
    from kmq import clustering, codec

    histogram = together.count(jobs, options, handling, per_image=per_image)
    palette = codec.fit_histogram(histogram, options)
    if not counts_pixels:
        return _Colors(palette)
    return _Colors(palette, clustering.pixel_counts(histogram, palette, options.workers).tolist())


def _counted(indexed: IndexedImage) -> _Colors:
    import numpy as np

    from kmq.image import Palette

    counts = np.bincount(indexed.indices.ravel(), minlength=len(indexed.palette))
    return _Colors(Palette(indexed.palette), counts.tolist())
