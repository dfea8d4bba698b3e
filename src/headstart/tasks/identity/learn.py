"""How identities are learnt: the head, batches of P people with K images each, and the loss."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from headstart.nets.batches.batch import Lookup, Targets
from headstart.nets.batches.loader import IdentityPlan
from headstart.nets.learning.embedder import Embedder
from headstart.tasks.identity.contrast import Contrast
from headstart.tasks.identity.metric_loss import MARGIN, Criterion, make_criterion
from headstart.tasks.identity.recipe import MetricRecipe
from headstart.training.gradient import BatchGradient

__all__ = ["batches", "gradient", "head", "loss", "margin_of"]


def head(width: int, n_outputs: int, start: np.ndarray | None = None) -> nn.Module:
    """Returns a linear projection without bias, for cosines know no origin but zero.

    Args:
        width: Numbers that it reads of an image.
        n_outputs: Numbers of an embedding.
        start: (n_outputs, width) float32 that it starts from; None: the vectors are the embedding.
    """
    if start is None:
        return nn.Identity()
    linear = nn.Linear(width, n_outputs, bias=False)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(start))
    return linear


def batches(targets: np.ndarray, recipe: MetricRecipe, seed: int) -> IdentityPlan:
    """Returns which images are in which batch, with their identities.

    Args:
        targets: (N,) int identities of the training items.
        recipe: People in a batch, images of each, epochs.
        seed: Of the order, and of what is drawn for each image.
    """
    return IdentityPlan(
        targets, identities=recipe.identities, each=recipe.each, epochs=recipe.epochs, seed=seed,
        targets=Targets(Lookup(targets)),
    )  # fmt: skip


def loss(
    recipe: MetricRecipe,
    centres: np.ndarray,
    seed: int,
    *,
    classifier: dict[str, np.ndarray] | None = None,
) -> Criterion:
    """Returns the loss of a whole batch of vectors: pairs of images have no loss one by one.

    It may have weights of its own, so it is a part of the network that learns.

    Args:
        recipe: Says which.
        centres: (C, E) float32, see `make_criterion`.
        seed: Of weights that start at random.
        classifier: See `make_criterion`.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make_criterion(recipe, centres, classifier=classifier)


def gradient(
    recipe: MetricRecipe, seed: int, *, device: str
) -> Callable[[list[Embedder]], BatchGradient]:
    """Returns what makes the gradient of that loss of some replicas; see `Contrast`.

    Args:
        recipe: How.
        seed: Of what mining draws.
        device: Where the replicas are.
    """
    return lambda replicas: Contrast(replicas, margin=margin_of(recipe), seed=seed, device=device)


def margin_of(recipe: MetricRecipe) -> float:
    """Returns by how much triplets are told apart: the loss's own, or what is usual."""
    return recipe.margin if recipe.loss == "triplet" and recipe.margin else MARGIN
