"""Time of whole processes, compared with pngquant: with compiled kernels and with numba.

    python benchmarks/startup.py --image photo.png --wheel PYTHON --numba PYTHON

The two are Pythons of environments: one has a platform wheel of kmq and no numba, the other a
pure wheel (KMQ_PREBUILT=0 pip install .). Every command is a process of its own, as a person's
is who encodes one picture. Processor time counts, because other work disturbs it least.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from reporting import machine_line, markdown_table, write_between

FIRST = "first encode"
FIRST_WITH_NUMBA = 2
"""Runs of the command that compiles everything."""


@dataclass
class Command:
    """A command, the environment that it adds to, and what its processes took."""

    words: list[str | Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    repeats: int = 15
    processor_ms: list[float] = field(default_factory=list)
    peak_mb: float = 0

    def run(self) -> None:
        """Run a process and note its processor time and the most memory that it held."""
        environment = os.environ | self.environment
        if "NUMBA_CACHE_DIR" in self.environment:
            shutil.rmtree(self.environment["NUMBA_CACHE_DIR"], ignore_errors=True)
        process = subprocess.Popen(
            list(map(str, self.words)), env=environment, stdout=subprocess.DEVNULL
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"failed: {self.words}")
        self.processor_ms.append(1000 * (used.ru_utime + used.ru_stime))
        self.peak_mb = max(self.peak_mb, used.ru_maxrss / 1000)


def commands_of(python: Path, image: Path, colors: int, folder: Path) -> dict[str, Command]:
    """Return the commands of one environment's kmq, by name; makes what they read."""
    kmq: list[str | Path] = [python, "-c", "from kmq.cli import main; main()"]
    encode = [*kmq, "encode", "-q", "-f", "-k", str(colors), image, "-o"]
    encoded, png = folder / "a.kmq", folder / "a.png"
    Command([*encode, encoded]).run()
    has_numba = Command([python, "-c", "import numba"])
    first = {"NUMBA_CACHE_DIR": str(folder / "cache")}
    try:
        has_numba.run()
    except SystemExit:
        repeats = 15
    else:
        repeats = FIRST_WITH_NUMBA
    return {
        "--help": Command([*kmq, "--help"]),
        "info": Command([*kmq, "info", encoded]),
        FIRST: Command([*encode, folder / "b.kmq"], first, repeats),
        "encode": Command([*encode, folder / "b.kmq"]),
        "encode, effort fast": Command([*encode, folder / "b.kmq", "--effort", "fast"]),
        "decode": Command([*kmq, "decode", "-q", "-f", encoded, "-o", png]),
    }


def pngquant(image: Path, colors: int, folder: Path) -> dict[str, Command]:
    """Return pngquant with one thread, and with as many as it takes by itself."""
    words: list[str | Path] = [
        "pngquant", str(colors), "--nofs", "--force", "--output", folder / "c.png", image,
    ]  # fmt: skip
    return {
        "pngquant, one thread": Command(words, {"OMP_NUM_THREADS": "1"}),
        "pngquant": Command(words),
    }


def installed_mb(python: Path) -> float:
    """Return the size of an environment's packages, those of pip left out."""
    packages = next(python.parent.parent.glob("lib/python*/site-packages"))
    sizes = (
        path.stat().st_size
        for path in packages.rglob("*")
        if path.is_file() and not path.relative_to(packages).parts[0].startswith(("pip", "setup"))
    )
    return sum(sizes) / 1e6


def main() -> None:
    """Run the benchmark as the command line asks."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--wheel", type=Path, required=True, metavar="PYTHON")
    parser.add_argument("--numba", type=Path, required=True, metavar="PYTHON")
    parser.add_argument("--colors", type=int, default=64)
    parser.add_argument("--write", type=Path, metavar="FILE", help="put it between its markers")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kinds = {"compiled kernels": arguments.wheel, "numba": arguments.numba}
        commands = pngquant(arguments.image, arguments.colors, folder)
        for kind, python in kinds.items():
            (folder / kind).mkdir()
            of_kind = commands_of(python, arguments.image, arguments.colors, folder / kind)
            commands |= {f"{name}, {kind}": command for name, command in of_kind.items()}
        for completed in range(max(command.repeats for command in commands.values())):
            for command in commands.values():
                if completed < command.repeats:
                    command.run()
    text = report(arguments.image, arguments.colors, commands)
    sizes = [f"{kind}: {installed_mb(python):.0f} MB" for kind, python in kinds.items()]
    text += f"\n\nInstalled, with all that it stands on: {', '.join(sizes)}."
    print(text)
    if arguments.write is not None:
        write_between(arguments.write, "startup", text)


def report(image: Path, colors: int, commands: Mapping[str, Command]) -> str:
    """Return the table."""
    pngquant_ms = median(commands["pngquant, one thread"].processor_ms)
    rows = [
        [
            name if name.startswith("pngquant") else f"kmq {name}",
            f"{median(command.processor_ms):,.0f}",
            f"{min(command.processor_ms):,.0f}",
            f"{median(command.processor_ms) / pngquant_ms:.2f}",
            f"{command.peak_mb:.0f}",
        ]
        for name, command in commands.items()
    ]
    head = ["process", "processor ms, median", "least", "of pngquant", "peak MB"]
    facts = machine_line(["numpy", "numba", "Pillow", "click"])
    return f"`{image.name}`, K = {colors}; {facts}.\n\n{markdown_table(head, rows, 'lrrrr')}"


if __name__ == "__main__":
    main()
