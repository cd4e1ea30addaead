from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kmq.container import metadata as block
from kmq.errors import FormatError, OptionError
from kmq.limits import MAX_METADATA
from kmq.metadata import MAX_RESOLUTION_PART, Metadata

parts = st.integers(1, MAX_RESOLUTION_PART)
fractions = st.builds(Fraction, parts, parts)
words = st.text(st.characters(codec="utf-8"), max_size=9)
keywords = words.map(lambda word: word.replace("\0", "") or "k")
anything = st.builds(
    Metadata,
    resolution=st.none() | st.tuples(fractions, fractions),
    exif=st.binary(max_size=200),
    xmp=st.binary(max_size=200),
    text=st.lists(st.tuples(keywords, words), max_size=3),
)


@given(anything)
def test_metadata_comes_back(metadata):
    assert block.from_bytes(block.to_bytes(metadata)) == metadata


def test_nothing_takes_no_bytes():
    assert block.to_bytes(Metadata()) == b""
    assert block.from_bytes(b"") == Metadata()


def test_a_block_reads_as_the_specification_says():
    metadata = Metadata(resolution=(300, Fraction(1, 3)), exif=b"II", text=[("a", "é")])
    stored = bytes.fromhex("01 05 ac02 01 01 03  02 02 4949  04 04 61 00 c3a9")
    assert block.to_bytes(metadata) == stored


def test_kinds_that_are_not_known_are_skipped():
    assert block.from_bytes(bytes.fromhex("02 01 49  05 02 0000  ff 00")) == Metadata(exif=b"I")


@pytest.mark.parametrize(
    ("stored", "complaint"),
    [
        ("02", "ends within an item's length"),
        ("02 02 49", "ends within an item"),
        ("02 01 49 02 01 49", "an item of kind 2 follows one of kind 2"),
        ("03 01 49 02 01 49", "an item of kind 2 follows one of kind 3"),
        ("00 00", "an item of kind 0 follows one of kind 0"),
        ("05 00 05 00", "an item of kind 5 follows one of kind 5"),
        ("01 04 01010100", "the resolution is 0"),
        ("01 03 010101", "ends within the resolution"),
        ("01 05 0101010101", "bytes follow the resolution"),
        ("04 02 6161", "a text is not a keyword"),
        ("04 02 61ff", "a text is not a keyword"),
        ("04 03 6100ff", "a text is not a keyword"),
        ("04 01 00", "expected a keyword"),
    ],
)
def test_what_is_malformed_is_refused(stored, complaint):
    with pytest.raises(FormatError, match=f"^metadata: .*{complaint}"):
        block.from_bytes(bytes.fromhex(stored))


def test_very_many_texts_are_refused_before_they_are_all_read():
    with pytest.raises(FormatError, match="more than 1,024 texts"):
        block.from_bytes(bytes.fromhex("04 02 6100") * 100_000)


def test_metadata_too_long_for_a_file_is_refused():
    assert len(block.to_bytes(Metadata(xmp=bytes(MAX_METADATA - 5)))) == MAX_METADATA
    with pytest.raises(OptionError, match="metadata: 4,194,305 bytes are more than"):
        block.to_bytes(Metadata(xmp=bytes(MAX_METADATA - 4)))
