"""What comes before any training: usable items, their size, their checks, and who tests.

Shared by `train` and `advise`, so that advice is about the very items that are trained on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from headstart.checks.duplicates import clusters as find_clusters
from headstart.checks.duplicates import near_duplicates
from headstart.checks.files import check_dataset
from headstart.choices import EvaluationKind, Geometry
from headstart.data.dataset import Dataset
from headstart.data.split import folds as make_folds
from headstart.data.split import leaks, split_dataset
from headstart.errors import DataError
from headstart.images.preprocess import Preprocess
from headstart.images.stats import ImageStats
from headstart.nets.backbone import Backbone
from headstart.records import Finding

__all__ = [
    "Prepared",
    "face_flags",
    "choose_preprocess",
    "drop_unlabelled",
    "check_and_split",
    "make_splits",
]


# Below this many images a fifth of them says too little: 40 test images leave +-8 points.
_FEW_IMAGES = 300
_FEW_PER_CLASS = 10
_SMALL, _SMALL_SIZE = 112, 128
_SAMPLE = 64


@dataclass(frozen=True)
class Prepared:
    """The readable, labelled items, in one order throughout.

    `dropped` marks training items that a given split leaked into its test.
    """

    dataset: Dataset
    stats: ImageStats
    clusters: np.ndarray
    splits: np.ndarray
    dropped: np.ndarray


def drop_unlabelled(dataset: Dataset) -> Dataset:
    """Keeps what can train, or says why nothing can.

    Raises:
        DataError: Without labels, or with one class.
    """
    if not dataset.labelled.any():
        raise DataError(
            f"{dataset.root} has images but no labels: put them in one folder per class, or give "
            f"a CSV with the columns path and label"
        )
    dataset = dataset if dataset.labelled.all() else dataset.take(dataset.labelled)
    if np.count_nonzero(dataset.counts) < 2:
        only = dataset.classes[int(np.argmax(dataset.counts))]
        raise DataError(
            f"{dataset.root} has images of one class only ({only}): a classifier needs two or more"
        )
    return dataset


def choose_preprocess(
    dataset: Dataset,
    network: Backbone,
    image_size: int | Literal["auto"],
    geometry: Geometry,
    *,
    detector: str | None = None,
) -> Preprocess:
    """Chooses the input size: to enlarge small images to 224 costs time, and no accuracy is won.

    Args:
        dataset: N items.
        network: It says how its weights were trained to see.
        image_size: Side in pixels, or ``"auto"``.
        geometry: How an image becomes a square.
        detector: Of faces, which then take the place of the photos; None for whole photos.

    Raises:
        BackboneError: If the detector cannot be had.
    """
    from PIL import Image

    preprocess = replace(network.preprocess, geometry=geometry)
    if detector is not None:
        from headstart.nets.detector import faces_for

        preprocess = replace(preprocess, faces=faces_for(network, detector))
    if image_size != "auto":
        return replace(preprocess, size=int(image_size))
    if preprocess.size <= _SMALL_SIZE or not network.takes_any_size():
        return preprocess
    sides = []
    for index in np.linspace(0, len(dataset) - 1, min(_SAMPLE, len(dataset))).astype(int):
        try:
            with Image.open(dataset.path(index)) as image:
                sides.append(min(image.size))
        except Exception:  # unreadable files are set aside, with their reason, by the pass itself
            continue
    if sides and np.median(sides) <= _SMALL:
        return replace(preprocess, size=_SMALL_SIZE)
    return preprocess


def face_flags(detector: str | None) -> list[str]:
    """Returns the flags of `train` that find faces with a detector; none where there is none."""
    if detector is None:
        return []
    return ["--faces"] + (["--detector", detector] if detector != "yunet" else [])


def check_and_split(
    dataset: Dataset, stats: ImageStats, *, seed: int, drop_leaks: bool
) -> tuple[list[Finding], np.ndarray, Prepared]:
    """Checks the data and leaves out what cannot be used.

    Returns:
        Findings; (N,) bool which items are readable; and those items as `Prepared`.
    """
    pairs = near_duplicates(stats)
    groups = find_clusters(stats, dataset.groups, pairs=pairs)
    findings = check_dataset(dataset, stats, pairs=pairs)
    kept = stats.readable
    usable, clusters = dataset.take(kept), groups[kept]
    if np.count_nonzero(usable.counts) < 2:
        raise DataError(
            f"fewer than two classes of {dataset.root} have readable images; "
            f"run 'headstart check {dataset.root}' to see what is wrong with the others"
        )
    splits = split_dataset(usable, clusters, seed=seed)
    leaking = leaks(splits, clusters)
    dropped = leaking if drop_leaks else np.zeros(len(usable), bool)
    return findings, kept, Prepared(usable, stats.take(kept), clusters, splits, dropped)


def make_splits(
    data: Prepared, evaluation: EvaluationKind, *, folds: int, seed: int
) -> tuple[list[tuple[np.ndarray, np.ndarray]], Literal["holdout", "cv"], str]:
    """Decides who trains and who tests.

    Returns:
        (training items, test items) of each round; the kind; and one sentence about it.
    """
    y, n = data.dataset.targets, len(data.dataset)
    # As in split_dataset: a test without anything to train on is no split.
    kinds = set(data.dataset.splits.tolist())
    given = len(kinds) > 1 and bool(kinds & {"test", "val"})
    counts = data.dataset.counts
    few = n < _FEW_IMAGES or counts[counts > 0].min() < _FEW_PER_CLASS
    if evaluation == "cv" or (evaluation == "auto" and few and not given):
        k = max(2, min(folds, len(np.unique(data.clusters))))
        fold_of = make_folds(y, data.clusters, k=k, seed=seed)
        rounds = [
            (np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(k)
        ]
        rounds = [each for each in rounds if len(each[1]) and len(np.unique(y[each[0]])) > 1]
        smallest = int(counts[counts > 0].min())
        why = "as asked" if evaluation == "cv" else f"{n} images are too few for a test split"
        if evaluation == "auto" and n >= _FEW_IMAGES:
            why = f"a class with {smallest} image{'s' * (smallest > 1)} is too small to be split"
        summary = (
            f"Nested {k}-fold cross-validation ({why}): every image was predicted once by a model "
            f"chosen and fitted without it; duplicates and groups stayed in one fold. "
            f"The model that was kept is fitted on all of them."
        )
    else:
        test = data.splits == "test"
        training = ~test & ~data.dropped
        rounds = [(np.flatnonzero(training), np.flatnonzero(test))]
        # As in split_dataset: without a test, the validation items are the test.
        own = "test" if (data.dataset.splits == "test").any() else "validation"
        origin = f"the data's own {own} split" if given else "a stratified fifth held out (seed "
        summary = f"Measured once on {origin}{'' if given else f'{seed})'}: {test.sum()} images."
        if data.dropped.any():
            summary += (
                f" {int(data.dropped.sum())} training images were left out because copies, "
                f"near-duplicates or members of their group are in the test."
            )
    for train_items, test_items in rounds:
        if len(np.unique(y[train_items])) < 2 or not len(test_items):
            raise DataError(
                f"{data.dataset.root}: the training part has fewer than two classes left "
                f"(or the test part is empty); try --evaluation cv, or mend the split"
            )
    return rounds, "cv" if len(rounds) > 1 else "holdout", summary
