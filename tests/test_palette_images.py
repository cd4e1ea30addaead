"""Images with a palette keep it, and the index of every pixel."""

import io

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.TiffImagePlugin import ImageFileDirectory_v2

import kmq
from kmq import IndexedImage, OptionError
from kmq.metadata import Metadata

CLASSES = np.tile(np.array([0, 1, 7, 15, 255], np.uint8), (13, 5))
"""A segmentation mask: the index is the class."""

SPRITE = [(0, 0, 0), (200, 30, 30), (200, 30, 30), (9, 9, 9), (0, 99, 0), (1, 2, 3), (9, 9, 9)]
"""Two pairs of equal entries; of the indices below, 3, 5 and 6 are unused."""


def palette_image(palette, indices):
    return IndexedImage(np.array(palette), np.array(indices))


def mask():
    """The palette is entirely grey, and has many entries without pixels.

    Level and index differ: where they agree, Pillow makes a grey picture of a BMP or GIF.
    """
    return palette_image(np.repeat(7 * np.arange(256)[:, None] % 256, 3, axis=1), CLASSES)


def sprite():
    return palette_image(SPRITE, [[4, 1, 2], [0, 2, 4]])


def stored(indexed, kind, **options):
    file = io.BytesIO()
    indexed.to_pil().save(file, kind, optimize=False, **options)
    return io.BytesIO(file.getvalue())


def in_order(indexed, count):
    """The first entries and the indices: some formats add entries up to a power of two."""
    return indexed.palette[:count].tolist(), indexed.indices.tolist()


@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "TIFF", "TGA", "KMQ"])
@pytest.mark.parametrize("image", [mask(), sprite()], ids=["mask", "sprite"])
def test_an_image_with_a_palette_keeps_it_and_every_index(kind, image):
    file = stored(image, kind)
    count = len(image.palette)
    assert in_order(kmq.quantize(file), count) == in_order(image, count)
    assert in_order(kmq.load(kmq.encode(file)), count) == in_order(image, count)
    assert not kmq.quantize(file).is_grey_picture


def test_pillow_saves_a_palette_image_with_its_palette():
    file = io.BytesIO()
    mask().to_pil().save(file, "KMQ")
    assert kmq.load(file) == mask()


def test_a_palette_of_as_many_entries_as_asked_for_is_kept():
    assert kmq.quantize(sprite().to_pil(), 7) == sprite()


def test_a_palette_of_more_entries_than_asked_for_is_not_kept():
    assert len(kmq.quantize(sprite().to_pil(), 6).palette) == 3
    assert len(kmq.quantize(sprite().to_pil(), 2).palette) == 2


def test_sorting_leaves_out_equal_and_unused_entries():
    found = kmq.quantize(sprite().to_pil(), sort=True)
    assert len(found.palette) == 3
    assert np.array_equal(found.to_rgb(), sprite().to_rgb())


def test_sorting_keeps_more_than_64_colours_of_a_palette():
    image = palette_image(np.arange(300).reshape(100, 3) % 256, np.arange(100).reshape(10, 10))
    assert len(kmq.quantize(image.to_pil(), sort=True).palette) == 100


def test_sort_is_a_truth_value():
    with pytest.raises(OptionError, match="sort: expected True or False, got 1"):
        kmq.quantize(sprite().to_pil(), sort=1)


def test_an_indexed_image_is_not_sorted():
    with pytest.raises(OptionError, match="sort"):
        kmq.encode(sprite(), sort=True)


def test_orientation_turns_the_indices():
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = kmq.quantize(stored(sprite(), "PNG", exif=exif))
    assert turned.palette.tolist() == sprite().palette.tolist()
    assert turned.indices.tolist() == np.rot90(sprite().indices, -1).tolist()


def test_a_profile_converts_the_palette_and_not_the_indices():
    swapped = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = swapped.index(b"rXYZ"), swapped.index(b"gXYZ")
    swapped[red], swapped[green] = swapped[green], swapped[red]
    converted = kmq.quantize(stored(sprite(), "PNG", icc_profile=bytes(swapped)), strip=True)
    assert converted.indices.tolist() == sprite().indices.tolist()
    assert converted.palette[1].tolist() != list(SPRITE[1])
    assert converted.palette[1].tolist() == converted.palette[2].tolist()


def test_alpha_of_entries_is_kept_even_of_those_without_pixels():
    alphas = [0, 255, 128, 255, 255, 7, 255]
    image = palette_image(np.column_stack([SPRITE, alphas]), sprite().indices)
    assert kmq.load(kmq.encode(stored(image, "PNG"))) == image


def test_a_background_flattens_the_palette_and_keeps_the_indices():
    alphas = [0, 255, 255, 255, 255, 255, 255]
    image = palette_image(np.column_stack([SPRITE, alphas]), sprite().indices)
    flat = kmq.quantize(stored(image, "PNG"), background=(1, 2, 3))
    assert flat == palette_image([(1, 2, 3), *SPRITE[1:]], sprite().indices)


def test_indices_beyond_a_short_palette_are_black():
    image = Image.frombytes("P", (2, 1), bytes([1, 3]))
    image.putpalette([9, 8, 7, 6, 5, 4])
    found = kmq.quantize(image)
    assert found.to_rgb().tolist() == np.asarray(image.convert("RGB")).tolist()
    assert found.indices.tolist() == [[1, 3]]


def test_a_colour_map_of_8_bits_is_taken_as_such():
    tags = ImageFileDirectory_v2()
    tags[320] = tuple(mask().palette.T.ravel().tolist())
    file = stored(mask(), "TIFF", tiffinfo=tags)
    assert kmq.quantize(file) == mask()


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_indices_of_few_bits_are_indices(bits):
    count = 1 << bits
    image = palette_image(np.arange(3 * count).reshape(count, 3), np.arange(count)[None])
    assert in_order(kmq.quantize(stored(image, "PNG", bits=bits)), count) == in_order(image, count)


def test_a_palette_is_kept_unless_fewer_colours_are_close_enough():
    assert kmq.quantize(sprite().to_pil(), psnr=100) == sprite()
    assert len(kmq.quantize(sprite().to_pil(), psnr=5).palette) < 3


def test_a_palette_is_kept_if_its_file_is_small_enough():
    whole = kmq.encode(mask())
    assert kmq.encode(mask().to_pil(), max_bytes=len(whole)) == whole
    assert len(kmq.load(kmq.encode(mask().to_pil(), max_bytes=len(whole) - 1)).palette) <= 5


def test_a_kmq_file_of_many_colours_keeps_its_order():
    colors = np.random.default_rng(3).integers(0, 256, (700, 3))
    image = palette_image(colors, np.arange(700).reshape(20, 35))
    data = kmq.encode(image)
    assert kmq.load(kmq.encode(io.BytesIO(data), coding="packed")) == image


def test_a_grey_picture_stays_one():
    grey = kmq.quantize(np.arange(35, dtype=np.uint8).reshape(5, 7))
    assert grey.is_grey_picture
    assert kmq.quantize(io.BytesIO(kmq.encode(grey))) == grey


def test_metadata_survive_a_change_of_coding():
    image = sprite().with_metadata(Metadata(text=(("Title", "ship"),)))
    recoded = kmq.load(kmq.encode(io.BytesIO(kmq.encode(image)), coding="packed"))
    assert recoded == image
    assert recoded.metadata == image.metadata


def test_a_strict_palette_must_have_every_colour():
    image = np.zeros((70, 3, 3), np.uint8)
    assert kmq.apply(image, SPRITE, strict=True).indices.max() == 0
    image[66, 2] = image[67, 0] = 1, 2, 4
    with pytest.raises(OptionError, match=r"no colour #010204, .* x = 2, y = 66"):
        kmq.apply(image, SPRITE, strict=True)
    assert kmq.apply(image, SPRITE).indices[66, 2] == 5


def test_a_strict_palette_asks_nothing_of_the_colour_of_clear_pixels():
    image = np.array([[[5, 5, 5, 0], [0, 0, 0, 255]]], np.uint8)
    palette = [[0, 0, 0, 0], [0, 0, 0, 255]]
    assert kmq.apply(image, palette, strict=True).indices.tolist() == [[0, 1]]
