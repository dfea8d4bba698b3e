"""Scores of boxes as probabilities: a logistic regression on the logit of the score.

Platt, "Probabilistic outputs for support vector machines", 1999; the regularised targets and the
solver are those of Lin, Lin and Weng, Machine Learning 2007.
"""

from __future__ import annotations

import numpy as np

__all__ = ["fit_scores"]

_EDGE = 1e-6
_FEW = 5
_STEEPEST, _FLATTEST = 20.0, 0.05


def fit_scores(scores: np.ndarray, right: np.ndarray) -> tuple[float, float] | None:
    """Returns (a, b) so that sigmoid(a * logit(score) + b) is how often such a box is right.

    Args:
        scores: (D,) of boxes that were not learnt from, 0 to 1.
        right: (D,) bool.

    Returns:
        None where there are too few boxes of either kind, or where higher scores are not better.
    """
    finite = np.isfinite(scores)
    inner = np.clip(np.asarray(scores, np.float64)[finite], _EDGE, 1 - _EDGE)
    hits = np.asarray(right, bool)[finite]
    above, below = int(hits.sum()), int((~hits).sum())
    if min(above, below) < _FEW:
        return None
    x = np.log(inner / (1 - inner))
    wanted = np.where(hits, (above + 1) / (above + 2), 1 / (below + 2))
    a, b = 1.0, 0.0
    loss = _loss(x, wanted, a, b)
    for _ in range(100):
        p = 1 / (1 + np.exp(-np.clip(a * x + b, -50, 50)))
        slope = np.array([(x * (p - wanted)).sum(), (p - wanted).sum()])
        if np.abs(slope).max() < 1e-7 * len(x):
            break
        bend = p * (1 - p)
        matrix = np.array(
            [[(x * x * bend).sum(), (x * bend).sum()], [(x * bend).sum(), bend.sum()]]
        )
        step = np.linalg.solve(matrix + 1e-9 * np.eye(2), slope)
        length = 1.0
        while length > 1e-8:
            near = (a - length * step[0], b - length * step[1])
            if (lower := _loss(x, wanted, *near)) < loss:
                break
            length /= 2
        else:
            break
        (a, b), loss = near, lower
    if not (_FLATTEST <= a <= _STEEPEST and np.isfinite(b)):
        return None
    return float(a), float(b)


def _loss(x: np.ndarray, wanted: np.ndarray, a: float, b: float) -> float:
    z = np.clip(a * x + b, -50, 50)
    return float((np.logaddexp(0, z) - wanted * z).sum())
