"""Print the words and the reading ease of every page and of the help texts.

The figure is Flesch's (R. Flesch, "A new readability yardstick", J. Applied Psychology 32(3),
1948): 206.835 - 1.015 words per sentence - 84.6 syllables per word; higher is easier. Syllables
are estimated as groups of vowels, so compare figures of this script with each other only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click

from kmq.cli import kmq

ROOT = Path(__file__).parent.parent

PAGES = ("*.md", "formats/**/*.md", "docs/**/*.md", "benchmarks/*.md")


def prose(page: str) -> str:
    """Return the sentences of a page: no code, tables, pictures, addresses or marks."""
    page = re.sub(r"^```.*?^```$|^(?: {4}|\|)[^\n]*$|<!--.*?-->", "", page, flags=re.S | re.M)
    page = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", page)
    page = re.sub(r"`[^`]*`", "it", page)
    # A heading, an entry of a list and a paragraph each end a sentence.
    return re.sub(r"\n\s*\n|\n(?=[-#*])", ".\n", page)


def help_texts(command: click.Command) -> Iterator[str]:
    """Yield the help texts of a command, its options and its subcommands."""
    yield from (part for part in (command.help or "").split("\n\n") if "\b" not in part)
    yield from (option.help for option in command.params if getattr(option, "help", None))
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            part = command.get_command(context, name)
            if part is not None:
                yield from help_texts(part)


def measured(text: str) -> tuple[int, float]:
    """Return the number of words of a text, and its reading ease."""
    sentences = [words for part in re.split(r"[.!?]\s", text) if (words := _words(part))]
    words = [word for sentence in sentences for word in sentence]
    syllables = sum(map(_syllables, words))
    ease = 206.835 - 1.015 * len(words) / len(sentences) - 84.6 * syllables / len(words)
    return len(words), ease


def _words(text: str) -> list[str]:
    """Return the words, without letters in formulas and abbreviations in capitals."""
    return re.findall(r"\b(?:[A-Za-z][a-z']+|[aAI])\b", text)


def _syllables(word: str) -> int:
    word = re.sub(r"(?<=[^aeiouyl])e$|(?<=[^td])ed$|e(?=s$)(?<![sxz]e)", "", word.lower())
    return max(1, len(re.findall(r"[aeiouy]+", word)))


def main() -> None:
    """Print a row for each text."""
    pages = [page for pattern in PAGES for page in sorted(ROOT.glob(pattern))]
    texts = {str(page.relative_to(ROOT)): prose(page.read_text("utf-8")) for page in pages}
    texts["help texts"] = "\n".join(f"{text}. " for text in help_texts(kmq))
    print("| text | words of prose | reading ease |\n|---|--:|--:|")
    for name, text in texts.items():
        words, ease = measured(text)
        print(f"| {name} | {words:,} | {ease:.1f} |")


if __name__ == "__main__":
    main()
