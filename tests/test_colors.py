from __future__ import annotations

import numpy as np
import pytest

from kmq import OptionError
from kmq.colors import parse_color


@pytest.mark.parametrize(
    "color",
    [
        "no such colour",
        "",
        "rgb(300, 0, 0)",
        (1, 2),
        (0, 0, 256),
        (0.5, 0, 0),
        5,
        b"red",
        {1, 2, 3},
        None,
    ],
)
def test_a_background_that_is_no_colour_is_refused(color):
    with pytest.raises(OptionError, match="background"):
        parse_color(color)


@pytest.mark.parametrize(
    "color",
    [
        "red",
        "#f00",
        "#ff0000",
        "rgb(255, 0, 0)",
        (255, 0, 0),
        [255, 0, 0],
        np.array([255, 0, 0], np.uint8),
        (np.int64(255), 0, 0),
    ],
)
def test_colours_have_many_names(color):
    assert parse_color(color) == (255, 0, 0)
