"""How data were understood, said once: a guess is said, or refused."""

from __future__ import annotations

import logging

from headstart.data.dataset import Dataset
from headstart.data.words import plural
from headstart.errors import DataError
from headstart.lists import some_of

__all__ = ["NothingDrawn", "reading_of", "say_reading"]

_log = logging.getLogger("headstart.data")
_ORDER = ("files", "labels", "splits", "groups")


class NothingDrawn(DataError):
    """Masks or boxes were asked for, and there are none."""


def reading_of(dataset: Dataset) -> str:
    """Returns in one line how a data set was understood."""
    known = {"labels": "none", "splits": "none", "groups": "none"} | dataset.reading
    if dataset.others:
        listed = some_of(f"{ending} {n:,}" for ending, n in dataset.others.items())
        known["other files"] = f"{sum(dataset.others.values()):,} ({listed})"
    parts = [f"{what}: {known[what]}" for what in (*_ORDER, "other files") if what in known]
    return "; ".join([f"read as: {plural(len(dataset), 'image')}", *parts])


def say_reading(dataset: Dataset) -> None:
    """Logs how a data set was understood; where something was guessed, as a warning."""
    level = logging.WARNING if dataset.guessed else logging.INFO
    _log.log(level, "%s", reading_of(dataset))
