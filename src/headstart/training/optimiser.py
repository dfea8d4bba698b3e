"""The optimiser of a recipe: a rate for every layer, and the pull toward the pretrained weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from headstart.nets.learning.trainable import TrainableModel
from headstart.training.schedule import Recipe

__all__ = ["make_optimiser", "pull"]


def make_optimiser(
    net: TrainableModel, recipe: Recipe
) -> tuple[torch.optim.Optimizer, list[float]]:
    """Returns an optimiser and, for each of its groups, the factor on the rate.

    A group holds one layer's weights that decay, or its biases and norms, which do not.

    Args:
        net: All of its parameters are taken.
        recipe: How.
    """
    groups: dict[tuple[int, bool], list[nn.Parameter]] = {}
    for name, parameter in net.named_parameters():
        groups.setdefault((net.depths[name], parameter.ndim > 1), []).append(parameter)
    listed = [
        {"params": members, "weight_decay": recipe.weight_decay if decays else 0.0}
        for (_, decays), members in sorted(groups.items(), key=lambda each: each[0])
    ]
    scales = [recipe.lr_scale(depth, n_layers=net.n_layers) for depth, _ in sorted(groups)]
    if recipe.optimiser == "sgd":
        return torch.optim.SGD(listed, lr=recipe.lr, momentum=0.9, nesterov=True), scales
    # Not `fused`: on CPUs it takes for granted that moments lie in memory as the weights do.
    return torch.optim.AdamW(listed, lr=recipe.lr, foreach=True), scales


@torch.no_grad()
def pull(
    net: TrainableModel,
    optimiser: torch.optim.Optimizer,
    anchor: Mapping[torch.Tensor, torch.Tensor],
    decay: float,
) -> None:
    """Pulls what learns below the head toward where it started (L2-SP; Li et al., ICML 2018).

    Args:
        net: That learns.
        optimiser: Of its parameters; each group's current rate scales the pull.
        anchor: Parameter -> its value at the start.
        decay: Share of the way, per unit of rate.
    """
    top = net.n_layers - 1  # starts from a guess, not from knowledge
    head = {each for name, each in net.named_parameters() if net.depths[name] == top}
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            if parameter.requires_grad and parameter not in head:
                parameter.lerp_(anchor[parameter], min(1.0, group["lr"] * decay))
