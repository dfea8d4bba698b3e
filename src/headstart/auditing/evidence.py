"""`Evidence`: what a model answered to images that it had not learnt from, with what is known of them.

Of a run these are its own test answers. Where those are few, its training images are asked too, by
a plain linear classifier of the very vectors that its head reads, each image while it was held out:
a confound of five in a hundred leaves five images to see it by in a test of a hundred.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.data.labels import Numbers
from headstart.data.words import plural
from headstart.errors import BackboneError, DataError, ModelError, OptionError
from headstart.features.extract import extract
from headstart.features.kept import kept_vectors
from headstart.nets.model import Model
from headstart.output import read_json
from headstart.probe.classifiers import Space, make_space
from headstart.probe.held_out import HeldOut, held_out
from headstart.results.items import Items, read_items, where_now
from headstart.results.outputs import read_parts
from headstart.run import Run

__all__ = ["Evidence", "evidence_of_run", "halves_of"]

_ENOUGH = 1_500  # tested images: then no others are asked
_MOST = 4_000


@dataclass(frozen=True)
class Evidence:
    """Held-out answers to N images.

    Attributes:
        dataset: The images.
        kinds: C classes; of a number its two halves.
        targets: (N,) int.
        clusters: (N,) int; what lies in one is one piece of evidence.
        scores: (N, C) log-odds of each class.
        models: (N,) int, which model answered.
        tested: (N,) bool: answered by the run itself, or by its model; else by the classifier
            that stands beside it.
        said: One sentence: who answered what.
        space: Their vectors in principal axes, or None where there are none.
        beside: The classifier of them, each image answered while held out, or None.
    """

    dataset: Dataset
    kinds: tuple[str, ...]
    targets: np.ndarray
    clusters: np.ndarray
    scores: np.ndarray
    models: np.ndarray
    tested: np.ndarray
    said: str
    space: Space | None = None
    beside: HeldOut | None = None

    def __len__(self) -> int:
        return len(self.targets)

    @property
    def right(self) -> np.ndarray:
        """(N,) bool: answered correctly."""
        return np.asarray(self.scores.argmax(axis=1) == self.targets)


def evidence_of_run(run: Run, compute: Compute, vectors: np.ndarray | None = None) -> Evidence:
    """Gathers the held-out answers of a run; nothing is computed that it or the cache holds.

    Args:
        run: A finished one of classes or numbers.
        compute: Its seed is that of folds and of what is drawn of many images.
        vectors: (M, D) of its items under the model that was kept, where they are at hand.

    Raises:
        ModelError: If the run cannot be read.
        OptionError: If its task has no classes to be told apart.
    """
    items = read_items(run)
    targets, kinds = _targets(items.dataset)
    parts = [
        (rows, _log_odds(outputs["probabilities"], spec, targets, kinds, items.dataset))
        for rows, outputs, spec in read_parts(run)
    ]
    rows = np.concatenate([each for each, _ in parts])
    scores = np.concatenate([each for _, each in parts])
    models = np.repeat(np.arange(len(parts)), [len(each) for each, _ in parts])
    known = (targets[rows] >= 0) & np.isfinite(scores).all(axis=1)
    rows, scores, models = rows[known], scores[known], models[known]
    chosen = _some(len(rows), compute.seed)
    rows, scores, models = rows[chosen], scores[chosen], models[chosen]
    every = np.sort(rows)
    asked = len(rows) < _ENOUGH and not items.cross_validated and not _finetuned(run)
    if asked:
        others = np.flatnonzero(np.isin(items.splits, ("train", "val")) & (targets >= 0))
        others = np.setdiff1d(others, rows)
        every = np.union1d(rows, others[_some(len(others), compute.seed, _MOST - len(rows))])
    seen = _seen_by(run, items, every, vectors, compute)
    place = np.searchsorted(every, rows)
    all_scores = np.full((len(every), len(kinds)), np.nan)
    all_models = np.zeros(len(every), int)
    all_scores[place], all_models[place] = scores, models
    tested = np.isin(every, rows)
    own, groups = targets[every], items.clusters[every]
    present, own = np.unique(own, return_inverse=True)
    kinds = tuple(kinds[each] for each in present)
    space = beside = None
    if seen is not None and len(present) > 1:
        space = make_space(seen, np.arange(seen.shape[1]))
        folds: int | np.ndarray = 5
        if len(parts) > 1:
            folds = all_models
        elif not tested.all():
            folds = _folds(own, groups, tested, compute.seed)
        beside = held_out(space, own, groups, folds=folds, seed=compute.seed)
        if not tested.all():
            more = ~tested
            wide = np.full((int(more.sum()), all_scores.shape[1]), -30.0)
            wide[:, present] = odds(beside.scores[more])
            all_scores[more], all_models[more] = wide, len(parts) + beside.folds[more]
    kept = np.isfinite(all_scores).all(axis=1)
    found = Evidence(
        items.dataset.take(every), kinds, own, groups, all_scores[:, present], all_models, tested,
        _said(run, tested & kept, kept & ~tested), space, beside,
    )  # fmt: skip
    return found if kept.all() else _only(found, kept)


def _only(found: Evidence, kept: np.ndarray) -> Evidence:
    """Leaves out what nobody answered; then there are no vectors either."""
    return dataclasses.replace(
        found, dataset=found.dataset.take(kept), targets=found.targets[kept],
        clusters=found.clusters[kept], scores=found.scores[kept], models=found.models[kept],
        tested=found.tested[kept], space=None, beside=None,
    )  # fmt: skip


def odds(log_probabilities: np.ndarray) -> np.ndarray:
    """Returns (N, C) log-odds of (N, C) log-probabilities."""
    clipped = np.clip(log_probabilities.astype(float), -30, -1e-12)
    return np.asarray(clipped - np.log(-np.expm1(clipped)))


def halves_of(numbers: np.ndarray) -> tuple[np.ndarray, float]:
    """Returns (N,) int 0 up to the median and 1 above, -1 for NaN, and the median."""
    middle = float(np.nanmedian(numbers))
    upper = (numbers > middle).astype(int)
    if not (upper == 1).any():
        upper = (numbers >= middle).astype(int)
    return np.where(np.isnan(numbers), -1, upper), middle


def _targets(dataset: Dataset) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns (N,) int classes, -1 where not known, and their names."""
    if dataset.task == "classification":
        return dataset.labels.strata, dataset.labels.kinds
    if isinstance(dataset.labels, Numbers):
        halves, middle = halves_of(dataset.labels.values)
        name = dataset.labels.name
        return halves, (f"{name} up to {middle:g}", f"{name} above {middle:g}")
    raise OptionError(
        f"audit asks what tells classes or numbers apart, and this run is of {dataset.task}: "
        f"'headstart evaluate RUN --by COLUMN' tells its gaps between subgroups"
    )


def _log_odds(
    probabilities: np.ndarray, spec: Any, targets: np.ndarray, kinds: tuple[str, ...],
    dataset: Dataset,
) -> np.ndarray:  # fmt: skip
    """Returns (m, C) log-odds of classes, or of the two halves that a number lies in."""
    p = np.clip(probabilities.astype(float), 1e-12, 1 - 1e-12)
    if isinstance(dataset.labels, Numbers):
        edges = np.asarray(spec.settings["edges"], float)
        _, middle = halves_of(dataset.labels.values)
        width = np.maximum(edges[1:] - edges[:-1], 1e-12)
        below = np.clip((middle - edges[:-1]) / width, 0, 1)
        low = np.clip((p * below).sum(axis=1) / p.sum(axis=1), 1e-12, 1 - 1e-12)
        p = np.stack([low, 1 - low], axis=1)
    elif spec.names != kinds:
        wide = np.full((len(p), len(kinds)), 1e-12)
        wide[:, [kinds.index(name) for name in spec.names]] = p
        p = wide
    return np.asarray(np.log(p) - np.log1p(-p))


def _some(count: int, seed: int, most: int = _MOST) -> np.ndarray:
    """Returns (m,) int: all of so many, or a random part, ascending."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, max(most, 0), replace=False))


def _folds(targets: np.ndarray, clusters: np.ndarray, tested: np.ndarray, seed: int) -> np.ndarray:
    """Returns (N,) int folds: what was tested is one, the training images are dealt to five."""
    from headstart.data.split import folds

    found = np.zeros(len(targets), int)
    rest = ~tested
    count = max(2, min(5, len(np.unique(clusters[rest]))))
    found[rest] = 1 + folds(targets[rest], clusters[rest], k=count, seed=seed)
    return found


def _finetuned(run: Run) -> bool:
    """Whether the network itself learnt from the training images: its vectors know them."""
    kept = (run.results.get("finetuning") or {}).get("kept")
    return kept == "finetune"


def _seen_by(
    run: Run, items: Items, rows: np.ndarray, vectors: np.ndarray | None, compute: Compute
) -> np.ndarray | None:
    """Returns (n, d) of the columns that the head reads; None where they cannot be had."""
    try:
        model = Model.load(run.folder)
    except (ModelError, BackboneError):
        return None
    columns = model.head.columns
    if vectors is not None and vectors.shape[1] > int(columns.max()):
        return np.ascontiguousarray(vectors[rows][:, columns], np.float32)
    device = read_json(run.options).get("device", "auto")
    prints = [items.fingerprints[i] for i in rows]
    kept = kept_vectors(prints, model.backbone, model.preprocess, tta=model.tta, device=device)
    if kept is not None:
        return np.ascontiguousarray(kept[:, columns])
    now = where_now(items)
    if any(now[i] is None for i in rows):
        return None
    try:
        features = extract(
            items.dataset.take(rows), model.backbone, preprocess=model.preprocess, tta=model.tta,
            device=device, workers=compute.workers, progress=compute.progress,
        )  # fmt: skip
    except (BackboneError, DataError):
        return None
    return np.ascontiguousarray(features.vectors[:, columns])


def _said(run: Run, tested: np.ndarray, others: np.ndarray) -> str:
    """Says who answered what."""
    how = "cross-validated answers" if run.results["evaluation"]["kind"] == "cv" else "test answers"
    said = f"the run's own {how} to {plural(int(tested.sum()), 'image')}"
    if others.any():
        said += (
            f", and those of a linear classifier of the same vectors to "
            f"{plural(int(others.sum()), 'training image')}, each while it was held out"
        )
    return said
