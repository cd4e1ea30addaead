from __future__ import annotations

import io
import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from PIL import Image

import kmq
from kmq import jit
from kmq.clustering import lloyd, nearest

small_images = npst.arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)))


def photo_like(height=40, width=50, seed=0):
    """Random but smooth: many distinct colours, some more frequent than others."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (height // 8 + 2, width // 8 + 2, 3), np.uint8)
    image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image)


def distinct(rgb):
    return len(np.unique(rgb.reshape(-1, 3), axis=0))


@given(small_images, st.integers(1, 100))
@settings(max_examples=60)
def test_decoding_what_was_encoded_is_the_quantised_image(rgb, colors):
    data = kmq.encode(rgb, colors)
    assert np.array_equal(kmq.decode(data), kmq.quantize(rgb, colors).to_rgb())


@given(small_images, st.integers(1, 100))
@settings(max_examples=60)
def test_an_image_of_few_colours_is_preserved_exactly_and_others_get_all_they_asked_for(
    rgb, colors
):
    indexed = kmq.quantize(rgb, colors)
    used = len(np.unique(indexed.indices))
    assert len(np.unique(indexed.palette, axis=0)) == len(indexed.palette) == used
    if distinct(rgb) <= colors:
        assert np.array_equal(indexed.to_rgb(), rgb)
        assert used == distinct(rgb)
    else:
        assert used == colors


@pytest.mark.parametrize("colors", [1, 2, 3, 16, 64, 200, 257, 1000])
def test_every_pixel_gets_its_nearest_colour_ties_to_the_lowest_index(colors):
    rgb = photo_like()
    indexed = kmq.quantize(rgb, colors)
    pixels = rgb.reshape(-1, 1, 3).astype(np.int64)
    distances = ((pixels - indexed.palette[None].astype(np.int64)) ** 2).sum(axis=2)
    assert np.array_equal(indexed.indices.ravel(), distances.argmin(axis=1))


def test_grey_and_rgb_arrays_of_the_same_pixels_give_the_same_file():
    grey = photo_like()[..., 0]
    assert kmq.encode(grey, 9) == kmq.encode(np.stack([grey] * 3, axis=-1), 9)


def test_arrays_images_paths_and_files_of_the_same_pixels_give_the_same_file(tmp_path):
    rgb = photo_like()
    path = tmp_path / "a.png"
    Image.fromarray(rgb).save(path)
    data = kmq.encode(rgb, 9)
    assert kmq.encode(Image.fromarray(rgb), 9) == data
    assert kmq.encode(path, 9) == kmq.encode(str(path), 9) == data
    assert kmq.encode(io.BytesIO(path.read_bytes()), 9) == data


def test_an_indexed_image_is_stored_as_it_is():
    indexed = kmq.IndexedImage([[9, 9, 9], [9, 9, 9], [1, 2, 3]], [[2, 0, 0]])
    assert kmq.load(kmq.encode(indexed)) == indexed


@pytest.mark.parametrize("option", [{"colors": 1}, {"psnr": 30}, {"max_bytes": 10}])
def test_nothing_is_left_to_choose_of_an_indexed_image(tmp_path, option):
    indexed = kmq.IndexedImage([[9, 9, 9], [1, 2, 3]], [[1, 0]])
    (name,) = option
    with pytest.raises(kmq.OptionError, match=f"{name}: an IndexedImage .* leave {name} out"):
        kmq.encode(indexed, **option)
    with pytest.raises(kmq.OptionError, match=f"{name}: "):
        kmq.save(tmp_path / "a.kmq", indexed, **option)
    assert not list(tmp_path.iterdir())


@pytest.fixture
def in_parallel(monkeypatch):
    """Make parallel kernels use threads even for little work; record their numbers of threads."""
    ran = set()
    call = jit.ParallelKernel.__call__

    def recording(kernel, threads, *arguments):
        ran.add((kernel, threads))
        call(kernel, threads, *arguments)

    monkeypatch.setattr(jit.ParallelKernel, "__call__", recording)
    monkeypatch.setattr(nearest, "SMALLEST_CUBE_WORK", 1)
    with jit.threads_for_any_work():
        yield ran


def test_any_number_of_threads_gives_the_same_bytes(in_parallel):
    rgb = np.random.default_rng(5).integers(0, 256, (61, 67, 3), np.uint8)
    one = kmq.encode(rgb, 13, threads=1)
    for threads in (2, 8):
        in_parallel.clear()
        assert kmq.encode(rgb, 13, threads=threads) == one
        assert in_parallel == {(lloyd.assign, threads), (nearest.gather, threads)}


def test_the_number_of_threads_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("KMQ_NUM_THREADS", "2")
    assert kmq.decode(kmq.encode(photo_like(), 5)).shape == (40, 50, 3)
    monkeypatch.setenv("KMQ_NUM_THREADS", "two")
    with pytest.raises(kmq.OptionError, match="KMQ_NUM_THREADS"):
        kmq.encode(photo_like(), 5)


def test_the_same_seed_gives_the_same_file_and_another_may_not():
    rgb = photo_like(60, 70)
    files = {seed: kmq.encode(rgb, 20, seed=seed) for seed in (0, 1, 2, 2**32 - 1)}
    assert files[1] == kmq.encode(rgb, 20, seed=1)
    assert len(set(files.values())) > 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("colors", 0),
        ("colors", 65_537),
        ("colors", 2.0),
        ("colors", True),
        ("colors", "16"),
        ("seed", -1),
        ("seed", 2**32),
        ("max_iter", 0),
        ("effort", "heroic"),
        ("coding", "zip"),
        ("psnr", 0),
        ("psnr", 101),
        ("psnr", "40"),
        ("psnr", float("nan")),
        ("max_bytes", 0),
        ("max_pixels", 0),
        ("threads", 0),
        ("threads", 1.5),
        ("background", "no such colour"),
        ("background", 5),
        ("psnr", True),
        ("psnr", 10**400),
    ],
)
def test_an_option_out_of_range_is_named_with_what_was_given(name, value):
    with pytest.raises(kmq.OptionError, match=rf"{name}: .*{value}"):
        kmq.encode(photo_like(), **{"colors": 4, name: value})


@pytest.mark.parametrize("name", ["colors", "seed", "effort", "coding", "psnr", "background"])
def test_a_number_too_long_to_be_shown_is_refused_too(name):
    for value in (10**5000, (10**5000, 0, 0)):
        with pytest.raises(kmq.OptionError, match=f"{name}: .* got a number of too many digits"):
            kmq.Options(**{name: value})


def test_numpy_numbers_are_numbers():
    assert kmq.encode(photo_like(), np.int64(7)) == kmq.encode(photo_like(), 7)
    for number in (np.float64(25), np.float32(25), np.int64(25)):
        assert kmq.encode(photo_like(), psnr=number) == kmq.encode(photo_like(), psnr=25)
    clear = np.zeros((2, 2, 4), np.uint8)
    grey = kmq.encode(clear, background=tuple(np.array([9, 9, 9])))
    assert grey == kmq.encode(clear, background=(9, 9, 9))


@pytest.mark.parametrize("color", ["nonsense", 5, (1, 2), (0, 0, 256)])
def test_options_that_have_been_made_have_a_background(color):
    with pytest.raises(kmq.OptionError, match="background: "):
        kmq.Options(background=color)
    assert kmq.Options(background="white").background == (255, 255, 255)


def test_files_are_saved_and_loaded(tmp_path):
    path = tmp_path / "a.kmq"
    kmq.save(path, photo_like(), 7)
    kmq.save(path, photo_like(), 6)
    indexed = kmq.load(path)
    assert len(indexed.palette) == 6
    assert np.array_equal(kmq.decode(str(path)), indexed.to_rgb())
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.kmq"]


def test_what_is_loaded_may_be_any_kind_of_bytes():
    data = kmq.encode(photo_like(), 7)
    assert kmq.load(bytearray(data)) == kmq.load(memoryview(data)) == kmq.load(data)


class Elsewhere:
    """A path other than a pathlib.Path."""

    def __init__(self, path):
        self.path = path

    def __fspath__(self):
        return self.path


def test_paths_of_any_kind_and_open_files_are_read(tmp_path):
    data = kmq.encode(photo_like(), 7)
    path = tmp_path / "a.kmq"
    path.write_bytes(data)
    Image.fromarray(photo_like()).save(tmp_path / "a.png")
    for form in (str, os.fsencode):
        assert kmq.info(Elsewhere(form(path))) == kmq.info(data)
        assert kmq.load(Elsewhere(form(path))) == kmq.load(data)
        assert kmq.encode(Elsewhere(form(tmp_path / "a.png")), 7) == data
    with path.open("rb") as file:
        for _ in range(2):  # wherever it stands
            assert kmq.info(file) == kmq.info(data)
            assert np.array_equal(kmq.decode(file, rows=(3, 9)), kmq.decode(data)[3:9])


def test_what_can_only_be_read_is_read_whole():
    class Stream:
        def __init__(self, data):
            self.read = io.BytesIO(data).read

    data = kmq.encode(photo_like(), 7)
    assert kmq.load(Stream(data)) == kmq.load(data)
    for buffering in (0, -1):
        incoming, outgoing = os.pipe()
        with os.fdopen(incoming, "rb", buffering) as pipe:
            with os.fdopen(outgoing, "wb") as end:
                end.write(data)
            assert kmq.load(pipe) == kmq.load(data)


@pytest.mark.parametrize("read", [kmq.load, kmq.decode, kmq.info])
def test_what_holds_no_file_is_refused(read):
    for source in (7, None, io.StringIO("text"), np.zeros(3, np.uint8)):
        with pytest.raises(kmq.OptionError, match="source: expected bytes, a path or a binary"):
            read(source)


def test_info_tells_what_the_head_says(tmp_path):
    data = kmq.encode(photo_like(), 7)
    (tmp_path / "a.kmq").write_bytes(data)
    info = kmq.info(tmp_path / "a.kmq")
    assert info == kmq.info(data)
    assert (info.width, info.height, info.colors, info.is_grey) == (50, 40, 7, False)
    assert info.file_bytes == len(data)
    assert info.theoretical_bits == 24 * 7 + 2000 * np.log2(7)
    assert info.excess_bytes == len(data) - info.theoretical_bits / 8
    assert [stripe.coding for stripe in info.stripes] == ["modelled"]
    packed = kmq.info(kmq.encode(photo_like(), 7, coding="packed"))
    assert [stripe.coding for stripe in packed.stripes] == ["packed"]
    assert info.share < packed.share == 8 * packed.file_bytes / packed.theoretical_bits
    assert info.to_dict()["excess_bytes"] == info.excess_bytes


def test_info_notices_a_file_of_the_wrong_length():
    data = kmq.encode(photo_like(), 7)
    for wrong in (data[:-1], data + b"\0"):
        with pytest.raises(kmq.FormatError):
            kmq.info(wrong)


def test_the_limit_on_pixels_holds_both_ways():
    with pytest.raises(kmq.LimitError):
        kmq.encode(photo_like(), 7, max_pixels=1999)
    data = kmq.encode(photo_like(), 7, max_pixels=2000)
    with pytest.raises(kmq.LimitError):
        kmq.decode(data, max_pixels=1999)


def test_errors_are_named_by_whose_fault_they_are():
    for kind in (kmq.FormatError, kmq.LimitError, kmq.OptionError):
        assert issubclass(kind, kmq.KmqError)
        assert issubclass(kind, ValueError)


def test_fitting_merged_histograms_equals_fitting_the_images_put_together():
    one, two = photo_like(seed=1), photo_like(seed=2)
    merged = kmq.Histogram.merge([kmq.Histogram.from_image(image) for image in (one, two)])
    together = np.concatenate([one, two])
    palette = kmq.fit(merged, 19)
    assert kmq.apply(together, palette) == kmq.quantize(together, 19)
    assert np.array_equal(kmq.apply(one, palette).palette, palette.colors)


def test_what_is_no_histogram_is_refused():
    with pytest.raises(kmq.OptionError, match=r"histogram: .* got ndarray"):
        kmq.fit(photo_like(), 3)
    with pytest.raises(kmq.OptionError, match=r"histograms: .* got ndarray"):
        kmq.Histogram.merge([photo_like()])
    with pytest.raises(kmq.OptionError, match="colors: expected an array"):
        kmq.Histogram([[1, 2, 3], [4, 5]], [1, 1])


def test_a_palette_can_be_given_as_an_array():
    applied = kmq.apply(photo_like(), [[0, 0, 0], [255, 255, 255]])
    assert applied.palette.tolist() == [[0, 0, 0], [255, 255, 255]]
    for wrong in ([[0, 0]], [[1, 2, 3], [4, 5]]):
        with pytest.raises(kmq.OptionError, match="palette"):
            kmq.apply(photo_like(), wrong)


@pytest.mark.parametrize("coding", ["auto", "modelled"])
def test_a_file_is_never_larger_for_having_been_modelled(coding):
    noise = np.random.default_rng(0).integers(0, 256, (50, 60, 3), np.uint8)
    packed = kmq.encode(noise, 40, coding="packed")
    assert kmq.encode(noise, 40, coding=coding) == packed
    smooth = photo_like()
    assert len(kmq.encode(smooth, 40, coding=coding)) < len(kmq.encode(smooth, 40, coding="packed"))


def test_one_colour_takes_a_packed_stripe_of_no_bytes():
    info = kmq.info(kmq.encode(np.zeros((9, 9), np.uint8)))
    assert [(stripe.coding, stripe.bytes) for stripe in info.stripes] == [("packed", 0)]


def test_a_band_of_rows_is_loaded_alone(tmp_path, random_indexed):
    image = random_indexed(5, 2050, 1030)
    (tmp_path / "a.kmq").write_bytes(data := kmq.encode(image))
    stripes = kmq.info(data).stripes
    assert len(stripes) == 3
    for rows in [(0, 1), (0, 2050), (2049, 2050), (stripes[0].rows - 1, stripes[0].rows + 1)]:
        for source in (data, tmp_path / "a.kmq"):
            band = kmq.load(source, rows=rows)
            assert np.array_equal(band.indices, image.indices[slice(*rows)])
            assert np.array_equal(band.palette, image.palette)


def test_a_band_is_loaded_though_other_stripes_are_damaged_or_too_large(random_indexed):
    data = bytearray(kmq.encode(random_indexed(5, 2050, 1030)))
    data[-20] ^= 1
    first = kmq.info(bytes(data)).stripes[0].rows
    assert kmq.load(data, rows=(3, first), max_pixels=first * 1030).height == first - 3
    with pytest.raises(kmq.FormatError):
        kmq.load(data, rows=(2049, 2050))
    with pytest.raises(kmq.LimitError):
        kmq.load(data, rows=(first - 1, first + 1), max_pixels=first * 1030)


@pytest.mark.parametrize(
    "rows", [(0, 0), (5, 4), (-1, 3), (0, 41), 5, "ab", ("a", "b"), (0,), (0, 1, 2), (0.0, 1.0)]
)
def test_rows_that_are_not_there_are_refused(rows):
    with pytest.raises(kmq.OptionError, match="rows: expected 0 <= first < end <= 40"):
        kmq.load(kmq.encode(photo_like()), rows=rows)


def animation(path):
    frames = [Image.new("L", (3, 2), level) for level in (0, 200)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    return path


@pytest.mark.parametrize(
    "use",
    [
        lambda path: kmq.encode(path),
        lambda path: kmq.quantize(path),
        lambda path: kmq.apply(path, [[0, 0, 0]]),
        lambda path: kmq.save(path.with_suffix(".kmq"), path),
        lambda path: kmq.Histogram.from_image(path),
    ],
)
def test_what_is_not_taken_from_a_file_is_a_warning_at_the_line_that_called(tmp_path, use):
    path = animation(tmp_path / "a.gif")
    with pytest.warns(kmq.KmqWarning) as caught:
        use(path)
    (warning,) = caught
    assert str(warning.message) == f"{path}: only the first of its 2 frames is taken"
    assert warning.filename == __file__


def test_saving_through_pillow_warns_at_the_line_that_called(tmp_path):
    image = Image.new("RGB", (3, 2))
    image.info["icc_profile"] = b"no profile"
    with pytest.warns(kmq.KmqWarning, match="^its colour profile cannot be used") as caught:
        image.save(tmp_path / "a.kmq")
    assert caught[0].filename == __file__


def test_a_histogram_counts_the_pixels_that_quantize_sees(tmp_path):
    rgb = photo_like()[:20, :30]
    deep = rgb[..., 0].astype(np.uint16) * 257 + 128
    turned = Image.fromarray(rgb)
    turned.getexif()[0x0112] = 6
    turned.save(tmp_path / "turned.png", exif=turned.getexif())
    clear = np.dstack([rgb, np.full((20, 30), 100, np.uint8)])
    sources = (
        deep,
        rgb / 255,
        rgb[..., :1],
        Image.fromarray(rgb),
        Image.fromarray(deep),
        Image.fromarray(clear),
        clear,
        tmp_path / "turned.png",
        io.BytesIO((tmp_path / "turned.png").read_bytes()),
    )
    for source in sources:
        seen = kmq.quantize(source, 65_536, background="red").to_rgb()
        assert kmq.Histogram.from_image(source, background="red") == kmq.Histogram.from_image(seen)
        kept = kmq.quantize(source, 65_536).to_pixels()
        assert kmq.Histogram.from_image(source) == kmq.Histogram.from_image(kept)
    with pytest.raises(kmq.LimitError):
        kmq.Histogram.from_image(rgb, max_pixels=599)


def shuffled(image):
    """Return the same pixels with the palette in another order."""
    order = np.random.default_rng(3).permutation(len(image.palette))
    rank = np.empty(len(order), np.uint16)
    rank[order] = np.arange(len(order))
    return kmq.IndexedImage(image.palette[order], rank[image.indices])


def smooth(colors):
    y, x = np.mgrid[0:170, 0:230]
    waves = [128 + 110 * np.sin(x / 31 + y / (17 + channel)) for channel in range(3)]
    grain = np.random.default_rng(5).normal(0, 6, (170, 230, 3))
    return kmq.quantize((np.stack(waves, axis=-1) + grain).clip(0, 255).astype(np.uint8), colors)


def test_a_palette_of_any_order_is_kept_and_coded_nearly_as_small_as_in_kmqs_own():
    found = smooth(200)
    given = shuffled(found)
    data = kmq.encode(given)
    assert kmq.load(data) == given
    assert kmq.info(data).is_reordered
    permutation = 200
    assert len(data) <= 1.005 * len(kmq.encode(found)) + permutation + 1


def test_what_kmq_finds_needs_no_other_order():
    assert not kmq.info(kmq.encode(smooth(200))).is_reordered


@pytest.mark.parametrize("coding", ["packed", "modelled"])
def test_an_order_that_saves_nothing_is_not_written(random_indexed, coding):
    noise = random_indexed(200, 23, 31)
    data = kmq.encode(noise, coding=coding)
    assert kmq.load(data) == noise
    assert not kmq.info(data).is_reordered
