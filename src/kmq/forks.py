"""Whether this process was forked from one that had imported kmq; it costs nothing to know."""

from __future__ import annotations

import os

is_child = False


def _mark_child() -> None:
    global is_child
    is_child = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_mark_child)
