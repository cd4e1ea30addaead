"""Building the extension module: what stops it, and what stops it being built wrongly."""

from __future__ import annotations

import platform
import shutil

import numpy as np
import pytest

pytest.importorskip("numba", reason="compiles kernels")

from kernels import extension
from kernels.extension import CannotBuildError, check_symbols
from kernels.level import write_level
from kernels.objects import UnsupportedError, versions_of
from prebuilt import examples

needs_a_compiler = pytest.mark.skipif(
    extension.obstacle() is not None, reason=str(extension.obstacle())
)


@pytest.mark.parametrize(
    ("environment", "reason"),
    [({"KMQ_PREBUILT": "0"}, "KMQ_PREBUILT is 0"), ({"CC": "no-such-cc -g"}, "no C compiler")],
)
def test_what_prevents_a_module_is_named_before_anything_is_compiled(
    monkeypatch, tmp_path, environment, reason
):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr("sys.platform", "linux")
    with pytest.raises(CannotBuildError, match=reason):
        extension.build(tmp_path / "module")
    assert not list(tmp_path.iterdir())


def test_other_platforms_have_none(monkeypatch):
    monkeypatch.delenv("KMQ_PREBUILT", raising=False)
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert "Linux on x86_64 and aarch64" in extension.obstacle()


def test_a_command_that_fails_is_named_with_its_last_line():
    with pytest.raises(CannotBuildError, match=r"^sh failed: it is broken$"):
        extension.run(["sh", "-c", "echo first >&2; echo it is broken >&2; exit 3"])
    with pytest.raises(CannotBuildError, match="no-such-command: "):
        extension.run(["no-such-command"])


def test_a_kernel_that_the_warm_up_never_calls_is_an_error():
    kernel = examples.kernel(lambda x: x)
    with pytest.raises(UnsupportedError, match="kernel unused: the warm-up never calls it"):
        versions_of(kernel, "unused")


@pytest.mark.parametrize("argument", [1j, "text", ((1, 2), 3), np.zeros((1,) * 5)], ids=repr)
def test_a_type_that_the_module_does_not_know_is_an_error(argument):
    kernel = examples.kernel(lambda x: 0)
    kernel(argument)
    with pytest.raises(UnsupportedError, match="kernel strange: "):
        versions_of(kernel, "strange")


@needs_a_compiler
def test_a_kernel_that_needs_the_mathematics_library_is_an_error(tmp_path):
    examples.power(2.0, 0.3)
    level = list(extension.LEVELS[platform.machine()])[-1]
    kernels = [(examples.power, versions_of(examples.power, "power"))]
    write_level(kernels, level, tmp_path)
    with pytest.raises(CannotBuildError, match="kernels need pow, which is not there"):
        check_symbols(tmp_path / f"{level}.o")


@needs_a_compiler
def test_levels_that_differ_are_an_error(tmp_path):
    (tmp_path / "a.json").write_text("one")
    (tmp_path / "b.json").write_text("other")
    with pytest.raises(CannotBuildError, match="differ"):
        extension.link(tmp_path, ["a", "b"])


@needs_a_compiler
def test_a_compiler_that_fails_is_one_clear_line(module_path, tmp_path, monkeypatch):
    for path in module_path.parent.iterdir():
        shutil.copy(path, tmp_path)
    monkeypatch.setenv("CC", "sh -c 'echo no such processor >&2; exit 1'")
    [level] = [path.stem for path in tmp_path.glob("*.o")]
    with pytest.raises(CannotBuildError, match=r"^sh failed: no such processor$"):
        extension.link(tmp_path, [level])
