"""Checks of the specification's statements against the reference decoder and kmq."""

from __future__ import annotations

import math
import re

import pytest
from test_format import FORMATS, module, reference, valid

from kmq.container.modelled.slots import map_slots

PAGE = (FORMATS / "kmq-1.md").read_text()
modelled = reference.reference_modelled
trace_modelled = module(FORMATS / "trace_modelled.py")


def section(number: str) -> str:
    """Return the text of a section, from its heading to the next one."""
    return re.search(rf"^#+ {re.escape(number)}\.? .*?(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)[0]


def numbers_in(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"-?\d+", text)]


def squash(odds: int) -> int:
    return modelled.SQUASH[odds + 3072]


@pytest.mark.parametrize(
    ("number", "name"), [("8.1", "specification-example"), ("8.2", "specification-modelled")]
)
def test_each_example_is_the_dump_of_a_golden_file(number, name):
    lines = re.findall(
        r"^    ([0-9a-f]{2})  ((?:[0-9a-f]{2} )*[0-9a-f]{2}) ", section(number), re.MULTILINE
    )
    data = b""
    for offset, row in lines:
        assert int(offset, 16) == len(data)
        data += bytes.fromhex(row)
    assert data == valid(name)


def test_the_decisions_of_the_modelled_example_are_those_of_the_reference_decoder():
    lines = trace_modelled.trace(valid("specification-modelled"))
    starts = [i for i, line in enumerate(lines) if re.match(r" {,4}\d+ ", line)]
    decisions = "\n".join(f"    {line}" for line in [lines[0], *(lines[i] for i in starts)])
    assert f"\n\n{decisions}\n\n" in section("8.2")
    for decision in (0, 11, 13):
        inputs = lines[starts[decision] + 1 : starts[decision + 1]]
        assert len(inputs) in (4, 7, 9)
        block = "\n".join(f"    {line}" for line in inputs)
        assert f"\n\n{block}\n\n" in section("8.2")


def test_a_trace_leaves_the_reference_decoder_as_it_was():
    before = modelled.Coder
    trace_modelled.trace(valid("specification-modelled"))
    assert modelled.Coder is before


def test_the_tables_are_those_of_the_reference_decoder():
    knots = re.search(r"((?:^    [\d ]+\n)+)", section("5.3"), re.MULTILINE)[1]
    assert numbers_in(knots) == modelled.KNOTS
    assert [max(4, round(65536 / (1 + math.exp(k / 4)))) for k in range(49)] == modelled.KNOTS
    odds = range(-3071, 3072)
    for c, expected in enumerate(modelled.STRETCH):
        if c % 16 in (0, 7, 15):
            least = next(a for a in odds if squash(a) >= 16 * c + 8)
            assert max(-2047, min(least, 2047)) == expected


def test_the_map_of_neighbours_is_that_of_the_reference_decoder():
    columns, *rows = re.findall(r"^     +(dy.dx|-?\d) ((?: +[-\dX.]+)+)$", section("5.6"), re.M)
    places = {}
    for dy, cells in rows:
        for dx, cell in zip(columns[1].split(), cells.split(), strict=True):
            if cell.isdigit():
                places[int(cell)] = int(dx), int(dy)
    assert [places[i] for i in range(40)] == modelled.NEIGHBORS
    names = re.findall(r"(\d) ([NEW]+)\b", section("5.6"))
    for i, name in names:
        dx = name.count("E") - name.count("W")
        assert places[int(i)] == (dx, -name.count("N"))
    assert len(names) == 10


def slots(colors: int, pixels: int) -> int:
    """Return the number of slots by the specification's formula."""
    formula = re.search(r"^    (5 \* P .*)$", section("5.11"), re.MULTILINE)[1]
    bits, size_bits = (colors - 1).bit_length(), (pixels - 1).bit_length()
    values = {
        "B": bits,
        "P": min(4**bits, 65536),
        "flat_bits": modelled.clamp(size_bits - 4, 8, 16),
        "guess_bits": modelled.clamp(size_bits - 5, 8, 15),
        "tree_bits": modelled.clamp(size_bits - 6, 6, 13),
    }
    return eval(formula.replace("^", "**"), {}, values)


def test_the_table_of_memory_follows_from_the_formula_and_kmq_has_room_for_as_many_slots():
    rows = re.findall(r"^\| ([\d,]+) \| ([\d,]+) \| ([\d,]+) \|$", section("5.11"), re.MULTILINE)
    assert len(rows) == 4
    for row in rows:
        colors, *stated = (int(cell.replace(",", "")) for cell in row)
        assert stated == [slots(colors, 1 << 12), slots(colors, 1 << 20)]
    assert slots(65_536, 1 << 28) == slots(65_536, 1 << 20)
    for bits in range(1, 17):
        for pixels in (1, 1 << 12, 1 << 16, 1 << 20):
            spare = map_slots(bits, pixels).end - slots(1 << bits, pixels)
            assert 0 <= spare < 1 << 17


def test_weights_stay_within_the_bounds_of_the_specification():
    largest_error = max((65536 - squash(3071 * sign)) * 3 >> 1 for sign in (-1, 1))
    assert largest_error == 98_298
    assert (2047 * largest_error + 0x8000) >> 16 == 3070
    # Where the clamp acts and the answer was the likely one, the error moves no weight.
    surest = (65536 - squash(3071)) * 3 >> 1
    assert {x * e + 0x8000 >> 16 for x in (-2047, 2047) for e in (-surest, surest)} == {0}
    # What the error's part along the weights adds to s^2, where the answer was the likely one.
    along = max(2 * ((65536 - squash(a)) * 3 >> 1) * (a + 1) for a in range(3072))
    moves = 18 * (2047 * largest_error / 65536) ** 2
    assert along < 0.15e8
    assert moves < 1.70e8
    start = 5500 * math.sqrt(280 * 9)
    decisions = 1 << 26
    assert start < 280_000
    assert math.sqrt(18) / 2 < 2.13
    assert start + 2.13 * decisions + math.sqrt((along + moves) * decisions) < 2**28
    # In 64 bits: the sum of nine inputs after 16 decisions for each of 2^32 pixels.
    assert 9 * 2047 * 2 * (5500 + 3070 * 16 * 2**32) < 2**63
    assert 9 * 2047 * 2 * 2**31 < 2**47


def test_sides_stay_within_the_bounds_of_the_specification():
    # The sum of |line| is at most sqrt(3 * norm), so only short lines come near the bound.
    short = range(12)
    axes = 0.0
    for line in ((r, g, b) for r in short for g in short for b in short):
        axes = max(axes, sum(line) * (1 << 19) / max(sum(c * c for c in line), 16))
    assert math.sqrt(3) / 11 * (1 << 19) < axes
    assert axes + 3 < 1 << 18
    assert 255 * (1 << 18) < 1 << 26
    assert 4080 * (1 << 19) < 1 << 31
