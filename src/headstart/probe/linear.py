"""Many L2-regularised linear classifiers at once: every strength and fold in one solve.

All problems share the features, so their scores are one matrix product, which is what
processors are fastest at. The solver is L-BFGS (Nocedal 1980) on all problems side by
side, each with its own step, in coordinates preconditioned by the principal axes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from headstart.probe.axes import Coordinates

__all__ = ["Problems", "SolverLoss", "solve", "two_loops"]

SolverLoss = Literal["logistic", "svm"]
_MEMORY = 6
_CHUNK_FLOATS = 12_000_000


@dataclass(frozen=True)
class Problems:
    """P classification problems over the same N items.

    Attributes:
        coordinates: (N, r + 1) float32 in principal axes, the last column ones; an array, or
            `Coordinates` that are never held.
        variances: (r,) float32 of those axes.
        targets: (N,) int, 0 to C - 1.
        n_classes: C.
        weights: (P, N) float32 item weights; 0 keeps an item out (held out).
        strengths: (P,) float; like scikit-learn's `C`: larger is less regularised.
    """

    coordinates: np.ndarray | Coordinates
    variances: np.ndarray
    targets: np.ndarray
    n_classes: int
    weights: np.ndarray
    strengths: np.ndarray


def solve(
    problems: Problems, *, loss: SolverLoss, tolerance: float = 1e-3, steps: int = 60
) -> tuple[np.ndarray, np.ndarray]:
    """Fits every problem and scores every item under each.

    Minimises, per problem, mean weighted loss + |W|^2 / (2 * strength * sum of weights); the
    loss is the multinomial logistic one, or the one-vs-rest squared hinge of a linear SVM.

    Args:
        problems: What to fit.
        loss: ``"logistic"`` or ``"svm"``.
        tolerance: Ends a problem when its preconditioned gradient is this share of the first.
        steps: Ends all problems.

    Returns:
        (P, C, r + 1) float32 weights, the bias last, and (P, N, C) float32 scores, held-out
        items included: cross-validation needs no second pass.
    """
    size = problems.n_classes * max(problems.coordinates.shape)
    chunk = max(1, _CHUNK_FLOATS // size)
    parts = [
        _Solver(problems, slice(start, start + chunk), loss).run(tolerance, steps)
        for start in range(0, len(problems.strengths), chunk)
    ]
    return np.concatenate([w for w, _ in parts]), np.concatenate([s for _, s in parts])


class _Solver:
    """The state of one chunk of problems; P below is the number still running."""

    def __init__(self, problems: Problems, part: slice, loss: SolverLoss) -> None:
        self.x = problems.coordinates
        self.onehot = np.eye(problems.n_classes, dtype=np.float32)[problems.targets]
        totals = problems.weights[part].sum(axis=1, keepdims=True)
        totals = np.where(totals > 0, totals, 1)  # of nothing nothing is learnt
        self.share = (problems.weights[part] / totals).astype(np.float32)
        decay = 1 / (problems.strengths[part] * totals[:, 0])
        flat = np.ones(self.x.shape[1], np.float32)
        flat[-1] = 0  # the bias is not regularised
        self.decay = (decay[:, None] * flat).astype(np.float32)  # (P, r + 1)
        self.n_classes = problems.n_classes
        self.loss: Callable[..., tuple[np.ndarray, np.ndarray]] = (
            _logistic if loss == "logistic" else _squared_hinge
        )
        # Curvature at the start: a bound for the logistic loss, exact for the squared hinge.
        bend = 0.25 if loss == "logistic" else 2.0
        moments = np.append(problems.variances, 1).astype(np.float32)
        self.metric = (1 / np.sqrt(bend * moments + self.decay)).astype(np.float32)

    def evaluate(
        self, u: np.ndarray, rows: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns objective (P,), gradient (P, C, r + 1) and scores (N, P, C) at `u`."""
        metric = self.metric[rows][:, None, :]
        w = u * metric
        count = len(rows)
        scores = _dot_rows(self.x, w.reshape(-1, w.shape[2])).reshape(-1, count, self.n_classes)
        values, slopes = self.loss(scores, self.onehot, self.share[rows].T)
        penalty = 0.5 * np.einsum("pcr,pcr,pr->p", w, w, self.decay[rows], optimize=False)
        gradient = _dot_columns(self.x, slopes.reshape(len(self.x), -1)).reshape(u.shape)
        gradient += w * self.decay[rows][:, None, :]
        gradient *= metric
        return values + penalty, gradient, scores

    def run(self, tolerance: float, steps: int) -> tuple[np.ndarray, np.ndarray]:
        count, width = len(self.share), self.x.shape[1]
        shape = (count, self.n_classes, width)
        u = np.zeros(shape, np.float32)
        final_w = np.zeros(shape, np.float32)
        final_s = np.zeros((count, len(self.x), self.n_classes), np.float32)
        rows = np.arange(count)
        value, gradient, scores = self.evaluate(u, rows)
        first = np.sqrt(_dot(gradient, gradient))
        history: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
        for step in range(steps + 1):
            size = np.sqrt(_dot(gradient, gradient))
            over = (size <= tolerance * np.maximum(first[rows], 1e-12)) | (step == steps)
            if over.any():
                done = rows[over]
                final_w[done] = u[over] * self.metric[done][:, None, :]
                final_s[done] = scores[:, over].transpose(1, 0, 2)
                stay = ~over
                if not stay.any():
                    break
                rows, u, value, gradient = rows[stay], u[stay], value[stay], gradient[stay]
                scores = scores[:, stay]
                history = [(s[stay], y[stay], r[stay]) for s, y, r in history]
            direction = two_loops(gradient, history)
            slope = _dot(direction, gradient)
            length = np.ones(len(rows), np.float32)
            if not history:  # nothing is known of the scale yet
                length = np.minimum(1, 1 / np.maximum(np.sqrt(_dot(gradient, gradient)), 1e-12))
            new = u + length[:, None, None] * direction
            new_value, new_gradient, new_scores = self.evaluate(new, rows)
            for _ in range(12):  # Armijo: only the problems that went too far step back
                bad = new_value > value + 1e-4 * length * slope + 1e-7 * np.abs(value)
                if not bad.any():
                    break
                length[bad] *= 0.4
                new[bad] = u[bad] + length[bad][:, None, None] * direction[bad]
                parts = self.evaluate(new[bad], rows[bad])
                new_value[bad], new_gradient[bad], new_scores[:, bad] = parts
            moved, bent = new - u, new_gradient - gradient
            curve = _dot(moved, bent)
            # A problem without usable curvature this time contributes a pair that does nothing.
            good = curve > 1e-12
            inverse = np.where(good, 1 / np.where(good, curve, 1), 0).astype(np.float32)
            history = [*history[-(_MEMORY - 1) :], (moved, bent, inverse)]
            u, value, gradient, scores = new, new_value, new_gradient, new_scores
        return final_w, final_s


def _dot_rows(x: np.ndarray | Coordinates, weights: np.ndarray) -> np.ndarray:
    """Returns (N, K) products of coordinates with (K, r + 1) weights."""
    return x @ weights.T if isinstance(x, np.ndarray) else x.dot(weights)


def _dot_columns(x: np.ndarray | Coordinates, slopes: np.ndarray) -> np.ndarray:
    """Returns (K, r + 1) products of (N, K) slopes with coordinates."""
    return slopes.T @ x if isinstance(x, np.ndarray) else x.dot_transposed(slopes)


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns the (P,) inner products of two (P, C, r) arrays."""
    count = len(a)
    return np.einsum("pk,pk->p", a.reshape(count, -1), b.reshape(count, -1))


def two_loops(
    gradient: np.ndarray, history: list[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> np.ndarray:
    """Returns the L-BFGS descent direction of every problem (Nocedal and Wright, alg. 7.4).

    Args:
        gradient: (P, ...) of P problems.
        history: What the last steps moved and how the gradient changed, (P, ...) each, and (P,) one
            over the products of the two; 0 where that was of no use.
    """
    each = (-1, *[1] * (gradient.ndim - 1))
    q = -gradient
    kept = []
    for moved, bent, inverse in reversed(history):
        alpha = inverse * _dot(moved, q)
        q -= alpha.reshape(each) * bent
        kept.append(alpha)
    if history:
        moved, bent, inverse = history[-1]
        scale = np.where(inverse > 0, _dot(moved, bent) / np.maximum(_dot(bent, bent), 1e-20), 1)
        q *= scale.astype(np.float32).reshape(each)
    for (moved, bent, inverse), alpha in zip(history, reversed(kept), strict=True):
        beta = inverse * _dot(bent, q)
        q += (alpha - beta).reshape(each) * moved
    return q


def _logistic(
    scores: np.ndarray, onehot: np.ndarray, share: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Multinomial logistic loss.

    Args:
        scores: (N, P, C).
        onehot: (N, C).
        share: (N, P) item weights that sum to 1 over N.

    Returns:
        SolverLoss (P,) and its slopes (N, P, C).
    """
    top = scores.max(axis=2, keepdims=True)
    slopes = np.exp(scores - top)
    total = slopes.sum(axis=2, keepdims=True)
    own = np.einsum("npc,nc->np", scores, onehot)
    values = np.einsum("np,np->p", np.log(total[..., 0]) + top[..., 0] - own, share)
    slopes /= total
    slopes -= onehot[:, None, :]
    slopes *= share[..., None]
    return values, slopes


def _squared_hinge(
    scores: np.ndarray, onehot: np.ndarray, share: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One-vs-rest squared hinge loss, summed over classes (as LinearSVC); shapes as above."""
    signs = 2 * onehot[:, None, :] - 1
    gaps = np.maximum(1 - signs * scores, 0)
    values = np.einsum("npc,npc,np->p", gaps, gaps, share, optimize=False)
    gaps *= -2 * signs
    gaps *= share[..., None]
    return values, gaps
