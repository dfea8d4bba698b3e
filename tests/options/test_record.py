"""Records of options: declared once, checked before any work."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import pytest

from headstart.errors import OptionError
from headstart.options.audit import AuditOptions
from headstart.options.record import Limits, Options, build, option, options_of, subject, unknown
from headstart.options.train import TrainOptions


@dataclass(frozen=True, kw_only=True)
class BakeOptions(Options):
    """What `bake` is told."""

    EXAMPLES: ClassVar[tuple[str, ...]] = ("headstart bake dough",)

    dough: str | Path = subject(help="What is baked.")
    heat: float = option(180.0, group="training", help="How hot.", low=50, high=250, unit="degrees")
    shape: Literal["round", "long"] = option("round", group="model", help="Its shape.")
    spices: str | None = option(None, group="data", help="Any.", words=("salt", "caraway"))
    out: str = option(group="output", help="Where to.", metavar="PLATE")

    def contradictions(self) -> Iterator[str]:
        if self.shape == "long" and self.spices:
            yield "--shape long takes no --spices"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"heat": 300}, "--heat 300: choose between 50 and 250 degrees"),
        ({"heat": "hot"}, "--heat hot: give a number"),
        ({"heat": None}, "--heat None: give a number"),
        ({"shape": "rond"}, "--shape rond: choose round or long; did you mean round?"),
        ({"spices": "salt,carawy"}, "--spices carawy: choose salt or caraway; did you mean car"),
        ({"spices": " "}, "--spices is empty: leave it out, or give text"),
        ({"dough": 3}, "DOUGH 3: give a path"),
        ({"out": 3}, "-o 3: give text"),
        ({"shape": "long", "spices": "salt"}, "--shape long takes no --spices"),
        # a value is wrong before it contradicts another
        ({"shape": "long", "spices": "salt", "heat": 1}, "--heat 1: choose between"),
    ],
)
def test_what_makes_no_sense(given, said):
    with pytest.raises(OptionError) as caught:
        BakeOptions(**{"dough": "d", "out": "o"} | given)
    assert str(caught.value).startswith(said)


def test_a_record_is_frozen_and_in_its_types():
    record = BakeOptions(dough="d", heat=200, out="o")
    assert type(record.heat) is float
    with pytest.raises(dataclasses.FrozenInstanceError):
        record.heat = 1.0


def test_build_by_place_and_by_name():
    assert build(BakeOptions, ["d"], {"out": "o"}) == BakeOptions(dough="d", out="o")
    for subjects, given, said in (
        ([], {"out": "o"}, "bake needs DOUGH"),
        (["d"], {}, "bake needs -o PLATE"),
        (["d", "e"], {"out": "o"}, "bake takes DOUGH only: e is one too many"),
        (["d"], {"dough": "e"}, "DOUGH is given twice"),
        (["d"], {"heta": 3}, "bake has no --heta; did you mean --heat?"),
        (["d"], {"zebra": 3}, "bake has no --zebra: 'headstart bake --help' lists its flags"),
    ):
        with pytest.raises(OptionError) as caught:
            build(BakeOptions, subjects, given)
        assert str(caught.value) == said


def test_options_of_a_record():
    found = {each.name: each for each in options_of(BakeOptions)}
    assert list(found) == ["dough", "heat", "shape", "spices", "out"]
    assert found["out"].flags == ("-o", "--out")
    assert (found["out"].needed, found["heat"].needed) == (True, False)
    assert found["shape"].metavar == "{round,long}"
    assert found["dough"].label == "DOUGH"
    assert BakeOptions.verb() == "bake"
    assert "--json" in str(unknown(BakeOptions, "--jsn"))


@pytest.mark.parametrize(
    ("limits", "inside", "outside", "said"),
    [
        (Limits(low=1), 1, 0, "at least 1"),
        (Limits(low=0, high=1), 1, 1.5, "choose between 0 and 1"),
        (Limits(above=0), 0.1, 0, "above 0"),
        (Limits(above=0, high=0.5), 0.5, 0, "above 0, up to 0.5"),
        (Limits(low=0, below=1), 0, 1, "at least 0 and below 1"),
        (Limits(above=0, unit="minutes"), 5, -1, "above 0 minutes"),
    ],
)
def test_limits(limits, inside, outside, said):
    assert limits.hold(inside)
    assert not limits.hold(outside)
    assert str(limits) == said


def test_what_the_recipe_has_is_no_flag_and_is_said_to_be_there():
    for word in ("freeze", "frozen_views"):
        with pytest.raises(OptionError, match=f"part of the recipe: --recipe {word}="):
            build(TrainOptions, ["d"], {word: 2})


def test_what_a_shell_joins_by_commas_is_a_list_in_python():
    assert AuditOptions(run="r", by=["age", "sex"]).by == "age,sex"


def test_images_in_memory_are_told_where_they_are_read_from():
    with pytest.raises(
        OptionError, match=r"^DATA a list of 500: give a path; images are read from"
    ):
        TrainOptions(data=[0.25] * 500)
    with pytest.raises(
        OptionError, match=r"^train takes DATA only: \['a'\] is one too many; images"
    ):
        build(TrainOptions, ["d", ["a"]], {})
