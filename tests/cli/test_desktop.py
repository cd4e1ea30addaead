"""`kmq desktop`: what desktops have to know about .kmq files."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from conftest import ROOT, needed
from PIL import Image

import kmq
from kmq import desktop as entries
from kmq.cli import kmq as command

FILES = ("mime/packages/kmq.xml", "applications/kmq.desktop", "thumbnailers/kmq.thumbnailer")


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The user's data folder, which is not there yet."""
    folder = tmp_path / "data"
    monkeypatch.setenv("XDG_DATA_HOME", str(folder))
    return folder


@pytest.fixture
def picture(tmp_path, random_indexed):
    kmq.save(tmp_path / "a b.kmq", random_indexed(5, 60, 70))
    return tmp_path / "a b.kmq"


def desktop(*arguments):
    return CliRunner().invoke(command, ["desktop", *arguments])


def output_of(*program, **options):
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def command_line(file: Path, **values: object) -> list[str]:
    """Return the command of an entry as a desktop runs it, with what it puts in."""
    entry = configparser.RawConfigParser(strict=True)
    entry.optionxform = str
    entry.read(file)
    [section] = entry.sections()
    quoted = entry[section]["Exec"].replace("\\\\", "\\")  # as in each string of an entry
    words = output_of("sh", "-c", f"printf '%s\\n' {quoted}").splitlines()  # a shell quotes alike
    put_in = {f"%{code}": str(value) for code, value in values.items()}
    return [put_in.get(word, word.replace("%%", "%")) for word in words]


def test_install_says_what_it_writes_and_remove_what_it_deletes(data):
    installed = desktop("install")
    assert installed.exit_code == 0
    assert installed.stdout.splitlines() == [f"wrote {data / name}" for name in FILES]
    assert all((data / name).is_file() for name in FILES)
    removed = desktop("remove")
    assert removed.exit_code == 0
    assert removed.stdout.splitlines() == [f"deleted {data / name}" for name in FILES]
    assert not any((data / name).exists() for name in FILES)


def test_installing_twice_changes_nothing_and_removing_twice_is_reported(data):
    desktop("install")
    before = [(data / name).read_bytes() for name in FILES]
    assert desktop("install").exit_code == 0
    assert [(data / name).read_bytes() for name in FILES] == before
    desktop("remove")
    again = desktop("remove")
    assert again.exit_code == 0
    assert again.stdout == f"nothing of kmq is below {data}\n"


def test_the_files_of_others_stay(data):
    other = data / "applications" / "other.desktop"
    other.parent.mkdir(parents=True)
    other.write_text("[Desktop Entry]\n")
    desktop("install")
    desktop("remove")
    assert other.read_text() == "[Desktop Entry]\n"


def test_a_data_folder_that_is_not_absolute_does_not_count(monkeypatch):
    for chosen in ("", "relative/folder"):
        monkeypatch.setenv("XDG_DATA_HOME", chosen)
        assert entries.user_data() == Path.home() / ".local" / "share"


def test_the_files_may_be_for_all_users(data, tmp_path, monkeypatch):
    monkeypatch.setattr(entries, "SYSTEM_DATA", tmp_path / "all")
    assert desktop("install", "--system").exit_code == 0
    assert (tmp_path / "all" / FILES[0]).is_file()
    assert not data.exists()


def test_the_type_of_a_file_is_known_by_its_name_and_by_its_first_bytes(data, picture):
    needed("update-mime-database")
    needed("mimetype")
    assert "update-mime-database" not in desktop("install").stderr
    nameless = picture.with_name("nameless")
    shutil.copy(picture, nameless)
    (empty := picture.with_name("empty.kmq")).touch()
    for file in (picture, nameless, empty):
        assert output_of(needed("xdg-mime"), "query", "filetype", file) == "image/x-kmq"


def test_the_viewer_is_the_application_of_the_type(data):
    needed("update-desktop-database")
    desktop("install")
    assert output_of(needed("xdg-mime"), "query", "default", "image/x-kmq") == "kmq.desktop"
    output_of(needed("desktop-file-validate"), data / "applications" / "kmq.desktop")
    desktop("remove")
    assert output_of("xdg-mime", "query", "default", "image/x-kmq") == ""


def test_without_the_programs_that_read_them_the_files_are_written_and_it_is_reported(
    data, monkeypatch
):
    monkeypatch.setenv("PATH", "")
    result = desktop("install")
    assert result.exit_code == 0
    assert all((data / name).is_file() for name in FILES)
    assert result.stderr.splitlines() == [
        f"kmq: {program} is not installed; the desktop may not see the change without it"
        for program in ("update-mime-database", "update-desktop-database")
    ]


def test_a_program_that_fails_is_reported(data, tmp_path, monkeypatch):
    for name in ("update-mime-database", "update-desktop-database"):
        program = tmp_path / name
        program.write_text("#!/bin/sh\necho no luck >&2\nexit 3\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.defpath}")
    result = desktop("install")
    assert "kmq: update-mime-database failed: no luck\n" in result.stderr


def test_a_folder_that_cannot_be_written_to_is_an_error(data):
    data.write_text("no folder")
    result = desktop("install")
    assert result.exit_code != 0
    assert isinstance(result.exception, OSError)


def test_the_thumbnailer_makes_a_thumbnail(data, picture, tmp_path):
    desktop("install")
    out = tmp_path / "thumbnail.png"
    out.touch()  # as desktops do
    words = command_line(data / FILES[2], i=picture, o=out, s=32)
    assert words[0].endswith("kmq")
    output_of(sys.executable, "-m", *["kmq", *words[1:]])
    with Image.open(out) as made:
        assert made.format == "PNG"
        assert made.size == (32, 27)


@pytest.mark.parametrize("folder", ["plain", "with space", "a $HOME `x` \"y\" 'z' \\ 100%", "ä"])
def test_a_program_in_any_folder_is_found_again(folder, tmp_path):
    program = tmp_path / folder / "kmq"
    entries.install(tmp_path, program)
    assert command_line(tmp_path / FILES[2])[0] == str(program)
    assert command_line(tmp_path / FILES[1])[:2] == [str(program), "view"]


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_other_systems_get_an_explanation(system, data, monkeypatch):
    monkeypatch.setattr(sys, "platform", system)
    result = desktop("install")
    assert result.exit_code != 0
    assert "Linux and the BSDs" in str(result.exception)
    assert not data.exists()


def test_the_magic_of_file_knows_the_format(tmp_path):
    magic = ROOT / "formats" / "kmq.magic"
    file = needed("file")
    output_of(file, "-C", "-m", magic, cwd=tmp_path)  # a rule that is wrong is refused
    for name in ("colours-3", "modelled-4097", "labels-19-packed"):
        vector = ROOT / "formats" / "vectors" / "valid" / f"{name}.kmq"
        assert output_of(file, "-b", "-m", magic, vector) == "KMQ image, version 1"
        assert output_of(file, "-b", "--mime-type", "-m", magic, vector) == "image/x-kmq"
    png = tmp_path / "a.png"
    Image.new("RGB", (3, 3)).save(png)
    assert output_of(file, "-b", "-m", magic, png) == "data"
