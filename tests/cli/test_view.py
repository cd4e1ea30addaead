"""`kmq view`: .kmq files in the browser."""

from __future__ import annotations

import base64
import json
import re
import stat
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

import pytest
from click.testing import CliRunner

import kmq
from kmq.cli import kmq as command


@pytest.fixture
def picture(tmp_path, random_indexed):
    kmq.save(tmp_path / "a.kmq", random_indexed(5, 6, 7))
    return tmp_path / "a.kmq"


@pytest.fixture
def browser(monkeypatch, tmp_path):
    """The addresses that are opened, of files that are removed with the test's folder."""
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda url: opened.append(url) or True)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return opened


def view(*arguments, **options):
    return CliRunner().invoke(command, ["view", *map(str, arguments)], **options)


def files_in(page):
    found = json.loads(re.search(r'id="files">(.*?)</script>', page, re.DOTALL)[1])
    return {file["name"]: base64.b64decode(file["data"]) for file in found}


def test_files_are_opened_in_a_page_that_only_the_user_can_read(picture, browser):
    done = view(picture, picture)
    assert done.exit_code == 0, done.output
    [url] = browser
    page = Path(url2pathname(urlsplit(url).path))
    assert files_in(page.read_text(encoding="utf-8")) == {"a.kmq": picture.read_bytes()}
    assert stat.S_IMODE(page.stat().st_mode) == 0o600


def test_a_page_is_written_instead(picture, browser, tmp_path):
    assert view(picture, "-o", tmp_path / "page.html").exit_code == 0
    assert files_in((tmp_path / "page.html").read_text(encoding="utf-8")).keys() == {"a.kmq"}
    assert browser == []
    done = view(picture, "-o", tmp_path / "page.html")
    assert done.exit_code == 1
    assert done.stderr == (
        f"kmq: {picture}: {tmp_path / 'page.html'} exists; replace it with --force\n"
    )
    assert view(picture, "-fo", tmp_path / "page.html").exit_code == 0


def test_a_folder_that_is_missing_is_reported(picture, tmp_path):
    done = view(picture, "-o", tmp_path / "missing" / "page.html")
    assert done.exit_code == 1
    assert "No such file or directory" in done.stderr


def test_pipes_work(picture):
    done = view("-", "-o", "-", input=picture.read_bytes())
    assert files_in(done.stdout) == {"standard input": picture.read_bytes()}


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n", b""])
def test_other_files_are_refused_and_the_rest_is_shown(picture, browser, tmp_path, content):
    (tmp_path / "b.png").write_bytes(content)
    done = view(tmp_path / "b.png", tmp_path / "missing.kmq", picture)
    assert done.exit_code == 1
    assert f"{tmp_path / 'b.png'}: not a .kmq file" in done.stderr
    assert "missing.kmq: No such file" in done.stderr
    assert len(browser) == 1
    assert view(tmp_path / "b.png").exit_code == 1
    assert len(browser) == 1


def test_without_a_browser_the_page_is_named(picture, monkeypatch, tmp_path):
    monkeypatch.setattr("webbrowser.open", lambda url: False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    done = view(picture)
    assert done.exit_code == 1
    name = re.search(r"there is no browser to start; the page is (.*\.html)", done.stderr)[1]
    assert Path(name).is_file()
