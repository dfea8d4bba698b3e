"""From usable items with boxes to a model that finds objects."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import Any, cast

import numpy as np

from headstart.choices import BoxDetector
from headstart.compute import Compute
from headstart.data.boxes.boxes import Boxes
from headstart.nets.boxes.warp import BoxWarp
from headstart.nets.model import Model
from headstart.nets.place_runner import module_of
from headstart.nets.pretrained.backbone import pick_device
from headstart.nets.pretrained.maps import maps_engine
from headstart.scoring.curve import curve_section
from headstart.strategies.ask import Ask
from headstart.strategies.boxes.arms import head_arm_of_boxes, lesson_of, tuned_arm_of_boxes
from headstart.strategies.boxes.budget import fitting_recipe
from headstart.strategies.boxes.choice import BoxArm, compare_box_arms
from headstart.strategies.boxes.find import chosen_boxes, found_on_maps, joined_found
from headstart.strategies.boxes.input import box_recipe, most_boxes, named_kind
from headstart.strategies.boxes.levels import MapView, ProbeTask
from headstart.strategies.boxes.material import box_scenes, read_boxes
from headstart.strategies.boxes.probe import BoxProbe, probe_boxes
from headstart.strategies.boxes.pupil import BoxTask, LearningArm
from headstart.strategies.boxes.torchvision_arm import named_arm, named_lesson, named_recipe
from headstart.strategies.clock import Clock
from headstart.strategies.placed.arm_trials import ArmTrials
from headstart.strategies.placed.input import names_epochs
from headstart.strategies.placed.lesson import Lesson
from headstart.strategies.placed.model import run_model, sizes_and_matrices
from headstart.strategies.placed.pace import Pace
from headstart.strategies.placed.problem import placed_folds
from headstart.strategies.placed.run import Session, begin_session, learn_rounds, trained_in
from headstart.strategies.problem import FrozenNetwork, Prepared
from headstart.strategies.trained import Trained
from headstart.tasks import task_of
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.tasks.protocol import Outputs
from headstart.training.map_views import MapViews
from headstart.training.schedule import epochs_of

__all__ = ["train_boxes"]

_BATCH = 8
# Images of the probe, all views together: beyond them another view brings little for its time.
_VIEWED = 400
# Of what is left of a budget, the most that a head on frozen maps takes before fine-tuning.
_HEAD_SHARE = 0.5


@dataclass(frozen=True)
class _Session(Session):
    """What the arms of a training share.

    Attributes:
        curves: Of the probes; filled as they end.
    """

    curves: list[BoxProbe] = field(default_factory=list, kw_only=True)

    @cached_property
    def recipe(self) -> BoxRecipe:
        """How."""
        return named_recipe(box_recipe(self.ask.options, self.ask.recipe), self.ask.options)

    @cached_property
    def most(self) -> int:
        """Boxes of an image."""
        return most_boxes(cast(Boxes, self.prepared.dataset.labels))


def train_boxes(
    prepared: Prepared, network: FrozenNetwork, ask: Ask, compute: Compute, clock: Clock
) -> Trained:
    """Learns boxes in several ways, and keeps the best on held-out images.

    Args:
        prepared: The usable items.
        network: With the maps of their images.
        ask: What is wanted.
        compute: Where, and from which seed.
        clock: Notes how long each phase takes.

    Raises:
        DataError: If nothing is left to learn from or to test on.
        OptionError: If the strategy is none of boxes.
    """
    compute = replace(compute, device=pick_device(compute.device))
    session = begin_session("boxes", prepared, network, ask, compute, clock, kind=_Session)
    problem = session.problem
    rounds, final = learn_rounds(problem, lambda items, mark: _learn(session, items, mark))
    with clock.phase("predict"):
        answered = tuple(
            (test, _outputs(session, trials.best, test), _model(session, trials.best).spec)
            for trials, (_, test) in zip(rounds, problem.rounds, strict=True)
        )
    best = final.best
    said = " ".join(
        [f"{best.name} arm: {best.summary}.", final.said, *session.notes, *session.overrun()]
    )
    return trained_in(
        session, _model(session, best), " ".join(said.split()), answered, trials=final.rows(),
        recipe=session.recipe, sections=_sections(session, best),
    )  # fmt: skip


def _learn(session: _Session, items: np.ndarray, mark: str) -> ArmTrials[BoxArm]:
    """Fits every arm on some items, and keeps the best on those of them that were held out."""
    network, clock, ask = session.network, session.clock, session.ask
    with clock.phase("read boxes"):
        task = _task(session, items, mark)
    named = named_kind(ask.options)
    if named is not None:
        with clock.phase(f"{named} arm"):
            arm = _named_arm(session, task, named, mark)
        return _kept(session, task, [arm.arm], {named: arm}, mark)
    detector = network.backbone.box_head
    finish: dict[str, LearningArm] = {}
    with clock.phase("head arm" if detector is None else "probe"):
        if detector is None:
            finish["head"] = _head_arm(session, task, mark)
            arms = [finish["head"].arm]
        else:
            arms = [_probe_arm(session, task, detector)]
    if ask.strategy != "probe":
        with clock.phase("fine-tuned arm"):
            tuned = _tuned_arm(session, task, arms[0], mark)
            if tuned is not None:
                finish["fine-tuned"] = tuned
                arms.append(tuned.arm)
    return _kept(session, task, arms, finish, mark)


def _kept(
    session: _Session, task: BoxTask, arms: list[BoxArm], finish: dict[str, LearningArm], mark: str
) -> ArmTrials[BoxArm]:
    """Keeps the best of some arms, which learns on with all images where it can."""
    ask, clock, clusters = session.ask, session.clock, session.prepared.clusters
    own = clusters[task.material.items]
    trials = compare_box_arms(arms, task.material, own, seed=session.compute.seed)
    kept = trials.chosen
    if ask.strategy == "finetune" and "fine-tuned" in finish:
        kept = len(arms) - 1
    if arms[kept].name in finish:
        with clock.phase(f"{arms[kept].name} arm"):
            trials = trials.keeping(kept, finish[arms[kept].name].finish())
    for each in finish.values():
        session.history.update({mark + name: epochs for name, epochs in each.history.items()})
    return trials


def _task(session: _Session, items: np.ndarray, mark: str) -> BoxTask:
    """Returns what the arms learn from."""
    prepared, recipe, compute = session.prepared, session.recipe, session.compute
    preprocess = session.network.preprocess
    material = read_boxes(prepared, items, preprocess)
    red, green, blue = (round(255 * value) for value in preprocess.mean)
    warp = BoxWarp(
        preprocess.size, recipe.low, recipe.high, recipe.shift, recipe.hflip != "no",
        recipe.upside, recipe.saturation, recipe.value, recipe.visible, (red, green, blue),
    )  # fmt: skip
    scenes = box_scenes(prepared, material, warp, recipe.room, compute)
    folds = placed_folds(prepared, items, folds=session.ask.folds, seed=compute.seed)
    return BoxTask(
        prepared, material, session.network.backbone, session.maps.layout, scenes, folds, recipe,
        session.most, session.states_as(mark),
    )  # fmt: skip


def _rows(session: _Session, items: np.ndarray) -> np.ndarray:
    """Returns (n, D) maps of some items."""
    return session.maps.since(session.maps.layout.first)[items]


def _engine(session: _Session, images: int) -> Any:
    return maps_engine(
        session.network.backbone, session.network.preprocess, images=images,
        device=session.compute.device,
    )  # fmt: skip


def _probe_arm(session: _Session, task: BoxTask, detector: Any) -> BoxArm:
    """Fits new class layers on the frozen detector."""
    material, recipe, compute = task.material, task.recipe, session.compute
    own = _rows(session, material.items)
    views = [MapView(own, material.boxes, material.classes)]
    count = min(recipe.probe_views, max(1, _VIEWED // len(material))) - 1
    if count:
        engine = _engine(session, count * len(material))
        more = MapViews(engine, task.layout, 0, task.scenes, count=count, compute=compute)
        for view in range(count):
            wanted = more.see(view)
            rows = more.maps.rows[view * len(material) : (view + 1) * len(material)]
            boxes, classes = zip(*wanted, strict=True)
            views.append(MapView(rows, boxes, classes))
    head, names = detector
    found = probe_boxes(
        ProbeTask(
            task.backbone, head, tuple(names), task.layout, tuple(views), material, task.folds,
            recipe.of_probe, task.most,
        ),
        compute,
    )  # fmt: skip
    session.curves.append(found)
    return found.arm


def _head_arm(session: _Session, task: BoxTask, mark: str) -> LearningArm:
    """Trains a head on the maps of a frozen network that is no detector, within the budget."""
    recipe, material, ask = task.recipe, task.material, session.ask
    epochs, by = recipe.head_epochs, None
    if not names_epochs(ask.options):
        epochs = max(epochs, epochs_of(recipe.steps, len(task.folds.own), recipe.head_batch))
        share = 1.0 if ask.strategy == "probe" else _HEAD_SHARE
        by = time.perf_counter() + share * session.left("head")
    own = replace(recipe, epochs=epochs, lr=recipe.head_lr, batch=recipe.head_batch, freeze="none")
    engine = _engine(session, len(material) * recipe.views)
    rows = _rows(session, material.items)
    arm = head_arm_of_boxes(task, session.compute, own, rows=rows, engine=engine, by=by)
    if arm.cut and not mark:
        session.notes.append(_cut(arm.arm.epochs, epochs, "a head on frozen maps", arm.cut))
    return arm


def _tuned_arm(session: _Session, task: BoxTask, start: BoxArm, mark: str) -> LearningArm | None:
    """Trains network and head together, for as many steps as the budget allows; None for none."""
    recipe = task.recipe
    if start.head.kind == "pyramid":
        recipe = replace(recipe, backbone_lr=recipe.pyramid_backbone_lr)
    lesson = partial(lesson_of, task, start, session.compute)
    found, pace, why = _within(session, task, lesson, recipe, ("fine-tuned", "head"))
    tuned = None
    if found is not None:
        tuned = tuned_arm_of_boxes(replace(task, pace=pace), session.compute, found, start)
    _note(session, pace, why, tuned, mark)
    return tuned


def _named_arm(session: _Session, task: BoxTask, kind: BoxDetector, mark: str) -> LearningArm:
    """Trains one of torchvision's detectors, for as many steps as the budget allows."""
    compute, recipe = session.compute, task.recipe
    lesson = partial(named_lesson, task, compute, recipe, kind)
    found, pace, why = _within(session, task, lesson, recipe, (kind,))
    assert found is not None, "what was named is trained in any case"
    arm = named_arm(replace(task, pace=pace), compute, found, kind)
    _note(session, pace, why, arm, mark)
    return arm


def _within(
    session: _Session,
    task: BoxTask,
    lesson: Callable[[], Lesson],
    recipe: BoxRecipe,
    arms: tuple[str, ...],
) -> tuple[BoxRecipe | None, Pace | None, str]:
    """Returns how an arm is trained within the budget, as `fitting_recipe`."""
    ask = session.ask
    forced = ask.strategy == "finetune" or named_kind(ask.options) is not None
    by = time.perf_counter() + session.left(*arms)
    return fitting_recipe(task, lesson, recipe, ask.options, session.compute, by=by, forced=forced)


def _note(
    session: _Session, pace: Pace | None, why: str, trained: LearningArm | None, mark: str
) -> None:
    """Notes for how many epochs there was time, where the budget cut them."""
    if pace is not None and not mark:
        epochs = 0.0 if trained is None else trained.arm.epochs
        most = pace.most // pace.per_epoch
        session.notes.append(_cut(epochs, most, "fine-tuning", why))


def _cut(epochs: float, most: int, what: str, why: str) -> str:
    return f"--budget left time for {epochs:g} of {most} epochs of {what}, {why}."


def _recipe_of(session: _Session, arm: BoxArm) -> BoxRecipe:
    return session.recipe.of_probe if arm.name == "probe" else session.recipe


def _model(session: _Session, arm: BoxArm) -> Model:
    """Returns an arm as a model."""
    recipe, operating = _recipe_of(session, arm), arm.operating
    settings = session.spec.settings | {
        "threshold": operating.threshold, "size": arm.size, "most": session.most,
        "floor": recipe.floor, "overlap": recipe.overlap,
    }  # fmt: skip
    if operating.calibration is not None:
        settings["calibration"] = list(operating.calibration)
    spec = replace(session.spec, settings=settings)
    return Model(arm.backbone, arm.head, spec, session.network.preprocess, 1, 1.0)


def _outputs(session: _Session, arm: BoxArm, items: np.ndarray) -> Outputs:
    """Returns what an arm finds on some items, and where on their images that is."""
    session.compute.begin("answering for the test images")
    recipe, most, calibration = _recipe_of(session, arm), session.most, arm.operating.calibration
    if arm.backbone is session.network.backbone:
        found = found_on_maps(
            module_of(arm.head), session.maps.layout, _rows(session, items), recipe, most,
            calibration,
        )  # fmt: skip
    else:
        parts = [
            chosen_boxes(told["boxes"], told["scores"], recipe, most, calibration)
            for told in run_model(
                _model(session, arm), session.prepared, items, session.compute, batch=_BATCH
            )
        ]
        found = joined_found(parts)
    return found | sizes_and_matrices(session.prepared, items, session.network.preprocess)


def _sections(session: _Session, best: BoxArm) -> dict[str, Any]:
    """Returns what else is told of a training."""
    sections: dict[str, Any] = {
        "maps": {"given network": session.maps.place},
        "operating": {
            "threshold": best.operating.threshold,
            "calibration": best.operating.calibration,
            "chosen_on": "none" if best.held is None else best.held.how,
        },
    }
    if session.curves:  # a head on another network takes minutes: it has none
        first, primary = session.curves[0], task_of(session.spec.task).PRIMARY
        sections["learning_curve"] = curve_section(
            first.sizes, first.values, have=len(session.problem.final),
            seed=session.compute.seed, measure=(primary.key, primary.words),
        )  # fmt: skip
    return sections
