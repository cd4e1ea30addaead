"""Write `viewer.html`, and copy the decoder that it needs into the package (`make viewer`)."""

from __future__ import annotations

import shutil
from pathlib import Path

from kmq import viewer

ROOT = Path(__file__).parent.parent
DECODER = ROOT / "formats" / "javascript" / "kmq.js"
IN_PACKAGE = ROOT / "src" / "kmq" / "viewer" / "kmq.js"


def main() -> None:
    """Write the files."""
    shutil.copyfile(DECODER, IN_PACKAGE)
    (ROOT / "docs" / "viewer.html").write_text(viewer.page(), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
