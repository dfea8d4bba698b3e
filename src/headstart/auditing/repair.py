"""`repair`: a linear head that leans less on an attribute, kept only where that surely helps.

By weights: every value counts alike within every class, the strength chosen by the held-out loss
under the same weights. By a pool of other images: the attribute is erased first. Either is compared
with the model as it is, on the same images, each answered while it was held out, every value within
every class counting alike. On images that agree with the confound a repaired model loses: that is
said beside it.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headstart.auditing.attribute import Attribute
from headstart.auditing.evidence import Evidence
from headstart.auditing.gather import cell_weights
from headstart.auditing.pool import Pool
from headstart.metrics.calibration import fit_temperature
from headstart.metrics.confound import tied_pairs
from headstart.metrics.folds import fold_inflation
from headstart.metrics.interval import cluster_bootstrap
from headstart.probe.classifiers import Space
from headstart.probe.ensemble import log_probabilities
from headstart.probe.erasure import Erasure, fit_erasure
from headstart.probe.held_out import Beside, held_out
from headstart.probe.linear import Problems, solve
from headstart.records import Estimate

__all__ = ["STRENGTHS", "RepairTrial", "Repaired", "cells_alike", "compare_answers", "repair"]

STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
"""Of linear heads that a repair chooses from: images that weigh much want small ones."""

_WORST = -12.0  # log-probability: one image must not decide


@dataclass(frozen=True)
class RepairTrial:
    """One way to repair.

    Attributes:
        name: ``"weights"``, ``"pool"`` or ``"backbone"``: the last is told, and never written.
        summary: For people.
        gain: Accuracy that it brings where attribute and class would be unrelated, paired.
        loss: Log-loss that it takes away there, paired: what decides, since it is less noisy.
        opposing: Accuracy that it brings on images that contradict what goes together, or None.
        price: What it does to accuracy on images as they are, paired: below nought is lost.
        kept: Whether it became the model.
    """

    name: str
    summary: str
    gain: Estimate
    loss: Estimate
    opposing: Estimate | None
    price: Estimate
    kept: bool = False

    @property
    def pays(self) -> bool:
        """Whether held-out images tell that it helps: beyond chance, and not fewer are right.

        By log-loss, because a dozen opposing images cannot show any gain of whole answers.
        """
        return self.loss.low > 0 and self.gain.value > 0


@dataclass(frozen=True)
class Repaired:
    """The best repair.

    Attributes:
        candidates: All that were tried, the best first.
        weights: (C, d) float32 of the linear head, on the columns that the model's head reads.
        bias: (C,) float32.
        temperature: Divides its scores.
        beside: Its answers to the images of the evidence, each while it was held out.
        others: What it was better than.
        told: Of other networks, which are not written.
    """

    candidates: tuple[RepairTrial, ...]
    weights: np.ndarray
    bias: np.ndarray
    temperature: float
    beside: Beside
    others: tuple[Repaired, ...] = ()
    told: tuple[RepairTrial, ...] = ()

    @property
    def all(self) -> tuple[Repaired, ...]:
        """Itself and what it was better than."""
        return (self, *self.others)

    @property
    def best(self) -> RepairTrial:
        """The one of the largest gain."""
        return self.candidates[0]


def repair(
    evidence: Evidence, attribute: Attribute, pool: Pool | None = None, *, seed: int = 0
) -> Repaired:
    """Tries the repairs and returns the best, whether or not it is worth keeping.

    Args:
        evidence: Held-out answers to N images, with vectors, all that the model learnt from among
            them.
        attribute: Of the same.
        pool: Other images that carry it, or None.
        seed: Of draws.
    """
    assert evidence.space is not None, "the verb refuses a run without vectors"
    found = [_by_weights(evidence, attribute, seed)]
    if pool is not None:
        found.append(_by_pool(evidence, attribute, pool, seed))
    ordered = sorted(found, key=lambda each: -each.best.loss.value)
    best = ordered[0]
    kept = dataclasses.replace(best.best, kept=best.best.pays)
    others = tuple(each.best for each in ordered[1:])
    return dataclasses.replace(best, candidates=(kept, *others), others=tuple(ordered[1:]))


def _by_weights(evidence: Evidence, attribute: Attribute, seed: int) -> Repaired:
    weights = cell_weights(evidence.targets, attribute.values)
    space = evidence.space
    assert space is not None
    summary = f"weights: every value of {attribute.name} counts alike within every class"
    return _fitted("weights", summary, evidence, attribute, (space, None), weights, seed)


def _by_pool(evidence: Evidence, attribute: Attribute, pool: Pool, seed: int) -> Repaired:
    space = evidence.space
    assert space is not None
    erasure = fit_erasure(space.axes.rotate(pool.vectors), pool.values)
    erased = Space(space.columns, space.axes, erasure.apply(space.coordinates))
    summary = f"{attribute.name} erased, as {pool.said} show it"
    alike = np.ones(len(evidence))
    return _fitted("pool", summary, evidence, attribute, (erased, erasure), alike, seed)


def _fitted(
    name: str, summary: str, evidence: Evidence, attribute: Attribute,
    where: tuple[Space, Erasure | None], weights: np.ndarray, seed: int,
) -> Repaired:  # fmt: skip
    space, erasure = where
    beside = evidence.beside
    assert beside is not None
    found = held_out(
        space, evidence.targets, evidence.clusters, weights=weights, folds=beside.folds,
        strengths=STRENGTHS, seed=seed,
    )  # fmt: skip
    flat = _final(space, evidence, found, weights)
    flat = flat if erasure is None else erasure.fold(flat)
    raw, bias = space.axes.unrotate(flat[:, :-1], flat[:, -1])
    candidate = compare_answers(name, summary, evidence, attribute, found.scores, seed=seed)
    temperature = fit_temperature(found.scores, evidence.targets)
    if erasure is not None:  # whoever asks it further has plain coordinates
        fold_answer, erase = found.answer, erasure.apply
        found = dataclasses.replace(
            found, coordinates=beside.coordinates,
            answer=lambda given, fold: fold_answer(erase(given), fold),
        )  # fmt: skip
    return Repaired((candidate,), raw, bias, temperature, found)


def _final(space: Space, evidence: Evidence, found: Beside, weights: np.ndarray) -> np.ndarray:
    """Returns the (C, r + 1) head that learnt from all that the run's own model learnt from."""
    learns = np.ones(len(evidence), bool)
    if not evidence.tested.all():  # one test: it stays one
        learns = ~evidence.tested
    classes = int(evidence.targets.max()) + 1
    problems = Problems(
        space.coordinates, space.axes.variances, evidence.targets, classes,
        np.where(learns, weights, 0)[None].astype(np.float32), np.array([found.strength]),
    )  # fmt: skip
    solved, _ = solve(problems, loss="logistic", tolerance=1e-3, steps=100)
    return np.asarray(solved[0])


def compare_answers(
    name: str,
    summary: str,
    evidence: Evidence,
    attribute: Attribute,
    scores: np.ndarray,
    *,
    seed: int = 0,
) -> RepairTrial:
    """Compares held-out answers with those of the model as it is, paired.

    Args:
        name: Of the way, see `RepairTrial`.
        summary: Of the way, for people.
        evidence: What the model as it is answered to N images.
        attribute: Of the same.
        scores: (N, C) log-probabilities, each image answered while it was held out.
        seed: Of the bootstrap.
    """
    rows, targets = np.arange(len(evidence)), evidence.targets
    change = (scores.argmax(axis=1) == targets) - evidence.right.astype(float)
    before = log_probabilities(evidence.scores - np.logaddexp(0, evidence.scores))
    calm = log_probabilities(scores / fit_temperature(scores, targets))
    lower = np.clip(calm[rows, targets], _WORST, 0) - np.clip(before[rows, targets], _WORST, 0)
    known = np.flatnonzero(attribute.known)
    alike = cells_alike(targets[known], attribute.values[known])
    paired = _Paired(evidence, seed)
    opposing = None
    pairs = tied_pairs(targets[known], attribute.values[known], evidence.clusters[known])
    if pairs:
        against = (targets[known] == pairs[0].kind) != (attribute.values[known] == pairs[0].value)
        if against.any():
            opposing = paired.mean(change, known[against])
    return RepairTrial(
        name, summary, gain=paired.of(change, known, alike), loss=paired.of(lower, known, alike),
        opposing=opposing, price=paired.mean(change, rows),
    )  # fmt: skip


def cells_alike(
    targets: np.ndarray, values: np.ndarray
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Returns a mean in which classes, and the values within each, count alike.

    Args:
        targets: (N,) int classes.
        values: (N,) int values.

    Returns:
        Maps (B, N) weights and (N,) numbers to (B,) means.
    """
    both = np.stack([targets, values])
    cells = np.unique(both, axis=1, return_inverse=True)[1].reshape(-1)
    kinds = np.zeros(int(cells.max()) + 1, int)
    kinds[cells] = targets
    onehot = (cells[:, None] == np.arange(len(kinds))).astype(float)

    def mean(weights: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        totals = weights @ onehot
        with np.errstate(invalid="ignore", divide="ignore"):
            means = (weights * numbers) @ onehot / totals
        with warnings.catch_warnings():  # a replicate without an image of some class
            warnings.simplefilter("ignore", RuntimeWarning)
            classes = [np.nanmean(means[:, kinds == kind], axis=1) for kind in np.unique(kinds)]
            return np.asarray(np.nanmean(classes, axis=0))

    return mean


class _Paired:
    """Intervals of paired changes."""

    def __init__(self, evidence: Evidence, seed: int) -> None:
        self.clusters, self.seed = evidence.clusters, seed
        self.inflation = fold_inflation(evidence.models, of="answers")

    def of(
        self,
        change: np.ndarray,
        rows: np.ndarray,
        mean: Callable[[np.ndarray, np.ndarray], np.ndarray],
    ) -> Estimate:
        own = change[rows]
        bounds = (min(-1.0, float(own.min())), max(1.0, float(own.max())))
        return cluster_bootstrap(
            lambda weights: mean(weights, own), self.clusters[rows], n=len(rows), bounds=bounds,
            seed=self.seed, inflation=self.inflation,
        )  # fmt: skip

    def mean(self, change: np.ndarray, rows: np.ndarray) -> Estimate:
        return self.of(change, rows, lambda weights, own: weights @ own / weights.sum(axis=1))
