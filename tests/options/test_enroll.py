"""Options of `enroll`."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.options.enroll import EnrollOptions


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "nothing to do"),
        ({"photos": []}, "nothing to do"),
        ({"name": "Ann"}, "--name Ann needs PHOTOS"),
        ({"move": True, "remove": "Ann"}, "--move needs PHOTOS"),
        ({"remove_photo": " "}, "--remove-photo is empty"),
        ({"name": " ", "photos": "x"}, "--name is empty"),
        ({"photos": ["a", "b"]}, "say who with --name"),
        ({"far": 0}, "--far 0: above 0, up to 0.5"),
        ({"k": 0}, "--k 0: at least 1 photo"),
    ],
)
def test_what_makes_no_sense(given, said):
    with pytest.raises(OptionError, match=said):
        EnrollOptions(gallery="g", **given)


def test_settings_that_are_wanted():
    assert EnrollOptions(gallery="g", remove="Ann").wanted == {}
    assert EnrollOptions(gallery="g", remove_photo="a.jpg").wanted == {}
    options = EnrollOptions(gallery="g", far=0.01, k=3)
    assert options.wanted == {"k": 3, "far": 0.01}
    assert EnrollOptions(gallery="g", photos=["a", "b"], name="Ann").photos == ("a", "b")
