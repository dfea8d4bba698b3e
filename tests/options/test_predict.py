"""Options of `predict`."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.options.predict import PredictOptions
from headstart.options.record import build


def test_defaults_of_how_it_is_printed():
    options = build(PredictOptions, ["run", "x.png"], {})
    assert (options.format, options.top, options.abstain_below) == ("table", 1, 0.0)


def test_images_of_a_generator_are_kept():
    options = build(PredictOptions, ["run", (f"{n}.png" for n in range(2))], {})
    assert options.images == ("0.png", "1.png")


@pytest.mark.parametrize(
    "given", [{"format": "json"}, {"top": 0}, {"abstain_below": 1.1}, {"fps": 0}, {"images": True}]
)
def test_what_makes_no_sense(given):
    with pytest.raises(OptionError):
        PredictOptions(**{"model": "run", "images": "x.png"} | given)
