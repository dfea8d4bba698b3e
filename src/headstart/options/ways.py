"""Which tasks are not trained class by class, the recipe of each, and what it is never told."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, cast

from headstart.options.kinds import joined_words

if TYPE_CHECKING:
    from headstart.training.schedule import Recipe

__all__ = [
    "has_own_way",
    "in_recipe",
    "learns_boxes",
    "learns_classes",
    "learns_masks",
    "learns_places",
    "recipe_of",
    "unsuited",
    "unsuited_views",
]

# Tasks that name their own way of training (`strategies.ways`): where the recipe of each is.
_RECIPES = {
    "identity": ("headstart.tasks.identity.recipe", "MetricRecipe"),
    "segmentation": ("headstart.tasks.segmentation.recipe", "MaskRecipe"),
    "detection": ("headstart.tasks.detection.recipe", "BoxRecipe"),
}

_FROZEN = (
    "begins at the frozen features and measures them beside, whatever the strategy: leave "
    "--strategy {} out"
)
_SCRATCH = "has no training from scratch: leave --strategy {} out"
_UNSUITED = {
    "identity": {"probe": _FROZEN, "scratch": _FROZEN},
    "segmentation": {"scratch": _SCRATCH},
    "detection": {"scratch": _SCRATCH},
}
# How many views of an image a task averages; those of its own way one, where nothing is said.
_VIEWS = {"segmentation": (1, 2, 8), "classification": (1, 2, 3, 6), "regression": (1, 2, 3, 6)}


def has_own_way(task: str) -> bool:
    """Tells whether a task is trained in a way of its own, not class by class."""
    return task in _RECIPES


def recipe_of(task: str) -> Recipe:
    """Returns the recipe of a task, as it is where nothing is said."""
    module, name = _RECIPES.get(task, ("headstart.training.schedule", "Recipe"))
    return cast("Recipe", getattr(importlib.import_module(module), name)())


def in_recipe(name: str) -> bool:
    """Whether a word is part of the recipe of classes, as `freeze` is."""
    return name in vars(recipe_of("classification"))  # those of others cost half a second to import


def unsuited(task: str, strategy: str) -> str | None:
    """Says why a task cannot be trained by a strategy; None where it can, or is not known yet."""
    why = _UNSUITED.get(task, {}).get(strategy)
    return None if why is None else f"--task {task} {why.format(strategy)}"


def learns_classes(task: str) -> bool:
    """Whether answers of a task are told apart by classes, or it is not known yet."""
    from headstart.tasks import told_apart  # imports numpy, which `--help` does without

    return task == "auto" or told_apart(task) == "classes"


def learns_boxes(task: str) -> bool:
    """Whether a task is learnt by detectors of objects, or is not known yet."""
    return task in ("auto", "detection")


def learns_masks(task: str) -> bool:
    """Whether a task is learnt by decoders of masks, or is not known yet."""
    return task in ("auto", "segmentation")


def learns_places(task: str) -> bool:
    """Whether what is learnt is where things are on a whole image, or is not known yet."""
    return learns_boxes(task) or learns_masks(task)


def unsuited_views(task: str, views: int) -> str | None:
    """Says why a task cannot average so many views of an image; None where it can."""
    if task not in _VIEWS and not has_own_way(task):
        return None
    allowed = _VIEWS.get(task, (1,))
    if views in allowed:
        return None
    if len(allowed) == 1:
        return f"--task {task} looks at one view of an image: leave --tta out"
    if task in _RECIPES:
        return (
            f"--tta {views}: of --task {task} choose 1, 2 for the mirror image of each image too, "
            f"or 8 for all quarter turns and their mirror images"
        )
    return f"--tta {views}: of --task {task} choose {joined_words(list(map(str, allowed)))}"
