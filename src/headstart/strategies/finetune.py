"""The part of `train` that fine-tunes: imported only when it is wanted, because it needs torch."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from headstart.choices import Device, Strategy
from headstart.errors import BackboneError
from headstart.images.pixels import Progress
from headstart.images.preprocess import Preprocess
from headstart.nets.backbone import Backbone, open_backbone, pick_device
from headstart.nets.model import Model
from headstart.nets.weights import save_network
from headstart.probe.cross_validate import CrossValidated
from headstart.strategies.auto import make_plan
from headstart.strategies.finetune_round import begin, finetune
from headstart.strategies.finetune_rounds import start_of, tune
from headstart.strategies.plan import FinetuneOutcome
from headstart.strategies.prepare import Prepared
from headstart.training.checkpoint import Checkpoints
from headstart.training.range_test import range_test
from headstart.training.record import OnEpoch
from headstart.training.schedule import Recipe
from headstart.training.start import Start, linear_start

__all__ = ["fine_tune", "from_scratch"]

# Where nothing has been pretrained there is more to learn.
_SCRATCH_EPOCHS = 30
_ENDLESS = 1_000  # the range test ends by itself


def fine_tune(
    strategy: Strategy,
    data: Prepared,
    vectors: np.ndarray,
    sets: dict[str, np.ndarray],
    probed: CrossValidated,
    backbone: Backbone,
    recipe: Recipe,
    *,
    preprocess: Preprocess,
    tta: int,
    budget: float,
    epochs: int | None,
    place: Path,
    seed: int,
    device: Device,
    workers: int | None,
    find_rate: bool,
    on_epoch: OnEpoch,
    progress: Progress,
) -> FinetuneOutcome:
    """Fine-tunes as the strategy says.

    Args:
        strategy: Any but ``"probe"``.
        data: The usable items.
        vectors: (N, D) their frozen features.
        sets: Feature sets.
        probed: What the probe gave, round by round.
        backbone: Copied, not changed.
        recipe: How.
        preprocess: Of the network.
        tta: 2: predictions are the mean of an image and its mirror image.
        budget: Seconds for ``"auto"``.
        epochs: As asked for, or None.
        place: Folder for states, and for the network.
        seed: Of everything drawn.
        device: Where it runs.
        workers: Processes that decode and augment.
        find_rate: Choose the learning rate by a range test.
        on_epoch: Called with the name of a round and every epoch.
        progress: Called as steps are done.

    Raises:
        BackboneError: If the backbone cannot be trained.
    """
    if backbone.source.kind == "onnx":
        raise BackboneError(
            f"{backbone.name} is an ONNX file and can only be used frozen: --strategy probe"
        )
    where, plan, refit = pick_device(device), None, recipe.refit
    if strategy == "scratch":
        backbone, recipe = backbone.randomised(seed), _scratch(recipe, epochs)
    if find_rate:
        part = probed.parts[0]
        start = replace(start_of(part.probe, sets), blank=strategy == "scratch")
        n_classes = len(data.dataset.classes)
        head = linear_start(vectors, data.dataset.targets, part.train, start, n_classes=n_classes)
        training = begin(
            data.dataset, backbone, replace(recipe, epochs=_ENDLESS), head, part.train,
            preprocess=preprocess, seed=seed, device=where, workers=workers, progress=progress,
            phase="finding the learning rate",
        )  # fmt: skip
        recipe = replace(recipe, lr=range_test(training).lr)
    if strategy == "auto":
        plan = make_plan(
            data.dataset, vectors, sets, data.clusters, probed, backbone, recipe,
            preprocess=preprocess, budget=budget, epochs=epochs, seed=seed, device=where,
            workers=workers, progress=progress,
        )  # fmt: skip
        if plan.recipe is None:
            return FinetuneOutcome(plan, None, None)
        recipe, refit = plan.recipe, plan.refit and recipe.refit
    tuning = tune(
        data.dataset, vectors, sets, data.clusters, probed, backbone, recipe,
        preprocess=preprocess, keep="better" if strategy == "auto" else "finetune", refit=refit,
        tta=tta,
        blank=strategy == "scratch",
        grouped=data.dataset.groups is not None, seed=seed, device=where,
        workers=workers, checkpoints=Checkpoints(place), on_epoch=on_epoch, progress=progress,
    )  # fmt: skip
    if tuning.kept == "probe":
        return FinetuneOutcome(plan, tuning, None)
    home = place / "backbones" / (re.sub(r"[^\w.-]+", "_", backbone.name) or "backbone")
    shutil.rmtree(home, ignore_errors=True)  # of an earlier try to finish
    save_network(tuning.net.pool.network, backbone.source, home)
    model = Model(
        open_backbone(str(home)), tuning.net.as_head(), data.dataset.classes, preprocess, tta,
        tuning.temperature, data.dataset.bins,
    )  # fmt: skip
    return FinetuneOutcome(plan, tuning, model)


def _scratch(recipe: Recipe, epochs: int | None) -> Recipe:
    """Changes a recipe to what a network needs that was never trained."""
    return replace(
        recipe, epochs=epochs or _SCRATCH_EPOCHS, freeze="none", freeze_bn_stats=False,
        layer_decay=1.0, backbone_lr=1.0,
    )  # fmt: skip


def from_scratch(
    data: Prepared,
    vectors: np.ndarray,
    sets: dict[str, np.ndarray],
    rounds: list[tuple[np.ndarray, np.ndarray]],
    backbone: Backbone,
    recipe: Recipe,
    *,
    preprocess: Preprocess,
    epochs: int | None,
    seed: int,
    device: Device,
    workers: int | None,
    progress: Progress,
) -> np.ndarray:
    """Trains the network from random weights in every round: the baseline of pretraining.

    Args:
        data: N usable items.
        vectors: (N, D) frozen features; only their layout is used.
        sets: Feature sets.
        rounds: (training items, test items) of each.
        backbone: Copied, not changed.
        recipe: How, but for what training from scratch needs.
        preprocess: Of the network.
        epochs: As asked for, or None.
        seed: Of everything drawn.
        device: Where it runs.
        workers: Processes that decode and augment.
        progress: Called as steps are done.

    Returns:
        (M,) predicted classes of the test items, round by round.
    """
    blank, start = backbone.randomised(seed), Start(sets["last"], 1.0, blank=True)

    def told(phase: str, done: int, total: int) -> None:
        progress("training from scratch", done, total)

    results = [
        finetune(
            data.dataset, vectors, data.clusters, blank, _scratch(recipe, epochs), start,
            items=train, test=test, preprocess=preprocess, refit=False, seed=seed,
            device=pick_device(device), workers=workers, progress=told,
        )
        for train, test in rounds
    ]  # fmt: skip
    return np.concatenate([each.test_scores.argmax(axis=1) for each in results])
