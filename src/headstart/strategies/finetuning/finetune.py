"""The strategies that fine-tune: imported only when they are wanted, because they need torch."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headstart.choices import Strategy
from headstart.compute import Compute, renamed
from headstart.errors import BackboneError
from headstart.nets.model import Model
from headstart.nets.pretrained.backbone import Backbone, open_backbone
from headstart.nets.pretrained.weights import save_network
from headstart.predictions import Predictions
from headstart.probe.cross_validate import CrossValidated
from headstart.strategies.finetuning.auto import Budget, make_plan
from headstart.strategies.finetuning.plan import FinetuneOutcome
from headstart.strategies.finetuning.round import TRAINING, Session, begin, finetune
from headstart.strategies.finetuning.rounds import (
    FinetuneRounds,
    HowToFinetune,
    start_of,
    tune,
)
from headstart.strategies.problem import FrozenNetwork, Problem
from headstart.tasks import decode_parts
from headstart.training.checkpoint import Checkpoints
from headstart.training.range_test import range_test
from headstart.training.record import OnEpoch
from headstart.training.schedule import Recipe
from headstart.training.start import Start, linear_start

__all__ = ["Wish", "fine_tune", "from_scratch", "keep_network"]

# Where nothing has been pretrained there is more to learn.
_SCRATCH_EPOCHS = 30
_ENDLESS = 1_000  # the range test ends by itself


@dataclass(frozen=True)
class Wish:
    """What was asked for.

    Attributes:
        strategy: Whether fine-tuning must show that it pays, and what it begins from.
        recipe: How.
        budget: Of time, for ``"auto"``.
        find_rate: Choose the learning rate by a range test.
        place: Folder for states, and for the network.
        on_epoch: Called with the name of a round and every epoch.
    """

    strategy: Strategy
    recipe: Recipe
    budget: Budget
    find_rate: bool
    place: Path
    on_epoch: OnEpoch


def fine_tune(
    problem: Problem,
    network: FrozenNetwork,
    probed: CrossValidated,
    wish: Wish,
    compute: Compute,
) -> FinetuneOutcome:
    """Fine-tunes as the strategy says.

    Args:
        problem: The usable items and rounds.
        network: Copied, not changed.
        probed: What the probe gave, round by round.
        wish: What was asked for.
        compute: Where, and from which seed.

    Raises:
        BackboneError: If the backbone cannot be trained.
    """
    if network.backbone.source.kind == "onnx":
        raise BackboneError(
            f"{network.backbone.name} is an ONNX file and can only be used frozen: --strategy probe"
        )
    recipe, plan, refit = wish.recipe, None, wish.recipe.refit
    blank = wish.strategy == "scratch"
    if blank:
        network = replace(network, backbone=network.backbone.randomised(compute.seed))
        recipe = _from_nothing(recipe, wish.budget.epochs)
    if wish.find_rate:
        recipe = replace(recipe, lr=_find_rate(problem, network, probed, recipe, compute, blank))
    if wish.strategy == "auto":
        plan = make_plan(problem, network, probed, recipe, compute, budget=wish.budget)
        if plan.recipe is None:
            return FinetuneOutcome(plan, None, None)
        recipe, refit = plan.recipe, plan.refit and recipe.refit
    how = HowToFinetune("better" if wish.strategy == "auto" else "finetune", refit, blank)
    until = wish.budget.ends if plan is not None else None
    session = Session(Checkpoints(wish.place), on_epoch=wish.on_epoch, until=until)
    tuning = tune(problem, network, probed, recipe, compute, how=how, session=session)
    if tuning.kept == "probe":
        return FinetuneOutcome(plan, tuning, None)
    return FinetuneOutcome(plan, tuning, _model_of(problem, network, tuning, wish.place))


def _model_of(
    problem: Problem, network: FrozenNetwork, tuning: FinetuneRounds, place: Path
) -> Model:
    """Returns what was learnt as an ordinary model, whose backbone lies in a folder."""
    backbone = keep_network(tuning.net.pool.network, network.backbone, place)
    return Model(
        backbone, tuning.net.as_head(), problem.final_spec, network.preprocess, network.tta,
        tuning.temperature,
    )  # fmt: skip


def keep_network(trained: object, backbone: Backbone, place: Path) -> Backbone:
    """Writes a trained network in timm's layout and opens it as an ordinary backbone.

    Args:
        trained: A timm network.
        backbone: What it was before it was trained.
        place: Folder of an unfinished training.
    """
    home = place / "backbones" / (re.sub(r"[^\w.-]+", "_", backbone.name) or "backbone")
    shutil.rmtree(home, ignore_errors=True)  # of an earlier try to finish
    save_network(trained, backbone.source, home)
    return open_backbone(str(home))


def _find_rate(
    problem: Problem,
    network: FrozenNetwork,
    probed: CrossValidated,
    recipe: Recipe,
    compute: Compute,
    blank: bool,
) -> float:
    """Returns the learning rate that a range test finds on the first round."""
    fold = probed.folds[0]
    start = replace(start_of(fold.probe, network.features.sets), blank=blank)
    head = linear_start(
        network.features.vectors, fold.round.targets, fold.train, start,
        n_classes=fold.round.n_classes,
    )  # fmt: skip
    training = begin(
        problem.prepared, fold.round, network, replace(recipe, epochs=_ENDLESS), head, compute,
        phase="finding the learning rate",
    )  # fmt: skip
    return range_test(training).lr


def _from_nothing(recipe: Recipe, epochs: int | None) -> Recipe:
    """Changes a recipe to what a network needs that was never trained."""
    return replace(
        recipe, epochs=epochs or _SCRATCH_EPOCHS, freeze="none", freeze_bn_stats=False,
        layer_decay=1.0, backbone_lr=1.0,
    )  # fmt: skip


def from_scratch(
    problem: Problem,
    network: FrozenNetwork,
    recipe: Recipe,
    compute: Compute,
    *,
    epochs: int | None,
) -> Predictions:
    """Trains the network from random weights in every round: the baseline of pretraining.

    Args:
        problem: N usable items and the rounds.
        network: Copied, not changed.
        recipe: How, but for what training from scratch needs.
        compute: Where, and from which seed.
        epochs: As asked for, or None.

    Returns:
        Answers to the tested items, in order of item.
    """
    random = network.backbone.randomised(compute.seed)
    blank = replace(network, backbone=random, tta=1)
    start = Start(network.features.sets["last"], 1.0, blank=True)

    def name(phase: str) -> str:
        return "training from scratch" if phase.startswith(TRAINING) else phase

    heard = compute.with_progress(renamed(compute.progress, name))
    parts = []
    for learnt, spec in zip(problem.rounds, problem.specs, strict=True):
        result = finetune(
            problem.prepared, learnt, blank, _from_nothing(recipe, epochs), start, heard,
            refit=False,
        )  # fmt: skip
        certain = np.eye(learnt.n_classes)[result.test_scores.argmax(axis=1)]
        parts.append((learnt.test, {"probabilities": certain}, spec))
    return decode_parts(parts, problem.dataset.names)[1]
