"""The command line: `kmq`. One file a command; what is slow to import waits for its use."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys

import click
from PIL import Image

from kmq.cli.common import reason, tell
from kmq.cli.compare import compare
from kmq.cli.decode import decode
from kmq.cli.demo import demo
from kmq.cli.encode import encode
from kmq.cli.info import info
from kmq.cli.palette import palette
from kmq.cli.verify import verify
from kmq.cli.warmup import warmup


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kmq", message="%(prog)s %(version)s")
def kmq() -> None:
    """Images in K colours: K-means finds them, a .kmq file keeps them.

    \b
    Examples:
      kmq encode photo.jpg           writes photo.kmq
      kmq decode photo.kmq           writes photo.png
      kmq info photo.kmq             shows what is in it
    """


for command in (encode, decode, info, verify, palette, compare, warmup, demo):
    kmq.add_command(command)


def main() -> None:
    """Run the command line in a process of its own."""
    # kmq does no linear algebra: starting a pool of threads for it costs 50 ms.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # Loading compiled kernels makes many small objects, none of them garbage.
    gc.disable()
    # Here the limit is --max-pixels, which counts before anything is decoded.
    Image.MAX_IMAGE_PIXELS = None
    # Leaves what is half written as Ctrl-C does: not at all.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        kmq(prog_name="kmq")
    except OSError as error:  # the inputs' are told where they happen
        with contextlib.suppress(OSError):
            tell(f"kmq: standard output: {reason(error)}")
        sys.exit(1)
    finally:
        gc.freeze()
