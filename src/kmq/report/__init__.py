"""A comparison as one self-contained HTML page.

`page` collects the contents and renders the page; the other modules make its parts:
`pictures` the images, `error_map` the map of errors, `trace` the error of each iteration,
`transforms` the curves of lossy coders, `figures` the plots. The page itself is
`template.html.j2` with `report.css` and `report.js`; it makes no requests.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from kmq.errors import KmqError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from kmq.comparison import Row
    from kmq.options import Options

INSTALL = "pip install 'kmq[report]'"
_PACKAGES = ("matplotlib", "jinja2", "skimage")


class MissingPackageError(KmqError):
    """A package that the report needs is not installed."""


def require_packages() -> None:
    """Raise MissingPackageError, with the install command, unless all packages are installed."""
    missing = [name for name in _PACKAGES if find_spec(name) is None]
    if missing:
        raise MissingPackageError(f"a report needs {', '.join(missing)}; install with {INSTALL}")


def render(
    title: str, pixels: NDArray[np.uint8], file_bytes: int, rows: Sequence[Row], options: Options
) -> str:
    """Return the page.

    Parameters
    ----------
    title
        The image's name.
    pixels
        (H, W, 3), or (H, W, 4), which are shown over a chequerboard.
    file_bytes
        The size of the image's file.
    rows
        The result of `kmq.comparison.compare`, at least one row.
    options
        The options of that comparison.

    Raises
    ------
    MissingPackageError
        Without the extra `report`.
    """
    require_packages()
    from kmq.report.page import render_page

    return render_page(title, pixels, file_bytes, rows, options)
