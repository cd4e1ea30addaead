from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from kmq import FormatError
from kmq.pixels import read
from pixels import profiles
from pixels.readers.pngs import png

UNUSABLE = ("its colour profile cannot be used: taken as sRGB",)
P3_TO_SRGB = [[1.22494, -0.22494, 0], [-0.042057, 1.042057, 0], [-0.019638, -0.078636, 1.098274]]
"""Linear Display P3 to linear sRGB (CSS Color Module Level 4, section 18)."""
BT2020_TO_SRGB = [
    [1.660491, -0.587641, -0.07285],
    [-0.12455, 1.1329, -0.008349],
    [-0.018151, -0.100579, 1.11873],
]
"""Linear BT.2020 to linear sRGB (ITU-R BT.2087-0)."""


def decoded(samples):
    """sRGB samples from 0 to 1 as light."""
    return np.where(samples <= 0.04045, samples / 12.92, ((samples + 0.055) / 1.055) ** 2.4)


def encoded(light):
    """Light as the nearest sRGB levels."""
    light = np.clip(light, 0, 1)
    samples = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.rint(samples * 255).astype(int)


def iccp(profile):
    return (b"iCCP", b"name\0\0" + zlib.compress(profile))


def chrm(*chromaticities):
    return (b"cHRM", struct.pack(">8I", *(round(number * 100_000) for number in chromaticities)))


def gama(gamma):
    return (b"gAMA", struct.pack(">I", round(gamma * 100_000)))


def cicp(primaries, transfer, matrix=0, is_full=1):
    return (b"cICP", bytes([primaries, transfer, matrix, is_full]))


SRGB = (b"sRGB", b"\0")
SRGB_PRIMARIES = chrm(0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
P3_PRIMARIES = chrm(0.3127, 0.329, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06)
LINEAR_GREY = iccp(profiles.grey_profile(profiles.LINEAR))
LINEAR_RGB = iccp(profiles.rgb_profile(profiles.LINEAR))


def colors(bits=8):
    return np.random.default_rng(0).integers(0, 1 << bits, (13, 17, 3))


def greys(bits=8):
    return np.arange(0, 1 << bits, 1 if bits == 8 else 37)[None, :, None]


def off(pixels, expected):
    return np.abs(pixels.rgb.astype(int) - expected).max()


@pytest.mark.parametrize("color_type", [2, 6])
def test_16_bits_are_converted_before_they_are_8(color_type):
    deep = colors(16)
    deep[0] = np.arange(17)[:, None] * 64  # where a level of 8 bits is 13 levels of sRGB
    samples = deep if color_type == 2 else np.dstack([deep, np.full((13, 17), 65_535)])
    pixels = read(png(samples, 16, color_type, [LINEAR_RGB]), strip=True)
    assert off(pixels, encoded(deep / 65_535)) <= 1
    assert pixels.notes == ()


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("profile", [LINEAR_GREY, LINEAR_RGB], ids=["grey", "RGB"])
@pytest.mark.parametrize("beside", ["nothing", "alpha", "a transparent grey"])
def test_greys_are_converted_beside_transparency_and_by_profiles_of_rgb(bits, profile, beside):
    samples, chunks = greys(bits), [profile]
    color_type = 4 if beside == "alpha" else 0
    if beside == "a transparent grey":
        chunks.append((b"tRNS", struct.pack(">H", 1)))  # a grey that the picture has in 8 bits
    if beside == "alpha":
        samples = np.dstack([samples, np.full_like(samples, (1 << bits) - 1)])
    pixels = read(png(samples, bits, color_type, chunks), background="black", strip=True)
    expected = encoded(greys(bits) / ((1 << bits) - 1)).repeat(3, axis=2)
    if bits == 8 and beside == "a transparent grey":
        expected[0, 1] = 0
    assert off(pixels, expected) <= 1
    assert pixels.notes == ()


CURVES = {
    "linear": (profiles.LINEAR, lambda v: v),
    "gamma": (profiles.gamma(1.8), lambda v: v**1.80078125),
    "table": (profiles.table(np.linspace(0, 1, 300) ** 3), lambda v: v**3),
    "parametric 0": (profiles.parametric(0, 2.2), lambda v: v**2.2),
    "parametric 1": (
        profiles.parametric(1, 2, 0.8, 0.2),
        lambda v: (0.8 * v + 0.2) ** 2,
    ),
    "parametric 2": (
        profiles.parametric(2, 2, 0.9, -0.1, 0.1),
        lambda v: np.maximum(0.9 * v - 0.1, 0) ** 2 + 0.1,
    ),
    "parametric 3": (
        profiles.parametric(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
        decoded,
    ),
    "parametric 4": (
        profiles.parametric(4, 2.2, 0.9, 0.05, 0.5, 0.1, 0.01, 0.02),
        lambda v: np.where(v >= 0.1, (0.9 * v + 0.05) ** 2.2 + 0.01, 0.5 * v + 0.02),
    ),
}
"""Curves of a profile as stored, and as formulas."""


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("name", CURVES)
def test_grey_profiles_come_within_a_level_of_their_formulas(name, bits):
    curve, formula = CURVES[name]
    pixels = read(png(greys(bits), bits, 0, [iccp(profiles.grey_profile(curve))]))
    assert off(pixels, encoded(formula(greys(bits) / ((1 << bits) - 1)))) <= 1


@pytest.mark.parametrize("name", CURVES)
def test_16_bits_with_a_profile_of_rgb_come_within_a_level_of_the_formulas(name):
    curve, formula = CURVES[name]
    pixels = read(png(colors(16), 16, 2, [iccp(profiles.rgb_profile(curve))]))
    assert off(pixels, encoded(formula(colors(16) / 65_535))) <= 1


def test_lab_comes_within_a_level_of_the_formulas():
    lab = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    lightness, a, b = np.moveaxis(lab.astype(float), 2, 0)
    fy = (lightness / 2.55 + 16) / 116
    steps = np.stack([fy + (a - 128) / 500, fy, fy - (b - 128) / 200], axis=-1)
    light = np.where(steps > 6 / 29, steps**3, 3 * (6 / 29) ** 2 * (steps - 4 / 29))
    to_xyz = np.array(list(profiles.SRGB_COLUMNS.values())).T
    expected = encoded(light * profiles.D50 @ np.linalg.inv(to_xyz).T)
    image = Image.fromarray(lab ^ np.array([0, 128, 128], np.uint8), "LAB")
    assert off(read(image), expected) <= 1


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("color_type", [0, 2])
@pytest.mark.parametrize("exponent", [1, 1.8, 2.6])
def test_a_gamma_that_is_not_srgbs_is_converted(exponent, color_type, bits):
    samples = colors(bits) if color_type == 2 else greys(bits)
    pixels = read(png(samples, bits, color_type, [gama(1 / exponent)]))
    assert off(pixels, encoded((samples / ((1 << bits) - 1)) ** exponent)) <= 1
    assert pixels.lost == ("its colour space",)


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [gama(0.45455)],
        [gama(0.45)],
        [SRGB_PRIMARIES],
        [gama(0.45455), SRGB_PRIMARIES],
        [SRGB, gama(1), P3_PRIMARIES],
        [cicp(1, 13), gama(1)],
        [cicp(2, 2)],
        [cicp(1, 13), LINEAR_RGB],
    ],
)
def test_what_means_srgb_changes_nothing(chunks):
    pixels = read(png(colors(), 8, 2, chunks))
    assert np.array_equal(pixels.rgb, colors())
    assert (pixels.notes, pixels.lost) == ((), ())


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(
    ("chunks", "to_srgb", "curve"),
    [
        ([cicp(12, 13)], P3_TO_SRGB, decoded),
        ([cicp(12, 13), SRGB], P3_TO_SRGB, decoded),
        ([cicp(12, 8), LINEAR_GREY, gama(1)], P3_TO_SRGB, lambda v: v),
        ([cicp(9, 13)], BT2020_TO_SRGB, decoded),
        ([cicp(9, 4)], BT2020_TO_SRGB, lambda v: v**2.2),
        ([P3_PRIMARIES], P3_TO_SRGB, decoded),
        ([P3_PRIMARIES, gama(0.45455)], P3_TO_SRGB, lambda v: v ** (1 / 0.45455)),
        ([P3_PRIMARIES, gama(1)], P3_TO_SRGB, lambda v: v),
        ([LINEAR_RGB, gama(0.5)], np.eye(3), lambda v: v),
    ],
)
def test_primaries_and_transfers_are_converted(chunks, to_srgb, curve, bits):
    samples = colors(bits)
    light = curve(samples / ((1 << bits) - 1)) @ np.transpose(to_srgb)
    pixels = read(png(samples, bits, 2, chunks), strip=True)
    assert off(pixels, encoded(light)) <= 1
    assert pixels.notes == ()


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_high_dynamic_range_is_refused(transfer, name):
    with pytest.raises(FormatError, match=f"high dynamic range .{name}.*convert it to an sRGB PNG"):
        read(png(colors(), 8, 2, [cicp(9, transfer), SRGB]))


@pytest.mark.parametrize(("matrix", "is_full"), [(1, 1), (0, 0)])
def test_samples_of_narrow_range_are_refused(matrix, is_full):
    with pytest.raises(FormatError, match=r"narrow range.*convert it to an sRGB PNG"):
        read(png(colors(), 8, 2, [cicp(1, 13, matrix, is_full)]))


@pytest.mark.parametrize("numbers", [(10, 13), (1, 17), (200, 13)])
def test_spaces_that_are_not_known_are_noted(numbers):
    pixels = read(png(colors(), 8, 2, [cicp(*numbers)]))
    assert np.array_equal(pixels.rgb, colors())
    assert "is not known: taken as sRGB" in pixels.notes[0]


def test_the_transfer_of_video_is_noted():
    pixels = read(png(colors(), 8, 2, [cicp(1, 1)]))
    assert np.array_equal(pixels.rgb, colors())
    assert pixels.notes == ("its transfer function is that of video: taken as sRGB's",)


@pytest.mark.parametrize("chunks", [[chrm(*[0] * 8)], [chrm(*[0.3] * 8)], [gama(0)]])
def test_colour_chunks_that_make_no_sense_are_noted(chunks):
    pixels = read(png(colors(), 8, 2, chunks))
    assert np.array_equal(pixels.rgb, colors())
    assert pixels.notes == ("its colour chunks cannot be used: taken as sRGB",)


DAMAGED = {
    "no profile": b"no profile at all",
    "cut": profiles.rgb_profile(profiles.LINEAR)[:200],
    "gamma 0": profiles.grey_profile(profiles.gamma(0)),
    "no curve": profiles.profile(b"GRAY", {}),
    "an unknown function": profiles.grey_profile(profiles.parametric(9, 1)),
}


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_profile_is_noted(name, bits):
    pixels = read(png(greys(bits), bits, 0, [iccp(DAMAGED[name])]), strip=True)
    assert pixels.notes in (UNUSABLE, ())  # lcms accepts a few of them
    assert pixels.rgb.shape == (1, greys(bits).size, 3)


def test_a_profile_that_cannot_be_inflated_is_noted():
    assert read(png(colors(), 8, 2, [(b"iCCP", b"name\0\0damaged")])).notes == UNUSABLE


def test_a_profile_of_inks_beside_colours_is_noted():
    inks = profiles.profile(b"CMYK", {})
    assert read(png(colors(), 8, 2, [iccp(inks)])).notes == UNUSABLE
    assert read(png(colors(16), 16, 2, [LINEAR_GREY])).notes == UNUSABLE


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("color_type", [0, 2])
def test_srgb_under_another_name_loses_low_bits_alone(color_type, bits):
    samples = colors(bits) if color_type == 2 else greys(bits)
    curve = CURVES["parametric 3"][0]
    made = profiles.rgb_profile if color_type == 2 else profiles.grey_profile
    pixels = read(png(samples, bits, color_type, [iccp(made(curve))]))
    assert off(pixels, np.rint(samples / ((1 << bits) - 1) * 255)) == 0
    assert pixels.lost == (("16 bits per channel",) if bits == 16 else ())


def test_a_profile_with_a_table_is_left_to_lcms_in_16_bits_too():
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    assert read(png(colors(16), 16, 2, [iccp(lab)])).notes == UNUSABLE


@pytest.mark.skipif(not features.check("avif"), reason="needs a Pillow that reads AVIF")
@pytest.mark.parametrize(
    ("numbers", "to_srgb", "curve"),
    [
        ((1, 13), np.eye(3), decoded),
        ((12, 13), P3_TO_SRGB, decoded),
        ((9, 8), BT2020_TO_SRGB, lambda v: v),
    ],
)
def test_the_numbers_of_an_avif_are_converted(numbers, to_srgb, curve):
    plain, named = avif(colors(), (1, 13)), avif(colors(), numbers)
    light = curve(read(plain).rgb / 255) @ np.transpose(to_srgb)
    assert off(read(named), encoded(light)) <= 1


@pytest.mark.skipif(not features.check("avif"), reason="needs a Pillow that reads AVIF")
def test_an_avif_of_high_dynamic_range_is_refused():
    with pytest.raises(FormatError, match=r"high dynamic range .PQ"):
        read(avif(colors(), (9, 16)))


def avif(samples, numbers):
    """An AVIF whose box nclx names primaries and transfer function."""
    file = io.BytesIO()
    Image.fromarray(samples.astype(np.uint8)).save(file, "AVIF", quality=100, subsampling="4:4:4")
    box = b"nclx" + struct.pack(">HH", 1, 13)
    assert file.getvalue().count(box) == 1
    return io.BytesIO(file.getvalue().replace(box, b"nclx" + struct.pack(">HH", *numbers)))
