"""`encode --dask`: the same files, from workers."""

from __future__ import annotations

import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import kmq
from kmq.cli import clusters
from kmq.cli import kmq as command

pytest.importorskip("distributed", reason="needs kmq[distributed]")


def run(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


@pytest.fixture
def pictures(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("a", "deep/b", "deep/c")):
        path = tmp_path / "in" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(seed).integers(0, 256, (9, 13 + seed, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    (tmp_path / "in" / "notes.txt").write_text("nothing to see")
    return tmp_path


def test_processes_of_this_machine_write_the_same_files(pictures):
    (pictures / "in" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    with_dask = run("encode", "-r", "in", "-o", "out", "-k", 5, "--dask", "local", "--threads", 2)
    without = run("encode", "-r", "in", "-o", "same", "-k", 5)
    assert with_dask.exit_code == without.exit_code == 1
    for name in ("a", "deep/b", "deep/c"):
        both = [(pictures / folder / f"{name}.kmq").read_bytes() for folder in ("out", "same")]
        assert both[0] == both[1]

    def told(result):  # without the seconds, in any order
        return sorted(line.rpartition(", ")[0] for line in result.stderr.splitlines())

    assert [line for line in told(with_dask) if "ompiling" not in line] == [
        line for line in told(without) if "ompiling" not in line
    ]


def test_existing_outputs_are_failures_or_passed_over_and_lines_are_json(pictures, monkeypatch):
    monkeypatch.setattr(clusters, "_encoded", lambda *_: iter(()))  # nothing is left to do
    assert run("encode", "-r", "in", "-o", "out").exit_code == 0
    (pictures / "in" / "notes.txt").unlink()
    result = run("encode", "-r", "in", "-o", "out", "--dask", "local")
    assert result.exit_code == 1
    assert result.stderr.count("exists; replace it with --force") == 3
    result = run("encode", "-r", "in", "-o", "out", "--dask", "local", "--skip-existing", "--json")
    assert result.exit_code == 0
    assert {json.loads(line)["skipped"] for line in result.stdout.splitlines()} == {
        "the output exists"
    }


def test_an_address_where_nobody_answers_is_one_line(pictures, monkeypatch):
    monkeypatch.setattr(clusters, "CONNECTING_SECONDS", 0.3)
    result = run("encode", "in/a.png", "-o", "a.kmq", "--dask", "tcp://127.0.0.1:9")
    assert isinstance(result.exception, ConnectionError)
    assert str(result.exception) == "no scheduler of Dask answers at tcp://127.0.0.1:9"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--resume",), "the workers of --dask do not know --resume"),
        (("--labels",), "the workers of --dask do not know --labels"),
        (("--palette", "pico8"), "not by its name"),
    ],
)
def test_what_workers_cannot_do_is_wrong_usage(pictures, arguments, words):
    result = run("encode", "-r", "in", "-o", "out", "--dask", "local", *arguments)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())


def test_without_dask_installed_the_way_is_reported(pictures, monkeypatch):
    monkeypatch.setattr(clusters, "find_spec", lambda _: None)
    result = run("encode", "-r", "in", "-o", "out", "--dask", "local")
    assert result.exit_code == 2
    assert "pip install 'kmq[distributed]'" in " ".join(result.stderr.split())


def test_one_palette_is_found_here_and_given_there(pictures):
    arguments = ("encode", "-r", "in", "-o", "out", "-k", 4, "--one-palette", "--threads", 2)
    assert run(*arguments, "--dask", "local").exit_code == 0
    stored = [kmq.load(path) for path in (pictures / "out").rglob("*.kmq")]
    assert len(stored) == 3
    assert len({each.palette.tobytes() for each in stored}) == 1
