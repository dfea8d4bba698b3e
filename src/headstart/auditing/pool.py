"""`open_pool`: images of which the attribute is known, and the class is not asked.

A pool that has the confound too would take the class away with the attribute: it is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.data.words import plural
from headstart.errors import DataError
from headstart.features.extract import extract
from headstart.metrics.confound import within_auc
from headstart.nets.model import Model

__all__ = ["Pool", "open_pool", "refuse_confounded"]

_FEWEST = 20


@dataclass(frozen=True)
class Pool:
    """Images that carry an attribute.

    Attributes:
        vectors: (M, d) float32 of the columns that the model's head reads.
        values: (M,) int values, numbered as those of the run.
        said: What it is, for people.
    """

    vectors: np.ndarray
    values: np.ndarray
    said: str


def open_pool(
    dataset: Dataset, column: str, words: tuple[str, ...], model: Model, compute: Compute
) -> Pool:
    """Reads which value the images of a pool have, and embeds them as the model does.

    Args:
        dataset: Of the pool: with the column, or in class folders that bear its values.
        column: The attribute.
        words: Its K values.
        model: Whose vectors are wanted.
        compute: Where.

    Raises:
        DataError: If the attribute is not known there, or a value has fewer than 20 images.
    """
    if column in dataset.attributes:
        cells = dataset.attributes[column].astype(str)
    else:
        cells = np.array([dataset.labels.text(i) for i in range(len(dataset))])
    numbers = {word: number for number, word in enumerate(words)}
    values = np.array([numbers.get(cell, -1) for cell in np.char.strip(cells)], int)
    if not (values >= 0).any():
        raise DataError(
            f"--attribute-pool {dataset.root}: it has neither a column {column} nor folders called "
            f"{', '.join(words)}"
        )
    known = dataset.take(values >= 0)
    features = extract(
        known, model.backbone, preprocess=model.preprocess, tta=model.tta, device=compute.device,
        workers=compute.workers, progress=compute.progress,
    )  # fmt: skip
    readable = features.stats.readable
    values = values[values >= 0][readable]
    counts = np.bincount(values, minlength=len(words))
    if counts.min() < _FEWEST:
        few = words[int(counts.argmin())]
        raise DataError(
            f"--attribute-pool {dataset.root}: only {plural(int(counts.min()), 'image')} with "
            f"{column} {few}, and erasing needs {_FEWEST} of each value"
        )
    said = f"{plural(len(values), 'image')} of {dataset.root}"
    return Pool(features.vectors[readable][:, model.vector_head.columns], values, said)


def refuse_confounded(
    pool_scores: np.ndarray, pool: np.ndarray, scores: np.ndarray, has: np.ndarray,
    targets: np.ndarray, models: np.ndarray,
) -> None:  # fmt: skip
    """Refuses a pool in which the attribute goes with the class as it does in training.

    Nobody knows the pool's classes. But where it has the confound, the model's score tells the
    attribute there as well as over all training images; where it has not, only as well as within
    one class of them. The line is drawn halfway.

    Args:
        pool_scores: (M,) of the class, of the model as it is.
        pool: (M,) bool: has the value.
        scores: (N,) held-out log-odds of the class.
        has: (N,) bool.
        targets: (N,) int.
        models: (N,) int.

    Raises:
        DataError: If so.
    """
    one = np.zeros(len(scores), int)
    inside = within_auc(scores, targets, has, models)
    overall = within_auc(scores, one, has, one)
    there = within_auc(pool_scores, np.zeros(len(pool), int), pool, np.zeros(len(pool), int))
    if overall - inside > 0.05 and there > (inside + overall) / 2:
        raise DataError(
            f"--attribute-pool: there, too, the attribute seems to go with the class (the score "
            f"tells it with an AUC of {there:.2f}; {overall:.2f} over the training images, "
            f"{inside:.2f} within a class of them): erasing it would take the class away with it. "
            f"Give images in which the two are unrelated"
        )
