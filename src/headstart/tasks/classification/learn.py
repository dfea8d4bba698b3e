"""How classes are learnt: the head, the batches, and the loss of an image."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from headstart.nets.batches.batch import Batch, Lookup, Targets
from headstart.nets.batches.loader import Plan
from headstart.nets.heads.head import Head
from headstart.training.gradient import seed_from, seed_torch
from headstart.training.schedule import Recipe

__all__ = ["CrossEntropy", "batches", "correct", "head", "log_prior", "loss"]


def head(width: int, n_outputs: int, start: Head | None = None) -> nn.Module:
    """Returns a linear layer.

    Args:
        width: Numbers that it reads of an image.
        n_outputs: Classes.
        start: A linear `Head` whose weights it starts from; None for torch's own start.
    """
    linear = nn.Linear(width, n_outputs)
    if start is not None:
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(start.arrays["weights"]))
            linear.bias.copy_(torch.from_numpy(start.arrays["bias"]))
    return linear


def batches(targets: np.ndarray, recipe: Recipe, seed: int, *, n_classes: int) -> Plan:
    """Returns which images are in which batch, with their classes.

    Args:
        targets: (N,) int classes of the training items.
        recipe: Batch, epochs, balance and mixing.
        seed: Of the order, and of what is drawn for each image.
        n_classes: C.

    Returns:
        A plan whose targets are (n,) int classes; where images are mixed, (n, C) shares.
    """
    mix = _Mix(recipe.mixup, n_classes) if recipe.mixup else None
    return Plan(
        targets, batch=recipe.batch, epochs=recipe.epochs, seed=seed, balance=recipe.sampled,
        targets=Targets(Lookup(targets), mix=mix),
    )  # fmt: skip


def loss(recipe: Recipe, targets: np.ndarray, *, n_classes: int) -> CrossEntropy:
    """Returns the loss of a recipe: (outputs, targets) to (n,).

    It is a function that carries the recipe's settings (label smoothing, class weights, the prior
    of logit adjustment), for they follow from all training items and not from those of a batch.

    Args:
        recipe: How.
        targets: (N,) int classes of the training items.
        n_classes: C.
    """
    counts = np.bincount(targets, minlength=n_classes)
    weights, prior = np.ones(n_classes), np.zeros(n_classes)
    if recipe.balance == "weights":
        weights = len(targets) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    if recipe.balance == "logits":
        prior = log_prior(targets, n_classes)
    return CrossEntropy(
        torch.tensor(weights, dtype=torch.float32),
        torch.tensor(prior, dtype=torch.float32),
        recipe.label_smoothing,
    )


@dataclass(frozen=True)
class CrossEntropy:
    """The loss of classes.

    Attributes:
        weights: (C,) float32, of an image of each class.
        prior: (C,) float32, added to the scores (see `log_prior`).
        smoothing: Share of the target spread over all classes.
    """

    weights: torch.Tensor
    prior: torch.Tensor
    smoothing: float

    def __call__(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Returns (n,) float.

        Args:
            outputs: (n, C) scores.
            targets: (n,) int classes, or (n, C) shares of classes.
        """
        device = outputs.device
        soft = _shares(targets, outputs.shape[1])
        losses = nn.functional.cross_entropy(
            outputs + self.prior.to(device), soft, reduction="none",
            label_smoothing=self.smoothing,
        )  # fmt: skip
        return losses * (soft @ self.weights.to(device))


def correct(outputs: torch.Tensor, targets: torch.Tensor) -> dict[str, torch.Tensor]:
    """Returns what is watched while classes are learnt: ``"accuracy"``, (n,) bool.

    Args:
        outputs: (n, C) scores.
        targets: (n,) int classes, or (n, C) shares of classes.
    """
    truth = targets if targets.ndim == 1 else targets.argmax(1)
    return {"accuracy": outputs.argmax(1) == truth}


def log_prior(targets: np.ndarray, n_classes: int) -> np.ndarray:
    """Returns (C,) float: what logit adjustment adds to the scores in the loss.

    What remains in the scores is then consistent for balanced accuracy (Menon et al., ICLR 2021).

    Args:
        targets: (N,) int classes of the training items.
        n_classes: C.
    """
    counts = np.bincount(targets, minlength=n_classes)
    return np.log(np.maximum(counts, 0.5) / counts.sum())


def _shares(targets: torch.Tensor, n_classes: int) -> torch.Tensor:
    """Returns (n, C) float shares of classes."""
    if targets.ndim == 2:
        return targets
    return nn.functional.one_hot(targets, n_classes).float()


@dataclass(frozen=True)
class _Mix:
    """MixUp or CutMix of a batch, half of the time each.

    Attributes:
        strength: Parameter of both.
        n_classes: C.
    """

    strength: float
    n_classes: int

    def __call__(self, batch: Batch, seed: tuple[int, ...]) -> Batch:
        if len(batch.items) < 2:
            return batch
        from torchvision.transforms import v2

        with torch.random.fork_rng(devices=[]):
            seed_torch(seed_from(*seed, 1))
            kinds = [
                kind(alpha=self.strength, num_classes=self.n_classes)
                for kind in (v2.MixUp, v2.CutMix)
            ]
            images = batch.images.permute(0, 3, 1, 2).float()
            mixed, soft = v2.RandomChoice(kinds)(images, batch.targets)
        return replace(batch, images=mixed.permute(0, 2, 3, 1), targets=soft)
