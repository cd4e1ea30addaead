"""`weights`: how much each pixel counts for the palette."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from click.testing import CliRunner
from clustering.images import noise, translucent
from PIL import Image

import kmq
from kmq.cli import kmq as command
from kmq.clustering.weights import FULL, whole_weights
from kmq.errors import OptionError

PIXELS = noise(21, 34, seed=3)
RANDOM = np.random.default_rng(4)
LEVELS = RANDOM.integers(0, 256, (21, 34))


def run(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture
def photo(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PIXELS).save("photo.png")
    Image.fromarray(LEVELS.astype(np.uint8)).save("mask.png")
    return tmp_path


def repeated(pixels, weights):
    """The pixels as a row, each as often as its weight says."""
    return np.repeat(pixels.reshape(-1, 3), np.ravel(weights), axis=0)[np.newaxis]


def test_a_pixel_counts_as_often_as_its_weight_says():
    few = LEVELS % 5
    plain = kmq.fit(kmq.Histogram.from_image(repeated(PIXELS, few)), 9)
    assert kmq.Histogram.from_image(PIXELS, weights=few) == kmq.Histogram.from_image(
        repeated(PIXELS, few)
    )
    indexed = kmq.quantize(PIXELS, 9, weights=few)
    assert np.array_equal(indexed.palette, plain.colors)
    nearest = oracle.nearest(PIXELS.reshape(-1, 3).astype(int), indexed.palette.astype(int))
    assert np.array_equal(indexed.indices.ravel(), nearest)
    assert kmq.load(kmq.encode(PIXELS, 9, weights=few)) == indexed


@pytest.mark.parametrize(
    "weights",
    [1, 7, 1 << 32, 0.1, 1e-300, np.float32(3.7), np.float16(0.3), True, np.uint64(9)],
)
def test_equal_weights_give_what_none_give(weights):
    equal = np.full(PIXELS.shape[:2], weights)
    assert kmq.quantize(PIXELS, 9, weights=equal) == kmq.quantize(PIXELS, 9)
    assert kmq.quantize(PIXELS, 9, weights=equal, rdo=1) == kmq.quantize(PIXELS, 9, rdo=1)
    assert kmq.Histogram.from_image(PIXELS, weights=equal) == kmq.Histogram.from_image(PIXELS)


def test_weights_in_proportion_give_the_same():
    expected = kmq.quantize(PIXELS, 9, weights=LEVELS)
    assert kmq.quantize(PIXELS, 9, weights=LEVELS * 12) == expected
    assert kmq.quantize(PIXELS, 9, weights=LEVELS[..., np.newaxis]) == expected
    floats = LEVELS / 256  # 65,536ths of the largest come out as in the page of the format
    assert np.array_equal(
        whole_weights(floats, 21, 34),
        whole_weights(np.floor(floats / floats.max() * FULL + 0.5), 21, 34),
    )


def test_a_part_that_weighs_more_comes_closer():
    weights = np.ones(PIXELS.shape[:2])
    weights[:, :10] = 50
    plain, weighed = kmq.quantize(PIXELS, 12), kmq.quantize(PIXELS, 12, weights=weights)

    def error(indexed):
        return ((indexed.to_rgb()[:, :10].astype(int) - PIXELS[:, :10]) ** 2).sum()

    assert error(weighed) < error(plain)


def test_where_all_colours_fit_nothing_is_weighed():
    pixels = noise(9, 9, seed=5, levels=2)
    weights = np.zeros((9, 9))
    weights[0, 0] = 1
    assert np.array_equal(kmq.quantize(pixels, 8, weights=weights).to_rgb(), pixels)


def test_clear_pixels_stay_clear_whatever_their_weight():
    pixels = translucent(14, 15, seed=6)
    weights = (pixels[..., 3] != 0).astype(float)
    assert (kmq.quantize(pixels, 6, weights=weights).to_rgba()[pixels[..., 3] == 0, 3] == 0).all()


def test_cheaper_indices_keep_the_weighed_palette():
    plain = kmq.quantize(PIXELS, 30, weights=LEVELS)
    cheap = kmq.quantize(PIXELS, 30, weights=LEVELS, rdo=2)
    assert np.array_equal(cheap.palette, plain.palette)
    assert not np.array_equal(cheap.indices, plain.indices)


def test_weights_go_with_pins_and_bits():
    indexed = kmq.quantize(PIXELS, 9, weights=LEVELS, pinned=["red"], bits=565)
    assert indexed.palette[0].tolist() == [255, 0, 0]
    assert not (indexed.palette[:, 1] & 3 != indexed.palette[:, 1] >> 6).any()


@pytest.mark.parametrize("threads", [2, 3])
def test_threads_do_not_change_a_byte(threads):
    data = kmq.encode(PIXELS, 9, weights=LEVELS, threads=threads)
    assert data == kmq.encode(PIXELS, 9, weights=LEVELS, threads=1)


def varied(value):
    weights = np.ones(PIXELS.shape[:2])
    weights[3, 4] = value
    return weights


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones((34, 21)), r"expected shape \(21, 34\), that of the image, got \(34, 21\)"),
        (np.ones((21, 34, 3)), r"expected shape \(21, 34\)"),
        (5, r"expected shape \(21, 34\), that of the image, got \(\)"),
        (varied(-1), r"expected numbers of at least 0, got -1.0 to 1.0"),
        (varied(np.nan), r"expected numbers of at least 0, got nan"),
        (varied(np.inf), r"expected numbers of at least 0, got 1.0 to inf"),
        (varied(-3).astype(int), r"expected numbers of at least 0, got -3"),
        (np.zeros((21, 34)), r"they are all 0"),
        (
            np.full((21, 34), 1 << 33),
            r"expected whole numbers of at most 4,294,967,296, got 8,589,934,592",
        ),
        (np.full((21, 34), "a"), r"expected numbers, got dtype <U1"),
        ([[1], [1, 2]], r"expected an array, got list"),
    ],
)
def test_what_are_no_weights_is_refused_by_name(weights, message):
    with pytest.raises(OptionError, match=f"^weights: {message}"):
        kmq.quantize(PIXELS, 9, weights=weights)


def test_a_sum_beyond_what_histograms_count_is_refused(monkeypatch):
    monkeypatch.setattr("kmq.clustering.counts.MAX_PIXEL_COUNT", 1 << 20)
    with pytest.raises(OptionError, match=r"weights: expected at most 2\^20 pixels in all"):
        kmq.quantize(PIXELS, 2, weights=varied(1 << 21).astype(int))


@pytest.mark.parametrize("target", [{"psnr": 30}, {"max_bytes": 500}])
def test_a_target_takes_no_weights(target):
    with pytest.raises(OptionError, match="weights: cannot be asked for together with a target"):
        kmq.encode(PIXELS, weights=LEVELS, **target)


def test_an_indexed_image_takes_no_weights():
    with pytest.raises(OptionError, match="weights: an IndexedImage has its colours"):
        kmq.encode(kmq.quantize(PIXELS, 3), weights=LEVELS)


@pytest.mark.parametrize("mode", ["L", "RGB", "P"])
def test_the_commands_take_a_mask(photo, mode):
    Image.open("mask.png").convert(mode).save("mask-too.png")
    result = run("encode", "photo.png", "-k", 9, "--weights", "mask-too.png")
    assert result.exit_code == 0, result.stderr
    assert kmq.load("photo.kmq") == kmq.quantize(PIXELS, 9, weights=LEVELS)
    assert (
        run("quantize", "photo.png", "-k", 9, "--weights", "mask.png", "-o", "x.png").exit_code == 0
    )
    with Image.open("x.png") as written:
        expected = kmq.quantize(PIXELS, 9, weights=LEVELS).to_rgb()
        assert np.array_equal(np.asarray(written.convert("RGB")), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--weights", "missing.png"], "does not exist"),
        (["--weights", "photo.png"], "photo.png: expected an opaque grey picture"),
        (["--weights", "text"], "text: "),
        (["--weights", "mask.png", "--psnr", 30], "leave --psnr out"),
        (["--weights", "mask.png", "--palette", "c64"], "leave --palette out"),
        (["--weights", "mask.png", "--one-palette"], "leave --one-palette out"),
    ],
)
def test_wrong_usage_is_reported(photo, arguments, message):
    (photo / "text").write_text("no picture")
    result = run("encode", "photo.png", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


def test_a_mask_of_another_size_fails_by_name(photo):
    Image.new("L", (5, 6), 9).save("small.png")
    result = run("encode", "photo.png", "--weights", "small.png")
    assert result.exit_code == 1
    assert "weights: expected shape (21, 34), that of the image, got (6, 5)" in result.stderr
