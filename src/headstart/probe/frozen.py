"""`Frozen`: the vectors of one data set under one frozen network, and the sets probed of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from headstart.probe.mirrored import cell_sides

__all__ = ["Frozen", "feature_sets", "tells_places"]

_PIXELS, _REGIONS = "pixels", "regions"


@dataclass(frozen=True)
class Frozen:
    """Frozen features.

    Attributes:
        vectors: (N, D) float32, every stage side by side.
        sets: Name of a feature set -> its columns.
        look_of: Name of a feature set -> number of the look whose vectors it is of; 0 by default.
        pixels: Columns of the small image, which is no set by itself; None where there is none.
        sides: Name of a set of means over square cells, or ``"pixels"`` -> cells a side.
    """

    vectors: np.ndarray
    sets: dict[str, np.ndarray]
    look_of: dict[str, int] = field(default_factory=dict)
    pixels: np.ndarray | None = None
    sides: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of_stages(cls, vectors: np.ndarray, slices: dict[str, slice]) -> Frozen:
        """Returns the features with the sets that are tried: each stage, the upper ones, all.

        Args:
            vectors: (N, D) float32.
            slices: Stage name -> columns, from input to output.
        """
        own = slices.get(_PIXELS)
        pixels = None if own is None else np.arange(own.start, own.stop)
        return cls(vectors, feature_sets(slices), pixels=pixels, sides=cell_sides(slices))

    def take(self, kept: np.ndarray) -> Frozen:
        """Returns the features of some items, by (N,) bool mask; no copy where all are kept."""
        return self if kept.all() else replace(self, vectors=self.vectors[kept])

    @classmethod
    def side_by_side(cls, looks: Sequence[Frozen], names: Sequence[str]) -> Frozen:
        """Returns the features of several looks at the same N items, beside each other.

        Each small image is a set too: the classifier of one look alone would not gain by it, an
        average does.

        Args:
            looks: Each of one look, with the same sets.
            names: Of the looks.
        """
        sets, look_of, start = {}, {}, 0
        sides: dict[str, int] = {}
        for number, (look, name) in enumerate(zip(looks, names, strict=True)):
            own = look.sets if look.pixels is None else look.sets | {_PIXELS: look.pixels}
            for each, columns in own.items():
                sets[f"{each} ({name})"] = columns + start
                look_of[f"{each} ({name})"] = number
            sides |= {f"{each} ({name})": side for each, side in look.sides.items()}
            start += look.vectors.shape[1]
        return cls(np.hstack([look.vectors for look in looks]), sets, look_of, sides=sides)


def feature_sets(slices: dict[str, slice]) -> dict[str, np.ndarray]:
    """Returns name -> columns of what is probed: each stage of a network, the upper ones, and all.

    The regions of a stage, where there are any, are a set of their own and in no other.

    Args:
        slices: Stage name -> columns, from input to output.
    """
    columns = {
        name: np.arange(part.start, part.stop) for name, part in slices.items() if name != _PIXELS
    }
    stages = [name for name in columns if name != _REGIONS]
    if len(stages) > 3:
        columns["upper"] = np.concatenate([columns[name] for name in stages[-3:]])
    if len(stages) > 1:
        columns["all"] = np.concatenate([columns[name] for name in stages])
    return columns


def tells_places(name: str) -> bool:
    """Whether a feature set says where in the image something is, by its name.

    Of equals it is the last choice: where things are holds least for images taken otherwise.
    """
    return name.startswith(_REGIONS)
