"""What comes before any training: usable items, their size, their checks, and who tests.

Shared by `train` and `advise`, so that advice is about the very items that are trained on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from headstart.checks.duplicates import clusters as find_clusters
from headstart.checks.files import are_small
from headstart.checks.nearness import find_near
from headstart.checks.sequences import sequence_blocks
from headstart.checks.several_labels import indicator_columns, refuse_several_labels
from headstart.checks.turned import copy_pairs
from headstart.choices import Geometry
from headstart.data.dataset import Dataset
from headstart.data.labels import present_of
from headstart.data.splits.split import leaks, split_dataset
from headstart.data.splits.stems import stem_groups
from headstart.errors import DataError
from headstart.images.deep import Levels
from headstart.images.preprocess import Preprocess
from headstart.images.stats import ImageStats
from headstart.lists import some_of
from headstart.nets.pretrained.backbone import Backbone
from headstart.options.ways import has_own_way
from headstart.records import Finding
from headstart.strategies.problem import Prepared
from headstart.tasks import check_everything, task_of, told_apart

__all__ = [
    "face_flags",
    "choose_preprocess",
    "drop_unlabelled",
    "check_and_split",
]


_SMALL, _SMALL_SIZE = 112, 128
_SAMPLE = 64


def drop_unlabelled(dataset: Dataset, *, asked: str = "auto") -> Dataset:
    """Keeps what can train, or says why nothing can.

    Args:
        dataset: As it was read.
        asked: The task that was asked for, or ``"auto"``.

    Raises:
        DataError: Without labels, with one class, or with several labels per image where nobody
            asked for classes.
    """
    if not dataset.labelled.any():
        flags = indicator_columns(dataset)
        if flags:
            raise DataError(
                f"no column of the table at {dataset.root} is called label, and "
                f"{some_of(flags, 6)} hold yes or no (several labels per image?): one at a time "
                f"is learnt here, named with --label {flags[0]}"
            )
        columns = ", ".join(dataset.attributes)
        raise DataError(
            f"{dataset.root} has images but no labels: put them in one folder per class, or give "
            f"a CSV with the columns path and label"
            + (f"; the table has the columns {columns}: name one with --label" if columns else "")
        )
    dataset = dataset if dataset.labelled.all() else dataset.take(dataset.labelled)
    if asked == "auto" and told_apart(dataset.task) == "classes":
        refuse_several_labels(dataset)
    if _classes(dataset) < _fewest(dataset.task):
        raise DataError(
            f"there are images of one class only ({dataset.labels.text(0)}); a classifier needs "
            f"two or more (labels: {dataset.reading.get('labels') or 'as they were given'})"
        )
    return dataset


def _fewest(task: str) -> int:
    """Returns how many classes there must be: two, unless one can be there or not."""
    return int(getattr(task_of(task), "FEWEST_CLASSES", 2))


def _classes(dataset: Dataset) -> int:
    """Returns how many classes there are to tell apart; where an item has several, in all."""
    present = present_of(dataset.labels)
    if present is not None:
        return int(present.any(axis=0).sum())
    return len(np.unique(dataset.labels.strata))


def choose_preprocess(
    dataset: Dataset,
    network: Backbone,
    image_size: int | Literal["auto"],
    geometry: Geometry,
    *,
    levels: Levels,
    detector: str | None = None,
) -> Preprocess:
    """Chooses the input size: to enlarge small images to 224 costs time, and no accuracy is won.

    Args:
        dataset: N items.
        network: It says how its weights were trained to see.
        image_size: Side in pixels, or ``"auto"``.
        geometry: How an image becomes a square.
        levels: Of images deeper than 8 bits, from `data_set_levels`.
        detector: Of faces, which then take the place of the photos; None for whole photos.

    Raises:
        BackboneError: If the detector cannot be had.
    """
    from PIL import Image

    preprocess = replace(network.preprocess, geometry=geometry, levels=levels)
    if detector is not None:
        from headstart.nets.pretrained.face_detector import faces_for

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
    dataset: Dataset,
    stats: ImageStats,
    *,
    seed: int,
    drop_leaks: bool,
    last: np.ndarray | None = None,
) -> tuple[list[Finding], np.ndarray, Prepared]:
    """Checks the data and leaves out what cannot be used.

    Args:
        dataset: N items.
        stats: Their N rows.
        seed: Of the split, and of the images that are looked at where there are many.
        drop_leaks: Take what a given split leaked into its test out of training.
        last: (N, D) vectors of a network's last stage, which tell images that belong together.

    Returns:
        Findings; (N,) bool which items are readable; and those items as `Prepared`.
    """
    pairs = copy_pairs(dataset, stats)
    stems = stem_groups(dataset, sure=True)
    groups = find_clusters(stats, dataset.groups, stems, _blocks(dataset, stats), pairs=pairs)
    findings = check_everything(dataset, stats, pairs)
    kept = stats.readable
    usable, clusters = dataset.take(kept), groups[kept]
    if _classes(usable) < _fewest(dataset.task):
        raise DataError(
            f"fewer than two classes of {dataset.root} have readable images; "
            f"run 'headstart check {dataset.root}' to see what is wrong with the others"
        )
    prepared = _split(usable, stats.take(kept), clusters, seed=seed, drop_leaks=drop_leaks)
    if last is not None:
        near, prepared = _keep_near_together(last[kept], prepared, seed=seed, drop_leaks=drop_leaks)
        findings += near
    return findings, kept, prepared


def _blocks(dataset: Dataset, stats: ImageStats) -> np.ndarray | None:
    """Returns blocks of slices and frames; None where others say who belongs together."""
    told = dataset.groups is not None or bool(dataset.tested().any())
    people = has_own_way(dataset.task) and present_of(dataset.labels) is None  # held out whole
    if told or people:
        return None
    return sequence_blocks(dataset, stats)


def _split(
    usable: Dataset, stats: ImageStats, clusters: np.ndarray, *, seed: int, drop_leaks: bool
) -> Prepared:
    splits = split_dataset(usable, clusters, seed=seed)
    leaking = leaks(splits, clusters)
    dropped = leaking if drop_leaks else np.zeros(len(usable), bool)
    return Prepared(usable, stats, clusters, splits, dropped)


def _keep_near_together(
    vectors: np.ndarray, prepared: Prepared, *, seed: int, drop_leaks: bool
) -> tuple[list[Finding], Prepared]:
    """Joins images that belong together in the eyes of a network, and splits anew."""
    dataset = prepared.dataset
    if has_own_way(dataset.task):  # images of one person are near, as they should be
        return [], prepared
    small = are_small(prepared.stats)
    near = find_near(vectors, dataset, prepared.clusters, small=small, seed=seed)
    if near.clusters is not prepared.clusters:
        prepared = _split(dataset, prepared.stats, near.clusters, seed=seed, drop_leaks=drop_leaks)
    return list(near.findings), prepared
