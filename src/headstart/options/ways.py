"""Which tasks are not trained class by class, and the recipe of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headstart.training.schedule import Recipe

__all__ = ["OWN_WAY", "recipe_of"]

OWN_WAY = frozenset({"identity"})
"""Tasks that name their own way of training (`strategies.ways`)."""


def recipe_of(task: str) -> Recipe:
    """Returns the recipe of a task, as it is where nothing is said."""
    if task in OWN_WAY:
        from headstart.tasks.identity.recipe import MetricRecipe

        return MetricRecipe()
    from headstart.training.schedule import Recipe

    return Recipe()
