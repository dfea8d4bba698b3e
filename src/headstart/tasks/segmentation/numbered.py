"""Masks whose values may number things one by one, of which there are too few to be sure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headstart.checks.wording import first
from headstart.data.dataset import Dataset
from headstart.data.masks import Masks
from headstart.records import Finding

__all__ = ["check_numbered"]

_FEWEST = 6  # masks with something on them
_ALIKE = 2.0  # how much larger things of one number may be than those of another, by their median


def check_numbered(dataset: Dataset) -> Iterator[Finding]:
    """Says that classes without names look like counted things: 1, then 2, then 3 in each mask.

    Many numbers are refused when masks are read. A few may well be classes, but hardly where a mask
    never has the second without the first, and all are as large.

    Args:
        dataset: N items, whose labels are masks.
    """
    labels = dataset.labels
    assert isinstance(labels, Masks), "a segmentation has masks"
    things = [at for at, name in enumerate(labels.names) if name.isdigit() and name != "0"]
    numbers = [int(labels.names[at]) for at in things]
    if len(things) < 2 or numbers != list(range(1, len(things) + 1)):
        return
    pixels = labels.pixels[:, things]
    pixels = pixels[(pixels > 0).any(axis=1)]
    there = pixels > 0
    tops = there.sum(axis=1)
    in_turn = bool((there == (np.arange(len(things)) < tops[:, None])).all())
    if len(tops) < _FEWEST or not in_turn or len(set(tops.tolist())) < 2:
        return
    typical = [float(np.median(pixels[there[:, at], at])) for at in range(len(things))]
    if max(typical) > _ALIKE * min(typical):
        return
    yield Finding(
        "numbered_things",
        "warning",
        f"The values 1 to {len(things)} may number things of one class: no mask has one of them "
        f"without those before it, and all are about as large.",
        first(
            f"{name}: {size:,.0f} pixels, on {count} masks"
            for name, size, count in zip(numbers, typical, there.sum(axis=0).tolist(), strict=True)
        ),
        "Say --masks binary to learn them as one class; name the values in classes.txt if each is "
        "a class.",
        len(tops),
    )
