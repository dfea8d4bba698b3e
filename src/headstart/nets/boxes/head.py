"""`BoxHead`: a head that answers with boxes, as a description and plain arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, get_args

import numpy as np

from headstart.nets.heads.map_head import MapHead, MapPlan, is_whole, separable_shapes

__all__ = ["BoxHead", "BoxKind", "BoxPlan", "LARGEST_LOG", "TOWERS", "grid"]

BoxKind = Literal["levels", "pyramid"]
TOWERS = 2
"""Separable convolutions in each of a pyramid's two towers, one for classes and one for sides."""
LARGEST_LOG = 8.0
"""Of a side in strides: beyond it lie thousands of cells, and no network means that."""

_MOST_BINS = 64


@dataclass(frozen=True)
class BoxPlan(MapPlan):
    """What a head of boxes is made of, beside what `MapPlan` says; a stage gives one box a cell.

    Attributes:
        kind: ``"levels"``: one 1x1 layer of each sort on every stage that is read, as the last
            layers of detectors are; ``"pyramid"``: a light top-down head with shared towers.
        bins: Each side's distance from the centre is the mean of so many, 0 to bins - 1 cells
            (Generalized Focal Loss; Li et al., 2020); 0: centre and log size, as YOLOX has it.
        objectness: Scores are multiplied with that of there being any object.
        offset: Where the centre of a cell lies in it, 0 or 0.5: detectors differ.
    """

    kind: BoxKind
    bins: int = 0
    objectness: bool = False
    offset: float = 0.5

    @property
    def n_sides(self) -> int:
        """Numbers that say where the box of a cell is."""
        return 4 * max(self.bins, 1)

    @property
    def row(self) -> int:
        """K, numbers of a cell: C logits, that of objectness where there is one, sides."""
        return self.n_classes + int(self.objectness) + self.n_sides

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns the name and shape of every weight of a plan's head."""
        outputs = {"classes": self.n_classes, "sides": self.n_sides}
        if self.objectness:
            outputs["objectness"] = 1
        found: dict[str, tuple[int, ...]] = {}
        if self.kind == "levels":
            for name, count in outputs.items():
                for at, stage in enumerate(self.stages):
                    found[f"{name}.{at}.weight"] = (count, self.channels[stage], 1, 1)
                    found[f"{name}.{at}.bias"] = (count,)
            return found
        for at, stage in enumerate(self.stages):
            found[f"laterals.{at}.weight"] = (self.width, self.channels[stage], 1, 1)
            found[f"laterals.{at}.bias"] = (self.width,)
            found |= separable_shapes(f"smooth.{at}", self.width)
        for tower in ("class_tower", "side_tower"):
            for at in range(TOWERS):
                found |= separable_shapes(f"{tower}.{at}", self.width)
        for name, count in outputs.items():
            found[f"{name}.weight"] = (count, self.width, 1, 1)
            found[f"{name}.bias"] = (count,)
        return found

    def fault(self) -> str | None:
        """Says why it describes no head; None where it does."""
        if self.kind not in get_args(BoxKind):
            return f"there is no head of boxes called {self.kind!r}"
        if fault := super().fault():
            return fault
        if not is_whole(self.bins) or not (self.bins == 0 or 2 <= self.bins <= _MOST_BINS):
            return f"its bins must be 0 or a whole number from 2 to {_MOST_BINS}, got {self.bins!r}"
        if self.objectness not in (False, True) or is_whole(self.objectness):
            return f"its objectness must be true or false, got {self.objectness!r}"
        if isinstance(self.offset, bool) or self.offset not in (0, 0.5):
            return f"its offset must be 0 or 0.5, got {self.offset!r}"
        return None


@dataclass(frozen=True)
class BoxHead(MapHead):
    """A head of boxes of C classes as it is kept; its module is in `nets.boxes.net`."""

    plan: BoxPlan
    answers: ClassVar[str] = "boxes"
    made_of: ClassVar[type[MapPlan]] = BoxPlan
    kept_as: ClassVar[str] = "boxes"

    def outputs_at(self, size: int) -> dict[str, tuple[int, ...]]:
        """Returns name -> shape of what is said of one image.

        Args:
            size: Side of the input in pixels.
        """
        sides = [-(-size // self.plan.strides[each]) for each in self.plan.stages]
        cells = sum(side * side for side in sides)
        return {"scores": (cells, self.n_classes), "boxes": (cells, 4)}

    def with_classes(self, weights: Sequence[np.ndarray], biases: Sequence[np.ndarray]) -> BoxHead:
        """Returns it with other classes; where boxes are stays as it is.

        Args:
            weights: (C, c) of each stage that is read; of a pyramid one, (C, width).
            biases: (C,) of each.
        """
        plan = replace(self.plan, n_classes=len(biases[0]))
        arrays = {name: a for name, a in self.arrays.items() if not name.startswith("classes.")}
        levels = self.plan.kind == "levels"
        for at, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            name = f"classes.{at}" if levels else "classes"
            arrays[f"{name}.weight"] = weight.astype(np.float32)[:, :, None, None]
            arrays[f"{name}.bias"] = bias.astype(np.float32)
        head = BoxHead(plan, arrays)
        assert head.fault() is None, head.fault()
        return head

    def with_sides(self, weights: Sequence[np.ndarray], biases: Sequence[np.ndarray]) -> BoxHead:
        """Returns it with other sides, of a head of levels.

        Args:
            weights: (n_sides, c) of each stage that is read.
            biases: (n_sides,) of each.
        """
        arrays = dict(self.arrays)
        for at, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
            arrays[f"sides.{at}.weight"] = weight.astype(np.float32)[:, :, None, None]
            arrays[f"sides.{at}.bias"] = bias.astype(np.float32)
        head = BoxHead(self.plan, arrays)
        assert head.fault() is None, head.fault()
        return head

    def side_layers(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Returns the (n_sides, c) weights and biases of a head of levels, level by level."""
        names = [f"sides.{at}" for at in range(len(self.plan.stages))]
        return [(self.arrays[f"{each}.weight"][:, :, 0, 0], self.arrays[f"{each}.bias"])
                for each in names]  # fmt: skip

    def class_layers(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Returns the (C, c) weights and (C,) biases of each class layer, level by level."""
        levels = self.plan.kind == "levels"
        names = [f"classes.{at}" for at in range(len(self.plan.stages))] if levels else ["classes"]
        return [(self.arrays[f"{each}.weight"][:, :, 0, 0], self.arrays[f"{each}.bias"])
                for each in names]  # fmt: skip


def grid(plan: BoxPlan, shapes: Sequence[tuple[int, int]]) -> np.ndarray:
    """Returns (A, 3) float32, of each cell its centre in pixels of the input (x, y) and its stride.

    Args:
        plan: Which stages are read.
        shapes: (h, w) of the map of each stage that is read; cells lie row by row, level by level.
    """
    parts = []
    for stage, (height, width) in zip(plan.stages, shapes, strict=True):
        stride = plan.strides[stage]
        y, x = np.mgrid[:height, :width].astype(np.float32)
        cells = np.stack([x + plan.offset, y + plan.offset, np.ones_like(x)], -1)
        parts.append(np.float32(stride) * cells.reshape(-1, 3))
    return np.concatenate(parts)
