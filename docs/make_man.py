"""Write the manual pages: kmq.1, and one per command, from what `--help` says.

Run it by `make man`. Then `man -l build/man/kmq-encode.1` shows a page. SOURCE_DATE_EPOCH,
if it is set, gives the date that the pages bear.
"""

from __future__ import annotations

import datetime
import inspect
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from kmq import __version__
from kmq.cli import COMMANDS, kmq

EXIT_STATUS = {
    "0": "All went well.",
    "1": "An input failed; a line on standard error says which and why.",
    "2": "Wrong usage.",
    "130": "Interrupted by Ctrl-C.",
    "143": "Ended by SIGTERM.",
}


def pages() -> Iterator[tuple[str, str]]:
    """Yield the name of each page's file and its text."""
    with click.Context(kmq, info_name="kmq", **kmq.context_settings) as root:
        summary = "images in K colours"
        others = [f"kmq-{name}" for name in sorted(COMMANDS)]
        yield "kmq.1", _page(kmq, root, summary, others)
        for name, line in sorted(COMMANDS.items()):
            command = kmq.get_command(root, name)
            assert command is not None
            with click.Context(
                command, info_name=name, parent=root, **command.context_settings
            ) as context:
                summary = line[0].lower() + line[1:].rstrip(".")
                yield f"kmq-{name}.1", _page(command, context, summary, ["kmq"])


def _page(command: click.Command, context: click.Context, summary: str, others: list[str]) -> str:
    title = context.command_path.replace(" ", "-")
    lines = [
        f'.TH "{_text(title.upper())}" 1 "{_date()}" "kmq {__version__}" "kmq"',
        ".SH NAME",
        f"{_text(title)} \\- {_text(summary)}",
        ".SH SYNOPSIS",
        f".B {_text(context.command_path)}",
        _text(" ".join(command.collect_usage_pieces(context))),
        ".SH DESCRIPTION",
        *_description(inspect.cleandoc(command.help or "")),
    ]
    if isinstance(command, click.Group):
        lines.append(".SH COMMANDS")
        lines += _definitions(
            {
                name: COMMANDS[name] if command is kmq else part.get_short_help_str(200)
                for name in command.list_commands(context)
                if (part := command.get_command(context, name))
            }
        )
    options = (parameter.get_help_record(context) for parameter in command.get_params(context))
    lines.append(".SH OPTIONS")
    lines += _definitions(dict(record for record in options if record and record[1]))
    lines.append(".SH EXIT STATUS")
    lines += _definitions(EXIT_STATUS)
    lines.append(".SH SEE ALSO")
    lines += [f".BR {_text(name)} (1){',' * (name != others[-1])}" for name in others]
    return "\n".join(lines) + "\n"


def _description(help_text: str) -> list[str]:
    """Return paragraphs; those that begin with a backspace keep their lines, as in click."""
    lines: list[str] = []
    for paragraph in help_text.split("\n\n"):
        rows = paragraph.strip("\n").splitlines()
        if lines:
            lines.append(".PP")
        if rows[0].strip() == "\b":
            lines += [".nf", *map(_text, rows[1:]), ".fi"]
        else:
            lines += map(_text, rows)
    return lines


def _definitions(meanings: dict[str, str]) -> list[str]:
    lines: list[str] = []
    for term, meaning in meanings.items():
        lines += [".TP", f"\\fB{_text(term)}\\fR", _text(" ".join(meaning.split()))]
    return lines


def _text(words: str) -> str:
    """Return words as roff shows them: no escapes, real hyphens, and no line that is a request."""
    words = words.rstrip().replace("\\", "\\e").replace("-", "\\-").replace("\t", " ")
    return f"\\&{words}" if words.startswith((".", "'")) else words


def _date() -> str:
    seconds = os.environ.get("SOURCE_DATE_EPOCH")
    if seconds is None:
        return datetime.datetime.now(datetime.UTC).date().isoformat()
    return datetime.datetime.fromtimestamp(int(seconds), datetime.UTC).date().isoformat()


def main() -> None:
    """Write the pages to the given folder."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
