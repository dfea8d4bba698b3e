"""LogME: higher where labels can be read off the features."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.features.transferability import logme


def features(signal: float, n: int = 240, width: int = 30, seed: int = 0):
    rng = np.random.default_rng(seed)
    targets = np.arange(n) % 3
    centres = rng.normal(size=(3, width))
    return signal * centres[targets] + rng.normal(size=(n, width)), targets


def test_it_rises_with_the_signal():
    scores = [logme(*features(signal), n_classes=3) for signal in (0.0, 0.3, 1.0, 3.0)]
    assert np.all(np.diff(scores) > 0)


def test_labels_drawn_at_random_are_worse_than_the_true_ones():
    x, targets = features(1.0)
    shuffled = np.random.default_rng(1).permutation(targets)
    assert logme(x, targets, n_classes=3) > logme(x, shuffled, n_classes=3) + 0.1


def test_against_the_evidence_maximised_by_brute_force():
    """The evidence of Bayesian linear regression over a grid of its two precisions."""
    x, targets = features(0.8, n=60, width=5)
    x = x - x.mean(axis=0)
    n, width = x.shape

    def evidence(y: np.ndarray, alpha: float, beta: float) -> float:
        a = alpha * np.eye(width) + beta * x.T @ x
        mean = beta * np.linalg.solve(a, x.T @ y)
        return (
            n / 2 * np.log(beta) + width / 2 * np.log(alpha) - n / 2 * np.log(2 * np.pi)
            - beta / 2 * np.sum((y - x @ mean) ** 2) - alpha / 2 * mean @ mean
            - np.linalg.slogdet(a)[1] / 2
        )  # fmt: skip

    best = []
    for label in range(3):
        y = (targets == label) - np.mean(targets == label)
        grid = [
            evidence(y, a, b) for a in np.geomspace(0.1, 1e4, 80) for b in np.geomspace(1, 100, 60)
        ]
        best.append(max(grid) / n)
    assert logme(x, targets, n_classes=3) == pytest.approx(np.mean(best), abs=2e-3)


@pytest.mark.parametrize("width", [10, 400])
def test_more_features_than_items_and_missing_classes(width):
    x, targets = features(1.0, n=60, width=width)
    assert np.isfinite(logme(x, targets, n_classes=5))
