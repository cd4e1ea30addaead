import contextlib
import os
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import needs_jit
from hypothesis import given, settings
from hypothesis import strategies as st
from test_format import FORMATS, module

from kmq.container import modelled
from kmq.errors import FormatError

reference_modelled = module(FORMATS / "reference_modelled.py")


def make_palette(colors, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (colors, 3)).astype(np.uint8)


def make_plane(rows, width, colors, seed=0, noise=0.1):
    """Slopes and steps with some noise: neighbours agree, but not everywhere."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :width]
    plane = ((x // 5 + y // 3 + (x > y) * 7) * max(colors // 11, 1)) % colors
    noisy = random.random((rows, width)) < noise
    plane[noisy] = random.integers(0, colors, noisy.sum())
    return plane.astype(np.uint8 if colors <= 256 else np.uint16)


def round_trip(indices, palette):
    body = modelled.encode(indices, palette)
    decoded = modelled.decode(body, *indices.shape, palette)
    assert decoded.dtype == indices.dtype
    np.testing.assert_array_equal(decoded, indices)
    return body


COLORS = [1, 2, 3, 4, 5, 16, 17, 64, 200, 256, 257, 1000, 65536]
SIZES = [(1, 1), (1, 40), (40, 1), (2, 2), (3, 5), (7, 4), (9, 8), (33, 47)]


@pytest.mark.parametrize("colors", COLORS)
@pytest.mark.parametrize("size", SIZES)
def test_every_size_and_number_of_colours_comes_back(size, colors):
    palette = make_palette(colors)
    indices = make_plane(*size, colors)
    if colors == 1:
        indices[:] = 0
    round_trip(indices, palette)


@needs_jit
@pytest.mark.parametrize("colors", COLORS[1:])
def test_noise_comes_back(colors):
    round_trip(make_plane(64, 61, colors, noise=1.0), make_palette(colors))


@needs_jit
@pytest.mark.parametrize("colors", COLORS[1:])
def test_one_colour_all_over_takes_a_few_bytes(colors):
    for index in (0, colors - 1):
        indices = np.full((64, 64), index, dtype=np.uint8 if colors <= 256 else np.uint16)
        assert len(round_trip(indices, make_palette(colors))) <= 12


@needs_jit
@given(
    rows=st.integers(1, 12),
    width=st.integers(1, 20),
    colors=st.sampled_from([2, 3, 4, 5, 7, 16, 17, 100, 256, 257, 700]),
    noise=st.sampled_from([0.0, 0.05, 0.5, 1.0]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_the_reference_decoder_decodes_the_same(rows, width, colors, noise, seed):
    palette = make_palette(colors, seed)
    indices = make_plane(rows, width, colors, seed, noise)
    body = modelled.encode(indices, palette)
    assert reference_modelled.decode(body, rows, width, palette.tolist()) == indices.tolist()


@needs_jit
@pytest.mark.parametrize("colors", [2, 3, 16, 200, 257])
def test_the_reference_decoder_decodes_a_larger_plane(colors):
    palette = make_palette(colors)
    indices = make_plane(70, 90, colors)
    body = round_trip(indices, palette)
    assert reference_modelled.decode(body, 70, 90, palette.tolist()) == indices.tolist()


@needs_jit
@given(
    tile=st.tuples(st.integers(1, 9), st.integers(1, 9)),
    times=st.tuples(st.integers(1, 4), st.integers(1, 5)),
    colors=st.sampled_from([2, 3, 17, 256, 300]),
)
@settings(max_examples=30, deadline=None)
def test_the_reference_decoder_decodes_tiles_the_same(tile, times, colors):
    palette = make_palette(colors)
    indices = np.tile(make_plane(*tile, colors, noise=1.0), times)
    body = modelled.encode(indices, palette)
    assert reference_modelled.decode(body, *indices.shape, palette.tolist()) == indices.tolist()


@needs_jit
@pytest.mark.parametrize("colors", [4, 64, 300])
def test_a_repeated_tile_is_stored_about_once(colors):
    palette = make_palette(colors)
    tile = make_plane(60, 61, colors, noise=1.0)
    once = round_trip(tile, palette)
    assert len(round_trip(np.tile(tile, (5, 7)), palette)) < 1.4 * len(once)


def mutated(body, random):
    body = bytearray(body)
    for _ in range(random.integers(1, 4)):
        kind = random.integers(4)
        place = int(random.integers(len(body) + 1))
        if kind == 0 and place < len(body):
            body[place] ^= 1 << int(random.integers(8))
        elif kind == 1:
            del body[place:]
        elif kind == 2:
            body[place:place] = random.bytes(int(random.integers(1, 9)))
        else:
            del body[place : place + int(random.integers(1, 9))]
    return bytes(body)


@needs_jit
@pytest.mark.parametrize("colors", [2, 3, 5, 17, 200, 256, 300])
def test_a_damaged_body_is_refused_or_gives_indices_in_range(colors):
    random = np.random.default_rng(colors)
    palette = make_palette(colors)
    body = modelled.encode(make_plane(19, 23, colors), palette)
    started = time.monotonic()
    refused = 0
    for _ in range(1500):
        try:
            decoded = modelled.decode(mutated(body, random), 19, 23, palette)
        except FormatError:
            refused += 1
        else:
            assert decoded.shape == (19, 23)
            assert decoded.max() < colors
    assert refused
    assert time.monotonic() - started < 60


def last_interval(body, rows, width, palette):
    """Return the reference's coder as it was after the last pixel."""
    coders = []

    class KeptCoder(reference_modelled.Coder):
        def __init__(self, body):
            super().__init__(body)
            coders.append(self)

        def has_ended(self):
            return True

    with pytest.MonkeyPatch.context() as patch, contextlib.suppress(ValueError):  # of other rules
        patch.setattr(reference_modelled, "Coder", KeptCoder)
        coders[0].plane = reference_modelled.decode(body, rows, width, palette.tolist())
    return coders[0]


def body_that_ends_at(number, body, position):
    """Return the body of so many bytes in all whose last three words are another number."""
    before = int.from_bytes(body.ljust(position, b"\0")[: position - 6], "big")
    full = ((before << 48) + number).to_bytes(position, "big")
    return full[: max(position - 8, 0)] + full[max(position - 8, 0) :].rstrip(b"\0")


@needs_jit
@pytest.mark.parametrize("colors", [2, 3, 5, 17, 200, 256, 300])
def test_a_random_body_with_the_right_end_gives_the_same_indices_in_both_decoders(colors):
    random = np.random.default_rng(colors)
    palette = make_palette(colors)
    for _ in range(10):
        body = random.bytes(300)
        coder = last_interval(body, 7, 9, palette)
        last = int.from_bytes(body[coder.position - 6 : coder.position], "big")
        start = last - coder.low
        gaps = (-start % (1 << zeros) for zeros in range(48, -1, -8))
        number = start + next(gap for gap in gaps if gap < coder.span)
        ended = body_that_ends_at(number, body, coder.position)
        decoded = modelled.decode(ended, 7, 9, palette)
        assert decoded.max() < colors
        assert decoded.tolist() == reference_modelled.decode(ended, 7, 9, palette.tolist())


planes = {
    "rows": st.integers(1, 9),
    "width": st.integers(1, 12),
    "colors": st.sampled_from([2, 3, 5, 16, 17, 256, 300]),
    "noise": st.sampled_from([0.0, 0.05, 0.5, 1.0]),
    "seed": st.integers(0, 99),
}


@needs_jit
@given(**planes, junk=st.binary(min_size=1, max_size=9))
@settings(max_examples=150)
def test_a_body_with_junk_at_its_end_is_refused_or_that_of_another_plane(
    rows, width, colors, noise, seed, junk
):
    palette = make_palette(colors, seed)
    plane = make_plane(rows, width, colors, seed, noise)
    body = round_trip(plane, palette)
    try:
        decoded = modelled.decode(body + junk, rows, width, palette)
    except FormatError:
        return
    assert (decoded != plane).any()


@needs_jit
@given(**planes, share=st.floats(0, 1), bits=st.integers(0, 47))
@settings(max_examples=25)
def test_a_body_that_ends_at_another_number_of_the_interval_is_refused(
    rows, width, colors, noise, seed, share, bits
):
    palette = make_palette(colors, seed)
    plane = make_plane(rows, width, colors, seed, noise)
    body = modelled.encode(plane, palette)
    coder = last_interval(body, rows, width, palette)
    last = int.from_bytes(body.ljust(coder.position, b"\0")[coder.position - 6 :][:6], "big")
    start = last - coder.low
    distances = {0, coder.span - 1, coder.low + (1 << bits), int(share * (coder.span - 1))}
    for distance in {d for d in distances if d < coder.span} - {coder.low}:
        other = body_that_ends_at(start + distance, body, coder.position)
        found = last_interval(other, rows, width, palette)
        assert found.plane == plane.tolist()  # all of the interval decodes to the same pixels
        with pytest.raises(FormatError, match="do not end as a writer ends"):
            modelled.decode(other, rows, width, palette)
    assert body_that_ends_at(last, body, coder.position) == body


def test_a_body_with_bytes_to_spare_is_refused():
    palette = make_palette(16)
    body = modelled.encode(make_plane(8, 8, 16), palette)
    with pytest.raises(FormatError, match="zero byte"):
        modelled.decode(body + b"\0", 8, 8, palette)
    with pytest.raises(FormatError, match="do not end as a writer ends"):
        modelled.decode(body + b"\1" * 9, 8, 8, palette)
    interval = last_interval(body, 8, 8, palette)
    with pytest.raises(FormatError, match="end after"):
        modelled.decode(body.ljust(interval.position, b"\0") + b"\0\1", 8, 8, palette)
    with pytest.raises(FormatError, match="one colour"):
        modelled.decode(b"\1", 8, 8, palette[:1])


@needs_jit
def test_a_body_that_ends_before_its_pixels_is_refused_however_many_they_are():
    palette = make_palette(16)
    body = modelled.encode(make_plane(64, 61, 16, noise=1.0), palette)
    for end in (0, 1, 2, 9, len(body) - 9):
        with pytest.raises(FormatError, match="end before"):
            modelled.decode(body[:end] + b"\x9b", 2048, 2048, palette)


@needs_jit
def test_zero_bytes_at_the_end_are_stored_from_the_ninth_on():
    palette, column = make_palette(2), np.zeros((1 << 18, 1), np.uint8)
    body = round_trip(column, palette)
    assert body == bytes(len(body))
    assert len(body) > 2
    for other in (body[:-1], body[:-2], body + b"\0", body + b"\0\0"):
        with pytest.raises(FormatError):
            modelled.decode(other, *column.shape, palette)


def make_spans(rows, width, colors, seed):
    """Wide flat areas between slanted edges, with a few specks."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :width]
    plane = (x + y * random.integers(-2, 3) + 3 * width) // random.integers(20, 150) % colors
    specks = random.random((rows, width)) < random.choice([0, 0.001, 0.02])
    plane[specks] = random.integers(0, colors, specks.sum())
    return plane.astype(np.uint8 if colors <= 256 else np.uint16)


@needs_jit
@given(
    rows=st.integers(1, 12),
    width=st.sampled_from([1, 2, 3, 62, 63, 64, 65, 126, 127, 200]),
    colors=st.sampled_from([2, 3, 16, 300]),
    seed=st.integers(0, 999),
)
@settings(max_examples=40, deadline=None)
def test_the_reference_decoder_decodes_spans_the_same(rows, width, colors, seed):
    palette = make_palette(colors, seed)
    indices = make_spans(rows, width, colors, seed)
    body = round_trip(indices, palette)
    assert reference_modelled.decode(body, rows, width, palette.tolist()) == indices.tolist()


WITHOUT_JIT = """
import numpy as np
from kmq.container import modelled
for colors in (2, 3, 17, 300):
    palette = (np.arange(3 * colors).reshape(-1, 3) * 7 % 256).astype(np.uint8)
    indices = (np.arange(35).reshape(5, 7) ** 2 // 3 % colors).astype(np.uint16)
    if colors <= 256:
        indices = indices.astype(np.uint8)
    body = modelled.encode(indices, palette)
    assert (modelled.decode(body, 5, 7, palette) == indices).all()
    print(body.hex())
"""


@needs_jit
def test_the_interpreter_codes_the_same_bytes_as_the_compiler():
    outputs = [
        subprocess.run(
            [sys.executable, "-W", "error", "-c", WITHOUT_JIT],
            env={**os.environ, "NUMBA_DISABLE_JIT": disabled},
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        ).stdout
        for disabled in "01"
    ]
    assert outputs[0] == outputs[1]
