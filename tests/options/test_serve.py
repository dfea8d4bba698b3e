"""Options of `serve`."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.options.serve import ServeOptions


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"port": 70000}, "--port 70000: choose between 0 and 65535"),
        ({"queue": 2}, "--queue 2: less than --max-files 16"),
        ({"max_mb": 0}, "--max-mb 0: above 0"),
        ({"timeout": -1}, "--timeout -1: above 0"),
    ],
)
def test_what_makes_no_sense(given, said):
    with pytest.raises(OptionError, match=said):
        ServeOptions(model="x", **given)


def test_defaults_stay_on_this_machine():
    assert (ServeOptions(model="x").host, ServeOptions(model="x").port) == ("127.0.0.1", 8000)
    assert ServeOptions(model="x", queue=2, max_files=2).queue == 2
