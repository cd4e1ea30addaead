"""Print a digest of kmq's results for all vectors and some pictures.

    python tests/reliability/sameness.py THREADS

It must be the same for any number of threads, on any processor, with any compiled kernels.
"""

from __future__ import annotations

import hashlib
import sys
import warnings
from pathlib import Path

import numpy as np

import kmq
from kmq import clustering, jit, rate
from kmq.cli.demo_picture import draw

VECTORS = Path(__file__).parents[2] / "formats" / "vectors" / "valid"


def digest(threads: int) -> str:
    """Return the digest, made with every kernel."""
    made = hashlib.sha256()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kmq.KmqWarning)  # about metadata that are damaged
        for path in sorted(VECTORS.glob("*.kmq")):
            indexed = kmq.load(path)
            made.update(indexed.indices.tobytes() + kmq.encode(indexed))
    noise = np.random.default_rng(1).integers(0, 256, (190, 190, 4), np.uint8)
    with jit.threads_for_any_work():
        for pixels in (draw()[::2], noise[..., :3], noise):
            for colors, effort in ((2, "fast"), (20, "default"), (300, "fast")):
                indexed = clustering.quantize(pixels, colors, effort=effort, threads=threads)
                made.update(indexed.palette.tobytes() + indexed.indices.tobytes())
                made.update(kmq.encode(indexed, threads=threads))
                chosen = rate.choose(pixels, indexed, 64, 50, effort=effort, threads=threads)
                made.update(chosen.palette.tobytes() + chosen.indices.tobytes())
    return made.hexdigest()


if __name__ == "__main__":
    print(digest(int(sys.argv[1])))
