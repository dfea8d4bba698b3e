"""What learning boxes needs of torch: the head, the batches, the loss, and what is watched."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import torch

from headstart.nets.boxes.head import BoxPlan
from headstart.nets.boxes.loss import box_losses
from headstart.nets.boxes.net import BoxNet, build_boxes
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.tasks.placed_learn import batches, begun
from headstart.training.schedule import Recipe

__all__ = ["batches", "correct", "head", "loss"]


def head(plan: BoxPlan, n_outputs: int, start: Any = None, *, seed: int = 0) -> BoxNet:
    """Returns the module that reads a network's maps.

    Args:
        plan: What it is made of, in the place of a width.
        n_outputs: C, as the plan says.
        start: (means, standard deviations) of the channels of each stage that is read, or None.
        seed: Of its weights.
    """
    return begun(build_boxes(plan, seed=seed), n_outputs, start)


def loss(
    recipe: Recipe, target: tuple[BoxPlan, np.ndarray]
) -> Callable[[torch.Tensor, Any], torch.Tensor]:
    """Returns the loss: (n, A, K) rows of n images and their boxes to (n,).

    Args:
        recipe: How much each part counts.
        target: The plan of the head, and its (A, 3) cells.
    """
    plan, cells = target
    own = recipe if isinstance(recipe, BoxRecipe) else BoxRecipe()
    return partial(_loss, plan=plan, cells=torch.from_numpy(cells), recipe=own)


def _loss(
    outputs: torch.Tensor, targets: Any, *, plan: BoxPlan, cells: torch.Tensor, recipe: BoxRecipe
) -> torch.Tensor:
    return box_losses(
        outputs, targets, plan=plan, cells=cells.to(outputs.device), top=recipe.top,
        box_weight=recipe.box_loss, bin_weight=recipe.bin_loss,
    )  # fmt: skip


def correct(outputs: torch.Tensor, targets: Any) -> dict[str, torch.Tensor]:
    """Returns what is watched while boxes are learnt: nothing beside the loss.

    Args:
        outputs: (n, A, K).
        targets: Of n images.
    """
    return {}
