"""Which labels are probably wrong, by confident learning on held-out probabilities.

cleanlab does the same; these forty lines need neither pandas nor scikit-learn, whose import takes
longer than all of an audit.

Source: Northcutt, Jiang and Chuang, "Confident Learning" (JAIR 2021).
"""

from __future__ import annotations

import numpy as np

__all__ = ["doubted_labels", "label_margins"]


def label_margins(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Returns (N,) how far each label leads, from -1 (surely another) to 1.

    Args:
        probabilities: (N, C) calibrated, of models that did not learn from the item.
        targets: (N,) int labels as given.
    """
    rows = np.arange(len(targets))
    others = probabilities.copy()
    others[rows, targets] = -1
    return np.asarray(probabilities[rows, targets] - others.max(axis=1))


def doubted_labels(probabilities: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Returns (N,) int: the class that is confidently said instead of the label, or -1.

    A class is said confidently where its probability reaches what images labelled so have on
    average: a network that is timid about one class is believed sooner there.

    Args:
        probabilities: (N, C) calibrated, of models that did not learn from the item.
        targets: (N,) int labels as given.
    """
    classes = probabilities.shape[1]
    counts = np.bincount(targets, minlength=classes)
    own = probabilities[np.arange(len(targets)), targets]
    means = np.bincount(targets, own, minlength=classes) / np.maximum(counts, 1)
    thresholds = np.where(counts > 0, means, 2.0)
    sure = np.where(probabilities >= thresholds, probabilities, -1)
    said = np.where((sure > 0).any(axis=1), sure.argmax(axis=1), targets)
    return np.where(said != targets, said, -1)
