"""Which tasks have a way of their own, as the options of a training know it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import pytest

from headstart.errors import OptionError
from headstart.options.train import TrainOptions
from headstart.options.ways import (
    has_own_way,
    learns_boxes,
    learns_classes,
    learns_places,
    recipe_of,
)
from headstart.strategies.classes.train import train_classes
from headstart.strategies.ways import way_of
from headstart.tasks import TASKS, told_apart
from headstart.training.schedule import Recipe, parse_recipe


@pytest.mark.parametrize("task", [*TASKS, "auto", "something new"])
def test_options_and_strategies_agree_on_who_has_a_way_of_its_own(task):
    assert has_own_way(task) == (way_of(task) is not train_classes)


@pytest.mark.parametrize("task", TASKS)
def test_a_task_without_a_way_of_its_own_knows_the_plain_recipe_only(task):
    names = {each.name for each in fields(recipe_of(task))}
    plain = {each.name for each in fields(Recipe)}
    assert (names > plain) if has_own_way(task) else (names == plain)


def test_only_identities_can_be_told_how_to_be_mined():
    assert parse_recipe("mining=hard", recipe_of("identity")).mining == "hard"
    assert TrainOptions(data="x", task="identity", recipe="mining=hard").given_recipe().mining
    with pytest.raises(OptionError, match="mining"):
        TrainOptions(data="x", task="classification", recipe="mining=hard")


def test_a_recipe_is_had_without_torch():
    code = "from headstart.options.ways import recipe_of; import sys; recipe_of('auto'); "
    code += "recipe_of('identity'); print({'torch', 'timm', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_detectors_of_objects_learn_boxes_only():
    assert learns_boxes("detection")
    assert learns_boxes("auto"), "the data will say"
    assert not learns_boxes("segmentation")
    assert learns_places("segmentation")
    assert learns_places("detection")
    assert not learns_places("regression")


@pytest.mark.parametrize("task", TASKS)
def test_a_column_is_balanced_where_answers_are_told_apart_by_classes(task):
    assert learns_classes(task) == (told_apart(task) == "classes")
    assert learns_classes("auto")
