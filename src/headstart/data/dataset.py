"""`Dataset`: a table of items. Nothing is decoded yet."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from headstart.scale import Bins

__all__ = ["Dataset", "Source"]

Source = Literal["folders", "table", "unlabelled"]


@dataclass(frozen=True)
class Dataset:
    """A table of images with what is known about each; pixels stay on disk.

    Attributes:
        root: The folder that `names` are relative to.
        names: N paths relative to `root`, with forward slashes, sorted by the reader.
        classes: C class names, sorted; empty when unlabelled.
        targets: (N,) int64 class indices; -1 where the label is unknown.
        splits: (N,) str, each ``"train"``, ``"val"``, ``"test"`` or ``""`` (not given).
        groups: (N,) str of the group column (person, patient, video), or None.
        attributes: Further columns, name -> (N,) str; ``""`` where unknown.
        source: Which reader made it.
        set_aside: (name, reason) of entries that the reader itself could not take.
        task: ``"regression"`` where the labels are numbers: then the classes are ranges.
        values: (N,) float64 numbers of a regression, NaN where unknown; otherwise None.
        bins: The bins of a regression; otherwise None.
    """

    root: Path
    names: tuple[str, ...]
    classes: tuple[str, ...]
    targets: np.ndarray
    splits: np.ndarray
    groups: np.ndarray | None = None
    attributes: dict[str, np.ndarray] = field(default_factory=dict)
    source: Source = "folders"
    set_aside: tuple[tuple[str, str], ...] = ()
    task: Literal["classification", "regression"] = "classification"
    values: np.ndarray | None = None
    bins: Bins | None = None

    def __post_init__(self) -> None:
        n = len(self.names)
        columns = {"targets": self.targets, "splits": self.splits, **self.attributes}
        if self.groups is not None:
            columns["groups"] = self.groups
        if self.values is not None:
            columns["values"] = self.values
        for name, column in columns.items():
            if column.shape != (n,):
                raise ValueError(f"column {name!r} must be ({n},), got {column.shape}")

    def __len__(self) -> int:
        return len(self.names)

    def path(self, index: int) -> Path:
        """Returns the full path of item `index`."""
        return self.root / self.names[index]

    def take(self, indices: np.ndarray) -> Dataset:
        """Returns the data set of some items, in the order given.

        Args:
            indices: (M,) int indices or (N,) bool mask.
        """
        indices = np.flatnonzero(indices) if indices.dtype == bool else indices
        return dataclasses.replace(
            self,
            names=tuple(self.names[i] for i in indices),
            targets=self.targets[indices],
            splits=self.splits[indices],
            groups=None if self.groups is None else self.groups[indices],
            values=None if self.values is None else self.values[indices],
            attributes={key: column[indices] for key, column in self.attributes.items()},
        )

    @property
    def labelled(self) -> np.ndarray:
        """(N,) bool: which items have a label."""
        return self.targets >= 0

    @property
    def counts(self) -> np.ndarray:
        """(C,) int: labelled items per class."""
        return np.bincount(self.targets[self.labelled], minlength=len(self.classes))
