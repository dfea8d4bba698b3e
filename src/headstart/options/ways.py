"""Which tasks are not trained class by class, and the recipe of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headstart.training.schedule import Recipe

__all__ = ["has_own_way", "recipe_of"]

# Tasks that name their own way of training (`strategies.ways`).
_OWN_WAY = frozenset({"identity", "segmentation"})


def has_own_way(task: str) -> bool:
    """Tells whether a task is trained in a way of its own, not class by class."""
    return task in _OWN_WAY


def recipe_of(task: str) -> Recipe:
    """Returns the recipe of a task, as it is where nothing is said."""
    if task == "identity":
        from headstart.tasks.identity.recipe import MetricRecipe

        return MetricRecipe()
    from headstart.training.schedule import Recipe

    return Recipe()
