"""What is made of what was told: whole images, and a recipe."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.images.deep import EIGHT_BITS
from headstart.nets.pretrained.backbone import open_backbone
from headstart.strategies.placed.input import names_epochs, told_recipe, whole_input
from headstart.tasks.segmentation.recipe import MaskRecipe


def test_whole_images_are_seen_at_a_side_that_the_network_takes():
    backbone = open_backbone("starter")
    found, free = whole_input(backbone, "auto", "square", EIGHT_BITS, wanted="all is wanted")
    assert (found.geometry, free) == ("pad", True)
    for asked, side in ((100, 96), (5, 32)):
        found, free = whole_input(backbone, asked, "squash", EIGHT_BITS, wanted="all is wanted")
        assert (found.size, found.geometry, free) == (side, "squash", False)
    with pytest.raises(OptionError, match="and all is wanted: leave it out"):
        whole_input(backbone, 64, "crop", EIGHT_BITS, wanted="all is wanted")


def test_a_rate_that_was_asked_for_stands_beside_the_recipe():
    read = told_recipe({"recipe": "width=32,epochs=3", "lr": 0.5}, MaskRecipe())
    assert (read.width, read.epochs, read.lr) == (32, 3, 0.5)
    assert told_recipe({"lr": "find"}, MaskRecipe()) == MaskRecipe()
    with pytest.raises(OptionError, match="bins"):
        told_recipe({"recipe": "bins=3"}, MaskRecipe())


def test_epochs_are_named_by_their_own_name_alone():
    assert names_epochs({"epochs": 3})
    assert names_epochs({"recipe": "width=32, epochs=3"})
    assert not names_epochs({"epochs": "auto", "recipe": "head_epochs=3"})
    assert not names_epochs({"recipe": None})
