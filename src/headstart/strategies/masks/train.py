"""From usable items with masks to a model that gives every pixel a class."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import cast, get_args

import numpy as np

from headstart.choices import Segmenter
from headstart.compute import Compute, silent
from headstart.data.masks.masks import Masks
from headstart.errors import OptionError
from headstart.features.extract_filters import extract_filters
from headstart.features.extract_maps import Maps
from headstart.images.threads import ordered_map
from headstart.nets.masks.head import FILTER_LEVELS, DenseHead
from headstart.nets.model import Model
from headstart.nets.stages import one_thread
from headstart.probe.dense_targets import are_uneven
from headstart.strategies.ask import Ask
from headstart.strategies.clock import Clock
from headstart.strategies.masks.arms import Arm, compare_arms, dense_probabilities, linear_arm
from headstart.strategies.masks.course import Course
from headstart.strategies.masks.head import HeadTask, head_arm
from headstart.strategies.masks.input import (
    asked_tile,
    fine_detail,
    head_side,
    mask_recipe,
    tiny_objects,
    tuned_input,
)
from headstart.strategies.masks.material import MaskMaterial, read_masks
from headstart.strategies.masks.smp_arm import named_segmenter, smp_arm
from headstart.strategies.masks.tuned import LearntFrom, of_windows, tuned_arm
from headstart.strategies.masks.under_head import has_time, minutes_lacking, under_head_arm
from headstart.strategies.placed.arm_trials import ArmTrials
from headstart.strategies.placed.input import names_epochs
from headstart.strategies.placed.model import run_model, sizes_and_matrices
from headstart.strategies.placed.problem import Folds, placed_folds
from headstart.strategies.placed.run import Session, begin_session, learn_rounds, trained_in
from headstart.strategies.problem import FrozenNetwork, Prepared
from headstart.strategies.trained import Trained
from headstart.tasks.segmentation.recipe import MaskRecipe

__all__ = ["train_masks"]

# Linear arms answer at the first of these strides that the network has, where an input is large
# and cells are few enough; else at the second.
_FINE = (2, 4)
_FILTERED = 600  # images of which filters are kept: 2 GB at 512 px
_LONG = ("head", "fine-tuned", *get_args(Segmenter))
_MOST_CELLS = 256
_BATCH = 16


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
    if network.tta not in DenseHead.views:
        raise OptionError(
            f"--tta {network.tta} looks at parts of an image, and masks are of all of it: choose "
            f"1, 2 for its mirror image too, or 8 for all quarter turns"
        )
    session = begin_session("masks", prepared, network, ask, compute, clock, kind=Session)
    problem = session.problem
    places: list[str] = []
    # Of no use to most masks, and then never computed; of use, all rounds and the test read them.
    filters = cache(partial(extract_filters, prepared.dataset, network.preprocess, compute))
    rounds, final = learn_rounds(
        problem, lambda items, mark: _learn(session, items, mark, places, filters)
    )
    with clock.phase("predict"):
        answered = tuple(
            (test, _outputs(session, trials.best, test, filters), _model(session, trials.best).spec)
            for trials, (_, test) in zip(rounds, problem.rounds, strict=True)
        )
    best, recipe = final.best, ask.recipe
    if session.history:
        recipe = mask_recipe(ask.options, ask.recipe, images=len(problem.final))
    said = [f"{best.name} arm: {best.summary}.", final.said, *session.notes[-1:]]
    if network.tta > 1:
        said.append(f"Every answer is the mean of {network.tta} views, at so many times the cost.")
    said += session.overrun()
    return trained_in(
        session, _model(session, best), " ".join(filter(None, said)), answered, trials=final.rows(),
        recipe=recipe,
        sections={"maps": {"linear arm": session.maps.place, "more": places}},
    )  # fmt: skip


def _learn(
    session: Session,
    items: np.ndarray,
    mark: str,
    places: list[str],
    filters: Callable[[], Maps],
) -> ArmTrials[Arm]:
    """Fits every arm on some items, and keeps the best on those of them that were held out."""
    prepared, network, compute = session.prepared, session.network, session.compute
    clock, ask, clusters = session.clock, session.ask, prepared.clusters[items]
    strides = _strides(session)
    finest = min(stride for stride, _ in strides)
    with clock.phase("read masks"):
        material = read_masks(prepared, items, network.preprocess, finest, compute)
    mine = np.isin(np.arange(len(prepared.dataset)), items)
    folds = placed_folds(prepared, items, folds=ask.folds, seed=compute.seed)

    def fit(way: tuple[int, bool]) -> Arm:
        stride, filtered = way
        # A screen shows one phase at a time: that of the last arm, which takes longest.
        heard = compute if way == strides[-1] else compute.with_progress(silent)
        return linear_arm(
            session.maps.take(mine), material, network.backbone, folds, heard,
            stride=stride, balance=ask.recipe.balance,
            filters=filters().take(mine) if filtered else None,
        )  # fmt: skip

    # Steps are so small that threads inside of them would wait for each other.
    with clock.phase("linear arm"), one_thread():
        arms = list(ordered_map(fit, strides))
    if strides[-1][1] and (told := f"filters: {filters().place}") not in places:
        places.append(told)
    trials = compare_arms(arms, clusters, seed=compute.seed)
    named = named_segmenter(ask.options)
    if ask.strategy == "probe" and named is None:
        return trials
    recipe = mask_recipe(ask.options, ask.recipe, images=len(items))
    name = named or _LONG[_tunes(session, recipe)]
    with clock.phase(f"{name} arm"):
        course = _begin(session, material, recipe, folds, mark, name)
        places.extend([f"head arm: {course.learner.place}"] if course.learner.place else [])
    session.notes.extend([course.said] if course.said else [])
    courses = [course]
    if recipe.arm == "auto" and name == "head":
        courses += _beyond(session, course, folds, mark)
    return _kept(session, trials, courses, clusters)


def _beyond(session: Session, head: Course, folds: Folds, mark: str) -> list[Course]:
    """Trains the network too, from the head on, where the budget leaves time for it.

    The head has had all its epochs then, and held-out images can compare the two.
    """
    ask, by_itself = session.ask, session.ask.strategy == "auto"
    once = session.problem.learnings == 1 and not names_epochs(ask.options)
    if not (by_itself and once) or head.arm is None or head.arm.held is None or head.said:
        return []
    states = session.states_as(mark, session.left("fine-tuned", "head") - head.still)
    place = states.checkpoints.folder
    assert place is not None, "whoever trains keeps states"
    wanted = math.ceil(ask.budget + minutes_lacking(head, states))
    untried = f"Whether the network should learn too was not tried: say --budget {wanted}."
    if not has_time(head, states):
        session.notes.append(untried)
        return []
    with session.clock.phase("fine-tuned arm"):
        course = under_head_arm(head, folds, states, place=place)
    together = f"Network and head together: {course.said[:1].lower()}{course.said[1:]}"
    told = untried if course.arm is None else together
    session.notes.extend([told] if course.said else [])
    return [course]


def _kept(
    session: Session, trials: ArmTrials[Arm], courses: list[Course], clusters: np.ndarray
) -> ArmTrials[Arm]:
    """Compares what takes steps with the others; what is kept of it learns on with all images."""
    begun = [course for course in courses if course.arm is not None]
    arms = [*trials.arms, *(course.arm for course in begun if course.arm is not None)]
    if not begun:
        return trials
    ask = session.ask
    both = compare_arms(arms, clusters, seed=session.compute.seed, last=_is_asked(ask))
    for course in begun:
        session.history.update(course.history)
    best = both.chosen - len(trials.arms)
    if best < 0:
        return both
    with session.clock.phase(f"{both.best.name} arm"):
        finished = begun[best].finish()
    session.history.update(begun[best].history)
    return both.keeping(both.chosen, finished)


def _tunes(session: Session, recipe: MaskRecipe) -> bool:
    """Tells whether the network learns too: as asked, or where fine detail tells.

    Not so by itself where classes are rare, unless they are tiny: training all of it is unstable
    there.
    """
    if recipe.arm != "auto":
        return recipe.arm == "fine-tuned"
    if session.ask.strategy == "finetune" or asked_tile(session.ask.options) is not None:
        return True
    return _is_fine(session)


def _is_fine(session: Session) -> bool:
    """Tells whether fine detail tells, and no class is rare or what is rare is tiny."""
    dataset = session.prepared.dataset
    if tiny_objects(dataset):
        return True
    pixels = cast("Masks", dataset.labels).pixels.sum(axis=0)
    return not are_uneven(pixels) and fine_detail(dataset, session.maps.layout.size)


def _begin(
    session: Session,
    material: MaskMaterial,
    recipe: MaskRecipe,
    folds: Folds,
    mark: str,
    name: str,
) -> Course:
    """Trains a head, the whole network, or a decoder that was named, on all but one fold."""
    ask, network, prepared = session.ask, session.network, session.prepared
    dataset = prepared.dataset
    states = session.states_as(mark, None if names_epochs(ask.options) else session.left(name))
    named = named_segmenter(ask.options)
    tiles = asked_tile(ask.options) is not None
    fine = name == "fine-tuned" or (named is not None and (tiles or _is_fine(session)))
    if fine:
        preprocess = tuned_input(dataset, network, ask.options)
    else:
        side = head_side(dataset, network, ask.options.get("image_size", "auto"))
        preprocess = replace(network.preprocess, size=side)
    if fine and not names_epochs(ask.options):
        recipe = of_windows(recipe, len(material.items))
    task = HeadTask(prepared, material, network.backbone, preprocess, recipe, _is_asked(ask))
    if name == "head":
        return head_arm(task, folds, session.compute, states)
    place = states.checkpoints.folder  # None where the network stays as it is
    if place is not None and mark:
        place = place / "backbones" / mark
    if named is not None:
        look = LearntFrom(windows=fine, any_side_up=fine)
        return smp_arm(task, folds, session.compute, states, kind=named, place=place, look=look)
    assert place is not None, "whoever trains keeps states"
    any_side_up = fine_detail(dataset, session.maps.layout.size)
    return tuned_arm(task, folds, session.compute, states, place=place, any_side_up=any_side_up)


def _is_asked(ask: Ask) -> bool:
    """Tells whether an arm beside the linear one was asked for, which is kept in any case."""
    return ask.strategy == "finetune" or named_segmenter(ask.options) is not None


def _strides(session: Session) -> list[tuple[int, bool]]:
    """Returns the strides that linear arms answer at, and whether they read filters too."""
    layout = session.maps.layout
    large = layout.size // 2 <= _MOST_CELLS and layout.size > 256
    wanted = _FINE if large else _FINE[1:]
    found = next((each for each in wanted if each in layout.strides), layout.strides[0])
    # Filters take as much room as the network's maps, and nearly the time: they are tried where
    # fine detail made the input large, and of so few images that there is room for them.
    # Where another arm is asked for, the linear one is only what it is compared with.
    few = len(session.prepared.dataset) <= _FILTERED
    filtered = large and few and not _is_asked(session.ask)
    return [(found, False), *([(FILTER_LEVELS[0][1], True)] if filtered else [])]


def _model(session: Session, arm: Arm) -> Model:
    """Returns an arm as a model."""
    preprocess = replace(session.network.preprocess, size=arm.size, tile=arm.tile)
    told = session.spec.settings | {"size": arm.size, "stride": arm.head.plan.stride}
    spec = replace(session.spec, settings=told)
    tta = session.network.tta
    return Model(arm.backbone, arm.head, spec, preprocess, tta, arm.temperature)


def _outputs(
    session: Session, arm: Arm, items: np.ndarray, filters: Callable[[], Maps]
) -> dict[str, np.ndarray]:
    """Returns what an arm gives for some items, and where on their images that is."""
    session.compute.begin("answering for the test images")
    model, layout = _model(session, arm), session.maps.layout
    plain = model.tta == 1 and arm.backbone is session.network.backbone and arm.tile is None
    if plain and arm.size == layout.size:
        more = filters() if isinstance(arm.head, DenseHead) and arm.head.plan.filters else None
        probabilities = dense_probabilities(arm.head, arm.temperature, session.maps, items, more)
    else:
        parts = run_model(model, session.prepared, items, session.compute, batch=_BATCH)
        found = [part["probabilities"].astype(np.float16) for part in parts]
        probabilities = np.concatenate(found)
    places = sizes_and_matrices(session.prepared, items, model.preprocess)
    return {"probabilities": probabilities} | places
