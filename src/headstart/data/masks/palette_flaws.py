"""Palettes that were read as grey somewhere on the way: indices became brightnesses."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from headstart.data.masks.counts import ValueCounts
from headstart.data.masks.learn_values import Learnt
from headstart.data.masks.name_classes import drawing_colours

__all__ = ["palette_flaws"]

_FEWEST = 3  # values; one or two are those of many other colours too
_CLASSES = 21  # colours of PASCAL VOC, which labelling tools take for their classes


def palette_flaws(counts: Mapping[Path, ValueCounts], learnt: Learnt) -> dict[Path, str]:
    """Returns mask -> what is wrong with it, where a palette was lost.

    Args:
        counts: Of all masks.
        learnt: What their values were taken for.
    """
    if learnt.table.colours:
        return {}
    indices: set[int] = set()
    for each in counts.values():
        if each.kind == "palette":
            indices |= set(each.values.tolist())
    grey = [path for path, each in counts.items() if each.kind == "grey"]
    if indices:
        odd = [path for path in grey if not set(counts[path].values.tolist()) <= indices]
        return dict.fromkeys(odd, "grey, and of other values than those with a palette")
    values = {value for path in grey for value in counts[path].values.tolist()} - {0}
    if len(values) >= _FEWEST and values <= _brightnesses():
        flaw = "grey with the brightnesses of PASCAL VOC's colours, as of a palette read as grey"
        return dict.fromkeys(grey, flaw)
    return {}


def _brightnesses() -> set[int]:
    """Returns the grey levels that the usual conversion makes of the colours of PASCAL VOC."""
    weights = np.array([19595, 38470, 7471])
    return set(((drawing_colours(_CLASSES) @ weights + 0x8000) >> 16).tolist())
