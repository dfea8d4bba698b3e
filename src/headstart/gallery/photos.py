"""Photos for a gallery as data sets: of people, of one person, or of nobody knows whom."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.files.paths import expand_paths
from headstart.data.labels import Classes
from headstart.data.open import open_dataset
from headstart.errors import DataError
from headstart.gallery.names import one_spelling, person_name

__all__ = ["photos_of", "photos_of_one", "photos_of_people"]

Given = str | Path | Iterable[str | Path]


def photos_of(given: Given) -> Dataset:
    """Opens photos, or all in some folders, that nobody has named."""
    return Dataset.unlabelled(expand_paths(_names(given)))


def photos_of_one(given: Given, name: str) -> Dataset:
    """Opens photos, or all in some folders, of one person."""
    found = photos_of(given)
    return replace(found, labels=Classes((person_name(name),), np.zeros(len(found), np.int64)))


def photos_of_people(
    data: str | Path, label: str | None, *, image: str | None = None, otherwise: str
) -> Dataset:
    """Opens a folder of one folder per person, or a table; photos of nobody are left out.

    Args:
        data: The folder or table.
        label: Its column that says who is on a photo.
        image: Its column of files.
        otherwise: What to do where it does not say, for the error.

    Raises:
        DataError: If it does not say who is on its photos.
    """
    dataset = open_dataset(data, label=label, image=image, task="identity")
    if not dataset.labelled.any():
        raise DataError(f"{data} does not say who is on its photos: {otherwise}")
    return one_spelling(dataset.take(dataset.labelled))


def _names(given: Given) -> list[str]:
    return [os.fspath(each) for each in ([given] if isinstance(given, str | Path) else given)]
