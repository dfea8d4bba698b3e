"""`train`: a folder of images in; a model, its measure and its report out."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from headstart.data.check import check_dataset
from headstart.data.dataset import Dataset
from headstart.data.duplicates import clusters as find_clusters
from headstart.data.duplicates import near_duplicates
from headstart.data.facts import Facts
from headstart.data.open import open_dataset
from headstart.data.pixels import Progress, silent
from headstart.data.preprocess import Geometry, Preprocess
from headstart.data.split import folds as make_folds
from headstart.data.split import leaks, split_dataset
from headstart.data.store import trim_cache
from headstart.errors import DataError, OptionError, OutputError
from headstart.features.extract import Features, extract
from headstart.fit.probe import Grid, feature_sets
from headstart.fit.rounds import Outcome, learning_curve, play
from headstart.nets.backbone import Backbone, Device, open_backbone
from headstart.nets.model import Model
from headstart.records import Finding
from headstart.run import Run, check_output, new_run
from headstart.verbs.leave import Account, leave

__all__ = ["train"]

Baselines = Literal["none", "standard", "full"]
Evaluation = Literal["auto", "holdout", "cv"]

# Below this many images a fifth of them says too little: 40 test images leave +-8 points.
_FEW_IMAGES = 300
_FEW_PER_CLASS = 10
_TINY = 64
_TINY_SIZE = 128
_SAMPLE = 64
_SIMPLE = Grid(classifiers=("logistic",), logistic=(0.01, 0.1, 1, 10, 100))


@dataclass(frozen=True)
class _Data:
    """The readable, labelled items, in one order throughout.

    `dropped` marks training items that a given split leaked into its test.
    """

    dataset: Dataset
    facts: Facts
    clusters: np.ndarray
    splits: np.ndarray
    dropped: np.ndarray


def train(
    data: str | Path,
    *,
    out: str | Path | None = None,
    backbone: str = "balanced",
    image_size: int | Literal["auto"] = "auto",
    geometry: Geometry = "square",
    views: int = 1,
    evaluation: Evaluation = "auto",
    folds: int = 5,
    baselines: Baselines = "standard",
    drop_leaks: bool = True,
    label: str | None = None,
    group: str | None = None,
    split: str | None = None,
    seed: int = 0,
    device: Device = "auto",
    workers: int | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Run:
    """Trains, measures and reports on a folder or table of labelled images.

    Frozen features of a pretrained network are probed with cross-validation; the best
    classifier becomes the model and is measured once on images that nothing has seen.

    Args:
        data: Class folders (with or without train and test), or a CSV or Parquet table.
        out: The run's folder; by default `runs/<name of the data>`.
        backbone: A preset (`fast`, `balanced`, `best`), a timm name, `hf-hub:org/name`, a
            folder in timm's layout, an ONNX file, or `starter` (bundled, offline).
        image_size: Side in pixels; `auto` is the backbone's own, or 128 for tiny images.
        geometry: How an image becomes a square: its largest `square`, the smaller `crop` that
            the weights were tested with, or `pad` or `squash` the whole of it.
        views: 1, or 2 (mirrored too), 3 (crops along the longer side) or 6 (both), averaged.
        evaluation: `holdout` on a test split, `cv` by nested cross-validation, or `auto`:
            holdout where the data bring a test split or are many enough for one.
        folds: Folds of every cross-validation.
        baselines: `standard` (majority class, raw pixels), `full` (the same network with
            random weights too) or `none`.
        drop_leaks: Remove from training the items that a given split also has in its test,
            as copies, near-duplicates or members of one group. Test items are never removed.
        label: Column of a table that holds the class.
        group: Column that says who belongs together (person, patient, video).
        split: Column of a table that holds `train`, `val` or `test`.
        seed: Of splits, folds and intervals.
        device: Where the network runs.
        workers: Decoding threads; by default one a processor.
        overwrite: Replace an earlier run in `out`.
        progress: Called as work goes on.

    Returns:
        The finished `Run`.

    Raises:
        DataError: If the data cannot be used.
        BackboneError: If the backbone cannot be had.
        OptionError: If an argument makes no sense.
        OutputError: If `out` cannot be written.
    """
    started = time.perf_counter()
    options = {key: value for key, value in locals().items() if key not in ("started", "progress")}
    if folds < 2:
        raise OptionError(f"--folds {folds}: cross-validation needs at least 2 folds")
    if views not in (1, 2, 3, 6):
        raise OptionError(f"--views {views}: choose 1, 2, 3 or 6")
    if image_size != "auto" and not 16 <= int(image_size) <= 2048:
        raise OptionError(f"--image-size {image_size}: choose between 16 and 2048 pixels")
    folder = Path(out) if out is not None else Path("runs") / (Path(data).resolve().name or "run")
    check_output(folder, overwrite=overwrite)
    dataset = open_dataset(data, label=label, group=group, split=split)
    dataset = _labelled(dataset)
    if dataset.source == "folders" and folder.resolve().is_relative_to(dataset.root.resolve()):
        raise OutputError(
            f"the run would lie among the images, where its pictures would be a class next time: "
            f"choose an -o outside {dataset.root}"
        )
    seconds = {"open": time.perf_counter() - started}

    network = open_backbone(backbone)
    preprocess = _fitting(dataset, network, image_size, geometry)
    features = extract(
        dataset, network, preprocess=preprocess, views=views, device=device, workers=workers,
        progress=progress,
    )  # fmt: skip
    seconds |= features.seconds

    mark = time.perf_counter()
    findings, kept, whole = _look(dataset, features.facts, seed=seed, drop_leaks=drop_leaks)
    seconds["check"] = time.perf_counter() - mark

    mark = time.perf_counter()
    vectors = features.vectors if kept.all() else features.vectors[kept]
    rounds, kind, says = _rounds(whole, evaluation, folds=folds, seed=seed)
    y, n_classes = whole.dataset.targets, len(whole.dataset.classes)
    outcome = play(
        vectors, feature_sets(features.slices), y, whole.clusters, rounds,
        n_classes=n_classes, folds=folds, seed=seed, progress=progress,
    )  # fmt: skip
    seconds["fit"] = time.perf_counter() - mark

    mark = time.perf_counter()
    trained_on = np.unique(np.concatenate([train_items for train_items, _ in rounds]))
    with ThreadPoolExecutor(1, "curve") as pool:  # one processor each for curve and baselines
        curve = pool.submit(
            learning_curve,
            vectors, outcome.probe.head.columns, y, whole.clusters, outcome.probe.config,
            items=trained_on, n_classes=n_classes, folds=folds, seed=seed,
        )  # fmt: skip
        controls = _controls(
            baselines, whole, rounds, network, preprocess,
            folds=folds, seed=seed, device=device, workers=workers, progress=progress,
        )  # fmt: skip
    seconds["baselines and learning curve"] = time.perf_counter() - mark

    model = Model(
        network, outcome.probe.head, whole.dataset.classes, preprocess, views,
        outcome.probe.temperature,
    )  # fmt: skip
    account = Account(
        options=options | {"out": str(folder), "data": str(data)},
        dataset=whole.dataset,
        splits=whole.splits,
        clusters=whole.clusters,
        dropped=whole.dropped,
        facts=features.facts,
        all_names=dataset.names,
        findings=findings,
        evaluation=(kind, says),
        outcome=outcome,
        controls=controls,
        curve=curve.result(),
        model=model,
        engine=features.engine,
        computed=features.computed,
        seconds=seconds,
        started=started,
    )
    with new_run(folder, overwrite=overwrite) as run:
        leave(account, run)
    trim_cache()
    return Run(folder)


def _labelled(dataset: Dataset) -> Dataset:
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


def _fitting(
    dataset: Dataset, network: Backbone, image_size: int | Literal["auto"], geometry: Geometry
) -> Preprocess:
    """Chooses the input size: enlarging tiny images sevenfold costs time and accuracy."""
    from PIL import Image

    preprocess = replace(network.preprocess, geometry=geometry)
    if image_size != "auto":
        return replace(preprocess, size=int(image_size))
    if preprocess.size <= _TINY_SIZE or not network.takes_any_size():
        return preprocess
    sides = []
    for index in np.linspace(0, len(dataset) - 1, min(_SAMPLE, len(dataset))).astype(int):
        try:
            with Image.open(dataset.path(index)) as image:
                sides.append(min(image.size))
        except Exception:  # unreadable files are set aside, with their reason, by the pass itself
            continue
    if sides and np.median(sides) <= _TINY:
        return replace(preprocess, size=_TINY_SIZE)
    return preprocess


def _look(
    dataset: Dataset, facts: Facts, *, seed: int, drop_leaks: bool
) -> tuple[list[Finding], np.ndarray, _Data]:
    """Checks the data and leaves out what cannot be used.

    Returns:
        Findings; (N,) bool which items are readable; and those items as `_Data`.
    """
    pairs = near_duplicates(facts)
    groups = find_clusters(facts, dataset.groups, pairs=pairs)
    findings = check_dataset(dataset, facts, pairs=pairs)
    kept = facts.readable
    usable, clusters = dataset.take(kept), groups[kept]
    if np.count_nonzero(usable.counts) < 2:
        raise DataError(
            f"fewer than two classes of {dataset.root} have readable images; "
            f"run 'headstart check {dataset.root}' to see what is wrong with the others"
        )
    splits = split_dataset(usable, clusters, seed=seed)
    leaking = leaks(splits, clusters)
    dropped = leaking if drop_leaks else np.zeros(len(usable), bool)
    return findings, kept, _Data(usable, facts.take(kept), clusters, splits, dropped)


def _rounds(
    data: _Data, evaluation: Evaluation, *, folds: int, seed: int
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
        says = (
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
        says = f"Measured once on {origin}{'' if given else f'{seed})'}: {test.sum()} images."
        if data.dropped.any():
            says += (
                f" {int(data.dropped.sum())} training images were left out because copies, "
                f"near-duplicates or members of their group are in the test."
            )
    for train_items, test_items in rounds:
        if len(np.unique(y[train_items])) < 2 or not len(test_items):
            raise DataError(
                f"{data.dataset.root}: the training part has fewer than two classes left "
                f"(or the test part is empty); try --evaluation cv, or mend the split"
            )
    return rounds, "cv" if len(rounds) > 1 else "holdout", says


def _controls(
    baselines: Baselines,
    data: _Data,
    rounds: list[tuple[np.ndarray, np.ndarray]],
    network: Backbone,
    preprocess: Preprocess,
    *,
    folds: int,
    seed: int,
    device: Device,
    workers: int | None,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Returns baseline name -> (M,) predicted classes of the test items, in order of item."""
    if baselines == "none":
        return {}
    y, n_classes = data.dataset.targets, len(data.dataset.classes)

    def simple(vectors: np.ndarray, sets: dict[str, np.ndarray]) -> Outcome:
        return play(
            vectors, sets, y, data.clusters, rounds,
            n_classes=n_classes, grid=_SIMPLE, folds=folds, seed=seed, final=False,
        )  # fmt: skip

    order = np.argsort(np.concatenate([test for _, test in rounds]), kind="stable")
    common = [np.full(len(test), np.bincount(y[part]).argmax()) for part, test in rounds]
    pixels = data.facts.thumbs.reshape(len(y), -1)
    named = {
        "majority": np.concatenate(common)[order],
        "raw_pixels": simple(pixels, {"pixels": np.arange(pixels.shape[1])}).labels,
    }
    if baselines == "full" and network.source.kind != "onnx":
        blank: Features = extract(
            data.dataset, network.randomised(seed), preprocess=preprocess, device=device,
            workers=workers, progress=progress,
        )  # fmt: skip
        sets = {name: feature_sets(blank.slices)[name] for name in ("last", "all")}
        named["random_weights"] = simple(blank.vectors, sets).labels
    return named
