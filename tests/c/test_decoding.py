"""kmq.h decodes what kmq decodes, and refuses what kmq refuses."""

from __future__ import annotations

import hashlib
import json
import subprocess

import numpy as np
import pytest
from conftest import ROOT, needed, opened

import kmq
from c.compiling import C99, DRIVER, SOURCES, Decoded, compiled, decoded

VECTORS = ROOT / "formats" / "vectors"
MANIFEST = json.loads((VECTORS / "manifest.json").read_text())


def vectors(kind: str) -> list[bytes]:
    return [(VECTORS / kind / f"{name}.kmq").read_bytes() for name in MANIFEST[kind]]


def sha256(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


def items(metadata: bytes) -> list[list[object]]:
    """Return the kind and the payload of each item, as the manifest has them."""
    found: list[list[object]] = []
    at = 0
    while at < len(metadata):
        kind, length, shift = metadata[at], 0, 0
        while True:
            at += 1
            length |= (metadata[at] & 0x7F) << shift
            shift += 7
            if metadata[at] < 0x80:
                break
        found.append([kind, metadata[at + 1 : at + 1 + length].hex()])
        at += 1 + length
    return found


def as_in_the_manifest(image: Decoded | str) -> dict[str, object]:
    assert isinstance(image, Decoded), image
    height, width = image.indices.shape
    channels = 4 if (image.palette[:, 3] < 255).any() else 3
    return {
        "width": width,
        "height": height,
        "channels": channels,
        "sha256": sha256(image.palette[image.indices][..., :channels]),
        "palette_sha256": sha256(image.palette),
        "indices_sha256": sha256(image.indices),
        "metadata": None if image.metadata_are_damaged else items(image.metadata),
    } | ({} if image.labels is None else {"labels_sha256": sha256(image.labels)})


def assert_is_the_same(image: Decoded | str, expected: kmq.IndexedImage) -> None:
    assert isinstance(image, Decoded), image
    assert np.array_equal(image.indices, expected.indices)
    assert np.array_equal(image.palette[image.indices], expected.to_rgba())


@pytest.mark.parametrize("options", [C99, ("-std=c17", "-O0")])
@pytest.mark.parametrize("compiler", ["gcc", "clang"])
def test_every_c_compiler_makes_a_right_decoder_without_a_warning(compiler, options, tmp_path):
    program = compiled(DRIVER, tmp_path / "driver", needed(compiler), *options)
    images = decoded(program, vectors("valid"))
    for expected, image in zip(MANIFEST["valid"].values(), images, strict=True):
        assert as_in_the_manifest(image) == expected


@pytest.mark.parametrize("compiler", ["g++", "clang++"])
def test_so_does_every_cpp_compiler(compiler, tmp_path):
    source = tmp_path / "driver.cpp"
    source.write_text(f'#include "{DRIVER}"\n')
    program = compiled(source, tmp_path / "driver", needed(compiler), "-O1")
    images = decoded(program, vectors("valid"))
    for expected, image in zip(MANIFEST["valid"].values(), images, strict=True):
        assert as_in_the_manifest(image) == expected


def test_every_invalid_vector_is_refused_for_a_fault_of_the_file(driver):
    for name, outcome in zip(MANIFEST["invalid"], decoded(driver, vectors("invalid")), strict=True):
        assert isinstance(outcome, str), name
        assert "memory" not in outcome


def test_an_image_of_more_pixels_than_the_caller_allows_is_refused(driver):
    data = (VECTORS / "valid" / "colours-3.kmq").read_bytes()
    info = kmq.info(data)
    pixels = info.width * info.height
    [allowed] = decoded(driver, [data], max_pixels=pixels)
    [refused] = decoded(driver, [data], max_pixels=pixels - 1)
    assert isinstance(allowed, Decoded)
    assert refused == "the image has more pixels than the caller allows"


def test_files_made_of_real_images_decode_to_the_same(driver, real_images):
    paths = [sorted(real_images.glob(f"{kind}/*.png"))[0] for kind in ("photos", "graphics")]
    images = [
        kmq.quantize(opened(path).crop((20, 20, 283, 211)), colors)
        for path in paths
        for colors in (2, 29, 256)
    ]
    files = [kmq.encode(image) for image in images]
    for image, expected in zip(decoded(driver, files), images, strict=True):
        assert_is_the_same(image, expected)


def test_pictures_of_awkward_sizes_decode_to_the_same(strict_driver):
    chance = np.random.default_rng(18)
    images = []
    for height, width, colors in [(1, 1, 1), (1, 70, 2), (67, 1, 3), (41, 43, 255), (9, 300, 700)]:
        palette = chance.integers(0, 256, (colors, 4), np.uint8)
        smooth = chance.integers(0, colors, (-(-height // 5), -(-width // 7)))
        indices = np.kron(smooth, np.ones((5, 7), int))[:height, :width]
        specks = chance.random((height, width)) < 0.1
        indices = np.where(specks, chance.integers(0, colors, (height, width)), indices)
        images.append(kmq.IndexedImage(palette, indices))
    files = [kmq.encode(image) for image in images]
    for image, expected in zip(decoded(strict_driver, files), images, strict=True):
        assert_is_the_same(image, expected)


def test_the_decoder_is_one_file_of_at_most_1000_lines():
    assert len((SOURCES / "kmq.h").read_text().splitlines()) <= 1_000


@pytest.mark.parametrize(
    "name",
    [
        "colours-3",
        "one-colour",
        "grey-alpha-modelled",
        "colours-1000",
        "rgba-packed",
        "labels-300-packed",
    ],
)
def test_the_example_writes_the_png_that_kmq_writes(name, example, tmp_path):
    source = VECTORS / "valid" / f"{name}.kmq"
    subprocess.run([example, source, tmp_path / "out.png"], check=True, timeout=60)
    written = opened(tmp_path / "out.png")
    expected = kmq.load(source)
    if expected.labels is not None:
        assert np.array_equal(np.asarray(written), expected.to_labels())
    else:
        assert (written.mode == "P") == (len(expected.palette) <= 256)
        assert np.array_equal(np.asarray(written.convert("RGBA")), expected.to_rgba())


def test_the_example_says_what_is_wrong_and_writes_nothing(example, tmp_path):
    source = VECTORS / "invalid" / "stripe-checksum.kmq"
    done = subprocess.run(
        [example, source, tmp_path / "out.png"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.endswith("a stripe is damaged: its checksum does not match\n")
    assert not (tmp_path / "out.png").exists()


def test_the_fuzz_target_runs(folder):
    options = ("-std=c99", "-g", "-O1", "-fsanitize=fuzzer,address,undefined")
    target = compiled(SOURCES / "fuzz_kmq.c", folder / "fuzz_kmq", needed("clang"), *options)
    (folder / "found").mkdir()
    command = [target, "-runs=200", "-max_len=1000", folder / "found", VECTORS / "invalid"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)
    assert done.returncode == 0, done.stderr
