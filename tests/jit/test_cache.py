from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import numba
import pytest

from kmq import KmqWarning, jit
from kmq.jit import cache as kernel_cache
from kmq.jit import compiling
from kmq.jit.trust import source_stamp

pytestmark = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="about compiled kernels")


def plus_one(x):
    return x + 1


def compiled_for(number):
    """Compile `plus_one` again, because code loaded from a cache cannot be saved again."""
    dispatcher = numba.njit(plus_one)
    dispatcher(number)
    return dispatcher.overloads.popitem()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache in an empty folder, and its saved contents."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    signature, result = compiled_for(1)
    made = kernel_cache.ForgivingCache(plus_one)
    made.save_overload(signature, result)
    return SimpleNamespace(
        cache=made,
        folder=tmp_path,
        load=lambda: made.load_overload(signature, result.target_context),
        save=lambda: made.save_overload(signature, result),
    )


@pytest.fixture
def compilations(monkeypatch):
    """The number of announcements that something has to be compiled."""
    announced = []
    monkeypatch.setattr(kernel_cache, "on_compile", [lambda: announced.append(1)])
    return announced


def test_what_is_kept_is_found_again(cache, compilations):
    assert cache.load().entry_point(41) == 42
    assert not compilations


@pytest.mark.parametrize("suffix", [".nbi", ".nbc"])
def test_damage_is_forgotten_and_compiled_anew(cache, compilations, suffix):
    [path] = cache.folder.rglob(f"*{suffix}")
    path.write_bytes(b"nonsense")
    assert cache.load() is None
    assert len(compilations) == 1
    cache.save()
    assert cache.load().entry_point(41) == 42


def test_damage_that_cannot_be_mended_ends_the_use_of_the_cache(cache, monkeypatch):
    [path] = cache.folder.rglob("*.nbi")
    path.write_bytes(b"nonsense")

    def fail(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(kernel_cache.ForgivingCache, "flush", fail)
    assert cache.load() is None
    cache.save()
    assert path.read_bytes() == b"nonsense"


def test_two_processes_that_save_at_once_lose_an_entry_at_most(cache, monkeypatch):
    """Each has read the index before the other wrote it."""
    signature, other = compiled_for(1.0)
    monkeypatch.setattr(kernel_cache._Files, "_load_index", lambda _: {})
    cache.cache.save_overload(signature, other)
    monkeypatch.undo()
    assert len(list(cache.folder.rglob("*.nbc"))) == 2
    found = cache.cache.load_overload(signature, other.target_context)
    assert found.signature.args == signature
    assert cache.load() is None


def test_without_a_folder_a_kernel_is_compiled_all_the_same(monkeypatch):
    def fail(_):
        raise RuntimeError("cannot cache function: no locator available")

    monkeypatch.setattr(compiling, "ForgivingCache", fail)
    monkeypatch.setattr(compiling, "kernels", [])
    monkeypatch.setattr(kernel_cache._Warned, "already", False)
    with pytest.warns(KmqWarning, match="no locator available.*NUMBA_CACHE_DIR"):
        assert jit.kernel(lambda x: x + 2)(40) == 42
    assert jit.cache_folder(compiling.kernels[0]) is None


def test_a_folder_that_can_only_be_read_serves_if_it_is_there(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    folder = kernel_cache.ForgivingCache(plus_one).cache_path
    monkeypatch.setattr("tempfile.TemporaryFile", fail)
    assert kernel_cache.ForgivingCache(plus_one).cache_path == folder
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "gone"))
    monkeypatch.setattr("os.makedirs", fail)
    with pytest.raises(PermissionError):
        kernel_cache._ReadableFolder(plus_one, __file__).ensure_cache_path()


def test_what_others_could_have_written_is_not_run(cache, compilations):
    [code] = cache.folder.rglob("*.nbc")
    code.chmod(0o666)
    assert cache.load() is None
    assert len(compilations) == 1


@pytest.mark.skipif(os.getuid() != 0, reason="only a superuser can give a folder away")
def test_a_folder_that_others_own_is_not_used(cache):
    os.chown(cache.cache.cache_path, 4321, 4321)
    with pytest.raises(RuntimeError, match="others can write to"):
        kernel_cache.ForgivingCache(plus_one)


def test_what_is_kept_only_this_user_can_write_to_whatever_the_mask(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    before = os.umask(0)
    try:
        made = kernel_cache.ForgivingCache(plus_one)
        made.save_overload(*compiled_for(1))
    finally:
        os.umask(before)
    kept = [Path(made.cache_path), *Path(made.cache_path).iterdir()]
    assert len(kept) == 3
    assert not [path for path in kept if path.stat().st_mode & 0o022]


@pytest.mark.parametrize(("name", "value"), [("OPT", 1), ("BOUNDSCHECK", 1)])
def test_code_made_with_other_settings_of_numba_is_not_taken(cache, monkeypatch, name, value):
    monkeypatch.setattr(numba.config, name, value)
    assert cache.load() is None


def test_code_that_another_kernel_inlines_is_parsed_then(cache):
    loaded = cache.load()
    names = {function.name for function in loaded.library._get_module_for_linking().functions}
    assert loaded.fndesc.llvm_func_name in names
    assert loaded.library._get_module_for_linking() is loaded.library._get_module_for_linking()


def test_sources_in_an_archive_are_reported_by_the_archive(tmp_path):
    archive = tmp_path / "application.pyz"
    stamps = set()
    for content in (b"old", b"newer"):
        archive.write_bytes(content)
        source_stamp.cache_clear()
        stamps.add(source_stamp(archive / "kmq" / "clustering"))
    assert len(stamps) == 2
    with pytest.raises(RuntimeError, match="no sources"):
        source_stamp(tmp_path / "nowhere")
