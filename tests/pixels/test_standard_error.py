from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
import tifffile
from PIL import Image

from kmq import FormatError
from kmq.pixels import read, standard_error


def tiff_with_a_tag_beyond_the_end():
    """A TIFF that Pillow warns about when opening it."""
    file = io.BytesIO()
    Image.new("L", (9, 7), 90).save(file, "TIFF", software="some program with a name")
    tag = struct.pack("<HHI", 305, 2, 25)
    stored = file.getvalue().replace(tag, struct.pack("<HHI", 305, 2, 1 << 20))
    assert stored != file.getvalue()
    return io.BytesIO(stored)


def damaged_lzw():
    """A TIFF that makes libtiff print an error during decompression."""
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    tifffile.imwrite(file, noise, photometric="rgb", compression="lzw")
    stored = bytearray(file.getvalue())
    stored[3000:3400] = b"\xff" * 400
    return io.BytesIO(stored)


@pytest.mark.parametrize("action", ["error", "always", "default"])
def test_pillows_warnings_are_not_heard_of(action, capfd):
    with warnings.catch_warnings():
        warnings.simplefilter(action)
        assert read(tiff_with_a_tag_beyond_the_end()).rgb[0, 0].tolist() == [90, 90, 90]
    assert capfd.readouterr() == ("", "")


def test_libtiffs_errors_are_not_heard_of(capfd):
    with pytest.raises(FormatError, match="a TIFF that cannot be read"):
        read(damaged_lzw())
    assert capfd.readouterr() == ("", "")


def test_libtiffs_errors_are_heard_of_by_the_host_again(capfd):
    with pytest.raises(FormatError):
        read(damaged_lzw())
    with Image.open(damaged_lzw()) as image, pytest.raises(OSError, match="decoder error"):
        image.load()
    assert capfd.readouterr().err


def test_pillows_log_is_not_heard_of_but_by_the_host(tmp_path):
    path = tmp_path / "a.tif"
    Image.new("RGB", (9, 7)).save(path)
    tag = struct.pack("<HHI", 277, 3, 1)
    path.write_bytes(path.read_bytes().replace(tag + b"\3\0", tag + b"\0\x20"))
    for log, is_heard in (("pass", False), ("logging.basicConfig()", True)):
        program = f"""
import logging, sys
from kmq import FormatError
from kmq.pixels import read
{log}
try:
    read(sys.argv[1])
except FormatError as error:
    print(error)
"""
        command = [sys.executable, "-c", program, path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert done.stdout.startswith("a TIFF that cannot be read: ")
        assert bool(done.stderr) == is_heard


def test_filters_are_as_they_were_after_many_threads_have_read():
    before = warnings.filters[:]
    errors = []

    def work():
        try:
            for _ in range(20):
                read(tiff_with_a_tag_beyond_the_end())
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert warnings.filters == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_forked_while_a_picture_is_read_has_its_hosts_filters():
    before = warnings.filters[:]
    with standard_error.quiet():
        assert warnings.filters != before
        child = os.fork()
        if child == 0:
            os._exit(0 if warnings.filters == before else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
