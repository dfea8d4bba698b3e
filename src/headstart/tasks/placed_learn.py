"""What learning needs of torch wherever answers have a place: the batches, a head at its start."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np

from headstart.nets.batches.batch import Targets
from headstart.nets.batches.loader import Plan
from headstart.nets.heads.head_net import HeadNet
from headstart.training.schedule import Recipe

__all__ = ["batches", "epoch_steps", "begun"]

N = TypeVar("N", bound=HeadNet)


def begun(net: N, n_outputs: int, start: Any) -> N:
    """Returns the module of a head as it begins to learn.

    Args:
        net: As it was built.
        n_outputs: C, as its plan says.
        start: (means, standard deviations) of the channels of each stage that is read, or None.
    """
    assert net.plan.n_classes == n_outputs, "the plan knows the classes"
    if start is not None:
        net.start(*start)
    return net


def epoch_steps(strata: np.ndarray, recipe: Recipe) -> int:
    """Returns the steps of an epoch.

    Args:
        strata: (N,) int of the images that are learnt from, the rarest class of each.
        recipe: How.
    """
    return batches(strata, recipe, 0).per_epoch


def batches(
    strata: np.ndarray,
    recipe: Recipe,
    seed: int,
    *,
    targets: Targets | None = None,
    items: np.ndarray | None = None,
) -> Plan:
    """Returns which images are in which batch.

    Args:
        strata: (N,) int, the rarest class of each image.
        recipe: How many, and whether rare classes come as often as others.
        seed: Of the order.
        targets: Who makes what the loss wants of each.
        items: (N,) int, what they are called in batches; by default 0 to N - 1.
    """
    return Plan(
        strata, batch=recipe.batch, epochs=recipe.epochs, seed=seed, balance=recipe.sampled,
        targets=targets, items=items,
    )  # fmt: skip
