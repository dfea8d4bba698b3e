"""Who trains and who tests: on a test split, or by nested cross-validation where images are few."""

from __future__ import annotations

import numpy as np

from headstart.choices import EvaluationKind
from headstart.data.dataset import Dataset
from headstart.data.splits.split import folds as make_folds
from headstart.data.words import plural
from headstart.errors import DataError
from headstart.probe.cross_validate import Round
from headstart.strategies.problem import Prepared, Problem, TestKind
from headstart.tasks import task_of

__all__ = ["make_problem"]

# Below this many images a fifth of them says too little: 40 test images leave +-8 points.
_FEW_IMAGES = 300
_FEW_PER_CLASS = 10


def make_problem(
    prepared: Prepared, evaluation: EvaluationKind, *, folds: int, seed: int
) -> Problem:
    """Decides who trains and who tests, and what each learns.

    Args:
        prepared: The usable items.
        evaluation: On a test split, by nested cross-validation, or as the data allow.
        folds: Of the cross-validation.
        seed: Of what is drawn.

    Raises:
        DataError: If a training part has fewer than two classes, or nobody tests.
    """
    dataset = prepared.dataset
    given = bool(dataset.tested().any())
    smallest = int(_counts(dataset).min())
    few = len(dataset) < _FEW_IMAGES or smallest < _FEW_PER_CLASS
    if evaluation == "cv" or (evaluation == "auto" and few and not given):
        kind: TestKind = "cv"
        pairs, summary = _cross_validation(prepared, evaluation, folds=folds, seed=seed)
    else:
        kind = "holdout"
        pairs, summary = _holdout(prepared, given, seed=seed)
    strata = dataset.labels.strata
    if not pairs or _single(prepared):
        raise DataError(_too_few(prepared))
    for train, test in pairs:
        if len(np.unique(strata[train])) < 2 or not len(test):
            raise DataError(_nothing_left(prepared))
    task = task_of(dataset.task)
    encoded = [task.encode(dataset.labels, train) for train, _ in pairs]
    rounds = tuple(
        Round(train, test, target.classes, len(target.spec.names))
        for (train, test), target in zip(pairs, encoded, strict=True)
    )
    final, spec = rounds[0], encoded[0].spec
    if len(rounds) > 1:
        everything = np.unique(np.concatenate([np.concatenate(each) for each in pairs]))
        target = task.encode(dataset.labels, everything)
        spec = target.spec
        final = Round(everything, everything[:0], target.classes, len(spec.names))
    specs = tuple(target.spec for target in encoded)
    kind = "cv" if len(rounds) > 1 else "holdout"
    return Problem(prepared, rounds, specs, final, spec, kind, summary)


def _too_few(prepared: Prepared) -> str:
    """Says why nobody can learn while others test."""
    dataset, clusters = prepared.dataset, prepared.clusters
    if _single(prepared):
        return (
            f"{dataset.root}: each class has a single image, or a single set of images that must "
            f"stay whole (a group, copies), so it can be neither learned nor measured; add images, "
            f"at least a few of each class, or see that --group names the right column"
        )
    return (
        f"{dataset.root}: its {plural(len(dataset), 'image')} belong to "
        f"{plural(len(np.unique(clusters)), 'set')} that must stay whole (groups and copies), too "
        f"few to learn from some and test on others; add people or scenes, or see that --group "
        f"names the right column"
    )


def _nothing_left(prepared: Prepared) -> str:
    """Says why one part of a split cannot do what it is for."""
    root, lost = prepared.dataset.root, int(prepared.dropped.sum())
    why = "the training part has fewer than two classes left (or the test part is empty)"
    if not lost:
        return f"{root}: {why}; try --evaluation cv, or mend the split"
    return (
        f"{root}: {plural(lost, 'training image')} with a copy or group in the test were left "
        f"out, and {why}: say --split none, and a split is drawn that keeps each whole"
    )


def _single(prepared: Prepared) -> bool:
    """Whether no class has two images that may lie on two sides."""
    cells = np.unique(np.stack([prepared.dataset.labels.strata, prepared.clusters]), axis=1)
    return bool(np.bincount(cells[0]).max(initial=0) <= 1)


_Pairs = list[tuple[np.ndarray, np.ndarray]]


def _counts(dataset: Dataset) -> np.ndarray:
    """Returns how many items each stratum has that has any."""
    counts = np.bincount(dataset.labels.strata[dataset.labelled])
    return counts[counts > 0]


def _cross_validation(
    prepared: Prepared, evaluation: EvaluationKind, *, folds: int, seed: int
) -> tuple[_Pairs, str]:
    """Returns (training items, test items) of every fold, and a sentence about them."""
    dataset, n = prepared.dataset, len(prepared.dataset)
    strata = dataset.labels.strata
    k = max(2, min(folds, len(np.unique(prepared.clusters))))
    fold_of = make_folds(strata, prepared.clusters, k=k, seed=seed)
    pairs = [
        (np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(k)
    ]
    pairs = [each for each in pairs if len(each[1]) and len(np.unique(strata[each[0]])) > 1]
    smallest = int(_counts(dataset).min())
    why = "as asked" if evaluation == "cv" else f"{n} images are too few for a test split"
    if evaluation == "auto" and n >= _FEW_IMAGES:
        why = f"a class with {smallest} image{'s' * (smallest > 1)} is too small to be split"
    return pairs, (
        f"Nested {len(pairs)}-fold cross-validation ({why}): every image was predicted once by a "
        f"model chosen and fitted without it; duplicates and groups stayed in one fold. "
        f"The model that was kept is fitted on all of them."
    )


def _holdout(prepared: Prepared, given: bool, *, seed: int) -> tuple[_Pairs, str]:
    """Returns the one pair of training and test items, and a sentence about it."""
    test = prepared.splits == "test"
    own = "test" if prepared.dataset.test_name == "test" else "validation"
    origin = f"the data's own {own} split" if given else "a stratified fifth held out (seed "
    summary = f"Measured once on {origin}{'' if given else f'{seed})'}: "
    summary += f"{plural(int(test.sum()), 'image')}."
    if prepared.dropped.any():
        summary += (
            f" {plural(int(prepared.dropped.sum()), 'training image was', 'training images were')} "
            f"left out because copies, near-duplicates or members of their group are in the test."
        )
    return [(np.flatnonzero(~test & ~prepared.dropped), np.flatnonzero(test))], summary
