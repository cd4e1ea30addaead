"""Decodes many files with kmq.js, in one process of Node."""

from __future__ import annotations

import json
import struct
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from conftest import ROOT
from numpy.typing import NDArray

SOURCES = ROOT / "formats" / "javascript"
DRIVER = Path(__file__).parent / "decode.js"


@dataclass(frozen=True)
class Decoded:
    """What kmq.js finds in a file."""

    layout: str
    palette: NDArray[np.uint8]
    indices: NDArray[np.uint16]
    labels: NDArray[np.uint16] | None
    has_alpha: bool
    metadata: list[list[object]] | None
    pictures: list[bytes]
    """The image as PNG, compressed and not, if they were asked for."""


@dataclass(frozen=True)
class Refused:
    """Why kmq.js refuses a file, and whose fault it says that is."""

    fault: str
    message: str


def decoded(node: str, files: Sequence[bytes], **options: object) -> list[Decoded | Refused]:
    """Return what kmq.js finds in each file."""
    asked = b"".join(struct.pack("<I", len(data)) + data for data in files)
    done = subprocess.run(
        [node, DRIVER, json.dumps(options)],
        input=asked,
        capture_output=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    results: list[Decoded | Refused] = []
    rest = done.stdout
    at = 0
    while at < len(rest):
        end = rest.index(b"\n", at)
        said = json.loads(rest[at:end])
        at = end + 1
        if "fault" in said:
            results.append(Refused(**said))
            continue
        shape = (said["height"], said["width"])
        indices = np.frombuffer(rest, "<u2", shape[0] * shape[1], at).reshape(shape)
        at += indices.nbytes
        labels = said["labels"]
        pictures = []
        for length in said["pictures"]:
            pictures.append(rest[at : at + length])
            at += length
        results.append(
            Decoded(
                layout=said["layout"],
                palette=np.frombuffer(bytes.fromhex(said["palette"]), np.uint8).reshape(-1, 4),
                indices=indices,
                labels=None if labels is None else np.array(labels, np.uint16),
                has_alpha=said["hasAlpha"],
                metadata=said["items"],
                pictures=pictures,
            )
        )
    assert len(results) == len(files)
    return results
