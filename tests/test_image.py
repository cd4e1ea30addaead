from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
from PIL import Image

from kmq import IndexedImage, OptionError, Palette


def test_a_palette_keeps_its_colours_in_order():
    palette = Palette([[1, 2, 3], [255, 0, 7]])
    assert palette.colors.tolist() == [[1, 2, 3], [255, 0, 7]]
    assert palette.colors.dtype == np.uint8
    assert len(palette) == 2


@pytest.mark.parametrize(
    "colors",
    [
        np.zeros((0, 3), np.uint8),
        np.zeros((65_537, 3), np.uint8),
        np.zeros((4, 2), np.uint8),
        np.zeros((4, 5), np.uint8),
        np.zeros(3, np.uint8),
        [[0, 0, 256]],
        [[0, -1, 0]],
        [[0.0, 1.0, np.nan]],
        [[0.0, np.inf, 2.0]],
        [[-0.6, 0.0, 2.0]],
        [[0.0, 255.5, 2.0]],
        [[True, False, True]],
    ],
)
def test_a_palette_that_cannot_be_is_refused(colors):
    with pytest.raises(OptionError, match="palette"):
        Palette(colors)


def test_centroids_are_rounded_to_the_nearest_halves_up():
    palette = Palette([[0.49, 0.5, 1.5], [254.5, 255.49, -1e-12]])
    assert palette.colors.tolist() == [[0, 1, 2], [255, 255, 0]]
    image = IndexedImage(np.array([[7.6, 0, 0]], np.float32), [[0]])
    assert image.palette.tolist() == [[8, 0, 0]]


def test_colours_from_0_to_1_are_not_taken_for_black():
    with pytest.raises(OptionError, match=r"^palette: .*multiply them by 255"):
        Palette([[0.0, 0.5, 1.0]])
    assert Palette([[0.0, 0.0, 0.0]]).colors.max() == 0


def test_the_largest_palette_is_accepted():
    assert len(Palette(np.zeros((65_536, 3), np.uint8))) == 65_536


def test_a_palette_does_not_follow_the_array_it_was_made_from():
    given = np.zeros((2, 3), np.uint8)
    palette = Palette(given)
    given[0] = 9
    assert palette.colors[0].tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="read-only"):
        palette.colors[0] = 1
    with pytest.raises(AttributeError):
        palette.colors = given


def test_grey_is_distinguished_from_colour():
    assert Palette([[3, 3, 3], [200, 200, 200]]).is_grey
    assert not Palette([[3, 3, 3], [200, 200, 201]]).is_grey


@pytest.mark.parametrize(("colors", "dtype"), [(1, np.uint8), (256, np.uint8), (257, np.uint16)])
def test_indices_take_the_narrowest_dtype(colors, dtype):
    image = IndexedImage(np.zeros((colors, 3), np.uint8), np.full((2, 5), colors - 1))
    assert image.indices.dtype == dtype
    assert image.indices.flags.c_contiguous
    assert image.width == 5
    assert image.height == 2


@pytest.mark.parametrize(
    "indices",
    [
        [[0, 3]],
        [[-1, 0]],
        [0, 1],
        np.zeros((0, 4), np.uint8),
        np.zeros((4, 0), np.uint8),
        [[0.5]],
        np.zeros((1, 1, 1), np.uint8),
    ],
)
def test_indices_that_cannot_be_are_refused(indices):
    with pytest.raises(OptionError, match="indices"):
        IndexedImage(np.zeros((3, 3), np.uint8), indices)


def test_an_indexed_image_is_immutable_and_does_not_follow_its_source():
    given = np.zeros((2, 2), np.uint8)
    image = IndexedImage([[1, 1, 1], [2, 2, 2]], given)
    given[:] = 1
    assert image.indices.max() == 0
    with pytest.raises(ValueError, match="read-only"):
        image.indices[0, 0] = 1
    with pytest.raises(AttributeError):
        image.indices = given


def test_a_read_only_view_of_what_can_be_written_to_is_copied():
    colors, indices = np.zeros((2, 3), np.uint8), np.zeros((2, 2), np.uint8)
    views = colors.view(), indices.view()
    for view in views:
        view.flags.writeable = False
    image = IndexedImage(*views)
    colors[:] = indices[:] = 200
    assert image.palette.max() == 0
    assert image.indices.max() == 0


def test_indices_that_are_owned_are_checked_and_not_copied():
    indices = np.array([[0, 1]], np.uint8)
    image = IndexedImage.owning(Palette([[1, 1, 1], [2, 2, 2]]), indices)
    assert image.indices is indices
    assert not indices.flags.writeable
    with pytest.raises(OptionError, match="indices"):
        IndexedImage.owning(Palette([[1, 1, 1]]), indices)


def test_equality_is_by_value():
    one = IndexedImage([[1, 1, 1], [2, 2, 2]], [[0, 1]])
    same = IndexedImage(Palette([[1, 1, 1], [2, 2, 2]]), np.array([[0, 1]], np.int64))
    assert one == same
    assert hash(one) == hash(same)
    assert one != IndexedImage([[1, 1, 1], [2, 2, 2]], [[1, 1]])
    assert one != IndexedImage([[1, 1, 1], [2, 2, 3]], [[0, 1]])
    assert one != "something else"
    assert Palette([[1, 1, 1]]) != [[1, 1, 1]]


def test_values_survive_pickle_and_copy():
    image = IndexedImage([[1, 1, 1], [2, 2, 2]], [[0, 1]])
    assert pickle.loads(pickle.dumps(image)) == image
    assert copy.deepcopy(image) == image
    assert pickle.loads(pickle.dumps(Palette([[1, 2, 3]]))) == Palette([[1, 2, 3]])


def test_rgb_is_the_palette_looked_up():
    image = IndexedImage([[1, 2, 3], [4, 5, 6]], [[1, 0, 1]])
    assert image.to_rgb().tolist() == [[[4, 5, 6], [1, 2, 3], [4, 5, 6]]]


@pytest.mark.parametrize(
    ("colors", "grey", "mode"),
    [(3, False, "P"), (256, False, "P"), (257, False, "RGB"), (7, True, "L"), (300, True, "L")],
)
def test_pillow_gets_the_simplest_mode_that_fits(random_indexed, colors, grey, mode):
    image = random_indexed(colors, 9, 41, grey=grey)
    pil = image.to_pil()
    assert pil.mode == mode
    assert np.array_equal(np.asarray(pil.convert("RGB")), image.to_rgb())


def test_a_palette_with_alpha_keeps_every_entry_as_it_is():
    colors = [[1, 2, 3, 0], [9, 9, 9, 255], [0, 0, 0, 128]]
    palette = Palette(colors)
    assert palette.has_alpha
    assert palette.colors.tolist() == palette.to_rgba().tolist() == colors
    assert pickle.loads(pickle.dumps(palette)) == palette


def test_an_alpha_that_is_opaque_throughout_is_no_alpha():
    given = np.array([[1, 2, 3, 255], [4, 5, 6, 255]], np.uint8)
    palette = Palette(given)
    assert not palette.has_alpha
    assert palette.colors.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert palette.to_rgba().tolist() == given.tolist()
    assert palette == Palette(given[:, :3])
    assert hash(palette) == hash(Palette(given[:, :3]))


def test_palettes_with_and_without_alpha_are_not_equal():
    # The same bytes, in three columns and in four.
    three, four = np.arange(12).reshape(4, 3), np.arange(12).reshape(3, 4)
    assert Palette(three) != Palette(four)
    assert hash(Palette(three)) != hash(Palette(four))


def test_a_grey_with_alpha_is_grey():
    assert Palette([[3, 3, 3, 0], [200, 200, 200, 128]]).is_grey
    assert not Palette([[3, 4, 3, 0], [200, 200, 200, 128]]).is_grey


def test_rgba_is_the_palette_looked_up():
    clear_and_red = IndexedImage([[1, 2, 3, 0], [255, 0, 0, 128]], [[1, 0, 1]])
    assert clear_and_red.has_alpha
    assert clear_and_red.to_rgba().tolist() == [[[255, 0, 0, 128], [1, 2, 3, 0], [255, 0, 0, 128]]]
    opaque = IndexedImage([[1, 2, 3], [4, 5, 6]], [[1, 0]])
    assert not opaque.has_alpha
    assert opaque.to_rgba().tolist() == [[[4, 5, 6, 255], [1, 2, 3, 255]]]


@pytest.mark.parametrize("background", ["#0A141E", (10, 20, 30)])
def test_rgb_shows_the_background_behind_what_is_transparent(background):
    image = IndexedImage([[7, 7, 7, 0], [255, 0, 0, 255], [200, 100, 0, 51]], [[0, 1, 2]])
    # A fifth of the colour and four fifths of the background.
    expected = [[[10, 20, 30], [255, 0, 0], [48, 36, 24]]]
    assert image.to_rgb(background).tolist() == expected


def test_rgb_of_what_is_transparent_asks_for_a_background():
    image = IndexedImage([[7, 7, 7, 0], [255, 0, 0, 255]], [[0, 1]])
    with pytest.raises(OptionError, match=r"^background: the image has transparent pixels"):
        image.to_rgb()
    with pytest.raises(OptionError, match=r"^background: .* is no colour"):
        image.to_rgb("pearl of dawn")


def test_a_background_changes_nothing_behind_an_opaque_image(random_indexed):
    image = random_indexed(9, 5, 7)
    assert np.array_equal(image.to_rgb("red"), image.to_rgb())


@pytest.mark.parametrize(
    ("colors", "grey", "mode"),
    [(1, False, "P"), (3, True, "P"), (256, False, "P"), (257, False, "RGBA"), (300, True, "RGBA")],
)
def test_pillow_gets_alpha_in_the_simplest_mode_that_fits(random_indexed, colors, grey, mode):
    opaque = random_indexed(colors, 9, 41, grey=grey)
    alphas = np.arange(colors, dtype=np.uint8)[:, None]
    image = IndexedImage(np.hstack([opaque.palette, alphas]), opaque.indices)
    pil = image.to_pil()
    assert pil.mode == mode
    assert np.array_equal(np.asarray(pil.convert("RGBA")), image.to_rgba())
    if mode == "P":
        assert pil.info["transparency"] == alphas.tobytes()


def test_a_repr_tells_size_and_colours():
    image = IndexedImage([[1, 2, 3], [4, 5, 6]], [[1, 0, 1]])
    assert repr(image) == "<IndexedImage 3x1 of 2 colours>"
    assert repr(Palette([[1, 2, 3]])) == "<Palette of 1 colours>"


def test_a_grey_picture_has_levels_and_an_image_of_grey_entries_has_indices():
    palette, indices = [[200, 200, 200], [7, 7, 7], [7, 7, 7]], np.array([[2, 0, 1]], np.uint8)
    indexed = IndexedImage(palette, indices)
    picture = IndexedImage(palette, indices, is_grey_picture=True)
    assert indexed.to_pil().mode == "P"
    assert np.array_equal(np.asarray(indexed.to_pil()), indices)
    assert np.asarray(picture.to_pil()).tolist() == [[7, 200, 7]]
    assert indexed != picture
    for image in (indexed, picture):
        assert pickle.loads(pickle.dumps(image)) == image


@pytest.mark.parametrize("palette", [[[1, 2, 1]], [[1, 1, 1, 0]]])
def test_a_grey_picture_has_opaque_greys_alone(palette):
    with pytest.raises(OptionError, match="is_grey_picture"):
        IndexedImage(palette, [[0]], is_grey_picture=True)


@pytest.mark.parametrize("transparency", [None, 2, bytes([255, 0, 128])])
def test_a_palette_image_of_pillow_comes_in_whole(transparency):
    image = Image.frombytes("P", (3, 2), bytes([3, 0, 0, 2, 3, 3]))
    image.putpalette([9, 8, 7, 1, 2, 3, 1, 2, 3, 5, 5, 5, 70, 70, 0])
    if transparency is not None:
        image.info["transparency"] = transparency
    indexed = IndexedImage.from_pil(image)
    assert indexed.indices.tolist() == [[3, 0, 0], [2, 3, 3]]
    assert indexed.palette[:, :3].tolist() == [
        [9, 8, 7],
        [1, 2, 3],
        [1, 2, 3],
        [5, 5, 5],
        [70, 70, 0],
    ]
    alphas = {None: [255] * 5, 2: [255, 255, 0, 255, 255]}.get(
        transparency, [255, 0, 128, 255, 255]
    )
    assert Palette(indexed.palette).to_rgba()[:, 3].tolist() == alphas
    assert IndexedImage.from_pil(indexed.to_pil()) == indexed


def test_indices_beyond_the_palette_get_the_black_that_pillow_shows():
    image = Image.frombytes("P", (3, 1), bytes([0, 1, 3]))
    image.putpalette([9, 8, 7, 1, 2, 3])
    indexed = IndexedImage.from_pil(image)
    assert indexed.palette.tolist() == [[9, 8, 7], [1, 2, 3], [0, 0, 0], [0, 0, 0]]
    assert np.array_equal(indexed.to_rgb(), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["L", "1"])
def test_greys_of_pillow_are_a_grey_picture(mode):
    image = Image.fromarray(np.array([[0, 100, 255]], np.uint8)).convert(mode)
    indexed = IndexedImage.from_pil(image)
    assert indexed.is_grey_picture
    assert np.array_equal(np.asarray(indexed.to_pil()), np.asarray(image.convert("L")))
    image.info["transparency"] = 0
    assert IndexedImage.from_pil(image).palette[0].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "I;16", "CMYK"])
def test_an_image_of_pillow_without_indices_is_refused_with_the_way_out(mode):
    with pytest.raises(OptionError, match=r"^image: expected mode P, L or 1, .*quantize"):
        IndexedImage.from_pil(Image.new(mode, (2, 2)))


def test_what_is_no_pillow_image_is_refused():
    with pytest.raises(OptionError, match="expected a Pillow image, got str"):
        IndexedImage.from_pil("a.png")
