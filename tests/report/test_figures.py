from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from kmq.comparison import OtherIndices, compare
from kmq.options import Options
from kmq.report import figures
from kmq.report.trace import Trace
from kmq.report.transforms import Point


@pytest.fixture(scope="module")
def rgb():
    return np.random.default_rng(0).integers(0, 256, (30, 30, 3), np.uint8)


@pytest.fixture(scope="module")
def rows(rgb):
    return compare(rgb, (2, 9, 1000), Options())


def drawn(rows):
    points = [Point(10, 500, 20.0), Point(90, 2000, 35.0)]
    others = dict.fromkeys(("JPEG", "WebP lossy", "AVIF"), points)
    cheaper = [OtherIndices(900, 25.0, None, 0.1), OtherIndices(90, float("inf"), None, 0.1)]
    trace = Trace(9, np.linspace(300, 110, 31), 100.0)
    return {
        "sizes": figures.size_figure(rows, 2800),
        "quality": figures.quality_figure(rows, cheaper, others),
        "trace": figures.trace_figure([trace]),
        "scale": figures.color_bar(150.0),
    }


def test_every_figure_is_svg_with_a_description_and_ids_of_its_own(rows):
    for name, text in drawn(rows).items():
        root = ElementTree.fromstring(text)
        assert root.get("aria-label")
        assert root.get("width") is None
        ids = re.findall(r'\bid="([^"]+)"', text)
        assert all(each.startswith(f"{name}-") for each in ids)


def test_colours_are_the_pages_own(rows):
    for text in drawn(rows).values():
        fixed = set(re.findall(r"(?:fill|stroke): (#[0-9a-f]{6})", text))
        assert fixed == set()


def test_what_belongs_to_a_number_of_colours_is_marked_with_it(rows):
    figure = drawn(rows)
    # Both codings and WebP hold 1,000 colours, PNG does not; what is exact has no PSNR.
    assert figure["sizes"].count('class="ring" data-colors="9"') == 4
    assert figure["sizes"].count('class="ring" data-colors="1000"') == 3
    assert 'data-colors="1000"' not in figure["quality"]
    assert figure["trace"].count('class="curve" data-colors="9"') == 1


def test_both_codings_have_a_line(rows):
    for name in ("sizes", "quality"):
        for coding in ("kmq packed", "kmq modelled"):
            assert coding in drawn(rows)[name]


def test_the_other_coders_and_cheaper_indices_have_a_line(rows):
    for name in ("kmq with --rdo", "JPEG", "WebP lossy", "AVIF"):
        assert f">{name}<" in drawn(rows)["quality"]


def test_figures_without_a_point_are_still_figures(rgb):
    exact = compare(rgb[:2, :2], (256,), Options())
    assert figures.quality_figure(exact, [], {}).startswith("<svg")


def test_sizes_that_span_much_are_named_few_enough_to_be_read(rows):
    others = {"JPEG": [Point(10, 300, 20.0), Point(90, 300_000, 35.0)]}
    named = re.findall(r">[\d.]+ k?B<", figures.quality_figure(rows, [], others))
    assert 3 <= len(named) <= 8
