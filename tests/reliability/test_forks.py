"""Children: forked after use, by threads, by multiprocessing, while another thread compiles."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from conftest import needs_jit, needs_numba

from reliability.programs import PREAMBLE, SECONDS, expected, run

pytestmark = [
    needs_jit,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
]

FORKING = """
def is_well_in_a_child(generations=1):
    child = os.fork()
    if child == 0:
        well = False
        try:
            well = encoded() == sys.argv[1]
            well = well and (generations == 1 or is_well_in_a_child(generations - 1))
        finally:
            os._exit(0 if well else 1)
    return os.waitpid(child, 0)[1] == 0
"""


def test_a_forked_child_and_its_own_child_encode_right(layer):
    program = """
assert encoded() == sys.argv[1]
assert is_well_in_a_child(generations=2)
assert encoded() == sys.argv[1]
"""
    run(FORKING + program, expected(), **layer)


WHILE_ENCODING = """
# A child of a thread that imports would wait for that import for ever, kmq's or another.
encoded()
stop = threading.Event()

def work():
    while not stop.is_set():
        encoded()

worker = threading.Thread(target=work)
worker.start()
try:
    for _ in range(int(sys.argv[2])):
        stop.wait(0.05)
        assert is_well_in_a_child()
finally:
    stop.set()
    worker.join()
"""


def test_children_forked_while_another_thread_encodes_encode_right(layer):
    run(FORKING + WHILE_ENCODING, expected(), 3, seconds=60, **layer)


WHILE_COMPILING = """
from kmq import jit

@jit.kernel
def slow_to_compile(x):
    {body}
    return x

@jit.kernel
def simple(x):
    return x + 1

compiling = threading.Thread(target=slow_to_compile, args=(1.0,))
compiling.start()
from numba.core.compiler_lock import global_compiler_lock as lock
while lock._lock.acquire(blocking=False):  # until the other thread has it
    lock._lock.release()
child = os.fork()
if child == 0:
    os._exit(simple(1) - 2)
assert os.waitpid(child, 0)[1] == 0
compiling.join()
"""


@needs_numba
def test_a_child_forked_while_another_thread_compiles_can_compile():
    body = "\n    ".join(f"x = x * {number} + np.sin(x)" for number in range(60))
    run(WHILE_COMPILING.format(body=body), seconds=60)


HOSTS_KERNEL = """
import numba

@numba.njit(parallel=True)
def hosts_kernel(numbers):
    for i in numba.prange(len(numbers)):
        numbers[i] += 1

hosts_kernel(np.zeros(1000))
"""


@needs_numba
@pytest.mark.parametrize("import_first", [True, False])
def test_a_child_of_a_host_that_used_numba_before_kmq_encodes_right(layer, import_first):
    first = "import kmq\n" if import_first else ""
    program = first + HOSTS_KERNEL + FORKING + "assert is_well_in_a_child()"
    run(program, expected(), **layer)


MULTIPROCESSING = """
import multiprocessing

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    assert encoded() == sys.argv[2]
    with context.Pool(2) as pool:
        assert set(pool.map(encoded, [1, 2, 8, 2])) == {sys.argv[2]}
    from concurrent.futures import ProcessPoolExecutor
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        assert set(pool.map(encoded, [1, 2])) == {sys.argv[2]}
"""


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_pools_of_processes_encode_right(tmp_path, method):
    script = tmp_path / "script.py"
    script.write_text(PREAMBLE + MULTIPROCESSING)
    subprocess.run([sys.executable, script, method, expected()], timeout=SECONDS, check=True)
