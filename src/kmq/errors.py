"""Errors, sorted by whose fault they are, and warnings.

Every error that kmq raises on purpose is a `KmqError`. Errors of the operating system (a
missing file, a full disk) remain `OSError`s.
"""

import sys
import warnings


class KmqError(Exception):
    """Anything that kmq refuses to do, with a message that says why."""


class FormatError(KmqError, ValueError):
    """The file's fault: it is damaged, cut short, or not of the kind it should be."""


class LimitError(KmqError, ValueError):
    """Nobody's fault: the input is right, but larger than the caller allows."""


class OptionError(KmqError, ValueError):
    """The caller's fault: an argument is out of its range, named with what was given."""


class KmqWarning(UserWarning):
    """kmq does what it was asked, but something of the input is lost, or every run compiles."""


def warn(message: str) -> None:
    """Issue a KmqWarning for the line that called kmq, whether itself or through Pillow."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and _is_inside(frame.f_globals["__name__"]):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, KmqWarning, stacklevel=level)


def _is_inside(module: str) -> bool:
    return module.partition(".")[0] in ("kmq", "PIL")


def shown(given: object) -> str:
    """Return a value's repr for an error message."""
    try:
        return repr(given)
    except ValueError:  # Python refuses to write thousands of digits
        return "a number of too many digits to show"
