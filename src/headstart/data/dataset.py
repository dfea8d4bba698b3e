"""`Dataset`: a table of items. Nothing is decoded yet."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from headstart.data.labels import Classes, Labels
from headstart.errors import DataError

__all__ = ["Dataset", "Reader"]

Reader = Literal["folders", "table", "unlabelled"]


@dataclass(frozen=True, repr=False)
class Dataset:
    """A table of images with what is known about each; pixels stay on disk.

    Attributes:
        root: The folder that `names` are relative to.
        names: N paths relative to `root`, with forward slashes, sorted by the reader.
        labels: What somebody annotated, of N items.
        splits: (N,) str, each ``"train"``, ``"val"``, ``"test"`` or ``""`` (not given).
        groups: (N,) str of the group column (person, patient, video), or None.
        attributes: Further columns, name -> (N,) str; ``""`` where unknown.
        source: Which reader made it.
        set_aside: (name, reason) of entries that the reader itself could not take.
        task: What is to be predicted of the labels, such as ``"classification"``.
        reading: How the data were understood, for people: what (labels, splits, groups, files)
            -> which column or folders it was taken from.
        others: Ending of the files beside the images that are none -> how many.
        guessed: What of `reading` was guessed, and should be looked at.
    """

    root: Path
    names: tuple[str, ...]
    labels: Labels
    splits: np.ndarray
    groups: np.ndarray | None = None
    attributes: dict[str, np.ndarray] = field(default_factory=dict)
    source: Reader = "folders"
    set_aside: tuple[tuple[str, str], ...] = ()
    task: str = "classification"
    reading: dict[str, str] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)
    guessed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        n = len(self.names)
        if len(self.labels) != n:
            raise ValueError(f"labels must be of {n} items, got {len(self.labels)}")
        columns = {"splits": self.splits, **self.attributes}
        if self.groups is not None:
            columns["groups"] = self.groups
        for name, column in columns.items():
            if column.shape != (n,):
                raise ValueError(f"column {name!r} must be ({n},), got {column.shape}")

    @classmethod
    def unlabelled(cls, names: Sequence[str], *, root: Path | None = None) -> Dataset:
        """Returns images of which nothing is known.

        Args:
            names: N paths, relative to `root`.
            root: By default the working directory.
        """
        nothing = Classes((), np.full(len(names), -1))
        blank = np.full(len(names), "")
        return cls(root or Path(), tuple(names), nothing, blank, source="unlabelled")

    def __len__(self) -> int:
        return len(self.names)

    def __repr__(self) -> str:
        """Says how the data were understood, and what of that was guessed."""
        counts = {each: int((self.splits == each).sum()) for each in ("train", "val", "test", "")}
        parts = [f"{each or 'in no split'} {n:,}" for each, n in counts.items() if n]
        known = f"{int(self.labelled.sum()):,} labelled"
        lines = [f"Dataset of {len(self):,} images for {self.task} ({known}) in {self.root}"]
        lines += [f"  images: {', '.join(parts)}"] if len(parts) > 1 else []
        lines += [
            f"  {what}: {how}{' (a guess)' if what in self.guessed else ''}"
            for what, how in self.reading.items()
        ]
        lines += [f"  attributes: {', '.join(self.attributes)}"] if self.attributes else []
        lines += [f"  set aside: {len(self.set_aside):,}"] if self.set_aside else []
        return "\n".join(lines)

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
            labels=self.labels.take(indices),
            splits=self.splits[indices],
            groups=None if self.groups is None else self.groups[indices],
            attributes={key: column[indices] for key, column in self.attributes.items()},
        )

    def require_columns(self, names: Sequence[str], flag: str) -> None:
        """Makes sure that the data have some columns.

        Args:
            names: Of them.
            flag: That named them, for the error.

        Raises:
            DataError: One is not there; the message lists those there are.
        """
        for name in names:
            if name not in self.attributes:
                have = ", ".join(self.attributes) or "none"
                raise DataError(
                    f"{flag} {name}: the data have no such column; they have {have}. Put it into "
                    f"an attributes.csv (file,{name}) beside the images and train again: a run "
                    f"knows the columns of its training only"
                )

    @property
    def labelled(self) -> np.ndarray:
        """(N,) bool: which items have a label."""
        return self.labels.known

    def without_splits(self) -> Dataset:
        """Returns it without splits, those of folders and lists too."""
        if not (self.splits != "").any():
            return self
        reading = self.reading | {"splits": "none, as asked"}
        splits = np.full(len(self), "", "U5")
        return dataclasses.replace(self, splits=splits, reading=reading)

    def tested(self) -> np.ndarray:
        """Returns (N,) bool: the items of the test that the data bring along; the one rule of it.

        They are those of ``test``, or of ``val`` where there is no ``test``, as in many published
        sets; none where nothing would be left to train on.
        """
        test = self.splits == self.test_name
        return test if test.any() and not test.all() else np.zeros(len(self), bool)

    @property
    def test_name(self) -> Literal["test", "val"]:
        """Which split is the test: ``"val"`` where there is no ``"test"``."""
        return "test" if (self.splits == "test").any() else "val"
