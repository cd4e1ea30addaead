"""What can go wrong, by whose fault it is.

Every error that kmq raises on purpose is a `KmqError`. What the operating system
reports (a file that is not there, a disk that is full) stays the `OSError` it was.
"""


class KmqError(Exception):
    """Anything that kmq refuses to do, with a message that says why."""


class FormatError(KmqError, ValueError):
    """The file's fault: it is damaged, cut short, or not of the kind it should be."""


class LimitError(KmqError, ValueError):
    """Nobody's fault: the input is right, but larger than the caller allows."""


class OptionError(KmqError, ValueError):
    """The caller's fault: an argument is out of its range, named with what was given."""


def shown(given: object) -> str:
    """Return what was given as a message has it."""
    try:
        return repr(given)
    except ValueError:  # Python refuses to write thousands of digits
        return "a number of too many digits to show"
