"""Fine-tuning from a fitted probe, with held-out images that decide which weights are kept."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace

import numpy as np

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.data.split import folds as make_folds
from headstart.fingerprint import fingerprint_json
from headstart.images.inputs import InputImages
from headstart.images.preprocess import Preprocess
from headstart.metrics.calibration import fit_temperature
from headstart.nets.augment import MARGIN, Augment
from headstart.nets.backbone import Backbone
from headstart.nets.heads import Head
from headstart.nets.trainable import TrainableModel
from headstart.tasks.classification import learn
from headstart.tasks.classification.mirror import flip_invariant
from headstart.tasks.classification.validation import Validation
from headstart.training.activations import FrozenActivations, frozen_activations
from headstart.training.average import SelectedWeights, choose_weights, mix
from headstart.training.checkpoint import Checkpoints
from headstart.training.loop import State, Training
from headstart.training.objective import Objective
from headstart.training.record import Epoch, OnEpoch
from headstart.training.schedule import Recipe
from headstart.training.start import Start, linear_start

__all__ = ["FOLDS", "FinetuneResult", "begin", "finetune"]

FOLDS = 5
"""One of so many folds is held out."""


@dataclass(frozen=True)
class FinetuneResult:
    """A fine-tuned network and how it came about.

    Attributes:
        net: With the weights that are kept.
        head: Its head as plain arrays.
        temperature: Divides its scores; fitted on held-out images.
        history: One record an epoch, of the training that had held-out images.
        kept: Which weights were kept, or None where nothing was held out.
        validation: (M,) int items that were held out.
        val_scores: (M, C) their scores.
        start_scores: (M, C) those of the linear probe that it started from.
        test_scores: (T, C) scores of the test items.
        recipe: With what was left to be decided on the way.
        refitted: Whether the same was then done on all items.
        diverged: Step at which the loss was not a number, or -1.
        uneven: Whether classes differ so much in size that balanced accuracy judges.
    """

    net: TrainableModel | None
    head: Head
    temperature: float
    history: tuple[Epoch, ...]
    kept: SelectedWeights
    validation: np.ndarray
    val_scores: np.ndarray
    start_scores: np.ndarray
    test_scores: np.ndarray
    recipe: Recipe
    refitted: bool
    diverged: int
    uneven: bool


def begin(
    dataset: Dataset,
    backbone: Backbone,
    recipe: Recipe,
    head: Head,
    *,
    preprocess: Preprocess,
    compute: Compute,
    validation: Validation | None = None,
    phase: str = "fine-tuning",
) -> Training:
    """Returns a training at its start.

    Args:
        dataset: The items to train on.
        backbone: Copied, not changed.
        recipe: How.
        head: Where the head starts.
        preprocess: Of the network.
        compute: Where it runs, the seed of everything drawn, and who is told.
        validation: What decides which weights are kept.
        phase: The name of the phase.
    """
    n_classes, seed = head.n_classes, compute.seed
    net = TrainableModel(
        backbone.copy(drop_path=recipe.drop_path), preprocess, head.columns,
        learn.head(len(head.columns), n_classes, head), dropout=recipe.dropout,
        freeze_bn_stats=recipe.freeze_bn_stats,
    )  # fmt: skip
    net.fuse()
    large = replace(preprocess, size=round(preprocess.size * MARGIN))
    inputs = InputImages(dataset, large, workers=compute.workers, progress=compute.progress)
    objective = Objective(
        learn.batches(dataset.targets, recipe, seed, n_classes=n_classes),
        learn.loss(recipe, dataset.targets, n_classes=n_classes),
        learn.correct,
    )

    def frozen(augment: Augment) -> FrozenActivations | None:
        return frozen_activations(
            net, backbone, recipe, inputs, augment, targets=objective.plan.targets, compute=compute
        )

    return Training(net, recipe, inputs, objective, validation, compute, phase=phase, frozen=frozen)


def finetune(
    dataset: Dataset,
    vectors: np.ndarray,
    clusters: np.ndarray,
    backbone: Backbone,
    recipe: Recipe,
    start: Start,
    *,
    items: np.ndarray,
    test: np.ndarray,
    preprocess: Preprocess,
    checkpoints: Checkpoints | None = None,
    name: str = "training",
    on_epoch: OnEpoch | None = None,
    folds: int = FOLDS,
    refit: bool = True,
    tta: int = 1,
    compute: Compute | None = None,
) -> FinetuneResult:
    """Fine-tunes on most of some items, decides on the others, and may do it again on all.

    Args:
        dataset: N readable, labelled items.
        vectors: (N, D) float32 frozen features of theirs under the same network and size.
        clusters: (N,) int; what belongs together is held out together.
        backbone: Copied, not changed.
        recipe: How.
        start: Of the head.
        items: (M,) int items that may be looked at.
        test: (T,) int items that are predicted in the end.
        preprocess: Of the network.
        checkpoints: Where the state is kept for resuming.
        name: Of this fine-tuning among those of a run.
        on_epoch: Called with that name and every epoch.
        folds: One of so many folds is held out.
        refit: Train once more on all items, for as long and as far as proved best.
        tta: 2: predictions are the mean of an image and its mirror image.
        compute: Where it runs, the seed of everything drawn, and who is told.
    """
    compute = compute or Compute()
    seed, workers = compute.seed, compute.workers
    y, n_classes = dataset.targets, len(dataset.classes)
    fold_of = make_folds(y[items], clusters[items], k=folds, seed=seed)
    val_items, own_items = items[fold_of == 0], items[fold_of != 0]
    counts = np.bincount(y[items], minlength=n_classes)
    present = counts[counts > 0]
    uneven = bool(present.max() > 2 * present.min())
    if recipe.balance == "auto":
        recipe = replace(recipe, balance="logits" if uneven else "none")

    def training(trained: np.ndarray, validation: Validation | None, phase: str) -> Training:
        head = linear_start(vectors, y, trained, start, n_classes=n_classes)
        if recipe.balance == "logits" and not (start.balanced or start.blank):
            # The probe knows how frequent classes are; the loss is going to say it from now on.
            prior = learn.log_prior(y[trained], n_classes).astype(np.float32)
            head = replace(head, arrays=head.arrays | {"bias": head.arrays["bias"] - prior})
        return begin(
            dataset.take(trained), backbone, recipe, head, preprocess=preprocess,
            compute=compute, validation=validation, phase=phase,
        )  # fmt: skip

    def both(
        one: Training, inputs: InputImages, pool: ThreadPoolExecutor, scores: np.ndarray
    ) -> np.ndarray:
        # The head is linear: the mean of the scores is the score of the mean vector.
        return (scores + one.outputs(inputs, pool, mirrored=True)) / 2 if tta > 1 else scores

    def mark(trained: np.ndarray) -> str:
        names = [dataset.names[i] for i in trained]
        about = [asdict(recipe), preprocess.fields, backbone.fingerprint, seed, names]
        return fingerprint_json([*about, vectors[trained].sum(axis=1).tolist()])

    validation = Validation(
        InputImages(dataset.take(val_items), preprocess, workers=workers), y[val_items], uneven
    )
    checkpoints = checkpoints or Checkpoints(None)
    first = training(own_items, validation, "fine-tuning")
    if on_epoch is not None:
        first.on_epoch = lambda epoch: on_epoch(name, epoch)
    with first.threads() as pool:
        start_scores = first.outputs(validation.inputs, pool)
        if recipe.hflip == "auto":
            same = flip_invariant(first, validation, pool, start_scores)
            first.recipe = recipe = replace(recipe, hflip="yes" if same else "no")
    checkpoints.run(first, name=f"{name}-val", fingerprint=mark(own_items))
    known = [(first.start, start_scores)]  # no weights are looked through twice

    with first.threads() as pool:

        def scores_of(state: State) -> np.ndarray:
            for other, scores in known:
                if other is state:
                    return scores
            with first.using(state):
                known.append((state, first.outputs(validation.inputs, pool)))
            return known[-1][1]

        def judge(state: State) -> tuple[float, float, float]:
            return validation.judge(scores_of(state))

        # Half a standard error: neighbours in weight space give mostly the same answers.
        top = first.best[0][0] if first.best else 0.0
        noise = 0.5 * math.sqrt(max(top * (1 - top), 0) / len(val_items))
        kept = choose_weights(first.start, first.best, judge, noise=noise)
        val_scores = scores_of(kept.state)
        known.clear()
        first.put(kept.state)
        val_scores = both(first, validation.inputs, pool, val_scores)
    last = first
    if refit and kept.share > 0:
        last = training(items, None, "fine-tuning on all")
        checkpoints.run(last, name=f"{name}-all", fingerprint=mark(items))
        if last.diverged < 0:
            last.put(mix([last.start, last.ema or last.copy()], [1 - kept.share, kept.share]))
        else:
            last = first
    with last.threads() as pool:
        inputs = InputImages(
            dataset.take(test), preprocess, workers=workers, progress=compute.progress
        )
        test_scores = both(last, inputs, pool, last.outputs(inputs, pool))
    return FinetuneResult(
        net=last.net.eval(),
        head=last.net.as_head(),
        temperature=fit_temperature(val_scores, y[val_items]),
        history=tuple(first.history),
        kept=kept,
        validation=val_items,
        val_scores=val_scores,
        start_scores=start_scores,
        test_scores=test_scores,
        recipe=recipe,
        refitted=last is not first,
        diverged=first.diverged,
        uneven=uneven,
    )
