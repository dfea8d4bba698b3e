"""`LevelReader`: the levels of a frozen detector, image by image, and the cells to learn from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch

from headstart.compute import Compute
from headstart.features.extract_maps import new_rows
from headstart.images.threads import ordered_map
from headstart.nets.boxes.head import BoxHead
from headstart.nets.boxes.net import BoxNet, box_corners, box_net_of, box_parts
from headstart.nets.pretrained.backbone import Backbone
from headstart.nets.pretrained.maps import MapLayout
from headstart.probe.box_cells import assign_cells
from headstart.probe.box_linear import CellRows, rows_of_cells
from headstart.strategies.boxes.material import BoxMaterial
from headstart.tasks.detection.recipe import BoxRecipe

__all__ = ["LevelReader", "MapView", "ProbeTask"]

# Background that the pretrained layers give at least this score is kept whole.
_TAKEN = 0.05
_BATCH = 16


@dataclass(frozen=True)
class MapView:
    """The maps of one view of N images, and the boxes on it.

    Attributes:
        rows: (N, D) maps of all stages.
        boxes: N arrays, (n, 4) on the input.
        classes: N arrays, (n,) int64 or below 0.
    """

    rows: np.ndarray
    boxes: list[np.ndarray] | tuple[np.ndarray, ...]
    classes: list[np.ndarray] | tuple[np.ndarray, ...]


@dataclass(frozen=True)
class ProbeTask:
    """What a probe of boxes is fitted on.

    Attributes:
        backbone: The detector.
        detector: Its own last layers.
        known: Names of its own classes.
        layout: Of its maps.
        views: Of the N training images; the first as they are.
        material: Their boxes.
        folds: (N,) int and how many there are.
        recipe: How.
        most: Boxes of an image.
    """

    backbone: Backbone
    detector: BoxHead
    known: tuple[str, ...]
    layout: MapLayout
    views: tuple[MapView, ...]
    material: BoxMaterial
    folds: tuple[np.ndarray, int]
    recipe: BoxRecipe
    most: int


class LevelReader:
    """Reads the levels of a detector off its cached maps.

    Args:
        task: With the maps of N training images.

    Attributes:
        cells: (A, 3) of its input, as `box_head.grid` has them.
        parts: Which of those are of each level.
        certain: (N, A) objectness on the images as they are, known once `gather` has read them;
            (N, 1) ones where the detector has none.
    """

    def __init__(self, task: ProbeTask) -> None:
        self.task = task
        self.net: BoxNet = box_net_of(task.detector)
        one = task.layout.split(torch.zeros(1, task.layout.bounds[-1]))
        self.cells = self.net.cells(one)
        self.grid = self.cells.numpy()
        ends = np.cumsum([0] + [one[stage][0, 0].numel() for stage in task.detector.plan.stages])
        self.parts = [slice(*pair) for pair in pairwise(ends.tolist())]
        shape = (len(task.material), len(self.cells))
        self.certain = np.ones((shape[0], 1), np.float32)
        if task.detector.plan.objectness:
            self.certain = new_rows(shape, np.float32, "objectness")[0]

    def read(self, rows: np.ndarray) -> Iterator[tuple[list[np.ndarray], np.ndarray, Any]]:
        """Yields levels (c, a), the (A, 4) boxes, and (A,) best pretrained scores, objectness."""
        plan = self.task.detector.plan
        for start in range(0, len(rows), _BATCH):
            maps, held = self.maps(rows[start : start + _BATCH])
            with torch.inference_mode():
                raw = self.net.raw(maps)
                boxes = box_corners(plan, raw, self.cells).numpy()
                classes, sure, _ = box_parts(plan, raw)
                taken = classes.amax(2).sigmoid().numpy()
                certain = np.ones_like(taken) if sure is None else sure.sigmoid()[..., 0].numpy()
                taken = taken * certain
            for at in range(len(boxes)):
                yield [each[at] for each in held], boxes[at], (taken[at], certain[at])

    def maps(self, rows: np.ndarray) -> tuple[list[torch.Tensor], list[np.ndarray]]:
        """Returns the maps of some images, and those of each level as (n, c, a).

        Args:
            rows: (n, D) of all stages.
        """
        maps = self.task.layout.split(torch.from_numpy(rows).float())
        return maps, [maps[stage].flatten(2).numpy() for stage in self.task.detector.plan.stages]

    def gather(self, compute: Compute) -> list[CellRows]:
        """Returns the cells of every level that are learnt from, of all views.

        Args:
            compute: The seed of what is drawn, and who hears of progress.
        """
        task, recipe = self.task, self.task.recipe
        found: list[list[CellRows]] = [[] for _ in self.parts]
        total = sum(len(view.rows) for view in task.views)

        def give(job: tuple[int, int, list[np.ndarray], np.ndarray, Any]) -> list[CellRows]:
            number, image, levels, boxes, (taken, certain) = job
            if not number and task.detector.plan.objectness:
                self.certain[image] = certain  # held-out images are measured by it
            view = task.views[number]
            cells = assign_cells(
                boxes, self.grid, view.boxes[image], view.classes[image],
                top=recipe.probe_top, near=recipe.probe_near,
            )  # fmt: skip
            rng = np.random.default_rng([compute.seed, number, image, 11])
            return [
                rows_of_cells(
                    level, cells.of(part), image, rng,
                    taken=taken[part] >= _TAKEN, certain=certain[part], share=recipe.probe_share,
                )
                for level, part in zip(levels, self.parts, strict=True)
            ]  # fmt: skip

        jobs = (
            (number, image, *each)
            for number, view in enumerate(task.views)
            for image, each in enumerate(self.read(view.rows))
        )
        for done, rows in enumerate(ordered_map(give, cast(Any, jobs)), 1):
            for at, each in enumerate(rows):
                found[at].append(each)
            compute.progress("probe: giving cells to objects", done, total)
        draw = np.random.default_rng([compute.seed, 12])
        return [CellRows.joined(parts).fewer(recipe.probe_cells, draw) for parts in found]
