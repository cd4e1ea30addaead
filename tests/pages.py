"""Reads the project's pages, and does what their blocks of code say."""

from __future__ import annotations

import contextlib
import io
import re
import shlex
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path
from typing import Any, NamedTuple

from click.testing import CliRunner
from conftest import ROOT

from kmq.cli import kmq as command

PROGRAMS = ("kmq", "make", "pip", "python")
"""What a line of a shell block begins with, where the block does not name its language."""


class Block(NamedTuple):
    """A fenced block of a page: its first line counts from 1, its language may be ""."""

    page: str
    line: int
    language: str
    code: str

    @property
    def is_shell(self) -> bool:
        """Whether its lines are commands."""
        return self.language == "sh" or (
            self.language == "" and self.code.split(maxsplit=1)[0] in PROGRAMS
        )

    @property
    def is_output(self) -> bool:
        """Whether it shows what the block before it prints."""
        return self.language in ("", "text") and not self.is_shell

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page, which is named relative to the repository."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, match.start()) + 2, match[1], match[2])
        for match in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    ]


def prose(page: Path) -> str:
    """Return a page without its blocks and spans of code."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)
    return re.sub(r"`[^`\n]*`", lambda span: re.sub(r"[\[\]()#]", "", span[0]), text)


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the path and the anchor of each link to a file of the project; either may be ""."""
    for target in re.findall(r"\]\(<?([^)\s>]+)>?\)", prose(page)):
        if not re.match(r"[a-z]+:", target):
            path, _, anchor = target.partition("#")
            yield path, anchor


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    found: dict[str, int] = {}
    for heading in re.findall(r"^#+ +(.+?)[ #]*$", prose(page), re.MULTILINE):
        text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
        kept = (c for c in text if c in " -_" or unicodedata.category(c)[0] in "LMN")
        slug = "".join(kept).replace(" ", "-")
        number = found.get(slug, 0)
        found[slug] = number + 1
        if number:
            found[f"{slug}-{number}"] = 1
    return set(found)


class Reader:
    """Someone who types what a page says, in the current folder."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {"__name__": "__main__"}
        """What the blocks of Python have defined."""
        self.printed = ""
        """What the last block has printed."""

    def follow(self, block: Block) -> None:
        """Run a block; or compare what it shows with what the block before it has printed."""
        if block.is_output:
            compare(block, self.printed)
        elif block.is_shell:
            self.printed = "".join(map(run_line, block.code.splitlines()))
        else:
            assert block.language == "python", f"{block}: what is to be done with it?"
            # Empty lines before the code, so that a traceback names the line of the page.
            code = compile("\n" * (block.line - 1) + block.code, ROOT / block.page, "exec")
            with contextlib.redirect_stdout(io.StringIO()) as output:
                exec(code, self.names)
            self.printed = output.getvalue()


def run_line(line: str) -> str:
    """Run a line of a shell block and return what it prints; kmq runs in this process.

    It may read and write files by < and >. It has to end with the exit code that its comment
    names, such as "# exit code 1", or else with 0.
    """
    words = shlex.split(line, comments=True)
    if not words:
        return ""
    given = target = None
    if ">" in words:
        target = Path(words.pop(words.index(">") + 1))
        words.remove(">")
    if "<" in words:
        given = Path(words.pop(words.index("<") + 1)).read_bytes()
        words.remove("<")
    if words[0] == "python":
        run = subprocess.run(
            [sys.executable, *words[1:]], check=True, capture_output=True, text=True
        )
        return run.stdout + run.stderr
    assert words[0] == "kmq", f"not a command of kmq: {line}"
    result = CliRunner().invoke(command, words[1:], input=given)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    expected = re.search(r"# exit code (\d+)", line)
    assert result.exit_code == int(expected[1] if expected else 0), f"{line}\n{result.output}"
    if target is None:
        return result.output
    target.write_bytes(result.stdout_bytes)
    return result.stderr


def compare(block: Block, printed: str) -> None:
    """Compare what was printed with what a page shows; "..." stands for anything."""
    shown, printed = without_times(block.code), without_times(printed)
    same = OutputChecker().check_output(shown, printed, ELLIPSIS | NORMALIZE_WHITESPACE)
    assert same, f"{block} shows\n{shown}\nwhere this was printed:\n{printed}"


def without_times(text: str) -> str:
    """Leave out what differs between machines and runs.

    That is seconds, the times in the last column of `kmq compare`, its line over the columns,
    and the line that says that kernels are being compiled.
    """
    text = re.sub(r"^(kmq: compiling .*\n| *─+ *$)", "", text, flags=re.MULTILINE)
    text = re.sub(r"(?<= \d\.\d{4}) +\d+ *$", " N", text, flags=re.MULTILINE)
    return re.sub(r"\b\d+\.\d+ s\b", "N s", text)
