"""`average`: linear classifiers averaged, chosen greedily by their held-out log-loss.

The average of the log-probabilities of linear classifiers is, but for what is the same for all
classes, one linear classifier of their columns side by side.

Source: greedy ensemble selection with replacement, Caruana, Niculescu-Mizil, Crew and Ksikes
(2004), "Ensemble selection from libraries of models", ICML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headstart.metrics.calibration import fit_temperature
from headstart.nets.heads.head import Head
from headstart.probe.classifiers import Config, Space

__all__ = [
    "Average",
    "Averaged",
    "Copies",
    "Member",
    "average",
    "average_with_copies",
    "candidate",
    "log_probabilities",
    "merged",
]

_PICKS = 10
# What one more look at each image must lower the held-out log-loss by, as a share: it costs a pass.
# So must mirrored copies, which cost none: by less any two ways differ.
_WORTH = 0.02


@dataclass(frozen=True)
class Averaged:
    """A linear classifier that may be averaged.

    Attributes:
        config: Which.
        look: Number of the look whose vectors it reads.
        space: Its features.
        temperature: Divides its scores.
        held_out: (N, C) log-probabilities of the items while they were held out.
    """

    config: Config
    look: int
    space: Space
    temperature: float
    held_out: np.ndarray


@dataclass(frozen=True)
class Member:
    """A classifier of an average.

    Attributes:
        config: Which.
        columns: (d,) int it reads.
        look: Number of the look that they are of.
        factor: Of its scores: its share of the average, divided by its temperature.
    """

    config: Config
    columns: np.ndarray
    look: int
    factor: float


@dataclass(frozen=True)
class Copies:
    """What mirrored copies of the items as further rows to learn from brought.

    Attributes:
        without: Held-out log-loss of an average without them.
        beside: With them, where they help a member.
        kept: Whether that was chosen.
    """

    without: float
    beside: float
    kept: bool


@dataclass(frozen=True)
class Average:
    """What was chosen.

    Attributes:
        candidates: Each once, the heaviest first.
        members: The same, for whoever applies them.
        held_out: (N, C) scores of the items while they were held out.
        loss: Their log-loss.
        copies: What mirrored copies brought; None where they were not tried.
    """

    candidates: tuple[Averaged, ...]
    members: tuple[Member, ...]
    held_out: np.ndarray
    loss: float
    copies: Copies | None = None

    @property
    def config(self) -> Config:
        """What stands for it in the table of trials."""
        parts = [f"{each.config.classifier} on {each.config.seen}" for each in self.candidates]
        return Config("average", ", ".join(parts), 0.0)


def log_probabilities(scores: np.ndarray) -> np.ndarray:
    """Returns (N, C) logarithms of the softmax of (N, C) scores."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def candidate(
    config: Config, look: int, space: Space, scores: np.ndarray, targets: np.ndarray
) -> Averaged:
    """Calibrates a classifier on its held-out scores.

    Args:
        config: Which.
        look: Of its vectors.
        space: Its features.
        scores: (N, C) while held out.
        targets: (N,) int.
    """
    temperature = fit_temperature(scores, targets)
    held_out = log_probabilities(scores / np.float32(temperature))
    return Averaged(config, look, space, temperature, held_out)


def average(candidates: Sequence[Averaged], targets: np.ndarray, *, most: int) -> Average:
    """Chooses which classifiers to average, from as few looks as serve.

    Args:
        candidates: A few of each look.
        targets: (N,) int.
        most: Looks, at most.
    """
    found = _greedy(candidates, targets, 1)
    for looks in range(2, most + 1):
        wider = _greedy(candidates, targets, looks)
        if wider.loss < (1 - _WORTH) * found.loss:
            found = wider
    return found


def average_with_copies(
    candidates: Sequence[Averaged], targets: np.ndarray, *, most: int
) -> Average:
    """Chooses as `average` does, and whether classifiers learn from mirrored copies too.

    Args:
        candidates: A few of each look, and the same that learnt from copies too.
        targets: (N,) int.
        most: Looks, at most.
    """
    plain = [each for each in candidates if not each.config.mirrored]
    without = average(plain, targets, most=most)
    copied = {each.config.features: each for each in candidates if each.config.mirrored}
    if not copied:
        return without
    pairs = [(each, copied.get(each.config.features, each)) for each in plain]
    better = [min(pair, key=lambda each: _loss(each.held_out, targets)) for pair in pairs]
    beside = average(better, targets, most=most)
    kept = beside.loss < (1 - _WORTH) * without.loss
    found = beside if kept else without
    return replace(found, copies=Copies(without.loss, beside.loss, kept))


def _greedy(candidates: Sequence[Averaged], targets: np.ndarray, most: int) -> Average:
    """Adds ten times the one that lowers the log-loss most, the same one again where it does."""
    times = np.zeros(len(candidates), int)
    total = np.zeros_like(candidates[0].held_out)
    for _ in range(_PICKS):
        seen = {each.look for each, count in zip(candidates, times, strict=True) if count}
        losses = [
            _loss((total + each.held_out) / (times.sum() + 1), targets)
            if each.look in seen or len(seen) < most
            else np.inf
            for each in candidates
        ]
        best = int(np.argmin(losses))
        times[best] += 1
        total = total + candidates[best].held_out
    chosen = np.argsort(-times, kind="stable")[: np.count_nonzero(times)].tolist()
    picked = tuple(candidates[each] for each in chosen)
    members = tuple(
        Member(each.config, each.space.columns, each.look, count / _PICKS / each.temperature)
        for each, count in zip(picked, times[chosen].tolist(), strict=True)
    )
    scores = (total / np.float32(_PICKS)).astype(np.float32)
    return Average(picked, members, scores, _loss(scores, targets))


def _loss(scores: np.ndarray, targets: np.ndarray) -> float:
    return float(-log_probabilities(scores)[np.arange(len(targets)), targets].mean())


def merged(heads: Sequence[Head], members: Sequence[Member]) -> Head:
    """Returns the one linear head that gives the average's scores.

    Args:
        heads: Linear, one of each member.
        members: In the same order.
    """
    columns = np.unique(np.concatenate([each.columns for each in heads]))
    weights = np.zeros((heads[0].n_classes, len(columns)), np.float32)
    bias = np.zeros(heads[0].n_classes, np.float32)
    for head, member in zip(heads, members, strict=True):
        at = np.searchsorted(columns, head.columns)
        weights[:, at] += np.float32(member.factor) * head.arrays["weights"]
        bias += np.float32(member.factor) * head.arrays["bias"]
    return Head("linear", columns, {"weights": weights, "bias": bias}, heads[0].n_classes)
