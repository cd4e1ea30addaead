"""On damaged files, kmq.h comes to what kmq comes to: the same image, or an error."""

from __future__ import annotations

import itertools
import random
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from reliability.decoding import MAX_PIXELS
from reliability.mutations import mutations
from reliability.test_corpus import kmq_files
from reliability.test_mutations import SEEDS

import kmq
from c.compiling import Decoded, decoded


def outcome_of_kmq(data: bytes) -> kmq.IndexedImage | None:
    """Return the image, None if the file is refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", kmq.KmqWarning)
        try:
            return kmq.load(data, max_pixels=MAX_PIXELS)
        except (kmq.FormatError, kmq.LimitError):
            return None


def has_damaged_metadata(data: bytes) -> bool:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", kmq.KmqWarning)
        kmq.load(data)
    return any("metadata" in str(warning.message) for warning in caught)


def compared(driver: Path, count: int, seed: int) -> Counter[str]:
    """Compare the decoders on damaged files; return how often each outcome came."""
    files = list(itertools.islice(mutations(SEEDS, random.Random(seed)), count))
    outcomes: Counter[str] = Counter()
    for data, found in zip(files, decoded(driver, files, MAX_PIXELS), strict=True):
        image = outcome_of_kmq(data)
        if image is None:
            assert isinstance(found, str)
            outcomes["refused"] += 1
            continue
        assert isinstance(found, Decoded), found
        assert np.array_equal(found.indices, image.indices)
        assert np.array_equal(found.palette[found.indices], image.to_rgba())
        if image.labels is not None:
            assert np.array_equal(found.labels[found.indices], image.to_labels())
        assert found.metadata_are_damaged == has_damaged_metadata(data)
        outcomes["an image"] += 1
    return outcomes


def test_both_decoders_come_to_the_same_on_damaged_files(driver):
    outcomes = compared(driver, 1_000, seed=1)
    assert outcomes["an image"] > 100
    assert outcomes["refused"] > 100


def test_sanitizers_find_nothing_where_files_are_damaged(strict_driver):
    compared(strict_driver, 500, seed=2)


def test_what_fuzzing_found_is_decoded_or_refused_as_the_corpus_says(strict_driver):
    files, are_images = kmq_files()
    found = decoded(strict_driver, files, MAX_PIXELS)
    assert [isinstance(outcome, Decoded) for outcome in found] == are_images


def test_a_file_that_ends_anywhere_before_its_end_is_refused(strict_driver):
    names = ("metadata", "labels-19-modelled", "colours-17", "specification-modelled")
    files = [(ROOT / f"formats/vectors/valid/{name}.kmq").read_bytes() for name in names]
    cut = [data[:size] for data in files for size in range(len(data))]
    assert all(isinstance(outcome, str) for outcome in decoded(strict_driver, cut))


@pytest.mark.soak
def test_both_decoders_come_to_the_same_on_20000_damaged_files(strict_driver):
    outcomes: Counter[str] = Counter()
    for seed in range(20):
        outcomes += compared(strict_driver, 1_000, seed)
    print(f"C beside Python, {outcomes.total():,} mutations: {dict(outcomes)}")
