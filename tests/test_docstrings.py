"""Each public docstring stands alone, says what the signature says, and its examples run."""

from __future__ import annotations

import doctest
import inspect
import re
from operator import attrgetter
from typing import get_args

import pytest

import kmq
from kmq import choices

FUNCTIONS = ("apply", "decode", "encode", "fit", "info", "load", "open", "quantize", "save")
DOCUMENTED = (*FUNCTIONS, "Options")
WITHOUT_EXAMPLE = {"FormatError", "KmqError", "KmqWarning", "LimitError", "OptionError", "kmeans"}
"""Errors, whose one sentence says all, and a module whose examples another test runs."""

VARIANTS = {
    # `fit` sees a histogram, which has neither targets, nor indices, nor a palette of its own.
    "colors": {"fit", "quantize"},
    "effort": {"fit"},
    "init": {"fit", "quantize"},
    "pinned": {"fit", "quantize"},
    # `quantize` has one target, not two.
    "psnr": {"quantize"},
    "weights": {"quantize"},
    # `apply` has no target.
    "rdo": {"apply", "quantize"},
    "dither": {"apply"},
    # `encode` and `save` also take an IndexedImage.
    "image": {"apply", "quantize"},
    # Encoding limits what is read, decoding what is decoded.
    "max_pixels": {"decode", "load", "open"},
}
"""Functions that may describe a parameter differently, and why."""

SHARED = sorted(
    {
        parameter
        for name in DOCUMENTED
        for parameter in inspect.signature(getattr(kmq, name)).parameters
    }
)


def parameters_of(name: str) -> dict[str, tuple[str, str]]:
    """Return the type and the text of each parameter that a docstring describes, in order."""
    text = inspect.getdoc(attrgetter(name)(kmq))
    section = re.search(r"^Parameters\n-+\n(.*?)\n\n", text, re.MULTILINE | re.DOTALL)
    entries = re.findall(r"^(\w+) : (.+)\n((?: .+\n?)+)", section[1], re.MULTILINE)
    return {name: (kind, " ".join(body.split())) for name, kind, body in entries}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_each_parameter_is_described_in_order(name):
    signature = inspect.signature(getattr(kmq, name))
    assert list(parameters_of(name)) == list(signature.parameters)
    kinds = {parameter.kind for parameter in signature.parameters.values()}
    assert not kinds & {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_descriptions_state_the_default_of_the_signature(name):
    described = parameters_of(name)
    for parameter in inspect.signature(getattr(kmq, name)).parameters.values():
        kind, _ = described[parameter.name]
        default = kind.partition(", default ")[2].replace("2^28", str(1 << 28)).replace('"', "'")
        if parameter.default is None:
            assert kind.endswith(", optional"), parameter
        elif parameter.default is inspect.Parameter.empty:
            assert not default, parameter
            assert "optional" not in kind
        else:
            assert default == repr(parameter.default)


@pytest.mark.parametrize("parameter", SHARED)
def test_a_parameter_is_described_in_the_same_words_everywhere(parameter):
    functions = [name for name in DOCUMENTED if parameter in parameters_of(name)]
    variants = VARIANTS.get(parameter, set())
    usual = {parameters_of(name)[parameter] for name in functions if name not in variants}
    assert len(usual) <= 1
    for name in variants:  # those that use the usual words do not belong on the list
        assert parameters_of(name)[parameter] not in usual


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_description_mentions_no_parameter_that_is_not_there(name):
    there = set(inspect.signature(getattr(kmq, name)).parameters)
    if name == "Options":
        there.add("weights")  # an argument that `encode` takes besides what it puts into Options
    for _, text in parameters_of(name).values():
        mentioned = set(re.findall(r"`(\w+)`", text))
        assert mentioned & set(SHARED) <= there


@pytest.mark.parametrize(
    ("parameter", "choice"),
    [
        ("effort", choices.Effort),
        ("coding", choices.Coding),
        ("alpha", choices.Alpha),
        ("dither_method", choices.DitherMethod),
    ],
)
def test_descriptions_list_the_choices_of_the_type(parameter, choice):
    kind, _ = parameters_of("Options")[parameter]
    listed = re.fullmatch(r"\{(.+)\}, .+", kind)[1]
    assert listed == ", ".join(f'"{each}"' for each in get_args(choice))


@pytest.mark.parametrize("name", DOCUMENTED)
def test_errors_are_described(name):
    assert "\nRaises\n------\n" in inspect.getdoc(getattr(kmq, name))


@pytest.mark.parametrize("name", DOCUMENTED)
def test_no_docstring_sends_the_reader_to_another(name):
    assert not re.search(
        r"\b[Aa]s (for )?`(kmq|[a-z]+\b` does)|has (it|them)\b", getattr(kmq, name).__doc__
    )


@pytest.mark.parametrize("name", sorted({*kmq.__all__} - WITHOUT_EXAMPLE - {"__version__"}))
def test_the_examples_of_public_docstrings_run(name):
    found = doctest.DocTestFinder().find(getattr(kmq, name), name)
    examples = [test for test in found if test.examples]
    assert examples
    for example in examples:
        assert doctest.DocTestRunner().run(example).failed == 0


@pytest.mark.parametrize("parameter", ["image", "background", "alpha", "max_pixels"])
def test_counting_an_image_describes_how_it_is_read_as_quantize_does(parameter):
    assert parameters_of("Histogram.from_image")[parameter] == parameters_of("quantize")[parameter]
