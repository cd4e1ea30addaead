"""Many Python threads at once, on each of numba's threading layers."""

from __future__ import annotations

import pytest
from conftest import needs_jit, needs_numba

from reliability.programs import EIGHT_AT_ONCE, expected, run

pytestmark = needs_jit


def test_eight_threads_that_start_at_once_encode_right(layer):
    assert run(EIGHT_AT_ONCE, **layer).stdout.split() == [expected()]


@needs_numba
def test_eight_threads_that_have_to_compile_first_encode_right(cold_start):
    assert cold_start[1].split() == [expected()]


@pytest.mark.soak
@needs_numba
def test_eight_threads_that_have_to_compile_first_encode_right_on_each_layer(layer, tmp_path):
    done = run(EIGHT_AT_ONCE, NUMBA_CACHE_DIR=str(tmp_path), **layer)
    assert done.stdout.split() == [expected()]


NO_THREADS = """
threading.stack_size(1 << 46)  # more than any address space has
try:
    threading.Thread(target=print).start()
except RuntimeError as error:
    assert "start new thread" in str(error)
    print(encoded(8))

import kmq
rows = np.arange(1100)[:, None] % 3
stripes = kmq.IndexedImage(np.eye(3, dtype=np.uint8), np.broadcast_to(rows, (1100, 1000)))
data = kmq.encode(stripes, threads=8)
assert len(kmq.info(data).stripes) == 2
assert data == kmq.encode(stripes, threads=1)
assert kmq.load(data, threads=8) == kmq.load(data, threads=1) == stripes
"""


def test_where_the_system_starts_no_thread_stripes_are_coded_right():
    assert run(NO_THREADS).stdout.split() == [expected()]


ALTERNATING = """
for threads in (1, 2, 8, 2, 1):
    print(encoded(threads))
"""


def test_any_number_of_threads_gives_the_same_bytes(layer):
    assert set(run(ALTERNATING, **layer).stdout.split()) == {expected()}


def test_threads_are_those_of_the_environment():
    program = "from kmq.threads import thread_count; print(thread_count(None))"
    assert run(program, KMQ_NUM_THREADS="3").stdout.split() == ["3"]
