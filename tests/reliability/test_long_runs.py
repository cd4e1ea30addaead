"""Many images through one process: memory stays flat, no thread or file is left open."""

from __future__ import annotations

import sys

import pytest
from conftest import needs_jit

from reliability.programs import run

pytestmark = [
    needs_jit,
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

MANY_IMAGES = """
import io, resource
from statistics import fmean
from PIL import Image
import kmq
from kmq import pixels

count = int(sys.argv[1])
chance = np.random.default_rng(0)

def round_trip(number):
    rgb = chance.integers(0, 256, (24 + number % 9, 24 + number % 7, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(rgb).save(file, ("PNG", "BMP", "TIFF", "WEBP")[number % 4])
    data = kmq.encode(file, 2 + number % 60, effort="fast", threads=1 + number % 3)
    pixels.to_file(kmq.load(data).to_pil(), ".png")
    try:
        kmq.decode(data[:-1])
    except kmq.FormatError:
        pass

def memory():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

for number in range(100):  # loads what is loaded when it is first used
    round_trip(number)
files, threads = set(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))
taken = []
for number in range(count):
    round_trip(number)
    taken.append(memory())
second, last = (fmean(taken[part * count // 4 : (part + 1) * count // 4]) for part in (1, 3))
print(f"{count} images: {second / 2**20:.1f} MB in the second quarter, {last / second - 1:+.2%}")
assert last < 1.02 * second
assert set(os.listdir("/proc/self/fd")) == files
assert len(os.listdir("/proc/self/task")) == threads
assert threading.active_count() == 1
"""


def test_500_images_leave_nothing_behind():
    run(MANY_IMAGES, 500)


@pytest.mark.soak
def test_10000_images_leave_nothing_behind():
    print(run(MANY_IMAGES, 10_000, seconds=3600).stdout)
