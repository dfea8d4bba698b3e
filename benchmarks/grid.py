"""The whole cross-validated grid of the probe beside scikit-learn's, on the same features.

2,000 x 1,800 features of 10 classes, made up so that they look like a network's: correlated,
with a decaying spectrum. Run on an idle machine:

    python benchmarks/grid.py [--sklearn-strengths 3]
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from headstart.data.splits.split import folds
from headstart.probe.frozen import Frozen, feature_sets
from headstart.probe.probe import Labelled, probe

WIDTHS = {"stage1": 100, "stage2": 200, "stage3": 300, "stage4": 400, "last": 800}


def made_up(items: int, classes: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(N, 1800) float32 features and (N,) classes."""
    rng = np.random.default_rng(seed)
    width = sum(WIDTHS.values())
    targets = rng.integers(0, classes, items)
    spectrum = (1 + np.arange(width)) ** -0.4
    means = rng.normal(size=(classes, width)) * spectrum * 0.12
    hidden = means[targets] + rng.normal(size=(items, width)) * spectrum
    mixed = hidden @ rng.normal(size=(width, width)) / np.sqrt(width)
    return np.maximum(mixed, 0).astype(np.float32), targets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--sklearn-strengths", type=int, default=3, help="0 leaves the peer out")
    given = parser.parse_args()
    vectors, targets = made_up(given.items, given.classes, seed=0)
    ends = np.cumsum(list(WIDTHS.values()))
    slices = {name: slice(end - WIDTHS[name], end) for name, end in zip(WIDTHS, ends, strict=True)}
    sets = feature_sets(slices)
    clusters = np.arange(given.items)

    started = time.perf_counter()
    found = probe(Frozen(vectors, sets), Labelled(targets, clusters, given.classes))
    ours = time.perf_counter() - started
    best = found.trials[0]
    print(
        f"headstart: {len(found.trials)} trials x {best.folds} folds on {len(sets)} feature sets "
        f"and the final fit: {ours:.1f} s; best {best.config} {best.accuracy}"
    )
    if not given.sklearn_strengths:
        return

    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import PredefinedSplit, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    split = PredefinedSplit(folds(targets, clusters))
    width = vectors.shape[1]
    started = time.perf_counter()
    for strength in (1.0, 10.0, 100.0)[: given.sklearn_strengths]:
        # The same penalty: headstart divides standardised features by sqrt(width).
        model = make_pipeline(
            StandardScaler(), LogisticRegression(C=strength / width, max_iter=500)
        )
        accuracy = cross_val_score(model, vectors, targets, cv=split).mean()
        print(
            f"scikit-learn: logistic regression on all features, strength {strength:g}: "
            f"{accuracy:.3f}, {time.perf_counter() - started:.1f} s so far"
        )
    theirs = time.perf_counter() - started
    ratio = theirs / given.sklearn_strengths / (ours / len(found.trials))
    print(
        f"scikit-learn: {given.sklearn_strengths} trials x 5 folds on one feature set: "
        f"{theirs:.1f} s; a trial costs {ratio:.0f} times headstart's"
    )


if __name__ == "__main__":
    main()
