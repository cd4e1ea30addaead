"""`kmq warmup`: compile every kernel now, so that no later run has to."""

from __future__ import annotations

import sys
import time
import warnings

import click

from kmq.cli.common import say, tell
from kmq.errors import KmqWarning


@click.command()
def warmup() -> None:
    """Compile every kernel and keep the result, so that no later run has to.

    Where kmq was installed with compiled kernels there is nothing to do, and it says which
    are in use. KMQ_KERNELS chooses others: the name of a level of processors, or numba.
    Fails if the result cannot be kept anywhere; NUMBA_CACHE_DIR names another folder.

    \b
    Example:
      kmq warmup
    """
    from kmq import jit, prebuilt, warming

    if jit.in_use != prebuilt.NUMBA:
        say(f"nothing to compile: kmq was installed with kernels for {jit.in_use}")
        return
    started = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", KmqWarning)
            folders = warming.warm_up()
    except (warming.NothingKeptError, KmqWarning) as error:
        tell(f"kmq: {error}")
        sys.exit(1)
    say(f"ready after {time.perf_counter() - started:.1f} s; compiled code is kept in")
    for folder in folders:
        say(f"  {folder}")
