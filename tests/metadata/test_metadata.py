from __future__ import annotations

from fractions import Fraction

import pytest
from PIL.TiffImagePlugin import IFDRational

from kmq.errors import OptionError
from kmq.metadata import MAX_TEXTS, Metadata


def test_nothing_is_false_and_anything_is_true():
    assert not Metadata()
    assert Metadata(resolution=(72, 72))
    assert Metadata(text=[("Title", "")])


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (300, Fraction(300)),
        (299.9994, Fraction(299_9994, 10_000)),
        (IFDRational(600, 2), Fraction(300)),
        (Fraction(1, 3), Fraction(1, 3)),
    ],
)
def test_a_resolution_is_kept_as_an_exact_fraction(given, kept):
    assert Metadata(resolution=(given, 72)).resolution == (kept, Fraction(72))


@pytest.mark.parametrize("per_metre", [1, 2835, 11_811, 39_370, 999_999])
def test_a_float_gives_back_the_pixels_per_metre_that_a_png_stores(per_metre):
    across, _ = Metadata(resolution=(per_metre * 0.0254, 1)).resolution
    assert across == Fraction(per_metre * 254, 10_000)


@pytest.mark.parametrize(
    "given",
    [
        (0, 72),
        (-1, 72),
        (72,),
        (72, 72, 72),
        72,
        "72x72",
        (float("nan"), 72),
        (float("inf"), 72),
        (1 << 32, 72),
        (Fraction(1, 1 << 32), 72),
        (IFDRational(1, 0), 72),
        (None, 72),
    ],
)
def test_what_is_no_resolution_is_refused(given):
    with pytest.raises(OptionError, match="resolution: expected"):
        Metadata(resolution=given)


@pytest.mark.parametrize(
    "given",
    [
        "Title",
        [("Title",)],
        [("Title", "a", "b")],
        [("", "a")],
        [("a\0b", "c")],
        [("é" * 128, "a")],
        [("Title", b"a")],
        [("Title", "\ud800")],
        [("a", "b")] * (MAX_TEXTS + 1),
        7,
    ],
)
def test_what_is_no_text_is_refused(given):
    with pytest.raises(OptionError, match="text: "):
        Metadata(text=given)


@pytest.mark.parametrize("name", ["exif", "xmp"])
def test_blocks_are_bytes(name):
    with pytest.raises(OptionError, match=f"{name}: expected bytes, got str"):
        Metadata(**{name: "a"})
