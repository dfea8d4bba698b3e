"""Which way a task is trained: class by class, unless it names its own way here."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import cast

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.errors import BackboneError
from headstart.nets.backbone import Backbone
from headstart.strategies.clock import Clock
from headstart.strategies.problem import FrozenNetwork, Prepared
from headstart.strategies.train_classes import Ask, train_classes
from headstart.strategies.trained import Trained
from headstart.tasks.identity.recipe import MetricRecipe
from headstart.tasks.identity.split import split_identities
from headstart.training.schedule import Recipe

__all__ = ["Way", "refuse_early", "way_of"]

Way = Callable[[Prepared, FrozenNetwork, Ask, Compute, Clock], Trained]

_WAYS = {
    "identity": ("headstart.strategies.train_identities", "train_identities"),
    "segmentation": ("headstart.strategies.train_masks", "train_masks"),
}


def way_of(task: str) -> Way:
    """Returns how a task is trained; what needs torch is imported only when it is asked for."""
    if task not in _WAYS:
        return train_classes
    module, name = _WAYS[task]
    return cast(Way, getattr(importlib.import_module(module), name))


def refuse_early(dataset: Dataset, backbone: Backbone, recipe: Recipe, *, seed: int) -> None:
    """Refuses before any image is looked at what the way of a task would refuse afterwards.

    Args:
        dataset: N labelled items.
        backbone: Of the run.
        recipe: Of the task.
        seed: Of what is drawn.

    Raises:
        BackboneError: If the backbone cannot be trained.
        DataError: If there are too few identities.
    """
    refuse = _REFUSALS.get(dataset.task)
    if refuse is not None:
        refuse(dataset, backbone, recipe, seed)


def _refuse_identities(dataset: Dataset, backbone: Backbone, recipe: Recipe, seed: int) -> None:
    if backbone.source.kind == "onnx":
        raise BackboneError(
            f"{backbone.name} is an ONNX file and can only be used frozen: 'headstart enroll' "
            f"knows people by it, and --task classification --strategy probe tells these apart"
        )
    assert isinstance(recipe, MetricRecipe), "identities are learnt by a metric recipe"
    split_identities(dataset.labels.strata, dataset.splits, unseen=recipe.unseen, seed=seed)


def _refuse_masks(dataset: Dataset, backbone: Backbone, recipe: Recipe, seed: int) -> None:
    if backbone.source.kind == "onnx":
        raise BackboneError(
            f"{backbone.name} is an ONNX file, which gives one vector an image: masks are learnt on "
            f"a network in timm's layout, such as --backbone fast"
        )


_REFUSALS = {"identity": _refuse_identities, "segmentation": _refuse_masks}
