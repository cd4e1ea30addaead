from __future__ import annotations

import io
from fractions import Fraction

import pytest
from PIL import ExifTags, Image
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from kmq.metadata import Metadata
from kmq.metadata.images import metadata_of
from kmq.metadata.saving import save_options

XMP = b"<?xpacket begin='' id='W5M0MpCehiHzreSzNTczkc9d'?><x/>\n<?xpacket end='w'?>"


def saved(kind, image=None, **options):
    file = io.BytesIO()
    (image or Image.new("RGB", (7, 5))).save(file, kind, **options)
    opened = Image.open(file)
    opened.load()
    return opened


def exif(**tags):
    made = Image.Exif()
    for name, value in tags.items():
        made[ExifTags.Base[name]] = value
    return made


def tags_of(block):
    read = Image.Exif()
    read.load(b"Exif\0\0" + block)
    return {ExifTags.Base(tag).name: value for tag, value in read.items()}


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
def test_the_resolution_of_a_scan_is_read(kind):
    found, notes = metadata_of(saved(kind, dpi=(300, 600)))
    assert [round(part) for part in found.resolution] == [300, 600]
    assert notes == ()


def test_a_picture_that_says_nothing_has_no_metadata():
    for kind in ("PNG", "WEBP", "GIF", "TGA", "PPM"):
        assert metadata_of(saved(kind)) == (Metadata(), ())
    assert metadata_of(Image.new("L", (3, 3))) == (Metadata(), ())


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_exif_is_kept_and_says_upright(kind):
    given = exif(Orientation=6, Artist="A. Person")
    found, _ = metadata_of(saved(kind, exif=given.tobytes()))
    assert tags_of(found.exif) == {"Orientation": 1, "Artist": "A. Person"}
    assert found.exif[:2] in (b"II", b"MM")


def test_exif_of_the_other_byte_order_says_upright_too():
    big = bytes.fromhex("4d4d002a 00000008 0001 0112 0003 00000001 00060000 00000000")
    found, _ = metadata_of(saved("PNG", exif=big))
    assert tags_of(found.exif) == {"Orientation": 1}


@pytest.mark.parametrize("damaged", ["6e6f", "49492a00 ffffffff", "49492a00 08000000 ff00"])
def test_damaged_exif_is_dropped_with_a_note(damaged):
    found, notes = metadata_of(saved("WEBP", exif=b"Exif\0\0" + bytes.fromhex(damaged)))
    assert found == Metadata()
    assert notes == ("not kept: damaged EXIF",)


def test_tags_that_describe_a_tiff_become_exif_and_those_that_store_it_do_not():
    tags = ImageFileDirectory_v2()
    tags[ExifTags.Base.ImageDescription] = "a map"
    tags[ExifTags.Base.Copyright] = "nobody"
    found, _ = metadata_of(saved("TIFF", tiffinfo=tags))
    assert tags_of(found.exif) == {"ImageDescription": "a map", "Copyright": "nobody"}


def test_geotiff_tags_are_reported():
    tags = ImageFileDirectory_v2()
    tags[33550] = (1.0, 1.0, 0.0)
    tags.tagtype[33550] = 12
    _, notes = metadata_of(saved("TIFF", tiffinfo=tags))
    assert notes == ("not kept: GeoTIFF tags",)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_xmp_is_kept_without_its_padding(kind):
    padded = XMP.replace(b"\n", b" \n" * 500)
    found, _ = metadata_of(saved(kind, xmp=padded))
    assert found.xmp == XMP


def test_texts_of_a_png_are_kept_and_its_xmp_is_none_of_them():
    chunks = PngInfo()
    chunks.add_text("Title", "a title", zip=True)
    chunks.add_itxt("Author", "Ünal")
    chunks.add_itxt("XML:com.adobe.xmp", XMP.decode())
    found, _ = metadata_of(saved("PNG", pnginfo=chunks))
    assert found.text == (("Title", "a title"), ("Author", "Ünal"))
    assert found.xmp == XMP


@pytest.mark.parametrize("kind", ["JPEG", "GIF"])
def test_a_comment_is_a_text(kind):
    found, _ = metadata_of(saved(kind, comment="grüße"))
    assert found.text == (("Comment", "grüße"),)


WHOLE = Metadata(
    resolution=(300, Fraction(72)),
    exif=exif(Artist="A. Person").tobytes().removeprefix(b"Exif\0\0"),
    xmp=XMP,
    text=[("Comment", "hello")],
)


@pytest.mark.parametrize(
    ("kind", "kept"),
    [
        ("PNG", {"resolution", "exif", "xmp", "text"}),
        ("JPEG", {"resolution", "exif", "xmp", "text"}),
        ("TIFF", {"resolution", "exif", "xmp"}),
        ("WEBP", {"exif", "xmp"}),
        ("BMP", {"resolution"}),
        ("TGA", set()),
    ],
)
def test_what_is_written_is_read_again_and_the_rest_is_named(kind, kept):
    options, notes = save_options(WHOLE, kind)
    found, _ = metadata_of(saved(kind, **options))
    for name in ("resolution", "exif", "xmp", "text"):
        value, expected = getattr(found, name), getattr(WHOLE, name)
        if name not in kept:
            assert not value
        elif name == "exif":
            assert tags_of(value) == tags_of(expected)
        elif name == "resolution":
            assert [round(part) for part in value] == [300, 72]
        else:
            assert value == expected
    labels = {"resolution": "resolution", "exif": "EXIF", "xmp": "XMP", "text": "1 text"}
    left_out = [label for name, label in labels.items() if name not in kept]
    assert notes == ((f"not kept in {kind}: {', '.join(left_out)}",) if left_out else ())


def test_a_png_comes_back_to_the_last_digit_of_its_resolution():
    first, _ = metadata_of(saved("PNG", dpi=(299.9994, 1.27)))
    options, _ = save_options(first, "PNG")
    assert metadata_of(saved("PNG", **options))[0] == first


def test_a_png_says_that_its_samples_are_srgb():
    options, _ = save_options(Metadata(), "PNG")
    assert saved("PNG", **options).info["srgb"] == 0


def test_what_is_too_long_for_a_jpeg_is_left_out_and_named():
    options, notes = save_options(Metadata(xmp=bytes(70_000)), "JPEG")
    assert options == {}
    assert notes == ("not kept in JPEG: XMP",)
