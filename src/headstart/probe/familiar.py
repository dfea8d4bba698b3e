"""`calibrated_unlike`: what training images look like, and how far held-out ones are from them."""

from __future__ import annotations

import numpy as np

from headstart.data.splits.split import folds as make_folds
from headstart.nets.heads.unlike import Unlike, unit_vectors
from headstart.probe.classifiers import one_blas_thread
from headstart.probe.trials import drawn_by_class

__all__ = ["calibrated_unlike", "fit_unlike", "held_out_distances", "plain_is_better"]

_SHARE = 0.05  # of held-out images are called unlike
_AXES, _EXTRA, _POWERS = 64, 16, 2
_MOST = 4_000  # more say nothing new of a covariance
_FOLDS = 10
_TRIED_ON, _GROUPS, _TRIALS, _SURE = 1_000, 4, 8, 0.75  # of leaving classes out
# Vectors of length 1 that are nearer than this to their class are never unlike: where a network
# gives all images nearly the same vector, single precision could not tell how far they are.
_NEAR = 0.1


def fit_unlike(
    vectors: np.ndarray, targets: np.ndarray, columns: np.ndarray, *, plain: bool = False
) -> Unlike:
    """Fits means and covariance; distances are not yet in units of what held-out images have.

    Args:
        vectors: (N, D_all) of images that a model learnt from.
        targets: (N,) int classes, 0 and more.
        columns: (D,) int, which columns to read.
        plain: No covariance, and numbers as they are.
    """
    unit = unit_vectors(vectors[:, columns], rooted=not plain)
    present, own = np.unique(targets, return_inverse=True)
    own = own.reshape(-1)
    counts = np.bincount(own)
    means = np.zeros((len(present), unit.shape[1]), np.float32)
    np.add.at(means, own, unit)
    means /= counts[:, None].astype(np.float32)
    apart = unit - means[own]
    free, width = max(len(unit) - len(present), 1), unit.shape[1]
    count = int(min(_AXES, max(free // 4, 1), width - 1)) if width > 1 and not plain else 0
    axes, squares = _leading(apart, count)
    variances = squares / free
    total = float((apart.astype(np.float64) ** 2).sum()) / free
    rest = max((total - float(variances.sum())) / max(width - count, 1), 1e-9)
    variances = np.maximum(variances, rest)  # what varies least in a sample weighs most, by chance
    gains = (1 / variances - 1 / rest).astype(np.float32)
    return Unlike(columns, means, axes.astype(np.float32), gains, 1 / rest, not plain)


def held_out_distances(
    vectors: np.ndarray,
    targets: np.ndarray,
    clusters: np.ndarray,
    columns: np.ndarray,
    *,
    plain: bool = False,
    seed: int = 0,
) -> np.ndarray:
    """Returns (N,) distances of images, each to others than itself and its copies.

    Args:
        vectors: (N, D_all).
        targets: (N,) int classes.
        clusters: (N,) int; no cluster lies in two folds.
        columns: (D,) int, which columns to read.
        plain: Which of the two distances.
        seed: Of the folds.
    """
    count = max(2, min(_FOLDS, len(np.unique(clusters))))
    fold_of = make_folds(targets, clusters, k=count, seed=seed)
    found = np.full(len(targets), np.nan)
    for fold in range(count):
        held = fold_of == fold
        if held.any() and not held.all():
            fitted = fit_unlike(vectors[~held], targets[~held], columns, plain=plain)
            found[held] = fitted.distances(vectors[held])
    return found


def plain_is_better(
    vectors: np.ndarray,
    targets: np.ndarray,
    clusters: np.ndarray,
    columns: np.ndarray,
    *,
    seed: int = 0,
) -> bool:
    """Whether the plain distance tells classes that are left out better than the other does.

    Which of them tells new kinds depends on the data; its own classes, each new to a fit without
    it, are the only new kinds at hand. The plain one has to be better nearly every time.

    Args:
        vectors: (N, D_all).
        targets: (N,) int classes.
        clusters: (N,) int; no cluster lies in two folds.
        columns: (D,) int, which columns to read.
        seed: Of folds, and of which classes are left out together.
    """
    rows = drawn_by_class(targets, _TRIED_ON, seed=seed)
    x, y, clusters = vectors[rows], targets[rows], clusters[rows]
    kinds = np.random.default_rng(seed).permutation(np.unique(y))
    if len(kinds) < 2 or len(np.unique(clusters)) < 2:
        return False
    groups = np.array_split(kinds, min(_GROUPS, len(kinds)))
    count = _TRIALS // len(groups)
    fold_of = make_folds(y, clusters, k=count, seed=seed)
    gains = []
    for group in groups:
        new = np.isin(y, group)
        for fold in range(count):
            seen, held = ~new & (fold_of != fold), ~new & (fold_of == fold)
            if not seen.any() or not held.any():
                return False
            fits = [fit_unlike(x[seen], y[seen], columns, plain=plain) for plain in (True, False)]
            one, other = (_told_apart(u.distances(x[held]), u.distances(x[new])) for u in fits)
            gains.append(one - other)
    return float(np.mean(gains)) > 0 and float(np.mean(np.array(gains) > 0)) >= _SURE


def calibrated_unlike(
    vectors: np.ndarray,
    targets: np.ndarray,
    clusters: np.ndarray,
    columns: np.ndarray,
    *,
    others: np.ndarray | None = None,
    seed: int = 0,
) -> Unlike:
    """Fits, and scales so that one in twenty of held-out images is further than 1.

    Args:
        vectors: (N, D_all) of images that a model learnt from.
        targets: (N,) int classes, 0 and more.
        clusters: (N,) int; no cluster lies in two folds.
        columns: (D,) int, which columns to read.
        others: (M, D_all) of images that it did not learn from, where the network itself learnt
            from the N: they are what held-out images are like. By default folds of the N are.
        seed: Of folds, and of what is drawn of many images.
    """
    with one_blas_thread():  # two threads that wait for each other cost a busy machine seconds
        rows = drawn_by_class(targets, _MOST, seed=seed)
        x, y = vectors[rows], targets[rows]
        # A network that learnt from these images knows every class of them: none can be left out.
        plain = others is None and plain_is_better(x, y, clusters[rows], columns, seed=seed)
        fitted = fit_unlike(x, y, columns, plain=plain)
        if others is not None:
            far = fitted.distances(others)
        else:
            far = held_out_distances(x, y, clusters[rows], columns, plain=plain, seed=seed)
    far = far[np.isfinite(far)]
    threshold = float(np.quantile(far, 1 - _SHARE, method="higher")) if len(far) else 0.0
    return fitted.scaled(1 / max(threshold, _NEAR * fitted.rest**0.5))


def _told_apart(near: np.ndarray, far: np.ndarray) -> float:
    """Returns how often something far is further than something near; ties count half."""
    ordered = np.sort(near)
    below = np.searchsorted(ordered, far, "left") + np.searchsorted(ordered, far, "right")
    return float(below.mean()) / (2 * len(near))


def _leading(rows: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the (K, D) leading principal axes of rows and the (K,) sums of squares on them.

    By a randomised range finder (Halko, Martinsson and Tropp, 2011), where all would be many.
    """
    width = rows.shape[1]
    if not count:
        return np.zeros((0, width), np.float32), np.zeros(0)
    wide = count + _EXTRA
    if min(rows.shape) <= 2 * wide:
        _, values, axes = np.linalg.svd(rows, full_matrices=False)
        return axes[:count], values[:count].astype(np.float64) ** 2
    span = np.random.default_rng(0).standard_normal((width, wide)).astype(np.float32)
    for _ in range(_POWERS + 1):
        span, _ = np.linalg.qr(rows.T @ (rows @ span))
    _, values, axes = np.linalg.svd(rows @ span, full_matrices=False)
    return (span @ axes[:count].T).T, values[:count].astype(np.float64) ** 2
