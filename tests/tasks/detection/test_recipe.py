"""What a recipe of boxes takes."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.records import to_json
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.training.schedule import parse_recipe


def test_numbers_are_told_by_name():
    recipe = parse_recipe("low=0.5,upside=yes,probe_strengths=1/10,lr=1e-3", BoxRecipe())
    assert (recipe.low, recipe.upside, recipe.strengths, recipe.lr) == (0.5, True, (1, 10), 1e-3)
    assert "probe_top" in to_json(recipe.said)


@pytest.mark.parametrize(
    "wrong",
    [
        "low=2", "high=9", "width=2", "bins=1", "views=0", "top=0", "room=0.5", "shift=-1",
        "visible=0", "overlap=1.5", "floor=1", "probe_strengths=a", "probe_strengths=-1/1",
        "mixup=0.2", "saturation=2",
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(OptionError, match="--recipe"):
        parse_recipe(wrong, BoxRecipe())


def test_a_frozen_detector_answers_by_an_overlap_of_its_own():
    recipe = parse_recipe("overlap=0.7,probe_overlap=0.4", BoxRecipe())
    assert recipe.of_probe.overlap == 0.4
    assert recipe.overlap == 0.7
