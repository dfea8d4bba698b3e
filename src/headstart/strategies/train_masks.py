"""From usable items with masks to a model that gives every pixel a class."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headstart.compute import Compute
from headstart.features.extract_maps import Maps
from headstart.nets.model import Model
from headstart.predictions import Predictions
from headstart.records import OutputSpec
from headstart.stacking import concatenate
from headstart.strategies.clock import Clock
from headstart.strategies.mask_arms import Arm, dense_probabilities, linear_arm
from headstart.strategies.mask_material import read_masks, sizes_and_matrices
from headstart.strategies.mask_problem import MaskProblem, make_mask_problem, mask_folds
from headstart.strategies.problem import FrozenNetwork, Prepared
from headstart.strategies.train_classes import Ask
from headstart.strategies.trained import Trained
from headstart.tasks import decode_parts, task_of

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
    """
    maps = network.maps
    assert isinstance(maps, Maps), "masks are learnt from maps"
    problem = make_mask_problem(prepared, ask.evaluation, folds=ask.folds, seed=compute.seed)
    session = _Session(prepared, network, maps, ask, compute, clock)
    rounds = [_learn(session, train) for train, _ in problem.rounds]
    kept = rounds[0] if problem.kind == "holdout" else _learn(session, problem.final)
    spec = task_of("segmentation").encode(prepared.dataset.labels, problem.final).spec
    with clock.phase("predict"):
        compute.begin("answering for the test images")
        answered = tuple(
            (test, _outputs(session, arms[0], test), _spec_of(spec, arms[0]))
            for arms, (_, test) in zip(rounds, problem.rounds, strict=True)
        )
    return _trained(session, problem, kept, answered, spec)


def _learn(session: _Session, items: np.ndarray) -> list[Arm]:
    """Fits every arm on some items; the best on those of them that were held out comes first."""
    prepared, network, compute = session.prepared, session.network, session.compute
    layout, clock, ask = session.maps.layout, session.clock, session.ask
    finest = min(_strides(session), default=layout.strides[-1])
    with clock.phase("read masks"):
        material = read_masks(prepared, items, network.preprocess, finest, compute)
    own = session.maps.take(np.isin(np.arange(len(prepared.dataset)), items))
    folds = mask_folds(prepared, items, folds=ask.folds, seed=compute.seed)
    with clock.phase("linear arm"):
        arms = [
            linear_arm(
                own, material, network.backbone, folds, compute, stride=stride,
                balance=ask.recipe.balance,
            )
            for stride in _strides(session)
        ]  # fmt: skip
    return _best_first(arms)


def _strides(session: _Session) -> list[int]:
    """Returns the strides that linear arms answer at."""
    layout = session.maps.layout
    large = layout.size // 2 <= _MOST_CELLS and layout.size > 256
    wanted = _STRIDES if large else _STRIDES[:1]
    return [each for each in wanted if each in layout.strides] or [layout.strides[0]]


def _best_first(arms: list[Arm]) -> list[Arm]:
    def value(arm: Arm) -> float:
        return -1.0 if arm.held is None else arm.held.value

    best = max(arms, key=value)
    return [best, *(arm for arm in arms if arm is not best)]


def _outputs(session: _Session, arm: Arm, items: np.ndarray) -> dict[str, np.ndarray]:
    """Returns what an arm gives for some items, and where on their images that is."""
    probabilities = dense_probabilities(arm.head, arm.temperature, session.maps, items)
    places = sizes_and_matrices(session.prepared, items, session.network.preprocess)
    return {"probabilities": probabilities} | places


def _spec_of(spec: OutputSpec, arm: Arm) -> OutputSpec:
    """Returns what decodes the outputs of an arm."""
    return replace(
        spec, settings=spec.settings | {"size": arm.size, "stride": arm.head.plan.stride}
    )


def _trained(
    session: _Session,
    problem: MaskProblem,
    arms: list[Arm],
    answered: tuple[Any, ...],
    spec: OutputSpec,
) -> Trained:
    """Puts together what was learnt, measured and tried."""
    prepared, network, best = session.prepared, session.network, arms[0]
    dataset = prepared.dataset
    preprocess = replace(network.preprocess, size=best.size)
    model = Model(best.backbone, best.head, _spec_of(spec, best), preprocess, 1, best.temperature)
    session.compute.begin("measuring baselines")
    return Trained(
        prepared=prepared,
        model=model,
        summary=f"{best.name} arm: {best.summary}.",
        evaluation=(problem.kind, problem.summary),
        answered=answered,
        predictions=decode_parts(answered, dataset.names)[1],
        uncalibrated=None,
        clusters=prepared.clusters,
        dropped=prepared.dropped,
        baselines=_baselines(problem) if session.ask.baselines != "none" else {},
        trials=tuple(arm.row() | {"chosen": arm is best} for arm in arms),
        sections={
            "learning_curve": {"points": [], "forecast": None},
            "maps": {"place": session.maps.place, "size": session.maps.layout.size},
        },
    )


def _baselines(problem: MaskProblem) -> dict[str, Predictions]:
    """Returns what somebody would answer who never looks at an image."""
    dataset, task = problem.prepared.dataset, task_of("segmentation")
    items = np.concatenate([test for _, test in problem.rounds])
    order = np.argsort(items, kind="stable")
    found = [
        task.baselines(dataset.labels, dataset.names, train, test)
        for train, test in problem.rounds
    ]
    return {name: concatenate([each[name] for each in found]).take(order) for name in found[0]}
