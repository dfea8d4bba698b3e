"""What comes before any training: usable items, their size, their checks, and who tests.

Shared by `train` and `advise`, so that advice is about the very items that are trained on.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from headstart.checks.duplicates import clusters as find_clusters
from headstart.checks.nearness import find_near
from headstart.checks.sequences import sequence_blocks
from headstart.checks.several_labels import indicator_columns
from headstart.checks.turned import copy_pairs
from headstart.choices import EvaluationKind, Geometry
from headstart.data.dataset import Dataset
from headstart.data.labels import present_of
from headstart.data.splits.split import folds as make_folds
from headstart.data.splits.split import leaks, split_dataset
from headstart.data.splits.stems import stem_groups
from headstart.data.words import plural
from headstart.errors import DataError
from headstart.images.deep import Levels
from headstart.images.preprocess import Preprocess
from headstart.images.stats import ImageStats
from headstart.lists import some_of
from headstart.nets.pretrained.backbone import Backbone
from headstart.options.ways import has_own_way
from headstart.probe.cross_validate import Round
from headstart.records import Finding
from headstart.strategies.problem import Prepared, Problem, TestKind
from headstart.tasks import check_everything, task_of

__all__ = [
    "face_flags",
    "choose_preprocess",
    "drop_unlabelled",
    "check_and_split",
    "make_problem",
]


# Below this many images a fifth of them says too little: 40 test images leave +-8 points.
_FEW_IMAGES = 300
_FEW_PER_CLASS = 10
_SMALL, _SMALL_SIZE = 112, 128
_SAMPLE = 64


def drop_unlabelled(dataset: Dataset) -> Dataset:
    """Keeps what can train, or says why nothing can.

    Raises:
        DataError: Without labels, or with one class.
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
    near = find_near(vectors, dataset, prepared.clusters, seed=seed)
    if near.clusters is not prepared.clusters:
        prepared = _split(dataset, prepared.stats, near.clusters, seed=seed, drop_leaks=drop_leaks)
    return list(near.findings), prepared


def make_problem(
    prepared: Prepared, evaluation: EvaluationKind, *, folds: int, seed: int
) -> Problem:
    """Decides who trains and who tests, and what each learns.

    Args:
        prepared: The usable items.
        evaluation: On a test split, by nested cross-validation, or as the data allow.
        folds: Of the cross-validation.
        seed: Of what is drawn.

    Raises:
        DataError: If a training part has fewer than two classes, or nobody tests.
    """
    dataset = prepared.dataset
    given = bool(dataset.tested().any())
    smallest = int(_counts(dataset).min())
    few = len(dataset) < _FEW_IMAGES or smallest < _FEW_PER_CLASS
    if evaluation == "cv" or (evaluation == "auto" and few and not given):
        kind: TestKind = "cv"
        pairs, summary = _cross_validation(prepared, evaluation, folds=folds, seed=seed)
    else:
        kind = "holdout"
        pairs, summary = _holdout(prepared, given, seed=seed)
    strata = dataset.labels.strata
    if not pairs or _single(prepared):
        raise DataError(_too_few(prepared))
    for train, test in pairs:
        if len(np.unique(strata[train])) < 2 or not len(test):
            raise DataError(
                f"{dataset.root}: the training part has fewer than two classes left "
                f"(or the test part is empty); try --evaluation cv, or mend the split"
            )
    task = task_of(dataset.task)
    encoded = [task.encode(dataset.labels, train) for train, _ in pairs]
    rounds = tuple(
        Round(train, test, target.classes, len(target.spec.names))
        for (train, test), target in zip(pairs, encoded, strict=True)
    )
    final, spec = rounds[0], encoded[0].spec
    if len(rounds) > 1:
        everything = np.unique(np.concatenate([np.concatenate(each) for each in pairs]))
        target = task.encode(dataset.labels, everything)
        spec = target.spec
        final = Round(everything, everything[:0], target.classes, len(spec.names))
    specs = tuple(target.spec for target in encoded)
    kind = "cv" if len(rounds) > 1 else "holdout"
    return Problem(prepared, rounds, specs, final, spec, kind, summary)


def _too_few(prepared: Prepared) -> str:
    """Says why nobody can learn while others test."""
    dataset, clusters = prepared.dataset, prepared.clusters
    if _single(prepared):
        return (
            f"{dataset.root}: each class has a single image, or a single set of images that must "
            f"stay whole (a group, copies), so it can be neither learned nor measured; add images, "
            f"at least a few of each class, or see that --group names the right column"
        )
    return (
        f"{dataset.root}: its {plural(len(dataset), 'image')} belong to "
        f"{plural(len(np.unique(clusters)), 'set')} that must stay whole (groups and copies), too "
        f"few to learn from some and test on others; add people or scenes, or see that --group "
        f"names the right column"
    )


def _single(prepared: Prepared) -> bool:
    """Whether no class has two images that may lie on two sides."""
    cells = np.unique(np.stack([prepared.dataset.labels.strata, prepared.clusters]), axis=1)
    return bool(np.bincount(cells[0]).max(initial=0) <= 1)


_Pairs = list[tuple[np.ndarray, np.ndarray]]


def _counts(dataset: Dataset) -> np.ndarray:
    """Returns how many items each stratum has that has any."""
    counts = np.bincount(dataset.labels.strata[dataset.labelled])
    return counts[counts > 0]


def _cross_validation(
    prepared: Prepared, evaluation: EvaluationKind, *, folds: int, seed: int
) -> tuple[_Pairs, str]:
    """Returns (training items, test items) of every fold, and a sentence about them."""
    dataset, n = prepared.dataset, len(prepared.dataset)
    strata = dataset.labels.strata
    k = max(2, min(folds, len(np.unique(prepared.clusters))))
    fold_of = make_folds(strata, prepared.clusters, k=k, seed=seed)
    pairs = [
        (np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)) for fold in range(k)
    ]
    pairs = [each for each in pairs if len(each[1]) and len(np.unique(strata[each[0]])) > 1]
    smallest = int(_counts(dataset).min())
    why = "as asked" if evaluation == "cv" else f"{n} images are too few for a test split"
    if evaluation == "auto" and n >= _FEW_IMAGES:
        why = f"a class with {smallest} image{'s' * (smallest > 1)} is too small to be split"
    return pairs, (
        f"Nested {k}-fold cross-validation ({why}): every image was predicted once by a model "
        f"chosen and fitted without it; duplicates and groups stayed in one fold. "
        f"The model that was kept is fitted on all of them."
    )


def _holdout(prepared: Prepared, given: bool, *, seed: int) -> tuple[_Pairs, str]:
    """Returns the one pair of training and test items, and a sentence about it."""
    test = prepared.splits == "test"
    own = "test" if prepared.dataset.test_name == "test" else "validation"
    origin = f"the data's own {own} split" if given else "a stratified fifth held out (seed "
    summary = f"Measured once on {origin}{'' if given else f'{seed})'}: "
    summary += f"{plural(int(test.sum()), 'image')}."
    if prepared.dropped.any():
        summary += (
            f" {plural(int(prepared.dropped.sum()), 'training image was', 'training images were')} "
            f"left out because copies, near-duplicates or members of their group are in the test."
        )
    return [(np.flatnonzero(~test & ~prepared.dropped), np.flatnonzero(test))], summary
