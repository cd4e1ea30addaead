"""Numbers of bytes as people write them: 20000, 20KB, 1.5 MiB."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import click

_SIZE = re.compile(r"(\d{1,18}(?:\.\d{1,18})?)\s*(?:([KMG])(i?))?B?", re.ASCII | re.IGNORECASE)


class ByteCount(click.ParamType[int]):
    """At least one byte, with or without a unit: B, KB, MB, GB, KiB, MiB or GiB.

    1 KB is 1,000 bytes and 1 KiB is 1,024. The B may be left out, and the unit written
    in either case. A fraction of a byte is dropped.
    """

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of bytes."""
        if isinstance(value, int):
            return value
        match = _SIZE.fullmatch(value.strip())
        if match is None:
            self.fail(
                f"expected a size such as 20000, 20KB, 1.5MB or 20KiB, got {value!r}", param, ctx
            )
        number, prefix, binary = match.groups()
        power = "KMG".index(prefix.upper()) + 1 if prefix else 0
        count = int(Decimal(number) * (1024 if binary else 1000) ** power)
        if count < 1:
            self.fail(f"expected at least one byte, got {value!r}", param, ctx)
        return count
