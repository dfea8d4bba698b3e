"""Fine-tuning against the probe: the same rounds, and the better of the two on held-out images.

What is decided is decided inside the training items of a round; test items are predicted
once, by what was kept.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from headstart.compute import Compute, renamed
from headstart.metrics.interval import paired_difference, wilson
from headstart.nets.learning.trainable import TrainableModel
from headstart.probe.cross_validate import CrossValidated, Fold
from headstart.probe.probe import Probe
from headstart.probe.trials import calibrated_losses
from headstart.records import Estimate, Finding
from headstart.strategies.finetuning.adapt_recipe import adapt_recipe
from headstart.strategies.finetuning.round import TRAINING, FinetuneResult, Session, finetune
from headstart.strategies.problem import FrozenNetwork, Problem
from headstart.tasks.classification.validation import judge
from headstart.training.diagnose import diagnose
from headstart.training.schedule import Recipe
from headstart.training.start import Start

__all__ = ["FinetuneRounds", "HowToFinetune", "Keep", "start_of", "tune"]

Keep = Literal["better", "finetune"]
_STRENGTH = 10.0


@dataclass(frozen=True)
class HowToFinetune:
    """What a fine-tuning begins from, and what is kept of it.

    Attributes:
        keep: ``"better"`` of probe and network on the held-out images of each round, or
            ``"finetune"`` unless no epoch was better than the start.
        refit: Train once more on all training items.
        blank: The head starts from nothing, as for a network that was not pretrained.
    """

    keep: Keep = "better"
    refit: bool = True
    blank: bool = False


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
    problem: Problem,
    network: FrozenNetwork,
    probed: CrossValidated,
    recipe: Recipe,
    compute: Compute,
    *,
    how: HowToFinetune | None = None,
    session: Session | None = None,
) -> FinetuneRounds:
    """Fine-tunes in every round of a probe and keeps the better of the two.

    Args:
        problem: N readable, labelled items, and the rounds.
        network: Copied, not changed.
        probed: What `cross_validate` gave.
        recipe: How.
        compute: Where, and from which seed.
        how: What is kept, and what training begins from.
        session: Where states are kept for resuming, and who hears of epochs.
    """
    how, session, begun = how or HowToFinetune(), session or Session(), time.perf_counter()
    first_fold = probed.folds[0]
    because: tuple[str, ...] = ()
    if not how.blank:
        recipe, because = adapt_recipe(
            recipe, first_fold.probe, network.backbone.network, items=len(first_fold.train)
        )
    jobs = [(fold.round, fold.probe) for fold in probed.folds]
    if len(jobs) > 1:
        jobs.append((probed.final, probed.probe))
    done: list[FinetuneResult] = []
    compared: list[_Comparison] = []
    for number, (learnt, probe) in enumerate(jobs, 1):
        until = _slice(begun, session.until, number / len(jobs))
        start = replace(start_of(probe, network.features.sets), blank=how.blank)
        result = finetune(
            problem.prepared, learnt, network, recipe, start,
            _numbered(compute, number, len(jobs)) if len(jobs) > 1 else compute,
            session=replace(session, name=f"round{number}", until=until), refit=how.refit,
        )  # fmt: skip
        compared.append(_compare(result, probe, learnt.targets, problem.clusters))
        # Networks of earlier rounds have done their work.
        done.append(result if number == len(jobs) else replace(result, net=None))
    return _rounds(problem, probed, how, because, done, compared, seed=compute.seed)


def _slice(begun: float, until: float | None, part: float) -> float | None:
    """Returns when the first part of the time is over."""
    return None if until is None else begun + part * (until - begun)


def _rounds(
    problem: Problem,
    probed: CrossValidated,
    how: HowToFinetune,
    because: tuple[str, ...],
    done: list[FinetuneResult],
    compared: list[_Comparison],
    *,
    seed: int,
) -> FinetuneRounds:
    """Decides round by round what is kept, and what becomes the model."""

    def keeps(result: FinetuneResult, comparison: _Comparison) -> bool:
        # Where no epoch beat its own start, there is nothing fine-tuned to keep.
        asked = how.keep == "finetune" and (how.blank or result.kept.share > 0)
        return asked or comparison.better

    n_folds = len(probed.folds)
    folds = tuple(
        replace(fold, scores=result.test_scores, temperature=result.temperature)
        if keeps(result, each)
        else fold
        for fold, result, each in zip(probed.folds, done, compared)
    )
    kept: Literal["finetune", "probe"] = "finetune" if keeps(done[-1], compared[-1]) else "probe"
    rights = zip(*[each.right for each in compared[:n_folds]], strict=True)
    probe_right, tuned_right, groups = (np.concatenate(each) for each in rights)
    n = len(probe_right)
    net = done[-1].net
    assert net is not None, "the last one is kept"
    gain = paired_difference(tuned_right, probe_right, groups, seed=seed)
    return FinetuneRounds(
        kept=kept,
        summary=" ".join((_describe(kept, how.keep, gain, compared[:n_folds]), *because)),
        recipe=done[0].recipe,
        rounds=tuple(done),
        probe=wilson(float(probe_right.sum()), n),
        finetuned=wilson(float(tuned_right.sum()), n),
        gain=gain,
        diagnoses=_diagnoses(problem, probed.folds[0], done[0]),
        outcome=replace(probed, folds=folds),
        net=net,
        temperature=done[-1].temperature,
    )


def _diagnoses(problem: Problem, fold: Fold, first: FinetuneResult) -> tuple[Finding, ...]:
    """Returns what the curves of the first round say."""
    learnt, clusters = fold.round, problem.clusters
    start_accuracy, _, start_loss = judge(
        first.start_scores, learnt.targets[first.validation], balanced=first.uneven
    )
    grouped = problem.dataset.groups is not None
    return tuple(
        diagnose(
            first.history,
            start_loss=start_loss,
            start_accuracy=start_accuracy,
            n_classes=learnt.n_classes,
            n_groups=len(np.unique(clusters[learnt.train])) if grouped else None,
            diverged=first.diverged,
        )
    )


def _numbered(compute: Compute, number: int, count: int) -> Compute:
    """Names a training by its round."""

    def name(phase: str) -> str:
        return f"{phase} ({number} of {count})" if phase.startswith(TRAINING) else phase

    return compute.with_progress(renamed(compute.progress, name))


@dataclass(frozen=True)
class _Comparison:
    """Probe and fine-tuned network on the same held-out items."""

    right: tuple[np.ndarray, np.ndarray, np.ndarray]  # probe, fine-tuned, clusters
    losses: tuple[np.ndarray, np.ndarray]  # calibrated
    better: bool


def _compare(
    result: FinetuneResult, probe: Probe, targets: np.ndarray, clusters: np.ndarray
) -> _Comparison:
    """Compares on the items that both held out.

    Both cost the same to run, so the one is kept that is expected to be right more often, however
    unsure that is: to wait for significance would give away what is likely. Where accuracy cannot
    tell (the difference is within its own standard error), its sign is mostly chance; then log-loss
    decides, to which every item adds and not only the few that one of both gets wrong.
    """
    common, mine, theirs = np.intersect1d(result.validation, probe.chosen_on, return_indices=True)
    truth = targets[common]
    both = (probe.held_out[theirs], result.val_scores[mine])
    balanced = probe.criterion == "balanced accuracy"
    before, after = (judge(scores, truth, balanced=balanced)[0] for scores in both)
    probed, tuned = (scores.argmax(axis=1) == truth for scores in both)
    losses = calibrated_losses(both[0], truth), calibrated_losses(both[1], truth)
    better = after > before
    if abs(after - before) <= _noise(probed, tuned) and losses[0].mean() != losses[1].mean():
        better = bool(losses[1].mean() < losses[0].mean())
    return _Comparison((probed, tuned, clusters[common]), losses, better)


def _noise(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the standard error of the difference of two accuracies on the same items.

    As if one more item were right in one of them only: a single such item proves nothing.
    """
    return math.sqrt(np.count_nonzero(first != second) + 1) / max(len(first), 1)


def _describe(kept: str, keep: Keep, gain: Estimate, compared: list[_Comparison]) -> str:
    rights = (np.concatenate([each.right[which] for each in compared]) for which in (0, 1))
    points = f"{100 * gain.value:+.1f} points ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"
    told = f"on {gain.n:,} held-out training images fine-tuning changed accuracy by {points}"
    if keep == "finetune" and kept == "finetune":
        return f"Fine-tuned, as asked: {told}."
    if abs(gain.value) <= _noise(*rights):
        before, after = (
            float(np.concatenate([each.losses[which] for each in compared]).mean())
            for which in (0, 1)
        )
        told += f", which is chance; log-loss decided ({after:.3f} after {before:.3f})"
    if kept == "finetune":
        return f"Fine-tuning was kept: {told}."
    return f"The frozen probe was kept: {told}."
