"""Flags out of a record, and the record out of a command line."""

from __future__ import annotations

import pytest
from tests.options.test_record import BakeOptions

from headstart.errors import OptionError
from headstart.options.enroll import EnrollOptions
from headstart.options.shell import Looks, help_of, read
from headstart.options.train import TrainOptions


def test_words_become_a_record():
    words = "--heat 99.5 rye --shape=long -o plate --json"
    assert read(BakeOptions, words.split()) == (
        BakeOptions(dough="rye", heat=99.5, shape="long", out="plate"),
        Looks(json=True, quiet=False),
    )
    assert read(BakeOptions, ["-o", "plate", "--", "--rye"])[0].dough == "--rye"


def test_switches():
    assert read(TrainOptions, ["x"])[0].drop_leaks
    assert not read(TrainOptions, ["x", "--no-drop-leaks"])[0].drop_leaks
    assert read(TrainOptions, ["x", "--faces"])[0].faces


def test_several_subjects():
    words = ["gallery", "a.jpg", "--name", "Ann", "b.jpg"]
    assert read(EnrollOptions, words)[0].photos == ("a.jpg", "b.jpg")
    assert read(EnrollOptions, ["gallery", "--remove", "Ann"])[0].photos is None
    assert read(EnrollOptions, ["gallery", "people"])[0].photos == "people"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("rye -o plate --heat warm", "--heat warm: give a number"),
        ("rye -o plate --heat", "--heat needs a value: give a number"),
        ("rye -o", "-o needs a value: give text"),
        ("rye --hea 3", "bake has no --hea; did you mean --heat?"),
        ("rye -o plate --json=3", "--json takes no value"),
    ],
)
def test_what_makes_no_sense(words, said):
    with pytest.raises(OptionError) as caught:
        read(BakeOptions, words.split())
    assert str(caught.value) == said


def test_help():
    text = help_of(BakeOptions, "dough in; bread out")
    assert text.startswith("usage: headstart bake DOUGH -o PLATE [flags]\n\nDough in; bread out.")
    assert "How hot. (default 180)" in text
    assert text.endswith("examples:\n  headstart bake dough")
    assert "only on --name" not in text
    assert "with --name, photos" in " ".join(help_of(EnrollOptions, "people").split())
