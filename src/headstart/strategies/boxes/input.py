"""What is decided of a training of boxes before any image is read: input, recipe, what reads maps.

Images are decoded beside the import of torch, so that none of this may need it.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal, cast, get_args

import numpy as np

from headstart.choices import BoxDetector, Geometry
from headstart.compute import Compute
from headstart.data.boxes.boxes import Boxes
from headstart.data.dataset import Dataset
from headstart.images.deep import Levels
from headstart.images.preprocess import Preprocess
from headstart.nets.pretrained.backbone import Backbone
from headstart.strategies.placed.input import names_epochs, told_recipe, whole_input
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.training.schedule import Recipe, epochs_of

__all__ = [
    "box_recipe",
    "choose_box_input",
    "learns_without_maps",
    "most_boxes",
    "named_kind",
    "steps_to_epochs",
]

_SIDES = (320, 416)
# Of the objects of the class with the smallest, half have at most so many pixels a side: they are
# shown larger.
_SMALL = 24.0
_MOST, _LARGEST_MOST = 100, 1000


def choose_box_input(
    dataset: Dataset,
    network: Backbone,
    image_size: int | Literal["auto"],
    geometry: Geometry,
    levels: Levels,
    compute: Compute,
) -> Preprocess:
    """Chooses the input's side: larger where the objects of a class are small.

    Args:
        dataset: N items with boxes.
        network: It says how its weights were trained to see.
        image_size: Side in pixels, or ``"auto"``.
        geometry: How an image becomes a square; boxes are wanted of the whole of it.
        levels: Of images deeper than 8 bits.
        compute: Who hears of progress.

    Raises:
        OptionError: If a part of each image would not be seen.
    """
    preprocess, free = whole_input(
        network, image_size, geometry, levels, wanted="boxes are wanted on all of it"
    )
    if not free:
        return preprocess
    compute.begin("choosing the size of the input")
    small = _smallest(cast(Boxes, dataset.labels), _SIDES[0])
    return replace(preprocess, size=_SIDES[1] if small < _SMALL else _SIDES[0])


def _smallest(labels: Boxes, side: int) -> float:
    """Returns the median side of the objects of the class with the smallest, on an input."""
    sound = labels.sound
    longest = np.maximum(sound.sizes.max(axis=1), 1)[sound.items]
    sides = sound.corners[:, 2:] - sound.corners[:, :2]
    shown = np.sqrt(sides.prod(axis=1)) * side / longest
    medians = [
        float(np.median(shown[sound.classes == kind])) for kind in np.unique(sound.classes).tolist()
    ]
    return min(medians, default=math.inf)


def named_kind(options: dict[str, Any]) -> BoxDetector | None:
    """Returns which of torchvision's detectors a training was asked for; None for ours.

    Args:
        options: Of the verb, as it was told.
    """
    given = options.get("detector")
    return cast(BoxDetector, given) if given in get_args(BoxDetector) else None


def learns_without_maps(options: dict[str, Any]) -> bool:
    """Tells whether nothing reads the maps of the given network: all of a detector is trained.

    Args:
        options: Of the verb, as it was told.
    """
    return named_kind(options) is not None and options.get("strategy") != "probe"


def most_boxes(labels: Boxes) -> int:
    """Returns how many boxes of an image are kept: 100 as COCO has it, more of crowded images."""
    return int(np.clip(2 * labels.counts.max(initial=0), _MOST, _LARGEST_MOST))


def box_recipe(options: dict[str, Any], given: Recipe) -> BoxRecipe:
    """Returns the recipe of boxes, from what a training was told.

    Args:
        options: Of the verb, as it was told.
        given: What they make of a recipe for classes.

    Raises:
        OptionError: If the options name what a recipe of boxes does not have.
    """
    base = given
    if not isinstance(base, BoxRecipe):  # the task was seen in the data, after the options
        base = BoxRecipe(hflip=given.hflip, balance=given.balance)
    read, epochs = told_recipe(options, base), options.get("epochs", "auto")
    if epochs != "auto":
        read = replace(read, epochs=int(epochs), head_epochs=int(epochs))
    return read


def steps_to_epochs(options: dict[str, Any], recipe: BoxRecipe, images: int, batch: int) -> int:
    """Returns the epochs of fine-tuning: as asked for, or enough for the least number of steps.

    Args:
        options: Of the verb.
        recipe: Its epochs, steps and `longest`.
        images: That are learnt from.
        batch: In a step.
    """
    if names_epochs(options):
        return recipe.epochs
    wanted = epochs_of(recipe.steps, images, batch)
    return max(recipe.epochs, min(wanted, max(recipe.longest, recipe.epochs)))
