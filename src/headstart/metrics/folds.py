"""Folds: what several models answered, each its own part, is not what one model answered."""

from __future__ import annotations

from typing import Literal

import numpy as np

__all__ = ["fold_inflation", "rows_by_model"]


def fold_inflation(models: np.ndarray | None, *, of: Literal["answers", "scores"]) -> float:
    """Returns how much more a cross-validated measure varies than its items by themselves.

    The folds of K are not independent: each model learns from the images that test the others, so
    that the variance of a mean is 1 + (K - 1) r times that of independent items. No unbiased
    estimate of r exists (Bengio and Grandvalet, JMLR 2004); 1 / K is the one of Nadeau and Bengio
    (Machine Learning 2003), and `benchmarks/coverage.py` finds about that for log-loss. Bare
    answers depend less on who else was learnt from than probabilities do: there it finds a third.
    Where models hardly change with a fold, r goes to nought (Bayle et al., NeurIPS 2020): the
    interval then errs on the wide side.

    Args:
        models: (N,) int, which model answered an item; None for one.
        of: What is measured: the most probable classes, or the probabilities.
    """
    folds = 1 if models is None else len(np.unique(models))
    return 1 + (folds - 1) / folds * (1.0 if of == "scores" else 1 / 3)


def rows_by_model(models: np.ndarray | None, n: int) -> list[np.ndarray]:
    """Returns the (m,) int rows of each model.

    Args:
        models: (N,) int, which model answered an item; None for one.
        n: N.
    """
    if models is None:
        return [np.arange(n)]
    return [np.flatnonzero(models == each) for each in np.unique(models)]
