"""From usable items with masks to a model that gives every pixel a class."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from headstart.compute import Compute
from headstart.data.masks import Masks
from headstart.errors import OptionError
from headstart.features.extract_maps import Maps
from headstart.nets.model import Model
from headstart.probe.dense_targets import are_uneven
from headstart.records import OutputSpec
from headstart.strategies.clock import Clock
from headstart.strategies.mask_arms import Arm, dense_probabilities, linear_arm
from headstart.strategies.mask_choice import MaskTrials, compare_arms
from headstart.strategies.mask_course import Course, How
from headstart.strategies.mask_head import HeadTask, head_arm
from headstart.strategies.mask_material import MaskMaterial, read_masks, sizes_and_matrices
from headstart.strategies.mask_problem import (
    fine_detail,
    head_side,
    mask_recipe,
    tuned_side,
)
from headstart.strategies.mask_run import run_model
from headstart.strategies.mask_tuned import tuned_arm
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
from headstart.tasks.segmentation.recipe import MaskRecipe
from headstart.training.checkpoint import Checkpoints
from headstart.training.record import Epoch, OnEpoch

__all__ = ["train_masks"]

# Linear arms answer at these strides, where the network has them and cells are few enough.
_STRIDES = (4, 2)
_MOST_CELLS = 256


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
    place: Path | None
    on_epoch: OnEpoch | None
    rounds: int = 1
    history: dict[str, tuple[Epoch, ...]] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def train_masks(
    prepared: Prepared, network: FrozenNetwork, ask: Ask, compute: Compute, clock: Clock
) -> Trained:
    """Learns masks on a frozen network in several ways, and keeps the best on held-out images.

    Args:
        prepared: The usable items.
        network: With the maps of their images.
        ask: What is wanted.
        compute: Where, and from which seed.
        clock: Notes how long each phase takes.

    Raises:
        DataError: If nothing is left to learn from or to test on.
        OptionError: If the strategy is none of masks.
    """
    if ask.strategy == "scratch":
        raise OptionError("masks have no training from scratch: leave --strategy scratch out")
    if network.tta > 2:
        raise OptionError(
            f"--tta {network.tta} looks at parts of an image, and masks are of all of it: choose "
            f"1, or 2 for its mirror image too"
        )
    maps = network.maps
    assert isinstance(maps, Maps), "masks are learnt from maps"
    problem = make_placed_problem(prepared, ask.evaluation, folds=ask.folds, seed=compute.seed)
    spec = task_of("segmentation").encode(prepared.dataset.labels, problem.final).spec
    learnings = len(problem.rounds) + (problem.kind != "holdout")
    states = states_of(ask)
    session = _Session(prepared, network, maps, ask, compute, clock, spec, *states, learnings)
    rounds = [
        _learn(session, train, f"round{number}-" if len(problem.rounds) > 1 else "")
        for number, (train, _) in enumerate(problem.rounds, 1)
    ]
    final = rounds[0] if problem.kind == "holdout" else _learn(session, problem.final, "")
    with clock.phase("predict"):
        answered = tuple(
            (test, _outputs(session, trials.best, test), _spec_of(spec, trials.best))
            for trials, (_, test) in zip(rounds, problem.rounds, strict=True)
        )
    return _trained(session, problem, final, answered)


def _learn(session: _Session, items: np.ndarray, mark: str) -> MaskTrials:
    """Fits every arm on some items, and keeps the best on those of them that were held out."""
    prepared, network, compute = session.prepared, session.network, session.compute
    clock, ask, clusters = session.clock, session.ask, prepared.clusters[items]
    strides = _strides(session)
    with clock.phase("read masks"):
        material = read_masks(prepared, items, network.preprocess, min(strides), compute)
    own = session.maps.take(np.isin(np.arange(len(prepared.dataset)), items))
    folds = placed_folds(prepared, items, folds=ask.folds, seed=compute.seed)
    with clock.phase("linear arm"):
        arms = [
            linear_arm(
                own, material, network.backbone, folds, compute, stride=stride,
                balance=ask.recipe.balance,
            )
            for stride in strides
        ]  # fmt: skip
    trials = compare_arms(arms, clusters, seed=compute.seed)
    if ask.strategy == "probe":
        return trials
    recipe = mask_recipe(ask.options, ask.recipe, images=len(items))
    fine = _tunes(session, recipe)
    with clock.phase("fine-tuned arm" if fine else "head arm"):
        course = _begin(session, material, recipe, folds, mark, fine=fine)
        session.notes.extend([course.said] if course.said else [])
        if course.arm is None:
            return trials
        both = compare_arms([*trials.arms, course.arm], clusters, seed=compute.seed)
        session.history.update(course.history)
        if both.best is not course.arm and ask.strategy != "finetune":
            return both
        finished = course.finish()
        session.history.update(course.history)
    return both.with_best(finished)


def _tunes(session: _Session, recipe: MaskRecipe) -> bool:
    """Tells whether the network learns too: as asked, or where fine detail tells.

    Not so by itself where classes are rare: training all of it is unstable there.
    """
    if recipe.arm != "auto":
        return recipe.arm == "fine-tuned"
    if session.ask.strategy == "finetune":
        return True
    dataset = session.prepared.dataset
    pixels = cast("Masks", dataset.labels).pixels.sum(axis=0)
    return not are_uneven(pixels) and fine_detail(dataset, session.maps.layout.size)


def _begin(
    session: _Session,
    material: MaskMaterial,
    recipe: MaskRecipe,
    folds: tuple[np.ndarray, int],
    mark: str,
    *,
    fine: bool,
) -> Course:
    """Trains a head, or the whole network where fine detail tells, on all but one fold."""
    ask, network, prepared = session.ask, session.network, session.prepared
    dataset, image_size = prepared.dataset, ask.options.get("image_size", "auto")
    seconds = 60 * ask.budget / session.rounds if ask.strategy == "auto" else None
    how = How(Checkpoints(session.place, prefix=mark), session.on_epoch, seconds)
    side = (tuned_side if fine else head_side)(dataset, network, image_size)
    preprocess = replace(network.preprocess, size=side)
    task = HeadTask(prepared, material, network.backbone, preprocess, recipe)
    if not fine:
        course = head_arm(task, folds, session.compute, how)
        session.places.append(f"head arm: {course.learner.place}")
        return course
    assert session.place is not None, "whoever trains keeps states"
    return tuned_arm(
        task, folds, session.compute, how,
        place=session.place / "backbones" / mark if mark else session.place,
        any_side_up=fine_detail(dataset, session.maps.layout.size),
    )  # fmt: skip


def _strides(session: _Session) -> list[int]:
    """Returns the strides that linear arms answer at."""
    layout = session.maps.layout
    large = layout.size // 2 <= _MOST_CELLS and layout.size > 256
    wanted = _STRIDES if large else _STRIDES[:1]
    return [each for each in wanted if each in layout.strides] or [layout.strides[0]]


def _model(session: _Session, arm: Arm) -> Model:
    """Returns an arm as a model."""
    preprocess = replace(session.network.preprocess, size=arm.size)
    spec = _spec_of(session.spec, arm)
    tta = session.network.tta
    return Model(arm.backbone, arm.head, spec, preprocess, tta, arm.temperature)


def _outputs(session: _Session, arm: Arm, items: np.ndarray) -> dict[str, np.ndarray]:
    """Returns what an arm gives for some items, and where on their images that is."""
    session.compute.begin("answering for the test images")
    model, layout = _model(session, arm), session.maps.layout
    plain = model.tta == 1 and arm.backbone is session.network.backbone
    if plain and arm.size == layout.size:
        probabilities = dense_probabilities(arm.head, arm.temperature, session.maps, items)
    else:
        probabilities = run_model(model, session.prepared, items, session.compute)
    places = sizes_and_matrices(session.prepared, items, model.preprocess)
    return {"probabilities": probabilities} | places


def _spec_of(spec: OutputSpec, arm: Arm) -> OutputSpec:
    """Returns what decodes the outputs of an arm."""
    return replace(
        spec, settings=spec.settings | {"size": arm.size, "stride": arm.head.plan.stride}
    )


def _trained(
    session: _Session, problem: PlacedProblem, trials: MaskTrials, answered: tuple[Any, ...]
) -> Trained:
    """Puts together what was learnt, measured and tried."""
    prepared, best = session.prepared, trials.best
    dataset = prepared.dataset
    session.compute.begin("measuring baselines")
    histories = None
    if session.history:
        recipe = mask_recipe(session.ask.options, session.ask.recipe, images=len(problem.final))
        histories = Histories(session.history, problem.final, recipe)
    return Trained(
        prepared=prepared,
        model=_model(session, best),
        summary=" ".join([f"{best.name} arm: {best.summary}.", trials.said, *session.notes[-1:]]),
        evaluation=(problem.kind, problem.summary),
        answered=answered,
        predictions=decode_parts(answered, dataset.names)[1],
        uncalibrated=None,
        clusters=prepared.clusters,
        dropped=prepared.dropped,
        baselines=floors_of(problem) if session.ask.baselines != "none" else {},
        trials=trials.rows(),
        histories=histories,
        sections={
            "learning_curve": {"points": [], "forecast": None},
            "maps": {"linear arm": session.maps.place, "more": session.places},
        },
    )
