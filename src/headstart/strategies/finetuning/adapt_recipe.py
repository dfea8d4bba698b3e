"""How far a fine-tuning may go from its pretraining: decided by where the classes show.

The features of a network grow ever more particular to what it was trained on. Where a stage in
its middle alone tells the classes apart better than its last layer does, the images are far from
those of the pretraining (Head2Toe; Evci et al., ICML 2022, finds the same by selecting features).
There the statistics of the pretraining do not fit either, and all layers have much to learn.
"""

from __future__ import annotations

import math
from dataclasses import replace

from torch import nn

from headstart.probe.probe import Probe
from headstart.training.schedule import Recipe

__all__ = ["full_finetune", "fewest_epochs", "stage_that_wins", "adapt_recipe"]

# What `adapt_recipe` decides, unless the user did.
_OPEN = ("lr", "layer_decay", "backbone_lr", "freeze_bn_stats", "freeze")
# With fewer steps a network that measures anew has not yet reached what it knew before.
_ENOUGH_STEPS = 300


def stage_that_wins(probe: Probe) -> str | None:
    """Returns the stage that separates the classes better than the last layer, or None.

    It wins by more than two standard errors; several stages together, of which the last layer is
    one, do not count.

    Args:
        probe: With its trials.
    """
    best: dict[str, float] = {}
    n = 1
    for trial in probe.trials:
        name = trial.config.features
        best[name] = max(best.get(name, 0.0), trial.accuracy.value)
        n = trial.accuracy.n
    last = best.get("last", 0.0)
    stages = {name: value for name, value in best.items() if name.startswith("stage")}
    if not stages:
        return None
    winner = max(stages, key=lambda name: stages[name])
    noise = math.sqrt(max(last * (1 - last), 1e-9) / max(n, 1))
    return winner if stages[winner] > last + 2 * noise else None


def full_finetune(recipe: Recipe) -> Recipe:
    """Returns a recipe that may leave the pretraining behind, but starts from it.

    BatchNorm measures its own batches, and all layers learn at three times the rate.
    """
    return replace(recipe, lr=3 * recipe.lr, backbone_lr=1.0, freeze_bn_stats=False)


def fewest_epochs(recipe: Recipe, *, items: int) -> int:
    """Returns after how many epochs a network that measures anew has caught up with itself."""
    return math.ceil(_ENOUGH_STEPS * recipe.batch / items)


def adapt_recipe(
    recipe: Recipe, probe: Probe, network: nn.Module, *, items: int
) -> tuple[Recipe, tuple[str, ...]]:
    """Returns the recipe that suits the images, and why where it is not the one given.

    Args:
        recipe: Kept where it says anything about rates, statistics or depth itself.
        probe: Of the frozen features, with its trials.
        network: To train; without BatchNorm nothing is changed.
        items: To train on.
    """
    given = any(getattr(recipe, name) != getattr(Recipe(), name) for name in _OPEN)
    norms = any(isinstance(each, nn.modules.batchnorm._BatchNorm) for each in network.modules())
    stage, few = stage_that_wins(probe), recipe.epochs < fewest_epochs(recipe, items=items)
    if given or stage is None or not norms or few:
        return recipe, ()
    where = stage.replace("stage", "stage ")
    return full_finetune(recipe), (
        f"These images are far from those of the pretraining: {where} alone separates the classes "
        f"better than the last layer. So all layers learn at the full rate, and BatchNorm "
        f"measures anew.",
    )
