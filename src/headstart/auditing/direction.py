"""What would change: answers after moving images along the direction in which a value shows.

The direction is the difference of the means with and without the value, within each class, of the
images that a fold's model learnt from; it is an intervention on features and not on an image.
"""

from __future__ import annotations

import numpy as np

from headstart.auditing.evidence import Evidence

__all__ = ["by_chance", "changed_answers"]

_DRAWS = 5


def changed_answers(evidence: Evidence, has: np.ndarray, known: np.ndarray) -> float | None:
    """Returns the share of held-out answers that are others once the value is exchanged.

    Args:
        evidence: With vectors and a classifier of them; None is returned of any other.
        has: (N,) bool: has the value.
        known: (N,) bool: whether it has is known.
    """
    beside, space = evidence.beside, evidence.space
    if beside is None or space is None:
        return None
    x = beside.coordinates[:, :-1]
    changed = answered = 0
    for fold in np.unique(beside.folds):
        learnt, asked = known & (beside.folds != fold), known & (beside.folds == fold)
        direction = _direction(x[learnt], evidence.targets[learnt], has[learnt])
        if direction is None or not asked.any():
            continue
        sign = np.where(has[asked], -1.0, 1.0)[:, None]
        moved = beside.coordinates[asked]
        moved[:, :-1] += (sign * direction).astype(np.float32)
        before = beside.scores[asked]
        after = beside.answer(moved, int(fold))
        changed += int((before.argmax(axis=1) != after.argmax(axis=1)).sum())
        answered += int(asked.sum())
    return changed / answered if answered else None


def by_chance(
    evidence: Evidence, has: np.ndarray, known: np.ndarray, *, seed: int = 0
) -> float | None:
    """Returns the same of a value that is dealt out at random within each class.

    Args:
        evidence: As above.
        has: (N,) bool.
        known: (N,) bool.
        seed: Of the draws.
    """
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(_DRAWS):
        drawn = has.copy()
        for kind in np.unique(evidence.targets):
            rows = np.flatnonzero(known & (evidence.targets == kind))
            drawn[rows] = has[rng.permutation(rows)]
        share = changed_answers(evidence, drawn, known)
        if share is not None:
            found.append(share)
    return float(np.mean(found)) if found else None


def _direction(x: np.ndarray, targets: np.ndarray, has: np.ndarray) -> np.ndarray | None:
    """Returns the (r,) mean difference within classes, weighted by how well each tells it."""
    total, weights = np.zeros(x.shape[1]), 0.0
    for kind in np.unique(targets):
        one, other = x[(targets == kind) & has], x[(targets == kind) & ~has]
        if len(one) and len(other):
            weight = len(one) * len(other) / (len(one) + len(other))
            total += weight * (one.mean(axis=0) - other.mean(axis=0))
            weights += weight
    return total / weights if weights else None
