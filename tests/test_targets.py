from __future__ import annotations

import decimal
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from test_codec import photo_like

import kmq
from kmq import clustering, targets
from kmq.channel_bits import ChannelBits
from kmq.quality import psnr, psnr_of, squared_error
from kmq.targets import sample


@given(st.integers(1, 5000), st.integers(1, 5000))
def test_the_fewest_are_found_with_few_questions(answer, most):
    asked = []

    def is_enough(count):
        asked.append(count)
        return count >= answer

    assert targets.fewest(is_enough, most) == (answer if answer <= most else None)
    assert len(asked) == len(set(asked))
    assert len(asked) <= 2 * math.log2(most) + 3
    assert max(asked) <= max(2 * answer, 1)


@pytest.mark.parametrize("power", [0.4, 0.7, 1, 1.5])
def test_where_the_error_falls_as_a_power_of_k_few_questions_are_enough(power):
    asked, answers = [], range(1100, 2000, 9)
    for answer in answers:
        allowed = round(1e15 * (answer - 0.5) ** -power)

        def surplus(count, allowed=allowed):
            asked.append(count)
            return allowed - round(1e15 * count**-power)

        assert targets.fewest(surplus, 65_536) == answer
    mean = len(asked) / len(answers)
    assert mean <= 12 + 7  # halving asks 10 after 12 doublings


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_where_more_is_not_always_better_what_is_found_still_stands_beside_a_failure(answers):
    found = targets.fewest(lambda count: answers[count - 1], len(answers))
    if found is not None:
        assert answers[found - 1]
        assert found == 1 or not answers[found - 2]


@pytest.mark.parametrize("decibels", [0.5, 20, 33.25, 48, 100])
def test_the_largest_error_of_a_psnr_is_exact(decibels):
    samples = 3 * 12_345
    allowed = targets.largest_squared_error(decibels, samples)
    assert psnr_of(allowed, samples) >= decibels - 1e-9
    assert psnr_of(allowed + 1, samples) < decibels + 1e-9
    assert psnr_of(0, samples) == math.inf


@pytest.mark.parametrize(
    "of_the_host",
    [
        decimal.Context(prec=3),
        decimal.Context(prec=50, rounding=decimal.ROUND_UP),
        decimal.Context(traps=[decimal.Inexact, decimal.Rounded, decimal.FloatOperation]),
        decimal.Context(Emax=2, Emin=-2),
    ],
)
def test_the_largest_error_does_not_depend_on_the_hosts_decimal_context(of_the_host):
    cases = [(decibels, samples) for decibels in (33.3, 100, 5e-324) for samples in (3, 10**12)]
    expected = [targets.largest_squared_error(*case) for case in cases]
    with decimal.localcontext(of_the_host):
        assert [targets.largest_squared_error(*case) for case in cases] == expected
        assert decimal.getcontext().prec == of_the_host.prec


@pytest.mark.parametrize("decibels", [18, 25.5, 35])
def test_a_psnr_is_reached_and_with_one_colour_less_it_is_not(decibels):
    rgb = photo_like()
    indexed = kmq.quantize(rgb, psnr=decibels, rdo=0)
    colors = len(indexed.palette)
    assert psnr(rgb, indexed) >= decibels
    assert psnr(rgb, kmq.quantize(rgb, colors - 1)) < decibels
    assert kmq.encode(rgb, psnr=decibels, rdo=0) == kmq.encode(indexed)


def test_a_psnr_is_searched_for_on_the_histogram_and_the_image_is_mapped_once(monkeypatch):
    calls = []
    for name in ("fit", "apply"):
        function = getattr(clustering, name)
        monkeypatch.setattr(
            clustering,
            name,
            lambda *given, _name=name, _function=function, **options: (
                calls.append(_name) or _function(*given, **options)
            ),
        )
    colors = len(kmq.quantize(photo_like(), psnr=35, rdo=0).palette)
    assert calls.count("apply") == 1
    assert calls.count("fit") <= 2 * math.log2(colors) + 2


def test_a_psnr_that_only_the_exact_colours_have_is_reached():
    rgb = photo_like(8, 8)
    assert np.array_equal(kmq.quantize(rgb, psnr=100).to_rgb(), rgb)


def test_a_psnr_out_of_reach_is_reported_with_what_can_be_reached():
    rgb = photo_like()
    reached = psnr(rgb, kmq.quantize(rgb, 5))
    with pytest.raises(kmq.OptionError, match=rf"psnr: 60 dB .* 5 colours give {reached:.2f}"):
        kmq.quantize(rgb, 5, psnr=60)


@pytest.mark.parametrize("allowed", [300, 1000, 2222])
def test_the_most_colours_that_fit_are_taken(allowed):
    rgb = photo_like()
    data = kmq.encode(rgb, max_bytes=allowed, rdo=0)
    assert len(data) <= allowed
    colors = kmq.info(data).colors
    assert data == kmq.encode(rgb, colors)
    assert len(kmq.encode(rgb, colors + 1)) > allowed


def test_an_image_that_fits_with_all_its_colours_keeps_them():
    rgb = photo_like(8, 8)
    assert np.array_equal(kmq.decode(kmq.encode(rgb, max_bytes=10_000)), rgb)


def test_the_number_of_colours_bounds_a_target():
    rgb = photo_like()
    assert kmq.info(kmq.encode(rgb, 7, max_bytes=10_000)).colors == 7


def test_too_few_bytes_are_reported_with_what_one_colour_takes():
    smallest = len(kmq.encode(photo_like(), 1))
    with pytest.raises(kmq.OptionError, match=f"max_bytes: 12 .* one colour takes {smallest} "):
        kmq.encode(photo_like(), max_bytes=12)


@pytest.mark.parametrize("decibels", [18, 23.5, 100])
def test_a_psnr_is_reached_with_cheaper_indices_in_a_file_that_is_no_larger(decibels):
    rgb = photo_like(30, 37) if decibels == 100 else photo_like(90, 97)
    indexed = kmq.quantize(rgb, psnr=decibels)
    assert psnr(rgb, indexed) >= decibels
    data = kmq.encode(rgb, psnr=decibels)
    assert data == kmq.encode(indexed) == kmq.encode(rgb, psnr=decibels, rdo=1)
    assert len(data) <= len(kmq.encode(rgb, psnr=decibels, rdo=0))


def test_as_many_bytes_with_cheaper_indices_come_closer():
    rgb = photo_like(120, 130)
    plain = kmq.encode(rgb, 12)
    data = kmq.encode(rgb, max_bytes=len(plain))
    assert len(data) <= len(plain)
    assert psnr(rgb, kmq.load(data)) > psnr(rgb, kmq.load(plain)) + 0.5


@pytest.mark.parametrize("allowed", [300, 900, 20_000])
def test_of_a_large_picture_a_sample_says_where_to_search(monkeypatch, allowed):
    rgb = photo_like(63, 50)
    exact = kmq.encode(rgb, max_bytes=allowed)
    monkeypatch.setattr(sample, "FEW_PIXELS", 1000)
    monkeypatch.setattr(targets, "_COMPARED_PIXELS", 1000)
    looked_at = whole_pictures(monkeypatch)
    data = kmq.encode(rgb, max_bytes=allowed)
    assert len(data) <= allowed
    assert len(data) > 0.9 * len(exact)
    assert looked_at.count(63) <= 8


@pytest.mark.parametrize("decibels", [20, 24, 30])
def test_few_whole_pictures_are_looked_at_for_a_psnr(monkeypatch, decibels):
    rgb = photo_like(90, 97)
    exact = kmq.encode(rgb, psnr=decibels)
    monkeypatch.setattr(sample, "FEW_PIXELS", 2000)
    monkeypatch.setattr(sample, "MANY_PIXELS", 4000)
    looked_at = whole_pictures(monkeypatch)
    indexed = kmq.quantize(rgb, psnr=decibels)
    assert psnr(rgb, indexed) >= decibels
    assert len(kmq.encode(indexed)) < 1.05 * len(exact)
    assert looked_at.count(90) <= 4


def test_more_colours_with_cheaper_indices_fit_where_one_flat_colour_would():
    rgb = photo_like(120, 130)
    two = len(kmq.encode(rgb, 2, rdo=1))
    assert two < len(kmq.encode(rgb, 2))
    for few_pixels in (sample.FEW_PIXELS, 2000):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sample, "FEW_PIXELS", few_pixels)
            data = kmq.encode(rgb, max_bytes=two)
        assert len(data) <= two
        assert kmq.info(data).colors >= 2


@pytest.mark.parametrize("few_pixels", [sample.FEW_PIXELS, 2000])
@pytest.mark.parametrize("target", [{"psnr": 24}, {"max_bytes": 900}])
def test_colours_stay_those_that_the_bits_show_where_there_is_a_target(
    monkeypatch, target, few_pixels
):
    monkeypatch.setattr(sample, "FEW_PIXELS", few_pixels)
    found = kmq.load(kmq.encode(photo_like(63, 70), bits=565, **target))
    assert all(ChannelBits.of(565).shows(tuple(each)) for each in found.palette.tolist())


def whole_pictures(monkeypatch):
    """Return a list that records the height of each picture with cheaper indices."""
    heights = []
    chosen = targets.quantizing.with_cheaper_indices
    monkeypatch.setattr(
        targets.quantizing,
        "with_cheaper_indices",
        lambda pixels, *rest, **named: (
            heights.append(len(pixels)) or chosen(pixels, *rest, **named)
        ),
    )
    return heights


def graphic(seed):
    """Boxes, discs and words over a soft slope."""
    random = np.random.default_rng(seed)

    def color():
        return tuple(int(level) for level in random.integers(0, 256, 3))

    image = Image.new("RGB", (160, 120), color())
    draw = ImageDraw.Draw(image)
    for _ in range(25):
        x, y = (int(random.integers(0, side)) for side in image.size)
        corner = x + int(random.integers(5, 60)), y + int(random.integers(5, 40))
        kind = random.integers(3)
        if kind == 0:
            draw.rectangle([x, y, *corner], fill=color())
        elif kind == 1:
            draw.ellipse([x, y, *corner], fill=color())
        else:
            draw.text((x, y), "some words", fill=color())
    slope = np.linspace(0, 40, image.width)[None, :, None]
    return (np.asarray(image) + slope).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("seed", range(4))
def test_cheaper_indices_never_leave_a_small_picture_worse_off_in_as_many_bytes(seed):
    pixels = graphic(seed)
    files = [kmq.encode(pixels, max_bytes=400, rdo=rdo) for rdo in (None, 0)]
    assert max(map(len, files)) <= 400
    errors = [squared_error(pixels, kmq.load(each)) for each in files]
    assert errors[0] <= errors[1]


def test_too_few_bytes_for_one_colour_of_a_large_picture_are_reported(monkeypatch):
    monkeypatch.setattr(sample, "FEW_PIXELS", 400)
    with pytest.raises(kmq.OptionError, match=r"max_bytes: 12 .* one colour takes"):
        kmq.encode(photo_like(), max_bytes=12)


@given(
    st.integers(1, 5000),
    st.integers(1, 5000),
    st.integers(1, 5000),
    st.sampled_from([None, 1, 64]),
    st.sets(st.integers(1, 5000)),
)
def test_the_search_ends_beside_the_answer_wherever_it_starts(answer, most, start, fineness, known):
    asked = []

    def surplus(count):
        asked.append(count)
        return count - answer + 1

    known = {each for each in known if each <= most}
    found = targets.fewest(surplus, most, min(start, most), fineness=fineness, known=known)
    if answer > most:
        assert found is None
    else:
        assert answer <= found <= answer + (0 if fineness is None else answer // fineness)
    assert len(asked) == len(set(asked)) <= len(known) + 2 * math.log2(5000) + 3


def test_two_targets_at_once_are_refused():
    with pytest.raises(kmq.OptionError, match=r"max_bytes: .* together with psnr"):
        kmq.encode(photo_like(), psnr=30, max_bytes=1000)
