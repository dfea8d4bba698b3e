"""Fine-tuning against the probe: the same rounds, and the better of the two on held-out images.

What is decided is decided inside the training items of a round; test items are predicted
once, by what was kept.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.images.pixels import Progress, silent
from headstart.images.preprocess import Preprocess
from headstart.metrics.interval import paired_difference, wilson
from headstart.nets.backbone import Backbone
from headstart.nets.trainable import TrainableModel
from headstart.probe.cross_validate import CrossValidated, Fold, join_folds
from headstart.probe.probe import Probe
from headstart.records import Estimate, Finding
from headstart.strategies.adapt_recipe import adapt_recipe
from headstart.strategies.finetune_round import FinetuneResult, finetune
from headstart.tasks.classification.validation import judge
from headstart.training.checkpoint import Checkpoints
from headstart.training.diagnose import diagnose
from headstart.training.record import OnEpoch
from headstart.training.schedule import Recipe
from headstart.training.start import Start

__all__ = ["Keep", "FinetuneRounds", "start_of", "tune"]

Keep = Literal["better", "finetune"]
_STRENGTH = 10.0


@dataclass(frozen=True)
class FinetuneRounds:
    """A fine-tuning beside the probe it began from.

    Attributes:
        kept: Which of the two became the model.
        summary: Why, in sentences.
        recipe: How it was trained.
        rounds: One a round, and the one that becomes the model last where there are several.
        probe: Accuracy of the probe on the held-out images, by cross-validation.
        finetuned: Accuracy of the fine-tuned network on the same.
        gain: The difference, paired.
        diagnoses: What the curves say.
        outcome: The test items, as predicted by what was kept in each round.
        net: What becomes the model, if it was kept.
        temperature: Of its scores.
    """

    kept: Literal["finetune", "probe"]
    summary: str
    recipe: Recipe
    rounds: tuple[FinetuneResult, ...]
    probe: Estimate
    finetuned: Estimate
    gain: Estimate
    diagnoses: tuple[Finding, ...]
    outcome: CrossValidated
    net: TrainableModel
    temperature: float


def start_of(probe: Probe, sets: dict[str, np.ndarray], *, features: str = "last") -> Start:
    """Returns where a fine-tuning begins: the best logistic regression on one feature set.

    Args:
        probe: With its trials.
        sets: Feature sets, from `feature_sets`.
        features: Which of them the head reads.
    """
    trials = [
        trial
        for trial in probe.trials
        if trial.config.classifier == "logistic" and trial.config.features == features
    ]
    if not trials:
        return Start(sets[features], _STRENGTH)
    best = max(trials, key=lambda trial: trial.accuracy.value)
    if probe.criterion == "balanced accuracy":
        best = max(trials, key=lambda trial: trial.balanced_accuracy)
    return Start(sets[features], best.config.C, best.config.balanced)


def tune(
    dataset: Dataset,
    vectors: np.ndarray,
    sets: dict[str, np.ndarray],
    clusters: np.ndarray,
    probed: CrossValidated,
    backbone: Backbone,
    recipe: Recipe,
    *,
    preprocess: Preprocess,
    keep: Keep = "better",
    refit: bool = True,
    tta: int = 1,
    blank: bool = False,
    grouped: bool = False,
    seed: int = 0,
    device: str = "cpu",
    workers: int | None = None,
    checkpoints: Checkpoints | None = None,
    on_epoch: OnEpoch | None = None,
    progress: Progress = silent,
) -> FinetuneRounds:
    """Fine-tunes in every round of a probe and keeps the better of the two.

    Args:
        dataset: N readable, labelled items.
        vectors: (N, D) float32 frozen features.
        sets: Feature sets, from `feature_sets`.
        clusters: (N,) int.
        probed: What `cross_validate` gave.
        backbone: Copied, not changed.
        recipe: How.
        preprocess: Of the network.
        keep: ``"better"`` of the two on the held-out images of each round, or
            ``"finetune"`` unless no epoch was better than the start.
        refit: Train once more on all training items.
        tta: 2: predictions are the mean of an image and its mirror image.
        blank: The head starts from nothing, as for a network that was not pretrained.
        grouped: The clusters are groups that the data name (people, patients).
        seed: Of everything drawn.
        device: Where it runs.
        workers: Processes that decode and augment.
        checkpoints: Where states are kept for resuming.
        on_epoch: Called with the name of a round and every epoch.
        progress: Called as steps are done.
    """
    several = len(probed.parts) > 1
    first_part = probed.parts[0]
    because: tuple[str, ...] = ()
    if not blank:
        recipe, because = adapt_recipe(
            recipe, first_part.probe, backbone.network, items=len(first_part.train)
        )
    everything = np.unique(
        np.concatenate([np.concatenate((part.train, part.test)) for part in probed.parts])
    )
    jobs = [(part.train, part.test, part.probe) for part in probed.parts]
    if several:
        jobs.append((everything, everything[:0], probed.probe))
    done: list[FinetuneResult] = []
    parts: list[Fold] = []
    comparisons: list[_Comparison] = []
    kept: Literal["finetune", "probe"] = "probe"
    for number, (train, test, probe) in enumerate(jobs):
        last = number == len(jobs) - 1
        result = finetune(
            dataset, vectors, clusters, backbone, recipe,
            replace(start_of(probe, sets), blank=blank),
            items=train, test=test, preprocess=preprocess, refit=refit, tta=tta,
            checkpoints=checkpoints,
            name=f"round{number + 1}", on_epoch=on_epoch,
            compute=Compute(
                device, workers, seed,
                progress if not several else _numbered(progress, number + 1, len(jobs)),
            ),
        )  # fmt: skip
        compared = _compare(result, probe, dataset.targets, clusters)
        # Where no epoch beat its own start, there is nothing fine-tuned to keep.
        asked = keep == "finetune" and (blank or result.kept.share > 0)
        kept = "finetune" if asked or compared.better else "probe"
        if not several or not last:
            part = probed.parts[number]
            comparisons.append(compared)
            if kept == "finetune":
                part = replace(part, scores=result.test_scores, temperature=result.temperature)
            parts.append(part)
        # Networks of earlier rounds have done their work.
        done.append(result if last else replace(result, net=None))
    right = [np.concatenate(each) for each in zip(*[c.right for c in comparisons], strict=True)]
    probe_right, tuned_right, groups = right
    n = len(probe_right)
    first = done[0]
    start_accuracy, _, start_loss = judge(
        first.start_scores, dataset.targets[first.validation], balanced=first.uneven
    )
    diagnoses = diagnose(
        first.history,
        start_loss=start_loss,
        start_accuracy=start_accuracy,
        n_classes=len(dataset.classes),
        n_groups=len(np.unique(clusters[first_part.train])) if grouped else None,
        diverged=first.diverged,
    )
    net = done[-1].net
    assert net is not None, "the last one is kept"
    gain = paired_difference(tuned_right, probe_right, groups, seed=seed)
    return FinetuneRounds(
        kept=kept,
        summary=" ".join((_describe(kept, keep, gain, n), *because)),
        recipe=first.recipe,
        rounds=tuple(done),
        probe=wilson(float(probe_right.sum()), n),
        finetuned=wilson(float(tuned_right.sum()), n),
        gain=gain,
        diagnoses=tuple(diagnoses),
        outcome=join_folds(parts, probed.probe),
        net=net,
        temperature=done[-1].temperature,
    )


def _numbered(progress: Progress, number: int, count: int) -> Progress:
    """Names a phase by its round."""
    return lambda phase, done, total: progress(f"{phase} ({number} of {count})", done, total)


@dataclass(frozen=True)
class _Comparison:
    """Probe and fine-tuned network on the same held-out items."""

    right: tuple[np.ndarray, np.ndarray, np.ndarray]  # probe, fine-tuned, clusters
    better: bool


def _compare(
    result: FinetuneResult, probe: Probe, targets: np.ndarray, clusters: np.ndarray
) -> _Comparison:
    """Compares on the items that both held out."""
    common, mine, theirs = np.intersect1d(result.validation, probe.chosen_on, return_indices=True)
    truth = targets[common]
    both = (probe.held_out[theirs], result.val_scores[mine])
    balanced = probe.criterion == "balanced accuracy"
    before, after = (judge(scores, truth, balanced=balanced)[0] for scores in both)
    probed, tuned = (scores.argmax(axis=1) == truth for scores in both)
    return _Comparison((probed, tuned, clusters[common]), after > before)


def _describe(kept: str, keep: Keep, gain: Estimate, n: int) -> str:
    points = f"{100 * gain.value:+.1f} points ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
    told = f"on {n:,} held-out training images fine-tuning changed accuracy by {points}"
    if keep == "finetune" and kept == "finetune":
        return f"Fine-tuned, as asked: {told}."
    if kept == "finetune":
        return f"Fine-tuning was kept: {told}."
    return f"The frozen probe was kept: {told}."
