"""The scripts that check the project's prose."""

from __future__ import annotations

import pytest

from docs import check_phrases, reading_ease


def test_no_text_of_the_project_has_a_phrase_with_a_plainer_form(capsys):
    assert check_phrases.main() == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    "phrase",
    [
        "All methods run by turns.",
        "It is a line\n    # a file.",
        "Left out for\nwant of a daemon.",
        "None\n# but the last has it.",
        "That is as a message has it.",
        "It has no number, for click is silent about a broken pipe.",
        "An image comes through exactly.",
        "A file that is no picture.",
        "Only the entries are\nlooked at.",
    ],
)
def test_phrases_are_found_across_lines_and_comments(phrase):
    assert [line for line, _, _ in check_phrases.phrases("First line.\n" + phrase)] == [2]


@pytest.mark.parametrize(
    "plain",
    [
        "Return, for each byte, its bits moved to other positions.",
        "The rest are read alternately.",
        "Only the last stripe can be shorter.",
        "A pixel that is no longer clear.",
    ],
)
def test_plain_sentences_are_left_alone(plain):
    assert list(check_phrases.phrases(plain)) == []


def test_reading_ease_is_that_of_the_formula():
    words, ease = reading_ease.measured("The cat sat on the mat. It was a happy animal.")
    assert words == 11
    assert ease == pytest.approx(206.835 - 1.015 * 11 / 2 - 84.6 * 14 / 11)


def test_code_and_tables_are_no_prose():
    page = "Words [here](there.md).\n\n```\ncode\n```\n\n| a | table |\n|---|---|\n"
    assert reading_ease._words(reading_ease.prose(page)) == ["Words", "here"]
