"""Run a decoder over all vectors and say which of them it gets wrong.

    python check.py -- ./my-decoder {in} {out}

The command is started once for each vector, with the names of two files in place of {in}
and {out}. Without {out}, the picture is taken from standard output. It may be a PNG, a
binary PGM, PPM or PAM, or raw samples of red, green, blue and, if the picture has alpha,
alpha. Write `{out}.png` if the decoder chooses the format by the extension.

For a valid file, the decoder must produce the right pixels and exit status 0; for an invalid
one, another exit status, no picture, and neither a crash nor a time-out. README.md explains
each step. Only the standard library is needed.
"""

import argparse
import hashlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pictures
import reference_decoder

FEW_PIXELS = 1 << 13
"""The most pixels for which the reference decoder finds the first wrong one in under a second."""

SIGNS_OF_A_CRASH = ("Sanitizer:", "runtime error:", "panicked at")


class Step(NamedTuple):
    """A step of an implementation, and the vectors that show whether it works."""

    title: str
    valid: str  # patterns of names; a vector belongs to the first step that matches
    invalid: str


STEPS = (
    Step(
        "The head",
        "",
        "empty signature* version* kind-* width-* height-* no-colours too-many-colours "
        "stripe-rows-* varint-* palette-cut head-* table-*",
    ),
    Step(
        "The file around the bodies; one colour, packed",
        "one-pixel-one-colour one-colour*",
        "one-colour-* file-cut bytes-behind body-length-* coding-unknown stripe-checksum",
    ),
    Step(
        "Packed, K a power of two",
        "colours-[248] colours-16 colours-32 colours-64 colours-128 colours-256 colours-512 "
        "colours-65536 grey-2 grey-256",
        "fields-*",
    ),
    Step(
        "Packed, any other K",
        "specification-example colours-* one-row one-column grey-in-colour",
        "body-* state-* word-*",
    ),
    Step(
        "Modelled, the first decisions",
        "modelled-one-colour* modelled-one-pixel specification-modelled",
        "modelled-one-colour-*",
    ),
    Step(
        "Modelled, guesses, tree and match",
        "modelled-[0-9] modelled-16 modelled-17 modelled-64 modelled-200 modelled-256 "
        "modelled-257 modelled-1000 modelled-4097 modelled-65536 modelled-noise* modelled-grey "
        "modelled-one-row modelled-one-column modelled-close-colours modelled-tiles",
        "",
    ),
    Step(
        "Modelled, flat spans and sizes of tables",
        "modelled-spans-* modelled-zeros-at-the-end modelled-*x*",
        "",
    ),
    Step(
        "Modelled, the end of a body",
        "",
        "modelled-too-* modelled-zero-* modelled-junk-* modelled-surplus-* modelled-*-end",
    ),
    Step(
        "Stripes",
        "stripes-* modelled-stripes",
        "stripes-* too-many-stripes modelled-stripe-*",
    ),
    Step("Alpha", "rgba-* grey-alpha-*", ""),
    Step("Order and labels", "order-* labels-*", "order-*"),
    Step("Metadata", "metadata metadata-*", "metadata-*"),
)


class Vector(NamedTuple):
    """A file and its entry in the manifest; None if the file is invalid."""

    name: str  # such as "valid/colours-3"
    path: Path
    step: int  # the place in STEPS
    expected: "dict[str, object] | None"


def step_of(kind: str, name: str) -> int:
    """Return the place in STEPS of a vector; unmatched ones belong to the last step."""
    for place, step in enumerate(STEPS):
        patterns = step.valid if kind == "valid" else step.invalid
        if any(fnmatchcase(name, pattern) for pattern in patterns.split()):
            return place
    return len(STEPS) - 1


def vectors_in(folder: Path) -> list[Vector]:
    """Return the vectors of a folder in the order of the steps."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    found = [
        Vector(
            f"{kind}/{name}",
            folder / kind / f"{name}.kmq",
            step_of(kind, name),
            what if kind == "valid" else None,
        )
        for kind in ("valid", "invalid")
        for name, what in manifest[kind].items()
    ]
    return sorted(found, key=lambda vector: vector.step)


class Run(NamedTuple):
    """The outcome of a run of the decoder."""

    status: "int | None"  # None if time ran out
    picture: bytes  # empty if there is none
    said: str  # on standard error


def run(command: list[str], source: Path, seconds: float) -> Run:
    """Run the decoder once, in a separate process group that is ended if time runs out."""
    with tempfile.TemporaryDirectory(prefix="kmq-check-") as folder:
        target = Path(folder) / "out"
        arguments = [
            part.replace("{in}", str(source)).replace("{out}", str(target)) for part in command
        ]
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
                start_new_session=True,
            )
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                status = None
                end(process)
            output.seek(0)
            errors.seek(0)
            said = errors.read().decode("utf-8", "replace").strip()
            if not any("{out}" in part for part in command):
                return Run(status, output.read(), said)
        written = sorted(Path(folder).iterdir())
        return Run(status, written[0].read_bytes() if written else b"", said)


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process, and its children if the system has process groups."""
    if hasattr(os, "killpg"):
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def crash(done: Run) -> "str | None":
    """Return how the decoder crashed, if it did."""
    if any(sign in done.said for sign in SIGNS_OF_A_CRASH):
        return f"crashed: {last_line(done.said)}"
    status = done.status or 0
    if status > 255:  # the code of a Windows exception
        return f"crashed: exit status {status:#x}"
    # If a shell started the process, its exit status is 128 plus the number of the signal.
    number = -status if status < 0 else status - 128
    names = {each.value: each.name for each in signal.Signals}
    return f"crashed: {names[number]}" if number in names else None


def fault_of(vector: Vector, done: Run) -> "str | None":
    """Return what the decoder did wrong, or None."""
    if done.status is None:
        return "took too long"
    if (how := crash(done)) is not None:
        return how
    if vector.expected is None:
        if done.status == 0:
            return "accepted, although it is invalid"
        return "refused, but wrote a picture nevertheless" if is_picture(done.picture) else None
    if done.status != 0:
        return f"refused, exit status {done.status}: {last_line(done.said)}"
    if not done.picture:
        return "exit status 0, but no picture"
    try:
        return difference(vector, done.picture)
    except pictures.PictureError as error:
        return f"the picture cannot be read: {error}"


def is_picture(data: bytes) -> bool:
    """Whether the data are a whole picture other than raw samples."""
    try:
        pictures.read(data, 0, 0)
    except pictures.PictureError:
        return False
    return data != b""


def difference(vector: Vector, data: bytes) -> "str | None":
    """Return how the picture differs from the expected one, if it does."""
    assert vector.expected is not None
    width, height, channels, digest = (
        vector.expected[key] for key in ("width", "height", "channels", "sha256")
    )
    picture = pictures.read(data, int(str(width)), int(str(height)))
    if (picture.width, picture.height) != (width, height):
        return f"{picture.width} x {picture.height} pixels, not {width} x {height}"
    if not isinstance(picture.samples, bytes) and "labels_sha256" in vector.expected:
        image = reference_decoder.decode(vector.path.read_bytes())
        labels = [image.labels[index] for index in image.indices]
        return None if list(picture.samples) == labels else "other labels"
    rgba = picture.rgba()
    pixels = bytearray(rgba)
    if channels == 3:
        if rgba[3::4].count(255) != width * height:
            return "pixels that are not opaque in an opaque picture"
        del pixels[3::4]
    if hashlib.sha256(pixels).hexdigest() == digest:
        return None
    if picture.channels in (1, 3) and channels == 4:
        return "a picture without alpha"
    return first_difference(vector, rgba) or "other pixels"


def first_difference(vector: Vector, rgba: bytes) -> "str | None":
    """Return where a small picture first differs from that of the reference decoder."""
    if len(rgba) > 4 * FEW_PIXELS:
        return None
    image = reference_decoder.decode(vector.path.read_bytes())
    for place, index in enumerate(image.indices):
        found = tuple(rgba[4 * place : 4 * place + 4])
        if found != image.palette[index]:
            row, column = divmod(place, image.width)
            return f"row {row}, column {column}: RGBA {found}, not {image.palette[index]}"
    return None


def last_line(text: str) -> str:
    """Return the last line of a text, shortened."""
    return (text.splitlines() or ["it said nothing"])[-1][:120]


def report(vectors: list[Vector], faults: "list[str | None]") -> None:
    """Print the number of passing vectors of each step, and the faults."""
    for place, step in enumerate(STEPS):
        of_step = [pair for pair in zip(vectors, faults, strict=True) if pair[0].step == place]
        if not of_step:
            continue
        passed = sum(fault is None for _, fault in of_step)
        print(f"{place + 1:2}. {step.title:<50}{passed:4} of {len(of_step)}")
        for vector, fault in of_step:
            if fault is not None:
                print(f"      {vector.name}: {fault}")
    passed = faults.count(None)
    print(f"{passed} of {len(vectors)} vectors pass")


def main(arguments: "list[str] | None" = None) -> int:
    """Check a decoder; return 0 if it passes, otherwise 1."""
    parser = argparse.ArgumentParser(
        description="Run a decoder of .kmq files over all vectors and say what it gets wrong.",
        epilog="example: python check.py -- ./my-decoder {in} {out}",
    )
    parser.add_argument("--step", type=int, choices=range(1, len(STEPS) + 1), metavar="N",
                        help="only the vectors of this step, see README.md")  # fmt: skip
    parser.add_argument("--only", metavar="PATTERN", default="*",
                        help="only vectors of such names, such as 'valid/colours-*'")  # fmt: skip
    parser.add_argument("--timeout", type=float, default=60, metavar="SECONDS",
                        help="for each vector; default: 60")  # fmt: skip
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N",
                        help="vectors at the same time; default: one per processor")  # fmt: skip
    parser.add_argument("--vectors", type=Path, default=Path(__file__).parent / "vectors",
                        metavar="FOLDER", help="where manifest.json is")  # fmt: skip
    parser.add_argument("command", nargs="+", help="the decoder, with {in} and perhaps {out}")
    given = parser.parse_args(arguments)
    if not any("{in}" in part for part in given.command):
        parser.error("the command has no {in}, in whose place the file's name is put")
    vectors = [
        vector
        for vector in vectors_in(given.vectors)
        if given.step in (None, vector.step + 1) and fnmatchcase(vector.name, given.only)
    ]
    if not vectors:
        parser.error("there are no such vectors")

    def check(vector: Vector) -> "str | None":
        return fault_of(vector, run(given.command, vector.path, given.timeout))

    try:
        with ThreadPoolExecutor(max(1, given.jobs)) as pool:
            faults = list(pool.map(check, vectors))
    except OSError as error:
        parser.error(f"the command cannot be run: {error}")
    report(vectors, faults)
    return 0 if not any(faults) else 1


if __name__ == "__main__":
    sys.exit(main())
