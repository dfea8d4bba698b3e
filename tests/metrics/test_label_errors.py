import numpy as np
import pytest

from headstart.metrics.label_errors import doubted_labels, label_margins


def drawn(wrong, seed=0, n=600):
    """Calibrated probabilities of three classes, and labels of which some are exchanged."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, n)
    logits = rng.normal(size=(n, 3)) + 3.5 * np.eye(3)[truth]
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    given = truth.copy()
    given[:wrong] = (truth[:wrong] + 1) % 3
    return probabilities, given


def test_exchanged_labels_come_first():
    probabilities, given = drawn(30)
    order = np.argsort(label_margins(probabilities, given))
    assert (order[:25] < 30).mean() > 0.85
    doubted = doubted_labels(probabilities, given)
    assert (doubted[:30] == (given[:30] - 1) % 3).mean() > 0.65
    assert (doubted[30:] >= 0).mean() < 0.08


def test_margins():
    found = label_margins(np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]]), np.array([0, 2]))
    assert found.tolist() == pytest.approx([0.5, -0.7])


def test_a_timid_class_is_believed_sooner_and_an_empty_one_never():
    probabilities = np.array([[0.9, 0.1, 0], [0.9, 0.1, 0], [0.55, 0.45, 0], [0.6, 0.4, 0]])
    given = np.array([0, 0, 1, 0])
    doubted = doubted_labels(probabilities, given)
    assert doubted.tolist() == [-1, -1, -1, -1]
    given[:] = [0, 0, 1, 1]
    assert doubted_labels(np.array([[0.9, 0.1, 0]] * 2 + [[0.5, 0.5, 0], [0.95, 0.05, 0]]),
                          given).tolist() == [-1, -1, -1, 0]  # fmt: skip
