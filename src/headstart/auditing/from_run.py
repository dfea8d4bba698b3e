"""`evidence_of_run`: the held-out answers of a run, from what the run and the cache hold.

These are its own test answers. Where those are few, its training images are asked too, by a
classifier of the same kind on the very vectors that its head reads, each while it was held out: a
confound of five in a hundred leaves five images to see it by in a test of a hundred.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from headstart.auditing.attribute import read_attribute
from headstart.auditing.evidence import Evidence, halves_said, log_odds_of, odds, targets_of
from headstart.auditing.gather import cell_weights
from headstart.compute import Compute
from headstart.data.splits.split import folds as make_folds
from headstart.data.words import plural
from headstart.errors import BackboneError, DataError, ModelError
from headstart.features.extract import extract
from headstart.features.kept import kept_vectors
from headstart.nets.heads.head import Head
from headstart.nets.model import Model
from headstart.output import read_json
from headstart.probe.held_out import held_out_like
from headstart.results.items import Items, read_items, where_now
from headstart.results.outputs import read_parts
from headstart.run import Run

__all__ = ["evidence_of_run", "is_finetuned"]

_ENOUGH = 1_500  # tested images: then no others are asked
_MOST = 4_000


def evidence_of_run(run: Run, compute: Compute, *, everything: bool = False) -> Evidence:
    """Gathers the held-out answers of a run; nothing is computed that it or the cache holds.

    Args:
        run: A finished one of classes or numbers.
        compute: Its seed is that of folds and of what is drawn of many images.
        everything: Ask about all images that the run has, however many.

    Raises:
        ModelError: If the run cannot be read.
        OptionError: If its task has no classes to be told apart.
    """
    items = read_items(run)
    targets, names = targets_of(items.dataset)
    most = len(targets) if everything else _MOST
    rows, scores, models = _answered(run, items, targets, names, (compute.seed, most))
    every = np.sort(rows)
    few = everything or len(rows) < _ENOUGH
    others_like = not is_finetuned(run) and _repaired_by(run)[1] != "pool"
    if few and not items.cross_validated and others_like:
        others = np.flatnonzero(np.isin(items.splits, ("train", "val")) & (targets >= 0))
        others = np.setdiff1d(others, rows)
        every = np.union1d(rows, others[_some(len(others), compute.seed, most - len(rows))])
    seen = _vectors(run, items, every, compute)
    tested = np.isin(every, rows)
    if seen is None:  # then nobody can ask the others
        every, tested = np.sort(rows), np.ones(len(rows), bool)
    present, own = np.unique(targets[every], return_inverse=True)
    own = own.reshape(-1)
    all_scores = np.full((len(every), len(present)), np.nan)
    all_models = np.zeros(len(every), int)
    place = np.searchsorted(every, rows)
    all_scores[place], all_models[place] = scores[:, present], models
    found = Evidence(
        items.dataset.take(every), tuple(names[each] for each in present), own,
        items.clusters[every], all_scores, all_models, tested,
        _said(run, tested) + halves_said(items.dataset),
    )  # fmt: skip
    if seen is None or len(present) < 2:
        return found
    return _with_vectors(found, seen, _weights(run, found), compute.seed)


def _answered(
    run: Run, items: Items, targets: np.ndarray, names: tuple[str, ...], draw: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns (m,) int items with label and answer, their (m, C) log-odds, and who answered."""
    parts = read_parts(run)
    rows = np.concatenate([each for each, _, _ in parts])
    scores = np.concatenate([
        log_odds_of(outputs["probabilities"], spec, names, items.dataset)
        for _, outputs, spec in parts
    ])  # fmt: skip
    models = np.repeat(np.arange(len(parts)), [len(each) for each, _, _ in parts])
    known = np.flatnonzero((targets[rows] >= 0) & np.isfinite(scores).all(axis=1))
    known = known[_some(len(known), *draw)]
    return rows[known], scores[known], models[known]


def _with_vectors(
    found: Evidence, seen: tuple[Head, np.ndarray], weights: np.ndarray | None, seed: int
) -> Evidence:
    """Puts a classifier of the vectors beside, which answers for what the run did not test."""
    folds: int | np.ndarray = 5
    if len(np.unique(found.models)) > 1:
        folds = found.models
    elif not found.tested.all():
        folds = _folds(found, seed)
    space, beside = held_out_like(
        *seen, found.targets, found.clusters, weights=weights, folds=folds, seed=seed
    )
    scores, models, more = found.scores.copy(), found.models.copy(), ~found.tested
    scores[more] = odds(beside.scores[more])
    models[more] = 1 + int(models.max()) + beside.folds[more]
    return dataclasses.replace(found, scores=scores, models=models, space=space, beside=beside)


def _some(count: int, seed: int, most: int = _MOST) -> np.ndarray:
    """Returns (m,) int: all of so many, or a random part, ascending."""
    if count <= most:
        return np.arange(count)
    return np.sort(np.random.default_rng(seed).choice(count, max(most, 0), replace=False))


def _folds(found: Evidence, seed: int) -> np.ndarray:
    """Returns (N,) int folds: what was tested is one, the training images are dealt to five."""
    rest = ~found.tested
    count = max(2, min(5, len(np.unique(found.clusters[rest]))))
    dealt = np.zeros(len(found), int)
    dealt[rest] = 1 + make_folds(found.targets[rest], found.clusters[rest], k=count, seed=seed)
    return dealt


def _repaired_by(run: Run) -> tuple[str, str]:
    """Returns the column that a run was repaired for, and how; empty of others."""
    made = run.results.get("repair") or {}
    kept = [each["name"] for each in made.get("candidates", ()) if each["kept"]]
    return (str(made.get("column", "")), kept[0]) if kept else ("", "")


def _weights(run: Run, found: Evidence) -> np.ndarray | None:
    """Returns the (N,) weights by which a repaired run learnt, or None."""
    column, how = _repaired_by(run)
    if how != "weights" or column not in found.dataset.attributes:
        return None
    read = read_attribute(column, found.dataset.attributes[column], found.targets)
    return None if isinstance(read, str) else cell_weights(found.targets, read.values)


def is_finetuned(run: Run) -> bool:
    """Whether the network itself learnt from the training images: its vectors know them."""
    kept = (run.results.get("finetuning") or {}).get("kept")
    return kept == "finetune"


def _vectors(
    run: Run, items: Items, rows: np.ndarray, compute: Compute
) -> tuple[Head, np.ndarray] | None:
    """Returns the head and (n, d) of the columns that it reads; None where they cannot be had."""
    try:
        model = Model.load(run.folder)
        head = model.vector_head
    except (ModelError, BackboneError):
        return None
    columns = head.columns
    device = read_json(run.options).get("device", "auto")
    prints = [items.fingerprints[i] for i in rows]
    kept = kept_vectors(prints, model.backbone, model.preprocess, tta=model.tta, device=device)
    if kept is not None:
        return head, np.ascontiguousarray(kept[:, columns])
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
    return head, np.ascontiguousarray(features.vectors[:, columns])


def _said(run: Run, tested: np.ndarray) -> str:
    """Says who answered what."""
    how = "cross-validated answers" if run.results["evaluation"]["kind"] == "cv" else "test answers"
    said = f"the run's own {how} to {plural(int(tested.sum()), 'image')}"
    if not tested.all():
        said += (
            f", and those of a classifier of the same kind to "
            f"{plural(int((~tested).sum()), 'training image')}, each while it was held out"
        )
    return said
