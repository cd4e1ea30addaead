"""One palette for many images, for `encode`, `quantize` and `palette`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kmq.cli import arguments, batch
from kmq.cli.common import STANDARD, display, refuse_existing, require_folder, tell, write_output
from kmq.cli.jobs import Handling, Job
from kmq.cli.outcomes import Outcome
from kmq.cli.quantizing import read_image
from kmq.extensions import extension_of
from kmq.options import Options
from kmq.palettes import KINDS, Kind, kind_of_file

if TYPE_CHECKING:
    from kmq.clustering import Histogram
    from kmq.image import Palette
    from kmq.pixels import Pixels

ONE_PALETTE = click.option(
    "--one-palette",
    is_flag=True,
    help="Find one palette for all images together, and give it to each, in the same order.",
)
PER_IMAGE = click.option(
    "--per-image",
    is_flag=True,
    help="Let each image count the same for a shared palette, whatever its size. "
    "[default: each pixel counts the same]",
)
PALETTE_OUT = click.option(
    "--palette-out",
    type=arguments.FILE,
    metavar="FILE",
    help="Write that palette to this file too; its extension chooses the kind, as in kmq palette.",
)
OPTIONS = (ONE_PALETTE, PER_IMAGE, PALETTE_OUT)


def kind_for(target: str, option: str = "--output") -> Kind:
    """Return the kind of palette that an output's extension stands for."""
    kind = kind_of_file(target)
    if kind is None:
        known = [extension for kind in KINDS for extension in kind.extensions if extension]
        raise click.UsageError(
            f"{option}: no palette ends in {extension_of(target)!r}, but in "
            f"{', '.join(known)} or nothing; choose what to write with kmq palette --kind"
        )
    return kind


def check(
    jobs: Sequence[Job], handling: Handling, *, one_palette: bool, palette_out: str | None
) -> None:
    """Raise click.UsageError if a palette for all of these cannot be asked for like this."""
    if not one_palette:
        if idle := arguments.given("per_image", "palette_out"):
            raise click.UsageError(f"{idle} is for the palette of --one-palette; add it")
        return
    if idle := arguments.given("palette_given", "max_bytes", "sort", "labels"):
        raise click.UsageError(f"--one-palette finds the palette of all images; leave {idle} out")
    if idle := arguments.given("resume", "skip_existing"):
        raise click.UsageError(
            f"with --one-palette each output depends on every input; leave {idle} out"
        )
    if any(job.source == STANDARD for job in jobs):
        raise click.UsageError(
            "--one-palette reads every image twice, and standard input can be read once"
        )
    if palette_out is not None:
        kind_for(palette_out, "--palette-out")
        refuse_existing(palette_out, force=handling.force)
        require_folder(palette_out)


def find(
    jobs: Sequence[Job],
    options: Options,
    handling: Handling,
    *,
    per_image: bool,
    palette_out: str | None,
) -> Palette:
    """Return the palette for all images, and write it where asked.

    It is what `fit` finds for their histograms merged. An image that cannot be read ends
    the program, because the others alone would get another palette.
    """
    from kmq import codec, palettes

    histogram = count(jobs, options, handling, per_image=per_image)
    palette = codec.fit_histogram(histogram, options)
    if palette_out is not None:
        kind = kind_for(palette_out)
        data = palettes.write(palette, kind, name=Path(display(palette_out)).stem)
        write_output(palette_out, data, force=handling.force, is_text=kind.is_text)
    return palette


def count(
    jobs: Sequence[Job], options: Options, handling: Handling, *, per_image: bool
) -> Histogram:
    """Return the histogram of the pixels of all images."""
    from kmq.clustering import Histogram

    counted: dict[Job, Histogram] = {}

    def count_one(job: Job, pixels: Pixels) -> None:
        counted[job] = Histogram.from_image(pixels.rgb)

    read_all(jobs, options, handling, count_one)
    found = list(counted.values())
    mixed = sum(each.has_alpha for each in found)
    if 0 < mixed < len(found) and not handling.quiet:
        tell(
            f"kmq: {mixed:,} of {len(found):,} images have transparent pixels, and so has the "
            "palette of all; --background fills them"
        )
    return Histogram.merge_equally(found) if per_image else Histogram.merge(found)


def read_all(
    jobs: Sequence[Job],
    options: Options,
    handling: Handling,
    use: Callable[[Job, Pixels], None],
    stored: bytes | None = None,
) -> None:
    """Read every image and hand its pixels to `use`, on several threads.

    If one of them fails, that is reported and the program exits.
    """
    notes: dict[Job, tuple[str, ...]] = {}

    def read_one(job: Job, _: int) -> Outcome:
        data, read = read_image(job, replace(options, strip=True), stored)
        use(job, read)
        notes[job] = read.notes
        return Outcome(len(data), 0, "")

    reading = [replace(job, target=STANDARD) for job in jobs]
    batch.run(
        reading,
        read_one,
        replace(handling, force=True, quiet=True, as_json=False),
        threads=options.workers,
    )
    for job in reading:
        for note in notes.get(job, ()):
            tell(f"kmq: {display(job.source)}: {note}")
