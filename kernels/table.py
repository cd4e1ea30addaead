"""table.c: the contents of the extension module, as C."""

from __future__ import annotations

from kernels.signature import Contents, Field, entry_prefix


def table(contents: Contents, levels: list[str]) -> str:
    """Return the C source for levels, best first."""
    parts = ['#include "kernels.h"', "#include <stddef.h>"]
    rows = []
    for number, version in enumerate(contents.versions):
        entries = [f"{entry_prefix(level)}_{number}" for level in levels]
        parts += [f"int {entry}(void *, void **, const int64_t *);" for entry in entries]
        parts.append(f"static const Entry entries_{number}[] = {{{', '.join(entries)}}};")
        parts.append(_fields(f"arguments_{number}", version.arguments))
        parts.append(_fields(f"results_{number}", version.results))
        rows.append(
            f'    {{"{version.kernel}", arguments_{number}, results_{number}, '
            f"{len(version.arguments)}, {len(version.results)}, {version.returns_tuple:d}, "
            f"entries_{number}}},"
        )
    parts += ["const Version versions[] = {", *rows, "    {NULL},", "};"]
    parts.append(_texts("levels", levels))
    parts.append(_texts("source_folders", contents.folders))
    parts.append(f'const char source_stamp[] = "{contents.stamp}";')
    return "\n".join(parts) + "\n"


def _fields(name: str, fields: tuple[Field, ...]) -> str:
    rows = [
        f"{{'{each.kind}', {each.size}, {each.dimensions}, '{each.layout}', {each.writable:d}}}"
        for each in fields
    ]
    return f"static const Field {name}[] = {{{', '.join(rows) or '{0}'}}};"


def _texts(name: str, texts: list[str]) -> str:
    quoted = [f'"{text}"' for text in texts]
    return f"const char *const {name}[] = {{{', '.join([*quoted, 'NULL'])}}};"
