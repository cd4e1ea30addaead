from __future__ import annotations

import io
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kmq
from kmq import files
from kmq.files import write_whole


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_a_file_is_written_whole_and_leaves_nothing_beside(tmp_path):
    write_whole(tmp_path / "a", b"one")
    assert (tmp_path / "a").read_bytes() == b"one"
    assert names(tmp_path) == ["a"]


def test_an_existing_file_is_replaced_only_when_asked(tmp_path):
    write_whole(tmp_path / "a", b"one")
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "a", b"two", overwrite=False)
    assert (tmp_path / "a").read_bytes() == b"one"
    write_whole(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"two"
    assert names(tmp_path) == ["a"]


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path, monkeypatch):
    fsync = os.fsync

    def slow(descriptor):
        (tmp_path / "a").write_bytes(b"faster")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "a", b"one", overwrite=False)
    assert (tmp_path / "a").read_bytes() == b"faster"
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("taken", [False, True])
def test_a_file_system_without_links_is_served_too(tmp_path, monkeypatch, taken):
    def no_links(self, target):
        if taken:
            (tmp_path / "a").write_bytes(b"faster")
        raise PermissionError("no links here")

    monkeypatch.setattr(Path, "hardlink_to", no_links)
    if taken:
        with pytest.raises(FileExistsError):
            write_whole(tmp_path / "a", b"one", overwrite=False)
    else:
        write_whole(tmp_path / "a", b"one", overwrite=False)
    assert (tmp_path / "a").read_bytes() == (b"faster" if taken else b"one")
    assert names(tmp_path) == ["a"]


def test_a_failing_disk_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    write_whole(tmp_path / "a", b"one")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"one"
    assert names(tmp_path) == ["a"]


def test_a_link_is_followed_and_stays(tmp_path):
    (tmp_path / "target").write_bytes(b"one")
    (tmp_path / "link").symlink_to("target")
    write_whole(tmp_path / "link", b"two")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "target").read_bytes() == b"two"


def test_what_is_no_ordinary_file_is_written_to():
    write_whole(os.devnull, b"data", overwrite=False)
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


needs_pipes = pytest.mark.skipif(
    not os.path.exists("/dev/fd"),  # noqa: PTH110
    reason="needs /dev/fd",
)


@needs_pipes
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_pipe_without_a_name_of_its_own_is_written_to(overwrite):
    read_end, write_end = os.pipe()
    write_whole(f"/dev/fd/{write_end}", b"data", overwrite=overwrite)
    os.close(write_end)
    with open(read_end, "rb") as pipe:  # noqa: PTH123
        assert pipe.read() == b"data"


@needs_pipes
@pytest.mark.parametrize("read", [kmq.info, kmq.load, kmq.decode])
def test_a_pipe_is_read_as_a_file_is(tmp_path, read):
    data = kmq.encode(np.arange(60, dtype=np.uint8).reshape(6, 10), 9)
    read_end, write_end = os.pipe()
    os.write(write_end, data)
    os.close(write_end)
    found = read(f"/dev/fd/{read_end}")
    os.close(read_end)
    assert np.array_equal(found, read(data))


@needs_pipes
def test_a_picture_in_a_pipe_is_read():
    file = io.BytesIO()
    Image.new("L", (3, 3)).save(file, "PNG")
    read_end, write_end = os.pipe()
    os.write(write_end, file.getvalue())
    os.close(write_end)
    assert kmq.encode(f"/dev/fd/{read_end}") == kmq.encode(np.zeros((3, 3), np.uint8))
    os.close(read_end)


@pytest.mark.skipif(not hasattr(os, "fchmod"), reason="needs the modes of POSIX")
@pytest.mark.parametrize("mode", [0o600, 0o400, 0o755, 0o666])
def test_a_replaced_file_keeps_its_permissions(tmp_path, mode):
    (tmp_path / "a").write_bytes(b"one")
    (tmp_path / "a").chmod(mode)
    write_whole(tmp_path / "a", b"two")
    assert (tmp_path / "a").read_bytes() == b"two"
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="takes a superuser")
def test_a_replaced_file_keeps_its_owner(tmp_path):
    (tmp_path / "a").write_bytes(b"one")
    os.chown(tmp_path / "a", 1234, 4321)
    write_whole(tmp_path / "a", b"two")
    status = (tmp_path / "a").stat()
    assert (status.st_uid, status.st_gid) == (1234, 4321)


def test_new_files_have_the_permissions_that_the_user_wants(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "a", b"one")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o640


def test_a_missing_folder_stays_the_error_it_is(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "none" / "a", b"one")
