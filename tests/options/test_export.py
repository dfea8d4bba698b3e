"""Options of `export`."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.options.export import ExportOptions
from headstart.options.record import build


def test_a_folder_must_be_said():
    with pytest.raises(OptionError, match=r"^export needs -o FOLDER$"):
        build(ExportOptions, ["run"], {})
    assert not build(ExportOptions, ["run"], {"out": "x"}).int8


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"max_drop": 101}, "--max-drop 101: choose between 0 and 100 points"),
        ({"threshold": 1.0}, "--threshold 1.0: at least 0 and below 1"),
        ({"max_drop": 3}, "--max-drop 3 is of int8: say --int8 too, or leave it out"),
        ({"int8": 1}, "--int8 1: give true or false"),
    ],
)
def test_what_makes_no_sense(given, said):
    with pytest.raises(OptionError, match=f"^{said}$"):
        ExportOptions(run="run", out="x", **given)
