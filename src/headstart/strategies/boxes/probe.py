"""The probe of boxes: a pretrained detector stays as it is, but for its last layers.

Its boxes know where things are, of classes that it never saw too; what they are is learnt anew on
cached maps, in seconds, and how far their sides are is learnt on. One model is fitted on all
training images and one without each fold, side by side.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.compute import Compute
from headstart.images.threads import ordered_map
from headstart.metrics.detection import average_precision
from headstart.nets.boxes.head import BoxHead
from headstart.nets.stages import one_thread
from headstart.probe.box_linear import CellRows, fit_level, level_scores
from headstart.probe.box_sides import fit_sides, overlap_at, sides_away
from headstart.probe.classifiers import one_blas_thread
from headstart.probe.level_fit import LevelFit
from headstart.strategies.boxes.choice import BoxArm
from headstart.strategies.boxes.find import chosen_boxes, joined_found
from headstart.strategies.boxes.held import BoxOperating, HeldBoxes
from headstart.strategies.boxes.levels import LevelReader, ProbeTask
from headstart.strategies.boxes.material import BoxMaterial
from headstart.tasks.protocol import Outputs

__all__ = ["BoxProbe", "probe_boxes"]

# A class of which nothing is known is expected in one cell of a hundred.
_PRIOR = -4.6
_BATCH = 16
# Numbers of scores that the fits may hold at once; beyond them fewer models are fitted.
_MOST_SCORES = 1 << 26
# A learning curve: shares of the images before all of them, and how many there must be.
_SHARES = (0.25, 0.5)
_LEAST_CURVE = 24
# Cells of objects of a level that its sides are learnt from, at most.
_MOST_SIDES = 5_000
# Held-out images that ways are told apart by, at most about.
_MEASURED = 120


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
    rows = work.levels.gather(compute)
    strengths = work.strengths(rows)
    fits = work.fit(rows, strengths)
    best, held = len(strengths) // 2, None
    if work.k > 1:
        if len(strengths) > 1:
            tried = work.held(fits, work.some())
            best = int(np.argmax([_value(each, task.material) for each in tried]))
            held = tried[best]
        held = work.held_on_all(fits[best], held)
    head = work.head(fits[best], work.models - 1)
    partial = work.head(fits[best], 0) if work.models > 1 else None
    operating = BoxOperating() if held is None else held.operating(task.material)
    matched = sum(name.lower() in work.places for name in task.material.names)
    summary = (
        f"{task.backbone.name} as it was pretrained, with new class layers"
        f"{' and refitted sides' if task.recipe.probe_sides else ''} on {len(rows)} levels, "
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


@contextlib.contextmanager
def _side_by_side() -> Iterator[None]:
    """Jobs of several threads, each alone in its products: threads of one product only wait."""
    with one_thread(), one_blas_thread():
        yield


def _value(held: HeldBoxes, material: BoxMaterial) -> float:
    value = average_precision(held.matches(material)).value
    return value if np.isfinite(value) else 0.0


@dataclass(frozen=True)
class _Fits:
    """Layers level by level, each of the model without each fold, then of that of all images.

    Attributes:
        classes: What things are.
        sides: How far their sides are.
    """

    classes: list[list[LevelFit]]
    sides: list[list[LevelFit]]


class _Work:
    """What the steps of a probe share."""

    def __init__(self, task: ProbeTask, compute: Compute) -> None:
        self.task, self.compute = task, compute
        self.of, self.k = task.folds
        self.models = self.k + 1 if self.k > 1 else 1
        self.places = {name.lower(): at for at, name in enumerate(task.known)}
        self.levels = LevelReader(task)

    def strengths(self, rows: list[CellRows]) -> tuple[float, ...]:
        """Returns the strengths that are tried: as asked for, or one where that is much."""
        strengths, classes = self.task.recipe.strengths, self.task.material.n_classes
        scores = max(len(each.features) for each in rows) * classes * self.models
        if scores * len(strengths) > _MOST_SCORES:
            return (strengths[len(strengths) // 2],)
        return strengths

    def fit(self, rows: list[CellRows], strengths: Sequence[float]) -> list[_Fits]:
        """Returns the models of every strength."""

        def fit(at: int) -> tuple[list[list[LevelFit]], list[LevelFit]]:
            learns = np.ones((len(rows[at].images), self.models), bool)
            if self.models > 1:
                learns[:, :-1] = self.without(rows[at])
            return self.fit_one(at, rows[at], learns, strengths)

        phase, found = f"probe: layers of {len(rows)} levels, {self.models} models", []
        self.compute.progress(phase, 0, len(rows))
        with _side_by_side():
            for each in ordered_map(fit, range(len(rows))):
                found.append(each)
                self.compute.progress(phase, len(found), len(rows))
        sides = [each for _, each in found]
        return [
            _Fits([levels[number] for levels, _ in found], sides)
            for number in range(len(strengths))
        ]

    def fit_one(
        self, at: int, rows: CellRows, learns: np.ndarray, strengths: Sequence[float]
    ) -> tuple[list[list[LevelFit]], list[LevelFit]]:
        """Returns the class layers of the models of one level by strength, and their side layers.

        Sides come first: how well each model's own boxes show the objects is what its classes are
        to say.
        """
        task, recipe = self.task, self.task.recipe
        sides, quality = self.fit_sides(at, rows, learns)
        start = self.start(*task.detector.class_layers()[at])
        classes = fit_level(
            rows, start, learns, strengths, quality,
            beta=recipe.probe_beta, steps=recipe.probe_steps,
        )  # fmt: skip
        return classes, sides

    def fit_sides(
        self, at: int, rows: CellRows, learns: np.ndarray
    ) -> tuple[list[LevelFit], np.ndarray]:
        """Returns the side layers of the models of one level, and (R, M) what their boxes show."""
        detector, strength = self.task.detector, self.task.recipe.probe_sides
        start, bins = LevelFit(*detector.side_layers()[at]), detector.plan.bins
        models = learns.shape[1]
        quality = np.repeat(rows.quality[:, None], models, axis=1)
        own = np.flatnonzero(rows.kinds >= 0)
        if not strength or not len(own):
            return [start] * models, quality
        some = own
        if len(own) > _MOST_SIDES:
            rng = np.random.default_rng([self.compute.seed, at, 15])
            some = np.sort(rng.choice(own, _MOST_SIDES, replace=False))
        sides = fit_sides(
            rows.features[some], rows.away[some], rows.quality[some, None] * learns[some], start,
            bins=bins, strength=strength,
        )  # fmt: skip
        for model, side in enumerate(sides):
            told = sides_away(side, rows.features[own], bins)
            quality[own, model] = overlap_at(told, rows.away[own])
        return sides, quality

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

    def some(self) -> np.ndarray:
        """Returns images of every fold that are enough to tell one way from another."""
        rng = np.random.default_rng([self.compute.seed, 14])
        each = -(-_MEASURED // self.k)
        folds = [rng.permutation(np.flatnonzero(self.of == fold))[:each] for fold in range(self.k)]
        return np.sort(np.concatenate(folds))

    def held(self, fits: list[_Fits], images: np.ndarray) -> list[HeldBoxes]:
        """Returns what each image's model without it finds on it, of several.

        Args:
            fits: Of which the first K models are without a fold each.
            images: (n,) int, which of the training images.
        """
        self.compute.begin("probe: measuring on held-out training images")
        rows = self.task.views[0].rows

        def find(start: int) -> list[list[Outputs]]:
            part = images[start : start + _BATCH]
            levels = self.levels.maps(rows[part])[1]
            return [
                [self.found(image, [each[at] for each in levels], fit) for fit in fits]
                for at, image in enumerate(part.tolist())
            ]

        starts = range(0, len(images), _BATCH)
        with _side_by_side():
            parts = [each for part in ordered_map(find, starts) for each in part]
        how = f"{self.k} folds"
        return [HeldBoxes(images, joined_found(own), how) for own in zip(*parts, strict=True)]

    def held_on_all(self, fit: _Fits, known: HeldBoxes | None) -> HeldBoxes:
        """Returns what each image's model without it finds on it, of all training images.

        Args:
            fit: As for `held`.
            known: What it found on some of them.
        """
        every = np.arange(len(self.task.material))
        rest = every if known is None else np.setdiff1d(every, known.rows)
        if known is not None and not len(rest):
            return known
        [more] = self.held([fit], rest)
        return more if known is None else known.joined(more)

    def found(self, image: int, levels: list[np.ndarray], fit: _Fits) -> Outputs:
        """Returns what the model without an image finds on it."""
        model, recipe, bins = self.of[image], self.task.recipe, self.task.detector.plan.bins
        certain = np.broadcast_to(self.levels.certain[image], (len(self.levels.cells),))
        scores, boxes = [], []
        for at, (level, part) in enumerate(zip(levels, self.levels.parts, strict=True)):
            own = level_scores(fit.classes[at][model], level, certain[part])
            # Where the others would lie is never asked.
            kept = np.flatnonzero(~(own.max(axis=1) <= recipe.floor))
            grid = self.levels.grid[part][kept]
            away = sides_away(fit.sides[at][model], level[:, kept].T, bins) * grid[:, 2:]
            scores.append(own[kept])
            boxes.append(np.hstack([grid[:, :2] - away[:, :2], grid[:, :2] + away[:, 2:]]))
        return chosen_boxes(
            np.concatenate(boxes)[None], np.concatenate(scores)[None], recipe, self.task.most
        )

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

            def fit(at: int, few: list[CellRows] = few) -> Any:
                return self.fit_one(at, few[at], self.without(few[at]), (strength,))

            with _side_by_side():
                models = list(ordered_map(fit, range(len(few))))
            fits.append(_Fits([classes for [classes], _ in models], [own for _, own in models]))
            sizes.append(round((rank <= share).sum() * (self.k - 1) / self.k))
        some = self.some()
        folds = (self.of[some] == np.arange(self.k)[:, None]).astype(np.float64)
        values = np.array([
            average_precision(each.matches(self.task.material, some))(folds)
            for each in (*self.held(fits, some), whole)
        ])  # fmt: skip
        return np.array([*sizes, round(n * (self.k - 1) / self.k)]), values

    def head(self, fits: _Fits, model: int) -> BoxHead:
        """Returns the detector with one model's layers."""
        classes, sides = ([level[model] for level in each] for each in (fits.classes, fits.sides))
        head = self.task.detector.with_classes(
            [each.weights for each in classes], [each.bias for each in classes]
        )
        return head.with_sides([each.weights for each in sides], [each.bias for each in sides])
