"""The probe of boxes: a pretrained detector stays as it is, and only its class layers are new.

Its boxes know where things are, of classes that it never saw too; what they are is learnt on cached
maps in seconds. One model is fitted on all training images and one without each fold, side by side.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np
import torch

from headstart.compute import Compute
from headstart.features.extract_maps import new_rows
from headstart.images.threads import ordered_map
from headstart.metrics.detection import average_precision
from headstart.nets.backbone import Backbone
from headstart.nets.box_head import BoxHead
from headstart.nets.box_net import BoxNet, box_corners, box_net_of, box_parts
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

__all__ = ["BoxProbe", "MapView", "ProbeTask", "probe_boxes"]

# Background that the pretrained layers give at least this score is kept whole.
_TAKEN = 0.05
# A class of which nothing is known is expected in one cell of a hundred.
_PRIOR = -4.6
_BATCH = 16
# Numbers of scores that the fits may hold at once; beyond them fewer models are fitted.
_MOST_SCORES = 1 << 26
# A learning curve: shares of the images before all of them, and how many there must be.
_SHARES = (0.25, 0.5)
_LEAST_CURVE = 24


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
class BoxProbe:
    """What a probe of boxes came to.

    Attributes:
        arm: The layers to keep.
        sizes: (S,) int, mean number of images that the models of a learning curve learnt from.
        values: (S, K) AP of each on the fold that it has not seen; S is 0 where none could be
            measured.
    """

    arm: BoxArm
    sizes: np.ndarray
    values: np.ndarray


def probe_boxes(task: ProbeTask, compute: Compute) -> BoxProbe:
    """Fits new class layers, chooses how strongly by held-out images, and measures them there.

    Args:
        task: What they are fitted on.
        compute: The seed of what is drawn, and who hears of progress.
    """
    begun = time.perf_counter()
    work = _Work(task, compute)
    rows = work.gather()
    strengths = work.strengths(rows)
    fits = work.fit(rows, strengths)
    tried = [(held, _value(held, task.material)) for held in work.held(fits)]
    best = int(np.argmax([value for _, value in tried])) if tried else len(strengths) // 2
    held = tried[best][0] if tried else None
    head = work.head(fits[best], work.models - 1)
    partial = work.head(fits[best], 0) if work.models > 1 else None
    operating = BoxOperating() if held is None else held.operating(task.material)
    matched = sum(name.lower() in work.places for name in task.material.names)
    summary = (
        f"{task.backbone.name} as it was pretrained, with new class layers on {len(rows)} levels, "
        f"input {task.layout.size} px"
    )
    if matched:
        summary += f"; {matched} of {len(task.material.names)} classes began as its own"
    sizes, values = work.curve(rows, strengths[best], held)
    seconds = time.perf_counter() - begun
    arm = BoxArm(
        "probe", summary, head, task.backbone, task.layout.size, held, operating, seconds,
        partial=partial,
    )  # fmt: skip
    return BoxProbe(arm, sizes, values)


def _value(held: HeldBoxes, material: BoxMaterial) -> float:
    value = average_precision(held.matches(material)).value
    return value if np.isfinite(value) else 0.0


Fits = list[list[LevelFit]]
"""The models of every level: level by level, the model of each fold, then that of all images."""


class _Work:
    """What the steps of a probe share."""

    def __init__(self, task: ProbeTask, compute: Compute) -> None:
        self.task, self.compute = task, compute
        self.net: BoxNet = box_net_of(task.detector)
        self.of, self.k = task.folds
        self.models = self.k + 1 if self.k > 1 else 1
        self.places = {name.lower(): at for at, name in enumerate(task.known)}
        one = task.layout.split(torch.zeros(1, task.layout.bounds[-1]))
        self.cells = self.net.cells(one)
        ends = np.cumsum([0] + [one[stage][0, 0].numel() for stage in task.detector.plan.stages])
        self.parts = [slice(*pair) for pair in pairwise(ends.tolist())]
        shape = (len(task.material), len(self.cells))
        # Of the images as they are: held-out ones are measured by them.
        self.boxes = new_rows((*shape, 4), np.float32, "boxes")[0]
        self.certain = np.ones((shape[0], 1), np.float32)
        if task.detector.plan.objectness:
            self.certain = new_rows(shape, np.float32, "objectness")[0]

    def read(self, rows: np.ndarray) -> Iterator[tuple[list[np.ndarray], np.ndarray, Any]]:
        """Yields levels (c, a), the (A, 4) boxes, and (A,) best pretrained scores, objectness."""
        plan = self.task.detector.plan
        for start in range(0, len(rows), _BATCH):
            maps, held = self.levels(rows[start : start + _BATCH])
            with torch.inference_mode():
                raw = self.net.raw(maps)
                boxes = box_corners(plan, raw, self.cells).numpy()
                classes, sure, _ = box_parts(plan, raw)
                taken = classes.amax(2).sigmoid().numpy()
                certain = np.ones_like(taken) if sure is None else sure.sigmoid()[..., 0].numpy()
                taken = taken * certain
            for at in range(len(boxes)):
                yield [each[at] for each in held], boxes[at], (taken[at], certain[at])

    def levels(self, rows: np.ndarray) -> tuple[list[torch.Tensor], list[np.ndarray]]:
        """Returns the maps of some images, and those of each level as (n, c, a)."""
        maps = self.task.layout.split(torch.from_numpy(rows.astype(np.float32)))
        return maps, [maps[stage].flatten(2).numpy() for stage in self.task.detector.plan.stages]

    def gather(self) -> list[CellRows]:
        """Returns the cells of every level that are learnt from, of all views."""
        task, recipe = self.task, self.task.recipe
        centres = self.cells[:, :2].numpy()
        found: list[list[CellRows]] = [[] for _ in self.parts]
        total = sum(len(view.rows) for view in task.views)

        def give(job: tuple[int, int, list[np.ndarray], np.ndarray, Any]) -> list[CellRows]:
            number, image, levels, boxes, (taken, certain) = job
            if not number:
                self.boxes[image] = boxes
                if task.detector.plan.objectness:
                    self.certain[image] = certain
            view = task.views[number]
            cells = assign_cells(
                boxes, centres, view.boxes[image], view.classes[image],
                top=recipe.probe_top, near=recipe.probe_near,
            )  # fmt: skip
            rng = np.random.default_rng([self.compute.seed, number, image, 11])
            return [
                rows_of_cells(
                    level, Cells(cells.kinds[part], cells.quality[part]), image, rng,
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
            self.compute.progress("probe: giving cells to objects", done, total)
        draw = np.random.default_rng([self.compute.seed, 12])
        return [CellRows.joined(parts).fewer(recipe.probe_cells, draw) for parts in found]

    def strengths(self, rows: list[CellRows]) -> tuple[float, ...]:
        """Returns the strengths that are tried: as asked for, or one where that is much."""
        strengths, classes = self.task.recipe.strengths, self.task.material.n_classes
        scores = max(len(each.features) for each in rows) * classes * self.models
        if scores * len(strengths) > _MOST_SCORES:
            return (strengths[len(strengths) // 2],)
        return strengths

    def fit(self, rows: list[CellRows], strengths: Sequence[float]) -> list[Fits]:
        """Returns the models of every strength."""
        levels = []
        for at, each in enumerate(rows):
            phase = f"probe: class layer {at + 1} of {len(rows)}, {self.models} models"
            self.compute.progress(phase, at, len(rows))
            learns = np.ones((len(each.images), self.models), bool)
            if self.models > 1:
                learns[:, :-1] = self.without(each)
            levels.append(self.fit_one(at, each, learns, strengths))
        return [[level[number] for level in levels] for number in range(len(strengths))]

    def fit_one(
        self, at: int, rows: CellRows, learns: np.ndarray, strengths: Sequence[float]
    ) -> Fits:
        """Returns the models of one level, by strength."""
        recipe = self.task.recipe
        start = self.start(*self.task.detector.class_layers()[at])
        return fit_level(
            rows, start, learns, strengths, beta=recipe.probe_beta, steps=recipe.probe_steps
        )

    def without(self, rows: CellRows) -> np.ndarray:
        """Returns (R, K) bool, which cells the model without each fold learns from."""
        return self.of[rows.images][:, None] != np.arange(self.k)

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

    def held(self, fits: list[Fits]) -> list[HeldBoxes]:
        """Returns what each image's model without it finds on it, of several; none without folds.

        Args:
            fits: Of which the first K models are without a fold each.
        """
        if self.k < 2:
            return []
        self.compute.begin("probe: measuring on held-out training images")
        rows, n = self.task.views[0].rows, len(self.task.material)

        def find(start: int) -> list[list[Outputs]]:
            stop = min(start + _BATCH, n)
            levels = self.levels(rows[start:stop])[1]
            return [
                [self.found(image, [each[image - start] for each in levels], fit) for fit in fits]
                for image in range(start, stop)
            ]

        parts = [each for part in ordered_map(find, range(0, n, _BATCH)) for each in part]
        how = f"{self.k} folds"
        return [
            HeldBoxes(np.arange(n), joined_found(list(own)), how)
            for own in zip(*parts, strict=True)
        ]

    def found(self, image: int, levels: list[np.ndarray], fit: Fits) -> Outputs:
        """Returns what the model without an image finds on it."""
        model = int(self.of[image])
        certain = np.broadcast_to(self.certain[image], (len(self.cells),))
        scores = np.concatenate([
            level_scores(own[model], level, certain[part])
            for own, level, part in zip(fit, levels, self.parts, strict=True)
        ])  # fmt: skip
        boxes = self.boxes[image : image + 1]
        return chosen_boxes(boxes, scores[None], self.task.recipe, self.task.most)

    def curve(
        self, rows: list[CellRows], strength: float, whole: HeldBoxes | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns the sizes and values of a learning curve: less of the images, the same folds.

        Args:
            rows: Of every level.
            strength: That was chosen.
            whole: What was found after learning from all other folds.
        """
        n = len(self.task.material)
        if whole is None or n < _LEAST_CURVE:
            return np.zeros(0, np.int64), np.zeros((0, self.k))
        self.compute.begin("probe: learning from fewer images")
        rng, rank = np.random.default_rng([self.compute.seed, 13]), np.zeros(n)
        for fold in range(self.k):  # smaller sets nest in larger
            own = rng.permutation(np.flatnonzero(self.of == fold))
            rank[own] = (np.arange(len(own)) + 0.5) / max(1, len(own))
        fits, sizes = [], []
        for share in _SHARES:
            few = [each.of(rank[each.images] <= share) for each in rows]
            models = [
                self.fit_one(at, each, self.without(each), (strength,))[0]
                for at, each in enumerate(few)
            ]
            fits.append(models)
            sizes.append(round((rank <= share).sum() * (self.k - 1) / self.k))
        folds = (self.of == np.arange(self.k)[:, None]).astype(np.float64)
        values = np.array([
            average_precision(each.matches(self.task.material))(folds)
            for each in (*self.held(fits), whole)
        ])  # fmt: skip
        return np.array([*sizes, round(n * (self.k - 1) / self.k)]), values

    def head(self, fits: Fits, model: int) -> BoxHead:
        """Returns the detector with one model's class layers."""
        own = [level[model] for level in fits]
        return self.task.detector.with_classes([f.weights for f in own], [f.bias for f in own])
