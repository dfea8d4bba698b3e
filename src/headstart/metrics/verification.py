"""Verification and identification: how well scores tell the same person from another.

A *genuine* score compares two photos of one person, an *impostor* score those of two.
FAR is the share of impostor scores that are accepted, TAR that of genuine scores; the
words and curves are those of ISO/IEC 19795-1. A score is accepted above a threshold,
never at it, so ties among impostors are rejected.

Intervals draw whole people, see `headstart.metrics.subgroup_errors`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from headstart.metrics.interval import effective_wilson
from headstart.metrics.subgroup_errors import REPLICATES, person_weights
from headstart.records import Estimate

__all__ = [
    "Roc",
    "auc",
    "eer",
    "verification_measures",
    "roc",
    "safe_threshold",
    "threshold_at_far",
    "threshold_interval",
]

_MOST = 200_000  # impostor pairs that the replicates look at; more narrow nothing


@dataclass(frozen=True)
class Roc:
    """A receiver operating characteristic, from the strictest threshold to the loosest.

    Attributes:
        far: (T,) share of impostor scores accepted; begins with 0, ends with 1.
        tar: (T,) share of genuine scores accepted.
        thresholds: (T,) scores at or above which a comparison is accepted; the first is inf.
    """

    far: np.ndarray
    tar: np.ndarray
    thresholds: np.ndarray


def roc(genuine: np.ndarray, impostor: np.ndarray) -> Roc:
    """Returns the ROC of scores.

    Args:
        genuine: (G,) scores of the same person, G > 0.
        impostor: (I,) scores of different people, I > 0.

    Raises:
        ValueError: If either is empty or holds a number that is not finite.
    """
    ranked = _Ranked(genuine, impostor)
    far, tar = ranked.rates()
    return Roc(far, tar, np.concatenate(([np.inf], ranked.steps)))


def auc(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """Returns the area under the ROC: the chance that a genuine score beats an impostor one.

    Ties count half (Mann and Whitney, 1947; Hanley and McNeil, Radiology 1982).

    Args:
        genuine: (G,) scores.
        impostor: (I,) scores.
    """
    return _auc(*_Ranked(genuine, impostor).rates())


def eer(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """Returns the equal error rate: where as many are wrongly accepted as wrongly rejected.

    Between two thresholds the ROC is taken as straight.

    Args:
        genuine: (G,) scores.
        impostor: (I,) scores.
    """
    return _eer(*_Ranked(genuine, impostor).rates())


def threshold_at_far(impostor: np.ndarray, far: float) -> float:
    """Returns the highest score that must still be rejected for a false-accept rate.

    Args:
        impostor: (I,) scores, I > 0.
        far: The share of them that may lie above.
    """
    ordered = np.sort(np.asarray(impostor, np.float64))[::-1]
    return float(ordered[min(_allowed(far, len(ordered)), len(ordered) - 1)])


def safe_threshold(impostor: np.ndarray, far: float) -> float:
    """Returns the threshold that keeps a false-accept rate on people yet to come.

    That is split conformal prediction (Papadopoulos et al., ECML 2002): the next impostor is
    as likely to rank anywhere among those seen, so one fewer may be accepted than
    `threshold_at_far` allows. Below 1 / (I + 1) no threshold can promise the rate; the highest
    score seen is the best that is known.

    Args:
        impostor: (I,) scores, I > 0.
        far: The rate to keep.
    """
    scores = -np.asarray(impostor, np.float64)
    place = max(_allowed(far, len(scores) + 1) - 1, 0)
    return -float(np.partition(scores, place)[place])


def threshold_interval(
    impostor: np.ndarray, threshold: float, rate: Estimate, *, ceiling: float = 1.0
) -> Estimate:
    """Returns a threshold with its interval, from the interval of the rate at it.

    The ends are the scores that have the ends of the rate above them (Woodruff, JASA 1952), so
    they know of whole people what the rate knows. Where the rate may be lower than one score
    in all, nothing is known of the upper end.

    Args:
        impostor: (I,) scores.
        threshold: Chosen on them.
        rate: Share of them above the threshold, with its interval.
        ceiling: The highest score there can be.
    """
    n = len(impostor)
    places = min(math.ceil(rate.high * n), n - 1), math.floor(rate.low * n) - 1
    ordered = np.partition(-np.asarray(impostor, np.float64), sorted({*places, 0} - {-1}))
    low = min(threshold, -float(ordered[places[0]]))
    high = ceiling if places[1] < 0 else max(threshold, -float(ordered[places[1]]))
    return Estimate(threshold, low, high, n, f"Woodruff; rate by {rate.method}")


def verification_measures(
    genuine: np.ndarray,
    impostor: np.ndarray,
    genuine_people: np.ndarray,
    impostor_people: np.ndarray,
    *,
    fars: tuple[float, ...] = (0.1, 0.01, 0.001),
    seed: int = 0,
    replicates: int = REPLICATES,
) -> dict[str, Estimate]:
    """Measures pairs of photos: AUC, EER and TAR at some false-accept rates.

    Args:
        genuine: (G,) scores of the same person.
        impostor: (I,) scores of different people.
        genuine_people: (G,) int 0..P-1.
        impostor_people: (I, 2) int 0..P-1.
        fars: False-accept rates; each gives an entry ``tar_at_far_<rate>``.
        seed: Of the replicates.
        replicates: B.

    Returns:
        ``auc``, ``eer`` and the rates, each with its interval over people.

    Raises:
        ValueError: If there are no genuine or no impostor scores.
    """
    ranked = _Ranked(genuine, impostor)
    values = _summary(*ranked.rates(), fars)
    people = int(max(genuine_people.max(), impostor_people.max())) + 1
    held = len(np.unique(np.concatenate((genuine_people, impostor_people.ravel()))))
    small, small_people = impostor, impostor_people
    if len(impostor) > _MOST:
        chosen = np.random.default_rng(seed).choice(len(impostor), _MOST, replace=False)
        small, small_people = impostor[chosen], impostor_people[chosen]
    drawn = _Ranked(genuine, small)
    draws = []
    for weight in person_weights(people, seed=seed, replicates=replicates):
        of_genuine = weight[genuine_people]
        of_impostor = weight[small_people[:, 0]] * weight[small_people[:, 1]]
        if of_genuine.any() and of_impostor.any():
            draws.append(_summary(*drawn.rates(of_genuine, of_impostor), fars))
    table = np.array(draws).reshape(-1, len(values))
    names = ["auc", "eer", *(f"tar_at_far_{far:g}" for far in fars)]
    sizes = [len(genuine) + len(impostor)] * 2 + [len(genuine)] * len(fars)
    return {
        name: effective_wilson(value, table[:, at], n=size, clusters=held)
        for at, (name, value, size) in enumerate(zip(names, values, sizes, strict=True))
    }


def _allowed(far: float, n: int) -> int:
    """How many of n impostor scores may be accepted; 0.29 * 100 is 28.999…, and means 29."""
    return math.floor(far * n * (1 + 1e-12))


def _auc(far: np.ndarray, tar: np.ndarray) -> float:
    return float(np.sum(np.diff(far) * (tar[1:] + tar[:-1])) / 2)


def _eer(far: np.ndarray, tar: np.ndarray) -> float:
    gap = far - (1 - tar)  # rises from -1 to 1
    after = int(np.argmax(gap >= 0))
    if gap[after] == 0 or not after:
        return float(far[after])
    share = -gap[after - 1] / (gap[after] - gap[after - 1])
    return float(far[after - 1] + share * (far[after] - far[after - 1]))


def _summary(far: np.ndarray, tar: np.ndarray, fars: tuple[float, ...]) -> list[float]:
    at = [np.searchsorted(far, each * (1 + 1e-12), side="right") - 1 for each in fars]
    return [_auc(far, tar), _eer(far, tar), *(float(tar[each]) for each in at)]


class _Ranked:
    """Scores sorted once, so that each replicate only adds up weights."""

    def __init__(self, genuine: np.ndarray, impostor: np.ndarray) -> None:
        genuine, impostor = np.asarray(genuine, np.float64), np.asarray(impostor, np.float64)
        if not len(genuine) or not len(impostor):
            raise ValueError("need at least one genuine and one impostor score")
        scores = np.concatenate((genuine, impostor))
        if not np.isfinite(scores).all():
            raise ValueError("scores must be finite")
        self._order = np.argsort(-scores, kind="stable")
        self._is_genuine = self._order < len(genuine)
        self._genuine = np.ones(len(genuine))
        self._impostor = np.ones(len(impostor))
        ordered = scores[self._order]
        # Scores that tie are accepted together: only the last of each group is a point.
        self._last = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
        self.steps = ordered[self._last]

    def rates(
        self, genuine: np.ndarray | None = None, impostor: np.ndarray | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns FAR and TAR, (T,) each and (0, 0) first, under weights of the scores."""
        of_genuine = self._genuine if genuine is None else genuine
        of_impostor = self._impostor if impostor is None else impostor
        weights = np.concatenate((of_genuine, of_impostor))[self._order]
        accepted = np.cumsum(np.where(self._is_genuine, weights, 0.0))[self._last]
        wrong = np.cumsum(np.where(self._is_genuine, 0.0, weights))[self._last]
        return (
            np.concatenate(([0.0], wrong / wrong[-1])),
            np.concatenate(([0.0], accepted / accepted[-1])),
        )
