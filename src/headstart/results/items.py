"""`items.csv`: every item of a run, so that whoever comes later needs no guess and no second look.

One row an item: name, split (`train`, `test`, `val` where it chose and did not train, or `dropped`
as a leak), fold (the round that tested it, from 1), cluster, group, label, fingerprint of the
file's content, and the data's own columns as `attributes.<name>`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.files.scan import scan
from headstart.errors import DataError, ModelError
from headstart.fingerprint import fingerprint_file
from headstart.output import read_json, write_atomic
from headstart.run import Run
from headstart.tasks import keep_labels, kept_labels

__all__ = ["Items", "read_items", "where_now", "write_items"]

_HEAD = ("name", "split", "fold", "cluster", "group", "label", "fingerprint")
_ATTRIBUTE = "attributes."


@dataclass(frozen=True)
class Items:
    """What a run knows of its N items.

    Attributes:
        dataset: Names, labels, groups and attributes; `root` is where the images were.
        splits: (N,) str: ``"train"``, ``"test"``, ``"dropped"``, ``"val"`` (chose, did not train).
        folds: (N,) int: the round that tested an item, from 1; 0 for none.
        clusters: (N,) int; items of one cluster belong together.
        fingerprints: N hexadecimal fingerprints of the files' content.
    """

    dataset: Dataset
    splits: np.ndarray
    folds: np.ndarray
    clusters: np.ndarray
    fingerprints: tuple[str, ...]

    @property
    def tested(self) -> np.ndarray:
        """(N,) bool: which items a model was measured on."""
        return np.asarray(self.folds > 0)

    @property
    def trained(self) -> np.ndarray:
        """(N,) bool: which items the model that was kept learnt from.

        After cross-validation it learnt from all of them.
        """
        held_out = self.splits != "train"
        return np.ones(len(held_out), bool) if self.cross_validated else ~held_out

    @property
    def cross_validated(self) -> bool:
        """Whether every item was tested in a round of its own."""
        return bool(self.folds.max(initial=0) > 1)

    def at(self, names: Sequence[str]) -> np.ndarray:
        """Returns (M,) int places of some names; -1 where there is none."""
        place = {name: index for index, name in enumerate(self.dataset.names)}
        return np.array([place.get(name, -1) for name in names], int)


def _text(items: Items) -> str:
    dataset = items.dataset
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*_HEAD, *(_ATTRIBUTE + name for name in dataset.attributes)])
    groups = dataset.groups if dataset.groups is not None else np.full(len(dataset), "")
    for i, name in enumerate(dataset.names):
        fold = int(items.folds[i]) or ""
        row = [name, items.splits[i], fold, int(items.clusters[i]), groups[i]]
        row += [dataset.labels.text(i), items.fingerprints[i]]
        table.writerow([*row, *(column[i] for column in dataset.attributes.values())])
    return text.getvalue()


def read_items(run: Run) -> Items:
    """Reads what a run knows of its items.

    Raises:
        ModelError: If it is missing or damaged.
    """
    about = read_json(run.dataset)
    try:
        with run.items.open(newline="", encoding="utf-8") as stream:
            head, *rows = list(csv.reader(stream))
        if tuple(head[: len(_HEAD)]) != _HEAD or any(len(row) != len(head) for row in rows):
            raise ValueError("it does not have the columns " + ", ".join(_HEAD))
        columns = {name: np.array([row[i] for row in rows], str) for i, name in enumerate(head)}
        labels = kept_labels(about, columns["label"].tolist(), run.labels)
        folds = np.array([int(each or 0) for each in columns["fold"]], int)
        clusters = columns["cluster"].astype(int)
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise ModelError(
            f"{run.items} cannot be read ({error}); run 'headstart train' again"
        ) from None
    groups = columns["group"]
    attributes = {
        name.removeprefix(_ATTRIBUTE): column
        for name, column in columns.items()
        if name.startswith(_ATTRIBUTE)
    }
    dataset = Dataset(
        Path(about["root"]), tuple(columns["name"].tolist()), labels,
        np.full(len(rows), ""), groups if (groups != "").any() else None, attributes,
        about["source"], task=about["task"],
    )  # fmt: skip
    prints = tuple(columns["fingerprint"].tolist())
    return Items(dataset, columns["split"], folds, clusters, prints)


def where_now(items: Items, data: Path | None = None) -> list[Path | None]:
    """Returns where each item's file is now, or None where it is gone.

    Files are known again by their content: first under their names, then, in another folder,
    whatever they are called there. Another image under the same name is not the item.

    Args:
        items: Of a run.
        data: The folder that holds the images now; by default where they were.

    Raises:
        DataError: If `data` is no folder.
    """
    root = items.dataset.root
    if data is not None:
        root = data if data.is_dir() else data.parent
        if not root.is_dir():
            raise DataError(f"--data {data}: there is no such folder")
    found: list[Path | None] = []
    for name, fingerprint in zip(items.dataset.names, items.fingerprints, strict=True):
        path = root / name
        same = path.is_file() and fingerprint_file(path).hex() == fingerprint
        found.append(path if same else None)
    missing = [i for i, path in enumerate(found) if path is None]
    if missing and data is not None:
        wanted = {items.fingerprints[i]: i for i in missing}
        for name in scan(root).names:
            place = wanted.get(fingerprint_file(root / name).hex())
            if place is not None:
                found[place] = root / name
    return found


def write_items(run: Run, items: Items) -> None:
    """Writes `items.csv`, and beside it labels that are more than a text."""
    write_atomic(run.items, _text(items))
    keep_labels(items.dataset.task, items.dataset.labels, run.labels)
