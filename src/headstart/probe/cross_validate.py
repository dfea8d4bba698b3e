"""Rounds: training on some items and predicting others, once or as nested cross-validation.

The winner, the baselines and the learning curve all pass through here, so they are
measured on the same items in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headstart.compute import Compute
from headstart.data.splits.split import folds as make_folds
from headstart.nets.heads.head import softmax
from headstart.probe.classifiers import (
    Config,
    held_out_scores,
    item_weights,
    make_space,
    one_blas_thread,
)
from headstart.probe.frozen import Frozen
from headstart.probe.probe import Labelled, Probe, probe
from headstart.probe.trials import Grid

__all__ = [
    "CrossValidated",
    "Fold",
    "Round",
    "cross_validate",
    "curve_of_rounds",
    "learning_curve",
]

_SHARES = (0.125, 0.25, 0.5, 0.75, 1.0)
_CURVE_ON = 4_000
_BLOCK = 2048


@dataclass(frozen=True)
class Round:
    """Who trains and who tests, and what is to be learnt.

    Attributes:
        train: (n,) int items to learn from.
        test: (m,) int items to predict.
        targets: (N,) int of all items, 0 to C - 1; what was fitted to make them was fitted to
            `train` only.
        n_classes: C.
    """

    train: np.ndarray
    test: np.ndarray
    targets: np.ndarray
    n_classes: int


@dataclass(frozen=True)
class Fold:
    """One round, played.

    Attributes:
        round: Who trained and who tested.
        probe: What was chosen and fitted; its calibration is not used where another model gave
            the scores.
        scores: (m, C) of the test items.
        temperature: Divides the scores.
    """

    round: Round
    probe: Probe
    scores: np.ndarray
    temperature: float

    @property
    def train(self) -> np.ndarray:
        """(n,) int items that were learnt from."""
        return self.round.train

    @property
    def test(self) -> np.ndarray:
        """(m,) int items that were predicted."""
        return self.round.test

    @property
    def probabilities(self) -> np.ndarray:
        """(m, C) calibrated, of the test items."""
        return softmax(self.scores / np.float32(self.temperature))

    @property
    def uncalibrated(self) -> np.ndarray:
        """(m, C) before temperature scaling."""
        return softmax(self.scores)


@dataclass(frozen=True)
class CrossValidated:
    """Predictions of items by models that never saw them.

    Attributes:
        folds: The rounds.
        probe: The probe that becomes the model: of the one round, or of all items together.
        final: What the latter learnt; the round itself where there is one.
    """

    folds: tuple[Fold, ...]
    probe: Probe
    final: Round

    @property
    def items(self) -> np.ndarray:
        """(M,) int items that were predicted, ascending."""
        return np.sort(np.concatenate([fold.test for fold in self.folds]))


def cross_validate(
    frozen: Frozen,
    rounds: Sequence[Round],
    clusters: np.ndarray,
    compute: Compute,
    *,
    final: Round | None = None,
    grid: Grid | Sequence[Grid] | None = None,
    folds: int = 5,
) -> CrossValidated:
    """Chooses and fits on the training items of each round, and predicts its test items.

    Args:
        frozen: Features of N items.
        rounds: More than one is cross-validation, where everything is chosen anew in each round.
        clusters: (N,) int.
        compute: Its seed is that of everything drawn.
        final: After several rounds, fit once more on its training items; None for a baseline.
        grid: What is tried: in all rounds, or one for each of them and one for `final`.
        folds: Inner folds.

    Returns:
        `CrossValidated` over the test items of all rounds.
    """
    grids = [grid] * (len(rounds) + 1) if grid is None or isinstance(grid, Grid) else list(grid)

    def fit(each: Round, own: Grid | None) -> Probe:
        ground = Labelled(each.targets, clusters, each.n_classes, each.train)
        return probe(frozen, ground, compute, grid=own, folds=folds)

    done = []
    for each, own in zip(rounds, grids, strict=False):
        fitted = fit(each, own)
        scores = _scores(fitted, frozen.vectors, each.test)
        done.append(Fold(each, fitted, scores, fitted.temperature))
    if len(rounds) > 1 and final is not None:
        return CrossValidated(tuple(done), fit(final, grids[-1]), final)
    return CrossValidated(tuple(done), done[-1].probe, rounds[-1])


def _scores(fitted: Probe, vectors: np.ndarray, items: np.ndarray) -> np.ndarray:
    """Returns (M, C) scores of some rows, block by block."""
    starts = range(0, max(1, len(items)), _BLOCK)  # of no rows too, as advice asks nobody
    return np.concatenate(
        [fitted.head.scores(vectors[items[start : start + _BLOCK]]) for start in starts]
    )


def learning_curve(
    frozen: Frozen,
    fitted: Probe,
    learnt: Round,
    clusters: np.ndarray,
    compute: Compute,
    *,
    folds: int = 5,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measures the chosen classifier on growing shares of the training items.

    It is measured by cross-validation inside the training items: the test is not touched.

    Args:
        frozen: Features of N items.
        fitted: What was chosen.
        learnt: Only its training items are looked at.
        clusters: (N,) int.
        compute: Its seed is that of folds and shares.
        folds: K.

    Returns:
        (S,) int mean training sizes, (S, K) float accuracies of the targets, and (K,) int items
        that each fold holds out: a large group makes a fold of its own, and counts as it is.
    """
    rng = np.random.default_rng(compute.seed)
    items = learnt.train
    chosen = items[rng.permutation(len(items))[:_CURVE_ON]]
    x, y, groups = frozen.vectors[chosen], learnt.targets[chosen], clusters[chosen]
    folds = max(2, min(folds, len(np.unique(groups))))
    fold_of = make_folds(y, groups, k=folds, seed=compute.seed)
    # Within each class and fold, the first items of a fixed order: smaller sets nest in larger.
    rank = np.zeros(len(y))
    for fold in range(folds):
        for label in np.unique(y):
            members = np.flatnonzero((fold_of == fold) & (y == label))
            rank[rng.permutation(members)] = (np.arange(len(members)) + 0.5) / max(len(members), 1)
    included = np.stack(
        [(fold_of != fold) & (rank <= share) for share in _SHARES for fold in range(folds)]
    )
    hits, enough = _right(fitted, x, y, included, learnt.n_classes)
    held = np.stack([fold_of == fold for _ in _SHARES for fold in range(folds)])
    right = (hits & held).sum(axis=1) / np.maximum(held.sum(axis=1), 1)
    accuracy = np.where(enough, right, np.nan)
    accuracy = accuracy.reshape(len(_SHARES), folds)
    held_count = np.bincount(fold_of, minlength=folds)
    sizes = included.sum(axis=1).reshape(len(_SHARES), folds).mean(axis=1).round().astype(int)
    good = ~np.isnan(accuracy).any(axis=1) & (sizes >= learnt.n_classes)
    return sizes[good], accuracy[good], held_count


def curve_of_rounds(
    frozen: Frozen, rounds: Sequence[Fold], compute: Compute
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Measures what each round chose, fitted on growing shares of its training items.

    So the curve ends at what is measured. What all items together chose would be measured on the
    items that it was chosen by, which flatters it where few groups decide.

    Args:
        frozen: Features of N items, as the rounds had them.
        rounds: K of them, played; each is measured on its own test items.
        compute: Its seed is that of the shares.

    Returns:
        As `learning_curve`.
    """
    rng = np.random.default_rng(compute.seed)
    sizes, accuracy, tested = [], [], []
    for each in rounds:
        targets, train = each.round.targets, each.train
        train = train[rng.permutation(len(train))[:_CURVE_ON]]
        test = each.test[targets[each.test] >= 0]
        y = np.concatenate([targets[train], targets[test]])
        rank = np.full(len(y), np.inf)  # nothing is learnt from what is tested
        for label in np.unique(targets[train]):
            members = np.flatnonzero(targets[train] == label)
            rank[rng.permutation(members)] = (np.arange(len(members)) + 0.5) / len(members)
        included = np.stack([rank <= share for share in _SHARES])
        x = frozen.vectors[np.concatenate([train, test])]
        hits, enough = _right(each.probe, x, y, included, each.round.n_classes)
        accuracy.append(np.where(enough, hits[:, len(train) :].mean(axis=1), np.nan))
        sizes.append(included.sum(axis=1))
        tested.append(len(test))
    mean = np.mean(sizes, axis=0).round().astype(int)
    values = np.stack(accuracy, axis=1)
    good = ~np.isnan(values).any(axis=1) & (mean >= rounds[0].round.n_classes)
    return mean[good], values[good], np.array(tested)


def _right(
    fitted: Probe, x: np.ndarray, y: np.ndarray, included: np.ndarray, n_classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns (P, N) which items are told right by what learnt from each of P selections of them.

    Items that are neither trained on nor held out have weight 0 too and are not looked at.

    Returns:
        And (P,) bool: whether there was anything to learn from.
    """
    enough = np.asarray(included.any(axis=1))
    shown = (included, enough, n_classes)
    with one_blas_thread():
        parts = [
            np.float32(factor) * _part_scores(config, x, columns, y, shown)
            for config, columns, factor in fitted.parts()
        ]
    return np.sum(parts, axis=0).argmax(axis=2) == y, enough


def _part_scores(
    config: Config,
    x: np.ndarray,
    columns: np.ndarray,
    y: np.ndarray,
    shown: tuple[np.ndarray, np.ndarray, int],
) -> np.ndarray:
    """Returns (P, N, C) scores of a classifier that learnt from each of P selections of items.

    Args:
        config: Which classifier.
        x: (N, D) features.
        columns: Those it reads.
        y: (N,) int.
        shown: (P, N) who is learnt from, (P,) whether that is anybody, and C.
    """
    included, enough, n_classes = shown
    weights = item_weights(included, y, balanced=config.balanced)
    weights[~enough] = 1  # solved in vain and dropped later
    return held_out_scores(
        config.classifier, make_space(x, columns, config.mirrored), y, n_classes=n_classes,
        weights=weights, strengths=np.full(len(weights), config.C),
    )  # fmt: skip
