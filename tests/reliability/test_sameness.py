"""The same bytes whatever the processor and the number of threads."""

from __future__ import annotations

from conftest import ROOT

from reliability.programs import needs_jit, run

DIGESTS = """
import kmq
from kmq.cli.demo_picture import draw
from pathlib import Path

digest = hashlib.sha256()
for path in sorted(Path(sys.argv[1]).glob("*.kmq")):
    indexed = kmq.load(path)
    digest.update(indexed.indices.tobytes() + kmq.encode(indexed))
pictures = [draw()[::2], np.random.default_rng(1).integers(0, 256, (190, 190, 3), np.uint8)]
from kmq import jit
jit.SMALLEST_PARALLEL_WORK = 0
for rgb in pictures:
    for colors, effort in ((2, "fast"), (20, "default"), (300, "fast")):
        for threads in map(int, sys.argv[2:]):
            digest.update(kmq.encode(rgb, colors, effort=effort, threads=threads))
print(digest.hexdigest())
"""
VECTORS = ROOT / "formats" / "vectors" / "valid"


def digest(*threads: int, **environment: str) -> str:
    return run(DIGESTS, VECTORS, *threads, **environment).stdout


@needs_jit
def test_1_and_2_and_8_threads_give_the_same_bytes():
    assert digest(1) == digest(2) == digest(8, NUMBA_NUM_THREADS="8")


@needs_jit
def test_a_plain_processor_gives_the_same_bytes_as_this_one(cold_start):
    assert digest(1, 2, **cold_start[0]) == digest(1, 2)
