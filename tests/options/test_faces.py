"""Options of `faces`."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.options.faces import FacesOptions


def test_defaults():
    options = FacesOptions(photos="x", out="y")
    assert (options.faces, options.align, options.image_size) == ("largest", "points", 224)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"faces": "center"}, "choose largest, centre or all; did you mean centre"),
        ({"margin": 3}, "--margin 3: choose between 0 and 2"),
        ({"min_score": -1}, "--min-score -1: choose between 0 and 1"),
        ({"image_size": 8}, "--image-size 8: choose between 16 and 2048 pixels"),
        ({"image_size": "auto"}, "--image-size auto: give a whole number"),
        ({"fps": 0}, "--fps 0: above 0 frames a second"),
    ],
)
def test_what_makes_no_sense(given, said):
    with pytest.raises(OptionError, match=said):
        FacesOptions(photos="x", out="y", **given)
