"""Masks keep their label numbers, between arrays and files."""

import io
import pickle

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import kmq
from kmq import IndexedImage, OptionError
from kmq.cli import kmq as command

DEEP = np.array([[0, 300, 7], [65_535, 255, 300]])
SHALLOW = np.array([[0, 1, 7], [15, 255, 1]])


def run(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("dtype", [">u2", "<i4", np.int64, np.uint64])
def test_labels_of_any_integer_dtype_come_back(dtype):
    mask = IndexedImage.from_labels(DEEP.astype(dtype))
    assert kmq.load(kmq.encode(mask)) == mask
    assert kmq.load(kmq.encode(mask)).to_labels().tolist() == DEEP.tolist()


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1)])
def test_masks_of_truth_values_and_of_one_channel_are_labels(shape):
    mask = (DEEP > 100).reshape(shape)
    assert IndexedImage.from_labels(mask).to_labels().tolist() == (DEEP > 100).tolist()


def test_an_index_stands_for_the_labels_in_ascending_order():
    mask = IndexedImage.from_labels(DEEP)
    assert mask.labels.tolist() == [0, 7, 255, 300, 65_535]
    assert mask.indices.tolist() == [[0, 3, 1], [4, 2, 3]]
    assert not mask.labels.flags.writeable
    assert pickle.loads(pickle.dumps(mask)) == mask


def test_labels_of_8_bits_are_levels_of_grey():
    mask = IndexedImage.from_labels(SHALLOW)
    assert mask.palette[:, 0].tolist() == mask.labels.tolist()
    assert mask.to_labels().tolist() == SHALLOW.tolist()
    assert mask.to_pil().mode == "L"
    assert np.asarray(mask.to_pil()).tolist() == SHALLOW.tolist()
    image = Image.open(io.BytesIO(kmq.encode(mask)))
    assert image.mode == "L"
    assert np.asarray(image).tolist() == SHALLOW.tolist()


@pytest.mark.parametrize("labels", [[[0, 1]], [[0, 255]], [[0, 17, 34]], [[257, 514]]])
@pytest.mark.parametrize("optimize", [[], ["--optimize"]])
def test_a_png_of_few_labels_has_them_as_samples(labels, optimize):
    kmq.save("a.kmq", IndexedImage.from_labels(labels))
    assert run("decode", "a.kmq", *optimize).exit_code == 0
    with Image.open("a.png") as image:
        assert np.asarray(image).tolist() == labels
        assert image.mode in ("L", "I;16")


def test_masks_of_other_labels_differ():
    one, other = DEEP, np.where(DEEP == 300, 301, DEEP)
    assert IndexedImage.from_labels(one) != IndexedImage.from_labels(other)


def test_there_may_be_65536_labels():
    labels = np.arange(65_536).reshape(256, 256)
    assert np.array_equal(
        kmq.load(kmq.encode(IndexedImage.from_labels(labels))).to_labels(), labels
    )


def test_the_labels_of_other_images_are_their_indices():
    image = IndexedImage([[5, 5, 5], [1, 2, 3]], [[1, 0]])
    assert image.to_labels().tolist() == [[1, 0]]


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ([[-1, 5]], "labels: expected values from 0 to 65535, got -1 to 5"),
        ([[0, 65_536]], "labels: expected values from 0 to 65535, got 0 to 65536"),
        ([[0.5]], "labels: expected whole numbers, got dtype float64"),
        ([1, 2], r"labels: expected shape \(H, W\), each at least 1, got \(2,\)"),
        (np.zeros((0, 4), int), r"labels: expected shape \(H, W\), each at least 1, got \(0, 4\)"),
    ],
)
def test_what_are_no_labels_is_refused(labels, complaint):
    with pytest.raises(OptionError, match=complaint):
        IndexedImage.from_labels(labels)


def test_pillow_sees_labels_of_16_bits_as_such():
    data = kmq.encode(IndexedImage.from_labels(DEEP))
    image = Image.open(io.BytesIO(data))
    assert image.mode == "I;16"
    assert np.asarray(image).tolist() == DEEP.tolist()


def test_saving_labels_by_pillow_keeps_their_numbers():
    labelled = IndexedImage.from_labels(DEEP).with_metadata(kmq.Metadata(resolution=(300, 300)))
    kmq.save("a.kmq", labelled)
    with Image.open("a.kmq") as image:
        image.save("b.kmq")
        with pytest.raises(OptionError, match="colors"):
            image.save("c.kmq", colors=2)
    assert kmq.load("b.kmq") == labelled


def test_another_coding_keeps_labels():
    mask = IndexedImage.from_labels(DEEP)
    assert kmq.load(kmq.encode(io.BytesIO(kmq.encode(mask)), coding="packed")) == mask


def test_part_of_the_rows_has_the_labels_too():
    data = kmq.encode(IndexedImage.from_labels(DEEP))
    assert kmq.load(data, rows=(1, 2)).to_labels().tolist() == DEEP[1:].tolist()


@pytest.mark.parametrize(("labels", "dtype"), [(DEEP, np.uint16), (SHALLOW, np.uint8)])
@pytest.mark.parametrize("extension", [".png", ".tif"])
def test_a_file_of_labels_comes_back_as_it_was(labels, dtype, extension):
    Image.fromarray(labels.astype(dtype)).save(f"a{extension}")
    result = run("encode", "--labels", f"a{extension}", "-o", "a.kmq")
    assert result.exit_code == 0, result.stderr
    assert "exact" in result.stderr
    assert run("decode", "a.kmq", "-o", f"b{extension}").exit_code == 0
    with Image.open(f"b{extension}") as back:
        assert np.asarray(back).dtype == dtype
        assert np.asarray(back).tolist() == labels.tolist()


def test_more_than_64_labels_are_kept_where_colours_would_not_be():
    labels = np.arange(200, dtype=np.uint8).reshape(10, 20)
    Image.fromarray(labels).save("a.png")
    assert run("encode", "--labels", "a.png").exit_code == 0
    assert kmq.load("a.kmq").to_labels().tolist() == labels.tolist()


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_labels_of_few_bits_are_not_scaled(bits):
    labels = np.arange(1 << bits, dtype=np.uint8)[None]
    grey = Image.fromarray(labels * (255 // ((1 << bits) - 1)))
    grey.convert("1" if bits == 1 else "L").save("a.png", bits=bits)
    assert run("encode", "--labels", "a.png").exit_code == 0
    assert kmq.load("a.kmq").to_labels().tolist() == labels.tolist()


def test_the_indices_of_a_palette_image_are_labels_already():
    mask = IndexedImage(np.zeros((256, 3), int), SHALLOW)
    mask.to_pil().save("a.png")
    assert run("encode", "--labels", "a.png").exit_code == 0
    assert kmq.load("a.kmq") == mask


def test_colours_are_no_labels():
    Image.new("RGB", (2, 2), (1, 2, 3)).save("a.png")
    result = run("encode", "--labels", "a.png")
    assert result.exit_code == 1
    assert "a picture in colours has no label numbers" in result.stderr


def test_labels_leave_nothing_to_choose():
    Image.new("L", (2, 2)).save("a.png")
    result = run("encode", "--labels", "-k", "4", "a.png")
    assert result.exit_code == 2
    assert "--labels leaves nothing to choose for --colors" in result.stderr


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["-k", "2"], "colors: 5 labels cannot become 2 without losing their numbers"),
        (["--max-bytes", "20"], "max_bytes: the labels take"),
        (["--sort"], None),
        (["--psnr", "30"], None),
    ],
)
def test_the_numbers_of_labels_in_a_file_are_never_merged(options, complaint):
    kmq.save("a.kmq", IndexedImage.from_labels(DEEP))
    result = run("encode", "a.kmq", "-o", "b.kmq", *options)
    if complaint is None:
        assert result.exit_code == 0, result.stderr
        assert kmq.load("b.kmq").to_labels().tolist() == DEEP.tolist()
    else:
        assert result.exit_code == 1
        assert complaint in " ".join(result.stderr.split())


def test_labels_of_16_bits_are_written_only_where_they_are_kept():
    kmq.save("a.kmq", IndexedImage.from_labels(DEEP))
    result = run("decode", "a.kmq", "-o", "a.jpg")
    assert "holds no labels of 16 bits; try .png or .tif" in result.stderr
