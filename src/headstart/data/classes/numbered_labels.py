"""Labels of numbered images in MATLAB's files, as Oxford's flowers have them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.files.matlab import matlab_arrays
from headstart.data.files.scan import Tree
from headstart.data.labels import class_labels
from headstart.data.words import plural

__all__ = ["with_numbered_labels"]

_MOST_BYTES, _MOST_FILES = 1 << 26, 8
_NUMBER = re.compile(r"(\d+)$")
_LABELS = re.compile(r"label|class|target", re.I)
_SPLITS = {"trn": "train", "train": "train", "val": "val", "tst": "test", "test": "test"}


def with_numbered_labels(dataset: Dataset, tree: Tree) -> Dataset:
    """Takes classes and splits from vectors that go by the numbers of the images.

    That is sure where the images of one folder are numbered without a gap and one vector, called
    after labels or classes, has a number for each (``imagelabels.mat``); the split, where vectors
    called after train, val and test hold each number once (``setid.mat``). Else all stays as it is.

    Args:
        dataset: One folder of images, or images without labels.
        tree: The folder that was given, and the files in it.
    """
    files = [name for name in tree.others if name.lower().endswith(".mat")]
    places = _places(dataset) if len(dataset.labels.kinds) < 2 and files else None
    if places is None or len(files) > _MOST_FILES:
        return dataset
    n = len(dataset)
    vectors = {file: _vectors(tree.root / file) for file in files}
    found = [
        (file, values) for file, each in vectors.items() for key, values in each.items()
        if len(values) == n and _LABELS.search(key) and 1 < len(np.unique(values)) <= n / 2
    ]  # fmt: skip
    if len(found) != 1:
        return dataset
    file, values = found[0]
    said = {"labels": f"{file}, which has a number for each image in their order"}
    labels = class_labels([str(each) for each in values[places]])
    dataset = replace(dataset, labels=labels, source="table", reading=dataset.reading | said)
    for other, each in vectors.items():
        if (splits := _splits(each, n)) is not None and not (dataset.splits != "").any():
            given = splits[places]
            counts = ", ".join(f"{k} {int((given == k).sum()):,}" for k in np.unique(given) if k)
            reading = dataset.reading | {"splits": f"by {other} ({counts})"}
            aside = dataset.set_aside
            if lost := int((given == "").sum()):
                aside = (*aside, (".", f"{plural(lost, 'image')} in no part of {other}"))
            dataset = replace(dataset, splits=given, reading=reading, set_aside=aside)
    return dataset


def _places(dataset: Dataset) -> np.ndarray | None:
    """Returns (N,) int places of the images in the order of their numbers; None where these gap."""
    stems = [name.rpartition(".")[0] for name in dataset.names]
    found = [_NUMBER.search(stem) for stem in stems]
    if not all(found) or len({_NUMBER.sub("", stem) for stem in stems}) != 1:
        return None
    numbers = np.array([int(each[1]) for each in found if each])
    least = int(numbers.min())
    if least not in (0, 1) or len(numbers) != len(np.unique(numbers)) != 0:
        return None
    return numbers - least if int(numbers.max()) - least + 1 == len(numbers) else None


def _vectors(path: Path) -> dict[str, np.ndarray]:
    """Returns the vectors of whole numbers in a file; nothing where it cannot be read."""
    try:
        found = matlab_arrays(path.read_bytes()) if path.stat().st_size <= _MOST_BYTES else {}
    except OSError:
        return {}
    return {
        key: values.reshape(-1).astype(int)
        for key, values in found.items()
        if values.size and values.size == max(values.shape)
        and bool(np.all(np.isfinite(values) & (values == np.floor(values))))
    }  # fmt: skip


def _splits(vectors: Mapping[str, np.ndarray], n: int) -> np.ndarray | None:
    """Returns (n,) str splits by the numbers, from 1, that vectors of each split hold."""
    parts = {
        split: values for key, values in vectors.items()
        for word, split in _SPLITS.items() if re.match(word, key, re.I)
    }  # fmt: skip
    numbers = np.concatenate([*parts.values(), np.zeros(0, int)])
    if len(parts) < 2 or len(np.unique(numbers)) < len(numbers):
        return None
    if numbers.min() < 1 or numbers.max() > n:
        return None
    splits = np.full(n, "", "U5")
    for split, values in parts.items():
        splits[values - 1] = split
    return splits
