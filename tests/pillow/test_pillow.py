from __future__ import annotations

import io

import numpy as np
import pytest
from conftest import opened
from PIL import Image, ImageFile, UnidentifiedImageError

import kmq
from kmq.container import packed
from kmq.container.fields import checksum
from kmq.container.head import PACKED, RGB, write_head
from kmq.container.palette import stored


@pytest.mark.parametrize(
    ("colors", "grey", "mode"),
    [(3, False, "P"), (256, False, "P"), (300, False, "RGB"), (9, True, "L"), (300, True, "L")],
)
def test_opening_gives_the_mode_and_the_pixels(random_indexed, colors, grey, mode):
    indexed = random_indexed(colors, 11, 23, grey=grey)
    image = Image.open(io.BytesIO(kmq.encode(indexed)))
    assert (image.mode, image.size, image.format) == (mode, (23, 11), "KMQ")
    assert image.get_format_mimetype() == "image/x-kmq"
    assert np.array_equal(np.asarray(image.convert("RGB")), indexed.to_rgb())


@pytest.mark.parametrize(("colors", "mode"), [(5, "P"), (300, "L")])
def test_greys_that_are_stored_as_colours_keep_their_indices_where_pillow_can(
    random_indexed, colors, mode
):
    indexed = random_indexed(colors, 11, 23, grey=True)
    palette = indexed.palette.tobytes()
    body = packed.encode(indexed.indices, colors)
    data = write_head(23, 11, RGB, palette, 11, [(PACKED, body)])
    image = Image.open(io.BytesIO(data + body + checksum(body)))
    assert image.mode == mode
    assert np.array_equal(np.asarray(image.convert("RGB")), indexed.to_rgb())
    if mode == "P":
        assert np.array_equal(np.asarray(image), indexed.indices)


@pytest.mark.parametrize("step", [7, 10**6])
def test_pillows_parser_is_fed_bit_by_bit(random_indexed, step):
    indexed = random_indexed(5, 11, 23)
    data = kmq.encode(indexed)
    parser = ImageFile.Parser()
    for start in range(0, len(data), step):
        parser.feed(data[start : start + step])
    assert np.array_equal(np.asarray(parser.close().convert("RGB")), indexed.to_rgb())


def test_opening_reads_only_the_head(random_indexed):
    data = kmq.encode(random_indexed(200, 300, 300))
    file = io.BytesIO(data)
    image = Image.open(file)
    assert image.size == (300, 300)
    assert file.tell() < 1000
    image.load()


def test_saving_takes_the_keywords_of_encode(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    Image.fromarray(rgb).save(tmp_path / "a.kmq", colors=5, seed=3)
    assert (tmp_path / "a.kmq").read_bytes() == kmq.encode(rgb, 5, seed=3)
    reopened = opened(tmp_path / "a.kmq")
    assert np.array_equal(
        np.asarray(reopened.convert("RGB")), kmq.quantize(rgb, 5, seed=3).to_rgb()
    )


def test_a_palette_image_keeps_all_its_colours(random_indexed):
    indexed = random_indexed(200, 40, 40)
    file = io.BytesIO()
    indexed.to_pil().save(file, "KMQ")
    assert np.array_equal(kmq.decode(file.getvalue()), indexed.to_rgb())


@pytest.mark.parametrize(("colors", "grey"), [(200, False), (300, False), (200, True)])
def test_what_was_opened_from_a_kmq_file_keeps_all_its_colours(random_indexed, colors, grey):
    indexed = random_indexed(colors, 40, 40, grey=grey)
    file = io.BytesIO()
    Image.open(io.BytesIO(kmq.encode(indexed))).save(file, "KMQ")
    assert np.array_equal(kmq.decode(file.getvalue()), indexed.to_rgb())


def test_transparency_is_kept_unless_a_background_is_named(tmp_path):
    image = Image.new("RGBA", (3, 3), (1, 2, 3, 0))
    image.putpixel((1, 1), (9, 8, 7, 100))
    image.save(tmp_path / "a.kmq")
    reopened = opened(tmp_path / "a.kmq")
    assert reopened.mode == "P"
    assert reopened.convert("RGBA").getpixel((1, 1)) == (9, 8, 7, 100)
    image = Image.new("RGBA", (3, 3), (1, 2, 3, 0))
    image.save(tmp_path / "b.kmq", background="white")
    assert kmq.decode(tmp_path / "b.kmq").min() == 255


def test_every_truncation_is_an_error_that_pillow_users_expect(random_indexed):
    data = kmq.encode(random_indexed(5, 6, 7))
    head = len(data) - kmq.info(data).stripes[0].bytes - 4
    for cut in range(len(data)):
        file = io.BytesIO(data[:cut])
        if cut < head:
            with pytest.raises(UnidentifiedImageError):
                Image.open(file)
        else:
            image = Image.open(file)
            with pytest.raises(OSError, match="cut short") as caught:
                image.load()
            assert isinstance(caught.value, kmq.FormatError)


def test_pillows_limit_on_pixels_holds(monkeypatch, random_indexed):
    data = kmq.encode(random_indexed(5, 60, 70))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(io.BytesIO(data))


def test_all_frames_of_one_are_saved_and_of_several_refused(tmp_path, random_indexed):
    indexed = random_indexed(5, 6, 7)
    image = indexed.to_pil()
    image.save(tmp_path / "a.kmq", save_all=True)
    assert np.array_equal(kmq.decode(tmp_path / "a.kmq"), indexed.to_rgb())
    with pytest.raises(kmq.OptionError, match="one frame"):
        image.save(tmp_path / "b.kmq", save_all=True, append_images=[image])
    frames = io.BytesIO()
    image.save(frames, "GIF", save_all=True, append_images=[Image.new("L", image.size)])
    with pytest.raises(kmq.OptionError, match="one frame"), Image.open(frames) as animated:
        animated.save(tmp_path / "b.kmq", save_all=True)
    assert not (tmp_path / "b.kmq").exists()


@pytest.mark.parametrize(
    ("colors", "grey", "alpha"),
    [(5, False, False), (300, False, False), (5, True, False), (7, False, True), (300, True, True)],
)
def test_stripes_come_one_by_one_into_the_image(random_indexed, colors, grey, alpha):
    image = random_indexed(colors, 129, 67, grey=grey)
    palette = image.palette
    if alpha:
        palette = np.column_stack([palette, np.arange(colors) * 255 // (colors - 1)]).astype(
            np.uint8
        )
    layout, entries = stored(palette, is_grey_picture=False)
    bands = [image.indices[first : first + 64] for first in (0, 64, 128)]
    bodies = [(PACKED, packed.encode(band, colors)) for band in bands]
    head = write_head(67, 129, layout, entries, 64, bodies)
    data = head + b"".join(body + checksum(body) for _, body in bodies)
    opened = Image.open(io.BytesIO(data))
    whole = kmq.load(data)
    assert opened.mode == whole.to_pil().mode
    assert np.array_equal(np.asarray(opened.convert("RGBA")), whole.to_rgba())
