"""Compare the output of numba with that of each level of an installed wheel's kernels.

    python tests/reliability/compare_kernels.py PYTHON

PYTHON belongs to an environment in which the wheel is installed; this script itself runs with
numba. If qemu-x86_64 is installed (Debian's qemu-user), the wheel also runs on emulated
processors of 2008 and 2013, which end a process that uses an instruction they do not have.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

PROGRAM = str(Path(__file__).with_name("sameness.py"))
EMULATED = {"Nehalem": "x86-64-v2", "Haswell": "x86-64-v3"}
LEVELS = """
from kmq import _kernels
print(*(level for level in _kernels.levels if _kernels.runs(level)))
"""
IN_USE = "from kmq import jit; print(jit.in_use)"
NO_SURPRISES = {"OPENBLAS_CORETYPE": "NEHALEM"}
"""NumPy's OpenBLAS takes an emulated processor for a newer one. (kmq does no linear algebra.)"""


def output(command: list[str], **environment: str) -> str:
    """Return the output of a program, which has to succeed."""
    done = subprocess.run(
        command, env=os.environ | environment, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.strip()


def refuse_older_processor(emulated: list[str]) -> None:
    """Check that one line says why a processor below x86-64-v2 cannot encode."""
    command = "import sys; sys.argv = ['kmq', 'demo']; from kmq.cli import main; main()"
    done = subprocess.run([*emulated, "-c", command], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1, done
    assert "X86_V2" in done.stderr, done
    assert done.stderr.count("\n") == 1, done


def main() -> None:
    """Print each digest; fail if they are not all the same."""
    python = sys.argv[1]
    digests = {
        f"numba, {threads} thread(s)": output(
            [sys.executable, PROGRAM, threads], KMQ_KERNELS="numba"
        )
        for threads in ("1", "2")
    }
    os.environ.pop("PYTHONPATH", None)  # it may lead the wheel's Python to other sources
    for level in output([python, "-c", LEVELS]).split():
        for threads in ("1", "2"):
            digests[f"{level}, {threads} thread(s)"] = output(
                [python, PROGRAM, threads], KMQ_KERNELS=level
            )
    emulator = shutil.which("qemu-x86_64")
    if emulator is not None and platform.machine() == "x86_64":
        for processor, level in EMULATED.items():
            emulated = [emulator, "-cpu", processor, python]
            in_use = output([*emulated, "-c", IN_USE], **NO_SURPRISES)
            assert in_use == level, f"{processor} runs {in_use}"
            name = f"{level}, emulated {processor}"
            digests[name] = output([*emulated, PROGRAM, "1"], **NO_SURPRISES)
        refuse_older_processor([emulator, "-cpu", "Penryn", python])
    for name, digest in digests.items():
        print(f"{name:30} {digest}")
    if len(set(digests.values())) != 1:
        sys.exit("the digests differ")


if __name__ == "__main__":
    main()
