"""From usable items with boxes to a model that finds objects."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from headstart.compute import Compute
from headstart.data.boxes import Boxes
from headstart.errors import OptionError
from headstart.features.extract_maps import Maps
from headstart.images.inputs import InputImages
from headstart.nets.backbone import pick_device
from headstart.nets.box_net import box_net_of
from headstart.nets.box_runner import BoxRunner
from headstart.nets.box_views import BoxWarp
from headstart.nets.maps import maps_engine
from headstart.nets.model import Model
from headstart.records import OutputSpec
from headstart.scoring.curve import curve_section
from headstart.strategies.box_arms import (
    BoxTask,
    LearningArm,
    head_arm_of_boxes,
    tuned_arm_of_boxes,
)
from headstart.strategies.box_budget import fitting_epochs
from headstart.strategies.box_choice import BoxArm, BoxTrials, compare_box_arms
from headstart.strategies.box_find import chosen_boxes, found_on_maps, joined_found
from headstart.strategies.box_input import box_recipe, most_boxes
from headstart.strategies.box_material import box_scenes, read_boxes
from headstart.strategies.box_probe import BoxProbe, MapView, ProbeTask, probe_boxes
from headstart.strategies.box_training import BoxStates
from headstart.strategies.clock import Clock
from headstart.strategies.mask_material import sizes_and_matrices
from headstart.strategies.placed_problem import (
    PlacedProblem,
    make_placed_problem,
    placed_folds,
)
from headstart.strategies.placed_run import floors_of, states_of
from headstart.strategies.problem import FrozenNetwork, Prepared
from headstart.strategies.train_classes import Ask
from headstart.strategies.trained import Histories, Trained
from headstart.tasks import decode_parts, task_of
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.tasks.protocol import Outputs
from headstart.training.checkpoint import Checkpoints
from headstart.training.map_views import MapViews
from headstart.training.record import Epoch

__all__ = ["train_boxes"]

_BATCH = 8
# Images of the probe, all views together: beyond them another view brings little for its time.
_VIEWED = 400


@dataclass(frozen=True)
class _Session:
    """What the arms of a training share."""

    prepared: Prepared
    network: FrozenNetwork
    maps: Maps
    ask: Ask
    compute: Compute
    clock: Clock
    spec: OutputSpec
    recipe: BoxRecipe
    states: BoxStates
    most: int
    history: dict[str, tuple[Epoch, ...]] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    curves: list[BoxProbe] = field(default_factory=list)


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
    if ask.strategy == "scratch":
        raise OptionError("boxes have no training from scratch: leave --strategy scratch out")
    maps = network.maps
    assert isinstance(maps, Maps), "boxes are learnt from maps"
    problem = make_placed_problem(prepared, ask.evaluation, folds=ask.folds, seed=compute.seed)
    labels = cast(Boxes, prepared.dataset.labels)
    spec = task_of("detection").encode(labels, problem.final).spec
    place, on_epoch = states_of(ask)
    session = _Session(
        prepared, network, maps, ask, replace(compute, device=pick_device(compute.device)), clock,
        spec, box_recipe(ask.options, ask.recipe), BoxStates(Checkpoints(place), on_epoch),
        most_boxes(labels),
    )  # fmt: skip
    rounds = [
        _learn(session, train, f"round{number}-" if len(problem.rounds) > 1 else "")
        for number, (train, _) in enumerate(problem.rounds, 1)
    ]
    final = rounds[0] if problem.kind == "holdout" else _learn(session, problem.final, "")
    with clock.phase("predict"):
        answered = tuple(
            (test, _outputs(session, trials.best, test), _spec_of(session, trials.best))
            for trials, (_, test) in zip(rounds, problem.rounds, strict=True)
        )
    return _trained(session, problem, final, answered)


def _learn(session: _Session, items: np.ndarray, mark: str) -> BoxTrials:
    """Fits every arm on some items, and keeps the best on those of them that were held out."""
    network, clock, ask = session.network, session.clock, session.ask
    begun = time.perf_counter()
    with clock.phase("read boxes"):
        task = _task(session, items, mark)
    clusters = session.prepared.clusters[items]
    detector = network.backbone.box_head
    finish: dict[str, LearningArm] = {}
    with clock.phase("head arm" if detector is None else "probe"):
        if detector is None:
            finish["head"] = _head_arm(session, task)
            arms = [finish["head"].arm]
        else:
            arms = [_probe_arm(session, task, detector)]
    if ask.strategy != "probe":
        with clock.phase("fine-tuned arm"):
            left = 60 * ask.budget - (time.perf_counter() - begun if detector is None else 0.0)
            tuned = _tuned_arm(session, task, arms[0], left, mark)
            if tuned is not None:
                finish["fine-tuned"] = tuned
                arms.append(tuned.arm)
    trials = compare_box_arms(arms, task.material, clusters, seed=session.compute.seed)
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
    checkpoints = Checkpoints(session.states.checkpoints.folder, prefix=mark)
    return BoxTask(
        prepared, material, session.network.backbone, session.maps.layout, scenes, folds, recipe,
        session.most, replace(session.states, checkpoints=checkpoints),
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
            recipe, task.most,
        ),
        compute,
    )  # fmt: skip
    session.curves.append(found)
    return found.arm


def _head_arm(session: _Session, task: BoxTask) -> LearningArm:
    """Trains a head on the maps of a frozen network that is no detector."""
    recipe, material = task.recipe, task.material
    per_epoch = max(1, round(len(task.own) / recipe.head_batch))
    epochs = recipe.head_epochs
    if session.ask.options.get("epochs", "auto") == "auto":
        epochs = max(epochs, math.ceil(recipe.steps / per_epoch))
    own = replace(recipe, epochs=epochs, lr=recipe.head_lr, batch=recipe.head_batch, freeze="none")
    engine = _engine(session, len(material) * recipe.views)
    rows = _rows(session, material.items)
    return head_arm_of_boxes(task, session.compute, own, rows=rows, engine=engine)


def _tuned_arm(
    session: _Session, task: BoxTask, start: BoxArm, left: float, mark: str
) -> LearningArm | None:
    """Trains network and head together, for as many epochs as the budget allows; None for none."""
    recipe = task.recipe
    if start.head.kind == "pyramid":
        recipe = replace(recipe, backbone_lr=recipe.pyramid_backbone_lr)
    forced = session.ask.strategy == "finetune"
    epochs, why = fitting_epochs(
        task, start, recipe, session.ask.options, session.compute, left=left, forced=forced
    )
    if why and not mark:
        session.said.append(why)
    if not epochs:
        return None
    return tuned_arm_of_boxes(task, session.compute, replace(recipe, epochs=epochs), start)


def _model(session: _Session, arm: BoxArm) -> Model:
    """Returns an arm as a model."""
    spec = _spec_of(session, arm)
    return Model(arm.backbone, arm.head, spec, session.network.preprocess, 1, 1.0)


def _spec_of(session: _Session, arm: BoxArm) -> OutputSpec:
    """Returns what decodes the outputs of an arm."""
    recipe, operating = session.recipe, arm.operating
    settings = session.spec.settings | {
        "threshold": operating.threshold, "size": arm.size, "most": session.most,
        "floor": recipe.floor, "overlap": recipe.overlap,
    }  # fmt: skip
    if operating.calibration is not None:
        settings["calibration"] = list(operating.calibration)
    return replace(session.spec, settings=settings)


def _outputs(session: _Session, arm: BoxArm, items: np.ndarray) -> Outputs:
    """Returns what an arm finds on some items, and where on their images that is."""
    session.compute.begin("answering for the test images")
    recipe, most, calibration = session.recipe, session.most, arm.operating.calibration
    if arm.backbone is session.network.backbone:
        found = found_on_maps(
            box_net_of(arm.head), session.maps.layout, _rows(session, items), recipe, most,
            calibration,
        )  # fmt: skip
    else:
        inputs = InputImages(
            session.prepared.dataset.take(items), session.network.preprocess,
            workers=session.compute.workers,
        )  # fmt: skip
        runner = BoxRunner(_model(session, arm), images=len(items), device=session.compute.device)
        parts = []
        for start in range(0, len(items), _BATCH):
            stop = min(start + _BATCH, len(items))
            scores, boxes = runner(np.stack([inputs[i] for i in range(start, stop)]))
            parts.append(chosen_boxes(boxes, scores, recipe, most, calibration))
            session.compute.progress("answering for the test images", stop, len(items))
        found = joined_found(parts)
    return found | sizes_and_matrices(session.prepared, items, session.network.preprocess)


def _trained(
    session: _Session, problem: PlacedProblem, trials: BoxTrials, answered: tuple[Any, ...]
) -> Trained:
    """Puts together what was learnt, measured and tried."""
    prepared, best = session.prepared, trials.best
    session.compute.begin("measuring baselines")
    histories = None
    if session.history:
        histories = Histories(session.history, problem.final, session.recipe)
    said = " ".join([f"{best.name} arm: {best.summary}.", trials.said, *session.said]).strip()
    return Trained(
        prepared=prepared,
        model=_model(session, best),
        summary=" ".join(said.split()),
        evaluation=(problem.kind, problem.summary),
        answered=answered,
        predictions=decode_parts(answered, prepared.dataset.names)[1],
        uncalibrated=None,
        clusters=prepared.clusters,
        dropped=prepared.dropped,
        baselines=floors_of(problem) if session.ask.baselines != "none" else {},
        trials=trials.rows(),
        histories=histories,
        sections={
            "learning_curve": _curve(session, len(problem.rounds[0][0])),
            "maps": {"given network": session.maps.place},
            "operating": {
                "threshold": best.operating.threshold,
                "calibration": best.operating.calibration,
                "chosen_on": "none" if best.held is None else best.held.how,
            },
        },
    )


def _curve(session: _Session, have: int) -> dict[str, Any]:
    """Returns what fewer images give and twice as many would, of the frozen detector."""
    if not session.curves:  # a head on another network takes its time
        return {"points": [], "forecast": None}
    first, primary = session.curves[0], task_of("detection").PRIMARY
    return curve_section(
        first.sizes, first.values, have=have, seed=session.compute.seed,
        measure=(primary.key, primary.words),
    )  # fmt: skip
