"""Which way a task is trained: class by class, unless it names its own way here."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, Literal, cast

from headstart.choices import Geometry
from headstart.compute import Compute
from headstart.data.boxes.boxes import Boxes
from headstart.data.dataset import Dataset
from headstart.errors import BackboneError, DataError
from headstart.images.deep import Levels
from headstart.images.preprocess import Preprocess
from headstart.nets.pretrained.backbone import Backbone
from headstart.strategies.ask import Ask
from headstart.strategies.classes.train import train_classes
from headstart.strategies.clock import Clock
from headstart.strategies.problem import FrozenNetwork, Prepared
from headstart.strategies.trained import Trained
from headstart.tasks.identity.recipe import MetricRecipe
from headstart.tasks.identity.split import split_identities
from headstart.training.schedule import Recipe

__all__ = ["ChooseInput", "Way", "input_of", "reads_maps", "refuse_early", "way_of"]

Way = Callable[[Prepared, FrozenNetwork, Ask, Compute, Clock], Trained]

ChooseInput = Callable[
    [Dataset, Backbone, int | Literal["auto"], Geometry, Levels, Compute], Preprocess
]
"""How images are seen: data set, network, side and geometry as asked for, levels, who hears."""

_WAYS = {
    "identity": ("headstart.strategies.identities.train", "train_identities"),
    "segmentation": ("headstart.strategies.masks.train", "train_masks"),
    "detection": ("headstart.strategies.boxes.train", "train_boxes"),
}
# Those that are learnt from maps, and what chooses the input for them.
_INPUTS = {
    "segmentation": ("headstart.strategies.masks.input", "choose_mask_input"),
    "detection": ("headstart.strategies.boxes.input", "choose_box_input"),
}
# What is asked for may be trained from images alone, and who knows whether it is.
_WITHOUT_MAPS = {"detection": ("headstart.strategies.boxes.input", "learns_without_maps")}


def way_of(task: str) -> Way:
    """Returns how a task is trained; what needs torch is imported only when it is asked for."""
    if task not in _WAYS:
        return train_classes
    module, name = _WAYS[task]
    return cast(Way, getattr(importlib.import_module(module), name))


def input_of(task: str) -> ChooseInput | None:
    """Returns what chooses the input of a task that is learnt from maps; None for vectors."""
    if task not in _INPUTS:
        return None
    module, name = _INPUTS[task]
    return cast(ChooseInput, getattr(importlib.import_module(module), name))


def reads_maps(task: str, options: dict[str, Any]) -> bool:
    """Tells whether a training reads the frozen network's maps, of a task that has them.

    Args:
        task: That the data have.
        options: Of the verb, as it was told.
    """
    if task not in _WITHOUT_MAPS:
        return True
    module, name = _WITHOUT_MAPS[task]
    return not getattr(importlib.import_module(module), name)(options)


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
    labels = dataset.labels
    split_identities(labels.strata, dataset.splits, labels.kinds, unseen=recipe.unseen, seed=seed)


def _refuse_masks(dataset: Dataset, backbone: Backbone, recipe: Recipe, seed: int) -> None:
    if backbone.source.kind == "onnx":
        raise BackboneError(
            f"{backbone.name} is an ONNX file, which gives one vector an image: masks are learnt "
            f"on a network in timm's layout, such as --backbone fast"
        )


def _refuse_boxes(dataset: Dataset, backbone: Backbone, recipe: Recipe, seed: int) -> None:
    if backbone.source.kind == "onnx":
        raise BackboneError(
            f"{backbone.name} is an ONNX file, which gives one vector an image: boxes are learnt "
            f"on a network in timm's layout, such as --backbone fast, or on a detector's folder"
        )
    labels = cast(Boxes, dataset.labels)
    if not len(labels.sound.classes):
        raise DataError(
            f"{dataset.root}: no image has a box that can be learnt from; run 'headstart check "
            f"{dataset.root}' to see what is wrong with its annotations"
        )


_REFUSALS = {
    "identity": _refuse_identities,
    "segmentation": _refuse_masks,
    "detection": _refuse_boxes,
}
