"""Damaged files with right checksums: an image, a FormatError or a LimitError, nothing else."""

from __future__ import annotations

import itertools
import os
import random
import time
import warnings
from collections import Counter

import pytest
from conftest import ROOT
from test_format import reference

import kmq
from kmq.container.head import CODINGS
from kmq.image import Palette
from reliability.decoding import outcome
from reliability.mutations import mended, mutations

VALID = ROOT / "formats" / "vectors" / "valid"


def is_small(data: bytes) -> bool:
    """Whether a file decodes fast enough to be mutated thousands of times."""
    info = kmq.info(data)
    return len(data) < 2_000 and info.width * info.height < 1 << 15


FILES = [path.read_bytes() for path in sorted(VALID.glob("*.kmq"))]
SEEDS = [data for data in FILES if is_small(data) and mended(data) == data]


def tried(count: int, seed: int) -> Counter[str]:
    """Return the number of each outcome, with the codings if the head is valid."""
    chance = random.Random(seed)
    found: Counter[str] = Counter()
    for data in itertools.islice(mutations(SEEDS, chance), count):
        found[f"{outcome(data)}, {codings(data)}"] += 1
    return found


def codings(data: bytes) -> str:
    try:
        named = {stripe.coding for stripe in kmq.info(data).stripes}
    except kmq.FormatError:
        return "by its head"
    return " and ".join(sorted(named)) if named <= set(CODINGS.values()) else "coding unknown"


def test_the_files_that_are_mutated_have_every_coding():
    found = {stripe.coding for data in SEEDS for stripe in kmq.info(data).stripes}
    assert found == set(CODINGS.values())


def test_a_whole_file_needs_no_mending_unless_a_checksum_is_wrong_on_purpose():
    on_purpose = (VALID / "metadata-bad-checksum.kmq").read_bytes()
    assert [data for data in FILES if mended(data) != data] == [on_purpose]


def test_of_20000_mutations_none_is_anything_but_an_image_or_an_error_of_kmqs():
    count = 2_000 if os.environ.get("NUMBA_DISABLE_JIT") == "1" else 20_000
    found = tried(count, seed=0)
    assert sum(found.values()) == count
    # With correct checksums, many mutations reach the decoder of their coding.
    for coding in CODINGS.values():
        assert found[f"an image, {coding}"] > count / 20
        assert found[f"refused, {coding}"] > count / 20


@pytest.mark.soak
def test_mutations_are_survived_for_as_long_as_one_likes():
    minutes = float(os.environ.get("SOAK_MINUTES", "10"))
    total: Counter[str] = Counter()
    end = time.monotonic() + 60 * minutes
    for seed in itertools.count(1):
        total += tried(10_000, seed)
        if time.monotonic() > end:
            break
    print(f"{sum(total.values()):,} mutations: {dict(total)}")


def made_by_kmq(data: bytes, max_pixels: int) -> object:
    """Return size, indices, palette and whether metadata are damaged, or None if it is refused."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", kmq.KmqWarning)
        try:
            image = kmq.load(data, max_pixels=max_pixels)
        except (kmq.FormatError, kmq.LimitError):
            return None
    palette = [tuple(entry) for entry in Palette(image.palette).to_rgba().tolist()]
    return image.width, image.height, image.indices.ravel().tolist(), palette, bool(told)


def made_by_the_reference_decoder(data: bytes, max_pixels: int) -> object:
    try:
        image = reference.decode(data, max_pixels)
    except (reference.FormatError, reference.LimitError):
        return None
    is_damaged = image.metadata is None
    return image.width, image.height, image.indices.tolist(), image.palette, is_damaged


@pytest.mark.soak
def test_of_20000_mutations_both_decoders_make_the_same():
    # Small ones, because the reference decoder takes 50 us per pixel.
    most = 1 << 10
    seeds = [data for data in SEEDS if (info := kmq.info(data)).width * info.height <= most]
    found: Counter[str] = Counter()
    for data in itertools.islice(mutations(seeds, random.Random(2)), 20_000):
        made = made_by_kmq(data, most)
        assert made_by_the_reference_decoder(data, most) == made
        found[f"{'an image' if made else 'refused'}, {codings(data)}"] += 1
    print(dict(found))
    assert found["an image, modelled"] > 1_000
    assert found["refused, modelled"] > 1_000
