"""Files on a cluster become the bytes that they become on one machine."""

from __future__ import annotations

import functools
import http.server
import os
import threading
from pathlib import Path

import fsspec
import numpy as np
import pytest
from PIL import Image

import kmq
from kmq import distributed
from kmq.distributed import running, tasks
from kmq.distributed.tasks import Item
from kmq.options import Options

NAMES = ["a.png", "b.png", "deep/c.png", "deep/d.png", "deep/deeper/e.png"]


@pytest.fixture
def pictures(tmp_path):
    """Five pictures in a tree."""
    for seed, name in enumerate(NAMES):
        random = np.random.default_rng(seed)
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 256, (9 + seed, 31 - seed, 3), np.uint8)
        Image.fromarray(pixels).save(path)
    return [tmp_path / "in" / name for name in NAMES]


def test_files_become_what_they_become_on_one_machine(client, pictures, tmp_path):
    seen = []
    results = distributed.encode_files(
        [str(path) for path in pictures],
        str(tmp_path / "out"),
        colors=7,
        client=client,
        progress=seen.append,
    )
    assert sorted(map(id, seen)) == sorted(map(id, results))
    for path, name, result in zip(pictures, NAMES, results, strict=True):
        target = (tmp_path / "out" / name).with_suffix(".kmq")
        assert target.read_bytes() == kmq.encode(path, 7)
        assert (result.file, result.target, result.error) == (str(path), str(target), None)
        assert (result.bytes, result.colors) == (target.stat().st_size, 7)
        assert 5 < result.psnr < 40
    assert results.failed == ()
    assert str(results).splitlines()[0].split() == ["file", "bytes", "colours", "PSNR", "error"]
    assert results.rows()[0]["width"] == 31


def test_a_failing_file_does_not_stop_the_rest(client, pictures, tmp_path):
    pictures[1].write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    pictures[2].unlink()
    results = distributed.encode_files(
        [str(path) for path in pictures], str(tmp_path / "out"), client=client
    )
    assert [each.file for each in results.failed] == [str(pictures[1]), str(pictures[2])]
    assert "PNG" in results[1].error
    assert "No such file" in results[2].error
    assert len(list((tmp_path / "out").rglob("*.kmq"))) == 3


def test_outputs_that_exist_are_errors_unless_they_may_be_replaced(client, pictures, tmp_path):
    out = tmp_path / "out"
    (out / "deep").mkdir(parents=True)
    (out / "deep" / "c.kmq").write_bytes(b"precious")
    encode = functools.partial(
        distributed.encode_files, [str(path) for path in pictures], str(out), client=client
    )
    results = encode()
    assert [each.error is not None for each in results] == [False, False, True, False, False]
    assert "exists" in results[2].error
    assert (out / "deep" / "c.kmq").read_bytes() == b"precious"
    assert encode(overwrite=True).failed == ()
    assert distributed.verify_files(f"{out}/**/*.kmq", client=client).failed == ()


@pytest.mark.parametrize("per_image", [False, True])
def test_a_palette_for_all_is_the_one_that_a_single_machine_finds(client, pictures, per_image):
    merge = kmq.Histogram.merge_equally if per_image else kmq.Histogram.merge
    expected = kmq.fit(merge([kmq.Histogram.from_image(path) for path in pictures]), 6)
    urls = [str(path) for path in pictures]
    assert distributed.fit_files(urls, 6, client=client, per_image=per_image) == expected


def test_many_histograms_are_merged_in_a_tree(client):
    random = np.random.default_rng(3)
    images = [random.integers(0, 256, (3, 4, 3), np.uint8) for _ in range(70)]
    histograms = [kmq.Histogram.from_image(image) for image in images]
    counted = client.scatter([tasks.Counted(each) for each in histograms])
    merged = running.merged(client, counted).result()
    assert merged.histogram == kmq.Histogram.merge(histograms)


def test_a_file_that_cannot_be_read_leaves_no_palette(client, pictures):
    pictures[3].write_bytes(b"nothing")
    with pytest.raises(kmq.FormatError, match=r"d\.png: not an image"):
        distributed.fit_files([str(path) for path in pictures], 6, client=client)


def test_one_palette_is_given_to_all(client, pictures, tmp_path):
    palette = kmq.Palette([[0, 0, 0], [255, 255, 255], [200, 30, 30]])
    distributed.encode_files(
        f"{tmp_path}/in/**/*.png", str(tmp_path / "out"), palette=palette, client=client
    )
    stored = (tmp_path / "out" / "deep" / "d.kmq").read_bytes()
    assert stored == kmq.encode(kmq.apply(pictures[3], palette))


def test_damaged_files_are_found(client, pictures, tmp_path):
    for path in pictures:
        kmq.save(path.with_suffix(".kmq"), path)
    damaged = pictures[2].with_suffix(".kmq")
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(data)
    results = distributed.verify_files(f"{tmp_path}/in/**/*.kmq", client=client)
    assert len(results) == 5
    assert [each.file for each in results.failed] == [f"file://{damaged}"]
    assert "checksum" in results.failed[0].error


def test_a_store_in_memory_serves_workers_that_share_it():
    from distributed import Client

    files = fsspec.filesystem("memory")
    image = np.random.default_rng(9).integers(0, 256, (9, 8, 3), np.uint8)
    png = kmq.quantize(image, 5).to_pil()
    with files.open("/in/a.png", "wb") as file:
        png.save(file, "PNG")
    with Client(processes=False, dashboard_address="127.0.0.1:0", silence_logs=50) as client:
        results = distributed.encode_files("memory://in/*.png", "memory://out", client=client)
        assert results.failed == ()
        assert kmq.decode(files.cat("/out/a.kmq")).shape == (9, 8, 3)
        again = distributed.encode_files("memory://in/*.png", "memory://out", client=client)
        assert "exists" in again[0].error
    files.rm("/in", recursive=True)
    files.rm("/out", recursive=True)


def test_files_are_read_from_a_web_server(client, pictures, tmp_path):
    handler = functools.partial(_Silent, directory=tmp_path / "in")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    try:
        results = distributed.encode_files(
            [f"{url}/a.png", f"{url}/deep/missing.png"], str(tmp_path / "out"), client=client
        )
    finally:
        server.shutdown()
        server.server_close()
    assert (tmp_path / "out" / "a.kmq").read_bytes() == kmq.encode(pictures[0])
    assert "missing.png" in results[1].error


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_a_store_without_permission_is_reported_for_each_file(monkeypatch):
    files = fsspec.filesystem("memory")

    def refuse(self, path, data, **options):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(type(files), "pipe_file", refuse)
    with files.open("/in/a.png", "wb") as file:
        Image.new("RGB", (3, 2)).save(file, "PNG")
    result = tasks.encode([Item("memory://in/a.png", "memory://out/a.kmq")], Options(), None, {})
    assert result[0].error == "Permission denied"
    files.rm("/in", recursive=True)


def test_a_store_that_fails_at_times_is_tried_again(monkeypatch):
    files = fsspec.filesystem("memory")
    attempts = []
    store = type(files).pipe_file

    def unreliable(self, path, data, **options):
        attempts.append(path)
        if len(attempts) < 3:
            raise OSError("try later")
        return store(self, path, data, **options)

    monkeypatch.setattr(type(files), "pipe_file", unreliable)
    monkeypatch.setattr("time.sleep", lambda _: None)
    distributed.stores.write("memory://retried/a.kmq", b"whole", {})
    assert len(attempts) == 3
    assert files.cat("/retried/a.kmq") == b"whole"
    attempts.clear()
    monkeypatch.setattr(distributed.stores, "ATTEMPTS", 2)
    with pytest.raises(OSError, match="try later"):
        distributed.stores.write("memory://retried/b.kmq", b"whole", {})
    files.rm("/retried", recursive=True)


def test_what_cannot_be_done_is_said_before_it_is_begun(client, pictures, tmp_path):
    with pytest.raises(kmq.OptionError, match="they name no file"):
        distributed.encode_files(f"{tmp_path}/none/*.png", str(tmp_path), client=client)
    twins = [str(tmp_path / "in" / "a.png"), str(tmp_path / "in" / "a.jpg")]
    with pytest.raises(kmq.OptionError, match=r"would both become .*a\.kmq"):
        distributed.encode_files(twins, str(tmp_path / "out"), client=client)


def test_without_a_client_the_error_says_how_to_get_one(pictures, tmp_path):
    with pytest.raises(kmq.OptionError, match=r"client: .*distributed.Client\(\)"):
        distributed.encode_files([str(pictures[0])], str(tmp_path / "out"))


@pytest.mark.parametrize(
    ("count", "threads", "sizes"),
    [(5, 2, {1}), (100, 2, {12, 4}), (9999, 2, {64, 15}), (6_500_000, 2, {65})],
)
def test_batches_are_large_where_there_are_many_files(count, threads, sizes):
    groups = running.batches([Item("")] * count, threads)
    assert {len(group) for group in groups} == sizes
    assert sum(map(len, groups)) == count


def kill_on_the_first_visit(items, marks):
    """Encode nothing; end the worker's process once for each file that has no mark yet."""
    for item in items:
        mark = Path(marks, Path(item.file).name)
        if not mark.exists():
            mark.touch()
            os._exit(1)
    return [distributed.FileResult(file=item.file) for item in items]


def kill_on_one_file(items, name):
    for item in items:
        if item.file == name:
            os._exit(1)
    return [distributed.FileResult(file=item.file) for item in items]


def test_the_files_of_a_worker_that_is_killed_are_done_again(client, tmp_path):
    items = [Item(f"{number}") for number in range(3)]
    work = functools.partial(kill_on_the_first_visit, marks=str(tmp_path))
    results = dict(running.run(client, work, items))
    assert [results[place].file for place in range(3)] == ["0", "1", "2"]
    assert all(each.error is None for each in results.values())


def test_a_file_that_kills_every_worker_is_named_and_the_rest_are_done(client):
    items = [Item(f"{number}") for number in range(40)]
    work = functools.partial(kill_on_one_file, name="21")
    results = dict(running.run(client, work, items))
    assert len(results) == 40
    assert [each.file for each in results.values() if each.error] == ["21"]
    assert "its worker died" in results[21].error


def test_a_scheduler_that_goes_away_is_an_error_of_the_connection(tmp_path):
    from distributed import Client, LocalCluster

    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=True,
        dashboard_address="127.0.0.1:0",
        silence_logs=50,
    ) as cluster:
        client = Client(cluster)
        results = running.run(client, slow, [Item(str(n)) for n in range(500)])
        next(results)
        client.shutdown()
        with pytest.raises(ConnectionError, match=r"the scheduler at .* went away"):
            list(results)


def peak_kilobytes():
    """Return the most memory that this process has held."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_a_worker_holds_one_file_at_a_time_however_many_there_are(client, tmp_path):
    random = np.random.default_rng(11)
    # 4 million samples each: twenty together would be 240 MB.
    noise = Image.fromarray(random.integers(0, 256, (1000, 1334, 3), np.uint8))
    urls = []
    for number in range(20):
        noise.save(tmp_path / f"{number}.bmp")
        urls.append(str(tmp_path / f"{number}.bmp"))
    encode = functools.partial(
        distributed.encode_files,
        client=client,
        options=Options(colors=2, coding="packed", effort="fast", threads=1),
    )
    assert encode(urls[:4], str(tmp_path / "few")).failed == ()
    before = client.run(peak_kilobytes)
    assert encode(urls, str(tmp_path / "many")).failed == ()
    after = client.run(peak_kilobytes)
    assert before.keys() == after.keys()  # no worker was started anew
    assert max(after[worker] - before[worker] for worker in before) < 60_000


def slow(items):
    import time

    time.sleep(0.05)
    return [distributed.FileResult(file=item.file) for item in items]


def test_options_reach_the_workers(client, pictures, tmp_path):
    distributed.encode_files(
        [str(pictures[0])],
        str(tmp_path / "out"),
        client=client,
        options=Options(colors=3, coding="packed", seed=5, threads=1),
    )
    expected = kmq.encode(pictures[0], 3, coding="packed", seed=5)
    assert (tmp_path / "out" / "a.kmq").read_bytes() == expected
