"""The vectors pin the specification: a decoder that misreads a rule fails at some vector."""

from __future__ import annotations

import re
import sys
from types import ModuleType

import pytest
from test_format import FORMATS, MANIFEST, described, invalid, valid

from reliability.misreadings import MISREADINGS, UNOBSERVABLE, Misreading, Unobservable

SOURCES = {
    name: (FORMATS / f"{name}.py").read_text()
    for name in ("reference_modelled", "reference_decoder")  # the second imports the first
}
EVERY_CHANGE = (*MISREADINGS, *UNOBSERVABLE)


def lines_with(part: str) -> list[str]:
    """Return the lines of the reference decoder that contain a text, without comments."""
    lines = [line for source in SOURCES.values() for line in source.splitlines()]
    return [line for line in lines for _ in range(re.sub("(^| ) *# .*", "", line).count(part))]


def misread(change: Misreading | Unobservable, patch: pytest.MonkeyPatch) -> ModuleType:
    """Return the reference decoder with a change applied."""
    for name, source in SOURCES.items():
        decoder = ModuleType(name)
        patch.setitem(sys.modules, name, decoder)
        code = compile(source.replace(change.right, change.wrong), f"misread {name}.py", "exec")
        exec(code, decoder.__dict__)
    return decoder


def agrees(decoder: ModuleType, name: str) -> bool:
    """Whether a decoder's result for a vector agrees with the manifest."""
    is_valid = name in MANIFEST["valid"]
    data = valid(name) if is_valid else invalid(name)
    try:
        image = decoder.decode(data)
    except decoder.FormatError:
        return not is_valid
    except NameError:
        raise  # this is not a misreading
    except Exception:
        return False
    return is_valid and described(image) == MANIFEST["valid"][name]


def takes_long(name: str) -> bool:
    """Whether the reference decoder takes most of a second for a vector."""
    expected = MANIFEST["valid"].get(name)
    return expected is not None and expected["width"] * expected["height"] > 20_000


def test_each_misreading_has_a_name_of_its_own_and_changes_one_line():
    assert len({change.rule for change in EVERY_CHANGE}) == len(EVERY_CHANGE)
    assert [change for change in EVERY_CHANGE if len(lines_with(change.right)) != 1] == []
    assert [change for change in EVERY_CHANGE if change.wrong == change.right] == []
    assert len(MISREADINGS) > 60


@pytest.mark.parametrize(
    "misreading",
    [
        pytest.param(
            misreading,
            id=misreading.rule,
            marks=[pytest.mark.soak] if takes_long(misreading.caught_by) else [],
        )
        for misreading in MISREADINGS
    ],
)
def test_a_misreading_is_caught_by_its_vector(misreading, monkeypatch):
    assert not agrees(misread(misreading, monkeypatch), misreading.caught_by)


@pytest.mark.soak
@pytest.mark.parametrize("change", UNOBSERVABLE, ids=lambda change: change.rule)
def test_a_change_that_is_listed_as_unobservable_is_caught_by_no_vector(change, monkeypatch):
    decoder = misread(change, monkeypatch)
    names = [name for kind in MANIFEST.values() for name in kind if not takes_long(name)]
    assert [name for name in names if not agrees(decoder, name)] == []
