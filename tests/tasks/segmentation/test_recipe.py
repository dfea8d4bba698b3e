"""The recipe of masks refuses what makes no sense."""

from __future__ import annotations

import pytest

from headstart.errors import OptionError
from headstart.tasks.segmentation.recipe import MaskRecipe
from headstart.training.schedule import parse_recipe


@pytest.mark.parametrize("text", ["width=4", "views=0", "steps=0", "dice=-1", "mixup=0.2"])
def test_what_cannot_be_is_refused(text):
    with pytest.raises(OptionError, match=text.split("=")[0]):
        parse_recipe(text, MaskRecipe())


def test_names_of_every_recipe_are_understood():
    read = parse_recipe("width=64,ema=0,batch=8", MaskRecipe())
    assert (read.width, read.ema, read.batch) == (64, 0.0, 8)
    assert read.said["width"] == 64
