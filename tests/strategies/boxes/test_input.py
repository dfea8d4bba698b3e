"""The size of the input follows from the smallest objects; options make a recipe."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.strategies.box_sets import QUIET, scenes

from headstart.errors import OptionError
from headstart.images.deep import EIGHT_BITS
from headstart.nets.pretrained.backbone import open_backbone
from headstart.strategies.boxes.input import (
    box_recipe,
    choose_box_input,
    most_boxes,
    named_kind,
    steps_to_epochs,
)
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.training.schedule import Recipe


def test_small_objects_are_shown_larger(tmp_path):
    dataset, backbone = scenes(tmp_path, 8, 2), open_backbone("starter")
    plain = choose_box_input(dataset, backbone, "auto", "square", EIGHT_BITS, QUIET)
    assert (plain.size, plain.geometry) == (320, "pad")
    labels = dataset.labels
    small = labels.corners.copy()
    own = labels.classes == 1
    small[own, 2:] = small[own, :2] + 5
    changed = replace(dataset, labels=replace(labels, corners=small))
    assert choose_box_input(changed, backbone, "auto", "square", EIGHT_BITS, QUIET).size == 416
    asked = choose_box_input(changed, backbone, 250, "squash", EIGHT_BITS, QUIET)
    assert (asked.size, asked.geometry) == (256, "squash")
    with pytest.raises(OptionError, match="crop"):
        choose_box_input(changed, backbone, "auto", "crop", EIGHT_BITS, QUIET)


def test_crowded_images_keep_more_boxes(tmp_path):
    labels = scenes(tmp_path, 4, 1).labels
    assert most_boxes(labels) == 100
    many = replace(
        labels, offsets=np.array([0, 300, 300, 300, 300]),
        corners=np.tile([0.0, 0, 9, 9], (300, 1)),
        classes=np.zeros(300, np.int64), crowd=np.zeros(300, bool),
        difficult=np.zeros(300, bool), truncated=np.zeros(300, bool),
    )  # fmt: skip
    assert most_boxes(many) == 600


def test_options_make_a_recipe_and_epochs():
    assert box_recipe({}, Recipe(hflip="no")).hflip == "no"
    recipe = box_recipe({"recipe": "low=0.8", "lr": 1e-3, "epochs": 3}, BoxRecipe())
    assert (recipe.low, recipe.lr, recipe.epochs, recipe.head_epochs) == (0.8, 1e-3, 3, 3)
    assert steps_to_epochs({"epochs": 3}, recipe, 1000, 8) == 3
    assert steps_to_epochs({"recipe": "epochs=2"}, replace(recipe, epochs=2), 1000, 8) == 2
    plain = BoxRecipe(epochs=4, steps=100, longest=20)
    assert steps_to_epochs({}, plain, 1000, 8) == 4
    assert steps_to_epochs({}, plain, 80, 8) == 10
    assert steps_to_epochs({}, plain, 8, 8) == 20


def test_only_torchvisions_detectors_are_named_kinds():
    assert named_kind({}) is named_kind({"detector": "auto"}) is None
    assert named_kind({"detector": "ssd"}) == "ssd"
