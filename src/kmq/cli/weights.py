"""`--weights`: a grey picture of how much each pixel counts."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kmq.cli import arguments
from kmq.cli.common import display, reason
from kmq.errors import KmqError
from kmq.options import Options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WEIGHTS = click.option(
    "--weights",
    "weights_file",
    type=click.Path(exists=True, dir_okay=False),
    metavar="MASK",
    help="How much each pixel counts for the palette: a grey picture of the same size, in which "
    "black counts nothing and white most.",
)


def given_weights(file_name: str | None, options: Options) -> NDArray[np.uint8] | None:
    """Return the levels of a mask, (H, W), None without one, or raise click.UsageError."""
    if file_name is None:
        return None
    if idle := arguments.given("psnr", "max_bytes", "palette_given", "one_palette", "labels"):
        raise click.UsageError(f"--weights are for a palette of K colours; leave {idle} out")
    from kmq import pixels

    try:
        stored = io.BytesIO(Path(file_name).read_bytes())
        levels = pixels.read(stored, max_pixels=options.max_pixels, strip=True).rgb
    except (KmqError, OSError) as error:
        raise _bad(f"{display(file_name)}: {reason(error, file_name)}") from error
    if levels.shape[2] == 4 or (levels != levels[..., :1]).any():
        raise _bad(f"{display(file_name)}: expected an opaque grey picture")
    return levels[..., 0]


def _bad(message: str) -> click.BadParameter:
    return click.BadParameter(message, param_hint="--weights")
