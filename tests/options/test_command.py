"""A verb out of a record and a function."""

from __future__ import annotations

import inspect

import pytest
from tests.options.test_record import BakeOptions

from headstart.errors import OptionError
from headstart.images.pixels import Progress, silent
from headstart.options.command import command


@command(BakeOptions)
def bake(options: BakeOptions, progress: Progress = silent) -> str:
    """Bakes.

    Slowly.

    Returns:
        The bread.
    """
    progress("baking", 1, 1)
    return f"{options.shape} {options.dough} at {options.heat:g}"


def test_it_takes_subjects_by_place_and_the_rest_by_name():
    seen = []
    bread = bake("rye", out="plate", heat=200, progress=lambda *each: seen.append(each))
    assert bread == "round rye at 200"
    assert seen == [("baking", 1, 1)]
    assert bake(dough="rye", out="plate") == "round rye at 180"
    assert bake.run(BakeOptions(dough="rye", out="plate")) == "round rye at 180"


def test_what_makes_no_sense_is_refused_before_the_call():
    with pytest.raises(OptionError, match="did you mean --heat"):
        bake("rye", out="plate", heta=3)
    with pytest.raises(OptionError, match="bake needs -o PLATE"):
        bake("rye")


def test_signature_and_docstring():
    signature = inspect.signature(bake)
    kinds = {name: each.kind.name for name, each in signature.parameters.items()}
    assert kinds.pop("dough") == "POSITIONAL_OR_KEYWORD"
    assert set(kinds.values()) == {"KEYWORD_ONLY"}
    assert list(kinds) == ["heat", "shape", "spices", "out", "progress"]
    assert signature.parameters["heat"].default == 180.0
    assert signature.parameters["heat"].annotation is float
    assert signature.parameters["out"].default is inspect.Parameter.empty
    assert signature.return_annotation is str
    doc = inspect.getdoc(bake)
    assert doc.startswith("Bakes.\n\nSlowly.\n\nArgs:\n    dough: What is baked.\n")
    told = "Called with (phase, done, total) as work goes on; with 0 of 1 as a phase begins."
    assert f"    progress: {told}\n\nReturns:\n    The bread." in doc
