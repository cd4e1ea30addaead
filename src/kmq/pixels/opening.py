"""Opening a picture file with the readers that kmq trusts, with errors that state the cause.

`Image.open` warns about images above `Image.MAX_IMAGE_PIXELS` and refuses those above twice
that. Here `max_pixels` is the limit; Pillow's limit applies only if the program has set it,
and then exceeding it is an error. `Image.open` also runs Ghostscript for PostScript. So this
module calls Pillow's readers directly, and only those in `TRUSTED`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Any, NamedTuple, TypeAlias

from PIL import Image, ImageFile

from kmq.errors import FormatError, KmqError, LimitError
from kmq.files import at_its_beginning
from kmq.limits import check_pixel_count
from kmq.pixels.readers import OPENERS
from kmq.pixels.standard_error import quiet

# fmt: off
TRUSTED = frozenset((
    "AVIF", "BLP", "BMP", "CUR", "DCX", "DDS", "DIB", "FLI", "FTEX", "GBR", "GIF", "ICNS",
    "ICO", "JPEG", "JPEG2000", "KMQ", "MPO", "MSP", "PCX", "PIXAR", "PNG", "PPM",
    "PSD", "QOI", "SGI", "SUN", "TGA", "TIFF", "WEBP", "XBM", "XPM", "XVTHUMB",
))
# fmt: on
"""The Pillow readers that kmq uses: they run no program and load no other file.

docs/reliability.md lists the language that each is written in. Readers that the host program
has registered, such as pillow-heif's, are used as well.
"""

_DRAWN_BY_PROGRAMS = {b"%!PS": "PostScript", b"\xc5\xd0\xd3\xc6": "PostScript", b"%PDF": "PDF"}
"""The first bytes and the names of file types that are programs for drawing a picture."""

_BRIEFLY_MARKED = ("BMP", "CUR", "DIB", "FLI", "GBR", "ICO", "PCX", "PPM", "SGI", "XBM")
"""Kinds with a signature so short that a text or a program may begin with it too."""

_WAY_OUT = "convert it to PNG first"

_PILLOWS_OWN_LIMIT = 1024**3 // 4 // 3
"""The default of `Image.MAX_IMAGE_PIXELS`: a quarter of a gibibyte of RGB."""

_PREFIX_BYTES = 16
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)


class UnknownKindError(FormatError):
    """The file is not a picture, or of a kind that kmq does not read."""


_Accepts: TypeAlias = Callable[[bytes], "bool | str"]
"""A test of a file's first bytes; if it returns a string, that names a missing component."""


class _Reader(NamedTuple):
    kind: str
    open: Callable[..., Any]
    accepts: _Accepts | None


@quiet()
def open_image(file: IO[bytes], max_pixels: int) -> ImageFile.ImageFile:
    """Return the image in a binary file without reading its pixels.

    Raises
    ------
    UnknownKindError
        If no trusted reader recognises the file.
    FormatError
        If one does, but cannot read it.
    LimitError
        If it has more than `max_pixels` pixels, or more than the program lets Pillow read.
    """
    try:
        image = _identified(at_its_beginning(file))
    except _BOMBS as error:  # raised for a picture within the file
        raise LimitError(
            f"{error} Raise PIL.Image.MAX_IMAGE_PIXELS, or --max-pixels, to read it."
        ) from error
    check_pixel_count(image.width, image.height, max_pixels)
    allowed = Image.MAX_IMAGE_PIXELS
    is_set = allowed not in (None, _PILLOWS_OWN_LIMIT)
    if allowed is not None and is_set and image.width * image.height > allowed:
        raise LimitError(
            f"{image.width:,} x {image.height:,} is {image.width * image.height:,} pixels, over "
            f"the limit of {allowed:,} that PIL.Image.MAX_IMAGE_PIXELS was set to; raise it, or "
            "set it to None"
        )
    return image


def is_trusted(kind: str) -> bool:
    """Whether kmq reads pictures of this kind, given by Pillow's name."""
    opened_by = Image.OPEN.get(kind)
    return kind in TRUSTED or (opened_by is not None and _is_the_hosts(opened_by[0]))


def unreadable(kind: str | None, error: Exception) -> FormatError:
    """Return the error that says why a file of this kind cannot be read."""
    error_type = UnknownKindError if kind in _BRIEFLY_MARKED else FormatError
    return error_type(f"{_with_article(kind or 'picture')} that cannot be read: {_reason(error)}")


def _identified(file: IO[bytes]) -> ImageFile.ImageFile:
    prefix = file.read(_PREFIX_BYTES)
    failure: FormatError | None = None
    for reader in _readers():
        accepted = reader.accepts is None or _accepts(reader.accepts, prefix)
        if isinstance(accepted, str):
            failure = failure or unreadable(reader.kind, ImportError(accepted))
            continue
        if not accepted:
            continue
        try:
            file.seek(0)
            image: ImageFile.ImageFile = reader.open(file, "")
        except (KmqError, MemoryError, *_BOMBS):
            raise
        except Exception as error:  # Pillow's readers raise nearly anything on damaged bytes
            if failure is None and reader.accepts is not None and not _says_no(error):
                failure = unreadable(reader.kind, error)
        else:
            return image
    raise failure or UnknownKindError(_unknown(prefix))


def _readers() -> Iterator[_Reader]:
    """Yield the trusted readers, the common ones first."""
    known: set[str] = set()
    for load_readers in (Image.preinit, Image.init):
        load_readers()
        for kind in [kind for kind in Image.ID if kind not in known]:
            known.add(kind)
            if is_trusted(kind):
                opens, accepts = Image.OPEN[kind]
                yield _Reader(kind, OPENERS.get(kind, opens), accepts)


def _is_the_hosts(reader: Callable[..., Any]) -> bool:
    """Whether the host program registered this reader, because it is not one of Pillow's."""
    return not reader.__module__.startswith("PIL.")


def _accepts(accepts: _Accepts, prefix: bytes) -> bool | str:
    try:
        return accepts(prefix)
    except Exception:  # the file is too short for the test
        return False


def _says_no(error: Exception) -> bool:
    """Whether a reader's error means that the file is of another kind after all."""
    return str(error).lower().startswith(("not a ", "not an "))


def _unknown(prefix: bytes) -> str:
    """Describe a file that no trusted reader recognises, as far as possible."""
    for beginning, name in _DRAWN_BY_PROGRAMS.items():
        if prefix.startswith(beginning):
            return f"{name} has to be drawn by a program, which kmq does not run; {_WAY_OUT}"
    for kind in Image.OPEN.keys() - TRUSTED:
        accepts = Image.OPEN[kind][1]
        if accepts is not None and _accepts(accepts, prefix):
            return f"{_with_article(kind)} file, a kind that kmq does not read; {_WAY_OUT}"
    return "not an image of a known kind"


def _reason(error: Exception) -> str:
    """Return an exception's message in one line, or a better one if Pillow's says too little."""
    text = " ".join(str(error).split())
    if text == "not identified by this driver":
        return "it has no pixels"
    return text or f"its data are damaged ({type(error).__name__})"


def _with_article(kind: str) -> str:
    """Put "a" or "an" before a kind's name as it is pronounced: an MPO, a TIFF."""
    is_spelled = kind in (
        "FLI",
        "FTEX",
        "MPEG",
        "MPO",
        "MSP",
        "SGI",
        "XBM",
        "XPM",
        "XVTHUMB",
        "HDF5",
    )
    vowels = "AEFHILMNORSX" if is_spelled else "AEIOU"
    return f"{'an' if kind[0] in vowels else 'a'} {kind}"
