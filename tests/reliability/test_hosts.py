"""Programs that use numba, Pillow and warnings themselves, with kmq as a library."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from conftest import needs_jit, needs_numba

from kmq import jit, prebuilt
from reliability.programs import PREAMBLE, SECONDS, expected, run
from reliability.test_forks import HOSTS_KERNEL

BESIDE_A_HOST = """
stop = threading.Event()
numbers = np.zeros(1_000_000)

def work():
    while not stop.is_set():
        hosts_kernel(numbers)

host = threading.Thread(target=work)
host.start()
try:
    for _ in range(10):
        assert encoded() == sys.argv[1]
finally:
    stop.set()
    host.join()
"""


@needs_numba
def test_kmq_encodes_while_the_host_is_in_a_parallel_kernel_of_its_own(layer):
    run(HOSTS_KERNEL + BESIDE_A_HOST, expected(), **layer)


LEFT_ALONE = """
import gc, locale, random, signal, warnings
import numba
from PIL import Image, ImageFile

def settings():
    numbas = {name: value for name, value in vars(numba.config).items() if name.isupper()}
    pillows = Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, Image.WARN_POSSIBLE_FORMATS
    handlers = [signal.getsignal(number) for number in signal.valid_signals()]
    return {
        "numba": numbas,
        "threads of numba": numba.get_num_threads(),
        "chunk size of numba": numba.get_parallel_chunksize(),
        "Pillow": pillows,
        "warnings": warnings.filters[:],
        "signals": handlers,
        "environment": dict(os.environ),
        "garbage collector": gc.isenabled(),
        "threads": threading.active_count(),
        "folder": os.getcwd(),
        "locale": locale.setlocale(locale.LC_ALL),
        "random numbers": (random.getstate(), np.random.get_state()[1].tolist()),
        "floating point": np.geterr(),
        "hooks": (sys.excepthook, sys.meta_path[:], threading.excepthook),
    }

numba.set_num_threads(2)
before = settings()
encoded()
after = settings()
assert before == after, [name for name in before if before[name] != after[name]]
"""


@needs_numba
def test_kmq_leaves_every_setting_of_its_host_as_it_was():
    run(LEFT_ALONE, NUMBA_NUM_THREADS="4")


IN_A_SUB_INTERPRETER = """
import os
try:
    import _interpreters as interpreters
    made = interpreters.create("legacy")
except ImportError:  # Python 3.12 and older
    import _xxsubinterpreters as interpreters
    made = interpreters.create(isolated=False)
interpreters.run_string(made, os.environ["PROGRAM"])
"""

ENCODE_OR_SAY_WHY_NOT = """
try:
    print(encoded())
except Exception as error:
    print(error)
"""


@needs_jit
def test_in_a_sub_interpreter_compiled_kernels_run_and_numba_is_refused():
    done = subprocess.run(
        [sys.executable, "-c", IN_A_SUB_INTERPRETER],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        env=os.environ | {"PROGRAM": PREAMBLE + ENCODE_OR_SAY_WHY_NOT},
    )
    assert done.returncode == 0, done.stderr
    if jit.in_use == prebuilt.NUMBA:
        assert "numba does not work in a sub-interpreter" in done.stdout
    else:
        assert done.stdout.split() == [expected()]


LITTLE_MEMORY = """
import resource
import kmq
from kmq import clustering, container, jit  # what is loaded from here on are kernels

np.linalg.inv(np.eye(3))  # OpenBLAS, which NumPy loads, ends the process where it has no memory
rgb = np.random.default_rng(0).integers(0, 256, (190, 190, 3), np.uint8)
mapped = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (mapped + int(sys.argv[1]), resource.RLIM_INFINITY))
try:
    kmq.encode(rgb, 20, threads=1)
except MemoryError:
    print("MemoryError")
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(encoded())
"""


@needs_jit
@pytest.mark.skipif(sys.platform != "linux", reason="the address space is limited as Linux does")
@pytest.mark.parametrize("left", [0, 1 << 20, 1 << 22])
def test_memory_that_does_not_suffice_for_compiled_code_ends_in_an_error(left):
    told = run(LITTLE_MEMORY, left, OPENBLAS_NUM_THREADS="1").stdout.split()
    if left == 0 or jit.in_use == prebuilt.NUMBA:
        assert told == ["MemoryError", expected()]
    else:
        assert told[-1] == expected()
