"""`check_outside`: whether light, colour, border, corners, file and camera tell the classes.

Size, format and mode are asked of all images (`checks.shortcuts`); this reads some files once more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import numpy as np

from headstart.checks.shortcuts import measurable
from headstart.checks.skill import category_skill, skill
from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.errors import ImageError
from headstart.images.decode import read_bytes
from headstart.images.outer import NUMBERS, SEVERAL, WORDS, OuterProperties, outer_properties
from headstart.images.threads import ordered_map
from headstart.records import Finding

__all__ = ["CONTENT", "ORDER", "UNSEEN", "check_outside", "numbers_in_names", "outside_of"]

ORDER = "number in the file name"
"""A property: where images lie in the order in which they were taken or written."""

CONTENT = frozenset({"brightness", "colour", "contrast", "sharpness", "border"})
"""What the classes themselves may look like; all others come from how an image was made."""

UNSEEN = frozenset({ORDER, "date"})
"""What no image shows: no model can use it, only what changed along with it."""

_MOST = 500
_MUCH = 0.3  # of the way from guessing to certainty
_SOME = 0.1
_ELSEWHERE = ("size", "file format", "colour mode")
_DIGITS = re.compile(r"(\d{1,15})(?=\D*$)")


def numbers_in_names(names: Sequence[str]) -> np.ndarray:
    """Returns the (N,) last number in each file's own name; NaN where there is none.

    Args:
        names: N, with folders.
    """
    found = [_DIGITS.search(name.rpartition("/")[2].rpartition(".")[0]) for name in names]
    return np.array([np.nan if each is None else float(each[1]) for each in found], float)


def outside_of(
    dataset: Dataset, rows: np.ndarray, compute: Compute
) -> list[OuterProperties | None]:
    """Measures some images from outside; None of those that cannot be read.

    Args:
        dataset: N items.
        rows: (m,) int of them.
        compute: Who reads, and who is told.
    """

    def one(row: int) -> OuterProperties | None:
        try:
            return outer_properties(read_bytes(dataset.path(row)))
        except ImageError:
            return None

    phase, found = "looking at light, border and files", []
    compute.progress(phase, 0, len(rows))
    for each in ordered_map(one, rows.tolist(), workers=compute.workers):
        found.append(each)
        compute.progress(phase, len(found), len(rows))
    return found


def check_outside(
    dataset: Dataset, readable: np.ndarray, clusters: np.ndarray, compute: Compute
) -> Iterator[Finding]:
    """Says which properties of up to 500 images alone tell the classes.

    Args:
        dataset: N items.
        readable: (N,) bool.
        clusters: (N,) int of duplicates and groups, whose members prove a shortcut only once.
        compute: Who reads, and who is told.
    """
    known = measurable(dataset, np.flatnonzero(readable))
    if len(known) > _MOST:
        known = np.sort(np.random.default_rng(0).choice(known, _MOST, replace=False))
    if not len(known):
        return
    measured = outside_of(dataset, known, compute)
    seen = np.array([each is not None for each in measured], bool)
    known, outside = known[seen], [each for each in measured if each is not None]
    targets, own = dataset.labels.strata[known], clusters[known]
    kinds, counts = np.unique(targets, return_counts=True)
    if len(kinds) < 2 or counts.min() < 2:
        return
    columns: dict[str, np.ndarray] = {
        name: np.stack([each.numbers[name] for each in outside]) for name in NUMBERS
    } | {ORDER: numbers_in_names([dataset.names[i] for i in known])[:, None]}
    columns |= {name: np.array([each.words[name] for each in outside]) for name in WORDS}
    chance = 1 / len(kinds)
    for name, values in columns.items():
        if name in _ELSEWHERE:
            continue
        told = _told(values, targets, own)
        if told is not None and told[1] >= _SOME:
            yield _finding(name, (*told, chance), len(known))


def _told(
    values: np.ndarray, targets: np.ndarray, clusters: np.ndarray
) -> tuple[float, float] | None:
    """Returns skill and its lower end; None of what is the same everywhere or mostly unknown."""
    if values.ndim == 1:
        codes = np.unique(values, return_inverse=True)[1].reshape(-1)
        return category_skill(codes, targets, clusters) if codes.max() > 0 else None
    if np.isnan(values).any(axis=1).mean() > 0.5 or (values == values[0]).all():
        return None
    return skill(np.nan_to_num(values, nan=-1.0), targets, clusters)


def _finding(name: str, told: tuple[float, float, float], n: int) -> Finding:
    value, low, chance = told
    content = name in CONTENT
    if name == ORDER:
        remedy = (
            "No model sees a name, but images taken one after the other look alike. If files were "
            "only numbered class by class, nothing must be done."
        )
    elif content:
        remedy = "The classes may simply look like that: see whether it is content."
    else:
        remedy = "A model may learn this instead of the content: gather the classes alike."
    remedy += " 'headstart audit RUN' asks whether a trained model follows it."
    return Finding(
        "outside_" + re.sub(r"\W+", "_", name).lower(),
        "warning" if low >= _MUCH and not content and name != ORDER else "note",
        f"The {name} of an image alone tell{'' if name in SEVERAL else 's'} its class with a "
        f"balanced accuracy of {chance + value * (1 - chance):.0%}, where guessing has "
        f"{chance:.0%} (at least "
        f"{chance + low * (1 - chance):.0%} with 95% confidence).",
        (), remedy, n,
    )  # fmt: skip
