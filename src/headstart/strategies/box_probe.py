"""The probe of boxes: a pretrained detector stays as it is, and only its class layers are new.

Its boxes know where things are, of classes that it never saw too; what they are is learnt on cached
maps in seconds. One model is fitted on all training images and one without each fold, side by side.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch

from headstart.compute import Compute
from headstart.images.threads import ordered_map
from headstart.metrics.detection import average_precision
from headstart.nets.backbone import Backbone
from headstart.nets.box_head import BoxHead
from headstart.nets.box_net import BoxNet, box_corners, box_net_of, box_parts, box_scores
from headstart.nets.maps import MapLayout
from headstart.probe.box_cells import Cells, assign_cells
from headstart.probe.box_linear import (
    CellRows,
    LevelFit,
    fit_level,
    level_scores,
    rows_of_cells,
)
from headstart.strategies.box_choice import BoxArm
from headstart.strategies.box_find import chosen_boxes, joined_found
from headstart.strategies.box_held import BoxOperating, HeldBoxes
from headstart.strategies.box_material import BoxMaterial
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.tasks.protocol import Outputs

__all__ = ["ProbeTask", "MapView", "probe_boxes"]

# Background that the pretrained layers give at least this score is kept whole.
_TAKEN = 0.05
# A class of which nothing is known is expected in one cell of a hundred.
_PRIOR = -4.6
_BATCH = 16
# Numbers of scores that the fits may hold at once; beyond them fewer models are fitted.
_MOST_SCORES = 1 << 26


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


@dataclass(frozen=True)
class _Level:
    """One level of one image: features (c, a), where in A it begins, objectness (a,)."""

    features: np.ndarray
    part: slice
    certain: np.ndarray


def probe_boxes(task: ProbeTask, compute: Compute) -> BoxArm:
    """Fits new class layers, chooses how strongly by held-out images, and measures them there.

    Args:
        task: What they are fitted on.
        compute: The seed of what is drawn, and who hears of progress.
    """
    begun = time.perf_counter()
    work = _Work(task, compute)
    rows = work.gather()
    fits, strengths = work.fit(rows)
    arms = []
    for number in range(len(strengths)):
        held = work.held(fits, number)
        arms.append((held, -np.inf if held is None else _value(held, task.material)))
    best = int(np.argmax([value for _, value in arms])) if len(arms) > 1 else 0
    held = arms[best][0]
    head = work.head(fits, work.models * best + work.models - 1)
    partial = work.head(fits, work.models * best) if work.models > 1 else None
    operating = BoxOperating() if held is None else held.operating(task.material)
    matched = sum(name.lower() in work.places for name in task.material.names)
    summary = (
        f"{task.backbone.name} as it was pretrained, with new class layers on {len(fits)} levels, "
        f"input {task.layout.size} px"
    )
    if matched:
        summary += f"; {matched} of {len(task.material.names)} classes began as its own"
    seconds = time.perf_counter() - begun
    return BoxArm(
        "probe", summary, head, task.backbone, task.layout.size, held, operating, seconds,
        partial=partial,
    )  # fmt: skip


def _value(held: HeldBoxes, material: BoxMaterial) -> float:
    value = average_precision(held.matches(material)).value
    return value if np.isfinite(value) else 0.0


class _Work:
    """What the steps of a probe share."""

    def __init__(self, task: ProbeTask, compute: Compute) -> None:
        self.task, self.compute = task, compute
        self.net: BoxNet = box_net_of(task.detector)
        self.of, self.k = task.folds
        self.models = self.k + 1 if self.k > 1 else 1
        self.places = {name.lower(): at for at, name in enumerate(task.known)}

    def read(self, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, list[_Level]]]:
        """Yields the (A, 4) boxes, (A,) best pretrained scores and levels of every image."""
        plan = self.task.detector.plan
        for start in range(0, len(rows), _BATCH):
            part = torch.from_numpy(rows[start : start + _BATCH].astype(np.float32))
            maps = self.task.layout.split(part)
            with torch.inference_mode():
                raw = self.net.raw(maps)
                boxes = box_corners(plan, raw, self.net.cells(maps)).numpy()
                taken = box_scores(plan, raw).amax(2).numpy()
                sure = box_parts(plan, raw)[1]
                certain = np.ones_like(taken) if sure is None else sure.sigmoid()[..., 0].numpy()
            held = [maps[stage].flatten(2).numpy() for stage in plan.stages]
            for at in range(len(part)):
                levels, first = [], 0
                for each in held:
                    own = slice(first, first + each.shape[2])
                    levels.append(_Level(each[at], own, certain[at, own]))
                    first = own.stop
                yield boxes[at], taken[at], levels

    def gather(self) -> list[CellRows]:
        """Returns the cells of every level that are learnt from, of all views."""
        task, recipe = self.task, self.task.recipe
        one = task.layout.split(torch.zeros(1, task.layout.bounds[-1]))
        centres = self.net.cells(one)[:, :2].numpy()
        found: list[list[CellRows]] = [[] for _ in task.detector.plan.stages]
        total = sum(len(view.rows) for view in task.views)

        def give(job: tuple[int, int, np.ndarray, np.ndarray, list[_Level]]) -> list[CellRows]:
            number, image, boxes, taken, levels = job
            view, rows = task.views[number], []
            cells = assign_cells(
                boxes, centres, view.boxes[image], view.classes[image],
                top=recipe.probe_top, near=recipe.probe_near,
            )  # fmt: skip
            rng = np.random.default_rng([self.compute.seed, number, image, 11])
            for level in levels:
                own = Cells(cells.kinds[level.part], cells.quality[level.part])
                rows.append(
                    rows_of_cells(
                        level.features, own, image, rng, taken=taken[level.part] >= _TAKEN,
                        certain=level.certain, share=recipe.probe_share,
                    )
                )  # fmt: skip
            return rows

        jobs = (
            (number, image, *each)
            for number, view in enumerate(task.views)
            for image, each in enumerate(self.read(view.rows))
        )
        for done, rows in enumerate(ordered_map(give, cast(Any, jobs)), 1):
            for at, each in enumerate(rows):
                found[at].append(each)
            self.compute.progress("probe: giving cells to objects", done, total)
        draw = np.random.default_rng([self.compute.seed, 12])
        return [CellRows.joined(parts).fewer(recipe.probe_cells, draw) for parts in found]

    def fit(self, rows: list[CellRows]) -> tuple[list[list[LevelFit]], tuple[float, ...]]:
        """Returns the models of every level, by strength and then by fold, the final one last."""
        task, classes = self.task, self.task.material.n_classes
        strengths = task.recipe.strengths
        largest = max(len(each.features) for each in rows) * classes * self.models
        if largest * len(strengths) > _MOST_SCORES:
            strengths = (strengths[len(strengths) // 2],)
        found = []
        layers = task.detector.class_layers()
        for at, (each, (weights, bias)) in enumerate(zip(rows, layers, strict=True)):
            phase = f"probe: class layer {at + 1} of {len(rows)}, {self.models} models"
            self.compute.progress(phase, at, len(rows))
            learns = np.ones((len(each.images), self.models), bool)
            if self.models > 1:
                learns[:, :-1] = self.of[each.images][:, None] != np.arange(self.k)
            found.append(
                fit_level(
                    each, self.start(weights, bias), np.tile(learns, len(strengths)),
                    np.repeat(np.array(strengths, np.float32), self.models),
                    beta=task.recipe.probe_beta,
                )
            )  # fmt: skip
        return found, strengths

    def start(self, weights: np.ndarray, bias: np.ndarray) -> LevelFit:
        """Returns where the class layer of a level begins: at its own class of the same name."""
        names = self.task.material.names
        begun = np.zeros((len(names), weights.shape[1]), np.float32)
        level = np.full(len(names), _PRIOR, np.float32)
        for number, name in enumerate(names):
            at = self.places.get(name.lower())
            if at is not None:
                begun[number], level[number] = weights[at], bias[at]
        return LevelFit(begun, level)

    def held(self, fits: list[list[LevelFit]], strength: int) -> HeldBoxes | None:
        """Returns what each image's model without it finds on it; None where there is none."""
        if self.k < 2:
            return None
        task = self.task
        self.compute.begin("probe: measuring on held-out training images")

        def find(job: tuple[int, tuple[np.ndarray, np.ndarray, list[_Level]]]) -> Outputs:
            image, (boxes, _, levels) = job
            model = strength * self.models + int(self.of[image])
            scores = [
                level_scores(fit[model], level.features, level.certain)
                for fit, level in zip(fits, levels, strict=True)
            ]
            return self.chosen(boxes, np.concatenate(scores))

        parts = list(ordered_map(find, cast(Any, enumerate(self.read(task.views[0].rows)))))
        return HeldBoxes(np.arange(len(task.material)), joined_found(parts), f"{self.k} folds")

    def head(self, fits: list[list[LevelFit]], model: int) -> BoxHead:
        """Returns the detector with one model's class layers."""
        own = [level[model] for level in fits]
        return self.task.detector.with_classes([f.weights for f in own], [f.bias for f in own])

    def chosen(self, boxes: np.ndarray, scores: np.ndarray) -> Outputs:
        """Returns what is left of one image's (A, 4) boxes and (A, C) scores."""
        return chosen_boxes(boxes[None], scores[None], self.task.recipe, self.task.most)
