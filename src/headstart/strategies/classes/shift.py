"""Whether validation or test images are unlike the training images, and what follows from it.

Folds inside the training images know nothing of images of another kind. Given validation images may
be of that kind: then they choose. Test images may be: then, after they were used and without
choosing anything, a forecast that they contradict is withdrawn.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np

from headstart.compute import Compute
from headstart.data.labels import Classes
from headstart.data.words import plural
from headstart.metrics.two_sample import (
    TwoSample,
    independent_difference,
    share_of,
    two_sample_test,
)
from headstart.probe.classifiers import Config
from headstart.probe.cross_validate import CrossValidated, Fold, Round, cross_validate
from headstart.probe.frozen import Frozen
from headstart.probe.probe import Labelled
from headstart.probe.validated import held_inside, probe_validated, score_outside
from headstart.records import Estimate
from headstart.strategies.problem import Problem

__all__ = ["Choice", "Shift", "choose_probe", "look_at_test", "shift_sections"]

# What asks for a shift must not choose for it: one classifier, named beforehand.
_ASKED = Config("logistic", "all", 10.0)
_FEWEST = 20  # validation images that may choose
# Random splits seem unlike in about 1 of 75 cases: 0.01 + 0.05 * 0.05 + 0.001.
_SURE, _LIKELY = 0.01, 0.05
_SURE_LEVEL = 0.999


@dataclass(frozen=True)
class Shift:
    """Training images against others.

    Attributes:
        kind: Which others.
        unlike: Whether they are another kind of images.
        inside: Accuracy by folds inside the training images.
        outside: Accuracy on the others after training on the training images.
        difference: Inside minus outside.
        two_sample: Whether vectors tell them apart; None where it was not needed or not possible.
        summary: One sentence.
    """

    kind: Literal["validation", "test"]
    unlike: bool
    inside: Estimate
    outside: Estimate
    difference: Estimate
    two_sample: TwoSample | None
    summary: str

    def section(self) -> dict[str, Any]:
        """Returns the part of `metrics.json` about it."""
        found = None if self.two_sample is None else asdict(self.two_sample)
        return {
            "unlike": self.unlike,
            "inside": self.inside,
            "outside": self.outside,
            "difference": self.difference,
            "two_sample": found,
            "summary": self.summary,
        }


@dataclass(frozen=True)
class Choice:
    """What was trained, and what given validation images had to do with it.

    Attributes:
        problem: Without validation images among those that train, where they chose only.
        outcome: Of the probe.
        shift: None where there are no validation images, or they cannot choose.
        aside: (V,) int validation images that chose and were not trained on.
        section: The part of `metrics.json`, or None.
    """

    problem: Problem
    outcome: CrossValidated
    shift: Shift | None = None
    aside: np.ndarray | None = None
    section: dict[str, Any] | None = None

    @property
    def chosen_by(self) -> str:
        """What chose the classifier."""
        return "validation" if (self.section or {}).get("chosen") else "cross-validated"


def choose_probe(problem: Problem, frozen: Frozen, compute: Compute, *, folds: int) -> Choice:
    """Chooses and fits the probe: by folds, or by validation images that are of another kind.

    Validation images that look like the training images join them, as folds of both choose best.

    Args:
        problem: The rounds.
        frozen: Features of its N items.
        compute: Its seed is that of everything drawn.
        folds: Of every cross-validation.
    """
    validation = _validation(problem)
    shift = None
    if len(validation):
        shift = _look_at_validation(problem, frozen, validation, compute, folds=folds)
    if shift is None or not shift.unlike:
        outcome = cross_validate(
            frozen, problem.rounds, problem.clusters, compute, final=problem.final, folds=folds
        )
        return Choice(problem, outcome, shift, section=None if shift is None else shift.section())
    return _chosen_by_validation(problem, frozen, validation, shift, compute, folds=folds)


def _validation(problem: Problem) -> np.ndarray:
    """Returns the validation items that may choose; none where they must train instead.

    A number is learnt as ranges that are made of all training items, validation included, so there
    they train, as they do where a class is in no training image.
    """
    prepared, none = problem.prepared, np.zeros(0, int)
    if problem.kind != "holdout" or not isinstance(problem.dataset.labels, Classes):
        return none
    learnt = problem.rounds[0]
    own = prepared.splits[learnt.train] == "val"
    validation, train = learnt.train[own], learnt.train[~own]
    y = learnt.targets
    lacking = np.setdiff1d(y[validation], y[train])
    if len(validation) < _FEWEST or len(lacking) or len(np.unique(y[train])) < 2:
        return none
    return validation


def _look_at_validation(
    problem: Problem, frozen: Frozen, validation: np.ndarray, compute: Compute, *, folds: int
) -> Shift:
    learnt, clusters = problem.rounds[0], problem.clusters
    train = np.setdiff1d(learnt.train, validation)
    asked = _ASKED if _ASKED.features in frozen.sets else replace(_ASKED, features="last")
    ground = Labelled(learnt.targets, clusters, learnt.n_classes, train)
    items, held = held_inside(frozen, asked, ground, compute, folds=folds)
    scores = score_outside(frozen, asked, ground, validation)
    return _compared(
        "validation", (items, held), (validation, scores), learnt, clusters,
        lambda: _two_sample(frozen, learnt, clusters, (train, validation), compute.seed),
        seed=compute.seed,
    )  # fmt: skip


def _two_sample(
    frozen: Frozen, learnt: Round, clusters: np.ndarray, sides: tuple[np.ndarray, np.ndarray],
    seed: int,
) -> TwoSample | None:  # fmt: skip
    items = np.concatenate(sides)
    second = np.arange(len(items)) >= len(sides[0])
    return two_sample_test(
        frozen.vectors[items], second, learnt.targets[items], clusters[items], seed=seed
    )


def _compared(
    kind: Literal["validation", "test"],
    inside: tuple[np.ndarray, np.ndarray],
    outside: tuple[np.ndarray, np.ndarray],
    learnt: Round,
    clusters: np.ndarray,
    looks: Callable[[], TwoSample | None],
    *,
    seed: int,
) -> Shift:
    """Compares accuracies, and vectors where that can decide anything.

    Validation images are unlike where their looks say so; test images contradict a forecast only
    where they are classified worse than folds say.
    """

    def estimates(level: float) -> tuple[Estimate, Estimate, Estimate]:
        parts = [
            share_of(
                scores.argmax(axis=1) == learnt.targets[items], clusters[items], level=level,
                seed=seed,
            )
            for items, scores in (inside, outside)
        ]  # fmt: skip
        return parts[0], parts[1], independent_difference(*parts)

    plain, sure = estimates(0.95), estimates(_SURE_LEVEL)[2]
    worse, far = plain[2].low > 0, sure.low > 0
    if kind == "validation":
        worse, far = worse or plain[2].high < 0, far or sure.high < 0
    found = looks() if kind == "validation" or (worse and not far) else None
    p_value = 1.0 if found is None else found.p_value
    unlike = far or (worse and p_value <= _LIKELY)
    if kind == "validation":
        unlike = unlike or p_value <= _SURE
    return Shift(kind, unlike, *plain, found, _sentence(kind, unlike, plain, found))


def _sentence(
    kind: str,
    unlike: bool,
    found: tuple[Estimate, Estimate, Estimate],
    looks: TwoSample | None,
) -> str:
    inside, outside = f"{found[0].value:.2f}", f"{found[1].value:.2f}"
    said = f"folds inside training say {inside}, your {kind} {outside}"
    if not unlike and kind == "test":
        return f"The test does not contradict what folds forecast: {said}."
    if not unlike:
        return f"Your {kind} images are like the training images: {said}."
    return f"Your {kind} images are unlike the training images: {said}"


def _chosen_by_validation(
    problem: Problem, frozen: Frozen, validation: np.ndarray, shift: Shift, compute: Compute, *,
    folds: int,
) -> Choice:  # fmt: skip
    learnt = problem.rounds[0]
    train = np.setdiff1d(learnt.train, validation)
    ground = Labelled(learnt.targets, problem.clusters, learnt.n_classes, train)
    # Where copies of test items were taken out of training, those of validation items do not
    # choose either: what is measured on both must mean the same.
    shared = np.isin(problem.clusters[train], problem.clusters[learnt.test]).any()
    today = cross_validate(frozen, problem.rounds, problem.clusters, compute, folds=folds)
    chosen = probe_validated(
        frozen, ground, validation, compute, apart=not bool(shared), standing=today.probe.config,
        folds=folds,
    )  # fmt: skip
    gain, outcome, aside = chosen.gain, today, None
    if not chosen.joined:
        aside, round_ = validation, replace(learnt, train=train)
        problem = replace(problem, rounds=(round_,), final=round_)
    if (probe := chosen.probe) is not None:
        played = problem.rounds[0]
        scores = probe.head.scores(frozen.vectors[played.test])
        outcome = CrossValidated((Fold(played, probe, scores, probe.temperature),), probe, played)
    which = (
        "measured on validation, no classifier is surely better than the one that folds chose"
        if probe is None
        else "chosen by validation"
    )
    also = "trained on in the last fit too" if chosen.joined else "not trained on"
    summary = (
        f"{shift.summary}; {which}. They were {also}: on validation images held out, training on "
        f"the others changes accuracy by {100 * gain.value:+.1f} points "
        f"({100 * gain.low:+.1f} to {100 * gain.high:+.1f})."
    )
    section = replace(shift, summary=summary).section() | {
        "chosen": probe is not None, "joined": chosen.joined, "gain_of_joining": gain,
        "images": len(validation),
    }  # fmt: skip
    return Choice(problem, outcome, replace(shift, summary=summary), aside, section)


def look_at_test(
    problem: Problem, frozen: Frozen, outcome: CrossValidated, compute: Compute
) -> Shift | None:
    """Says whether a given test contradicts what folds inside the training images forecast.

    It is asked after the test was used, and nothing is chosen by it.

    Args:
        problem: The rounds.
        frozen: Features of its N items.
        outcome: Of the probe.
        compute: Its seed is that of the permutations.

    Returns:
        None where the test was drawn from the same images, or numbers are predicted.
    """
    dataset = problem.dataset
    given = problem.kind == "holdout" and bool(dataset.tested().any())
    if not given or not isinstance(dataset.labels, Classes):
        return None
    fold = outcome.folds[0]
    known = fold.round.targets[fold.test] >= 0
    if not known.any():
        return None
    shift = _compared(
        "test", (fold.probe.chosen_on, fold.probe.held_out),
        (fold.test[known], fold.scores[known]), fold.round, problem.clusters,
        lambda: _two_sample(
            frozen, fold.round, problem.clusters, (fold.train, fold.test[known]), compute.seed
        ),
        seed=compute.seed,
    )  # fmt: skip
    if not shift.unlike:
        return shift
    images = plural(shift.outside.n, "test image")
    return replace(
        shift,
        summary=f"{shift.summary} ({100 * shift.outside.low:.0f} to "
        f"{100 * shift.outside.high:.0f} of 100, {images}): what folds forecast does not hold "
        f"for such images, so no forecast is made. Gather training images from the source of the "
        f"test; where several images show one person, object or session, name it with --group.",
    )


def shift_sections(
    choice: Choice, shift: Shift | None, drawn: dict[str, Any]
) -> dict[str, dict[str, Any]]:
    """Returns the parts of `metrics.json` about shifts; a forecast that does not hold is withdrawn.

    Args:
        choice: What validation images had to do with the probe.
        shift: What the test says, or None.
        drawn: The part about the learning curve.
    """
    parts = {}
    if choice.section is not None:
        parts["validation"] = choice.section
    if shift is not None:
        parts["test_shift"] = shift.section()
    for name, each in (("test", shift), ("validation", choice.shift)):
        if each is not None and each.unlike:
            reason = f"your {name} images are unlike the training images"
            parts["learning_curve"] = drawn | {"forecast": None, "withdrawn": reason}
            break
    return parts
