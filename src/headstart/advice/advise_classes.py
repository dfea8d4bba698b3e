"""`Advice`: whether to freeze or fine-tune, how deep, with which backbone, and what to expect."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headstart.advice.answer import (
    domain,
    expected,
    facts_of,
    looks_told,
    rule_of_thumb,
    sentences,
)
from headstart.advice.measured import expected_measure
from headstart.advice.rank import Ranked, at_size, rank, sizes_to_try
from headstart.checks.files import are_small
from headstart.checks.nearness import find_near
from headstart.compute import Compute
from headstart.data.labels import counts_of
from headstart.features.extract import extract
from headstart.images.preprocess import Preprocess
from headstart.metrics.interval import wilson
from headstart.nets.pretrained.backbone import Backbone
from headstart.probe.cross_validate import CrossValidated, Fold, Round, learning_curve
from headstart.records import Estimate, Finding, OutputSpec
from headstart.scoring.curve import extrapolate
from headstart.strategies.classes.views import Viewed, try_views
from headstart.strategies.clock import Clock
from headstart.strategies.finetuning.auto import Budget, make_plan
from headstart.strategies.finetuning.plan import FinetunePlan
from headstart.strategies.make_problem import make_problem
from headstart.strategies.prepare import face_flags
from headstart.strategies.problem import Prepared, Problem
from headstart.tasks import task_of
from headstart.training.schedule import Recipe

__all__ = ["Advice", "Wanted", "advise_classes"]


@dataclass(frozen=True)
class Advice:
    """What to do, and the measurements behind it.

    Attributes:
        data: What was looked at.
        summary: The answer, in sentences.
        expected: Accuracy to expect on a test of the size at hand.
        fits: Whether the pretrained features fit the data.
        rule_of_thumb: What the usual rule would have said.
        command: The training to run.
        facts: What can be said without a network.
        candidates: Backbones and input sizes, the best first (`advice.rank.Candidate`).
        tried: What was tried of fine-tuning (`strategies.finetuning.plan.FinetuneCandidate`).
        findings: What `check` has to say, the serious ones.
        skipped: Backbone -> why it was not tried.
        seconds: It took.
    """

    data: str
    summary: tuple[str, ...]
    expected: Estimate
    fits: bool
    rule_of_thumb: str
    command: str
    facts: dict[str, Any]
    candidates: tuple[Any, ...]
    tried: tuple[Any, ...]
    findings: tuple[Finding, ...]
    skipped: dict[str, str]
    seconds: float

    def __repr__(self) -> str:
        return f"Advice({self.data!r}: {' '.join(self.summary)})"

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(f"<li>{escape(each)}</li>" for each in self.summary)
        return f"<p>{escape(self.data)}</p><ul>{rows}</ul><code>{escape(self.command)}</code>"


@dataclass(frozen=True)
class Wanted:
    """What advice is asked for.

    Attributes:
        data: What it is about, for people.
        recipe: Of fine-tuning.
        budget: Minutes that fine-tuning may take, trials included.
        folds: Of every cross-validation.
        all_sizes: Whether several input sizes are tried.
        detector: Of faces, or None.
        columns: Flags of the data for the command, such as ``{"label": "age"}``.
        skipped: Backbone -> why it could not be had.
    """

    data: str
    recipe: Recipe
    budget: float
    folds: int
    all_sizes: bool
    detector: str | None
    columns: dict[str, str | None]
    skipped: dict[str, str]


def advise_classes(
    prepared: Prepared,
    findings: Sequence[Finding],
    looks: Sequence[tuple[Backbone, Preprocess]],
    wanted: Wanted,
    compute: Compute,
    clock: Clock,
) -> Advice:
    """Measures everything on the training images; a test split is not looked at.

    Args:
        prepared: The usable items.
        findings: Of the checks of the data.
        looks: Backbones, each with its preprocessing.
        wanted: What is asked for.
        compute: Where, and from which seed.
        clock: Since the beginning.
    """
    problem = make_problem(prepared, "auto", folds=wanted.folds, seed=compute.seed)
    one = len(problem.rounds) == 1
    items = problem.rounds[0].train if one else np.arange(len(prepared.dataset))
    tested = len(problem.rounds[0].test) if one else len(prepared.dataset)
    own, learnt, spec = _training_part(prepared, items)
    pairs = [
        (backbone, at_size(chosen, size))
        for backbone, chosen in looks
        for size in (sizes_to_try(backbone, chosen) if wanted.all_sizes else [chosen.size])
    ]
    near, own = _kept_together(own, pairs[0], compute)
    ranked = rank(own, learnt, pairs, compute, folds=wanted.folds)
    best = ranked[0]
    viewed, plan = _plan(own, learnt, spec, best, wanted, compute, clock)
    compute.begin("measuring the learning curve")
    forecast = _forecast(own, learnt, viewed, wanted.folds, compute.seed)
    hope = _hope(_accuracy(viewed), len(ranked), plan, tested)
    fits, about = domain(best.candidate, learnt.n_classes)
    counts = [each for each in counts_of(own.dataset.labels).values() if each]
    candidates = tuple(each.candidate for each in ranked)
    return Advice(
        data=wanted.data,
        summary=(
            about,
            *expected_measure(own, viewed.outcome.probe, spec, seed=compute.seed),
            *looks_told(viewed.said),
            *sentences(candidates, plan, forecast["summary"] if forecast else None, hope),
        ),
        expected=hope,
        fits=fits,
        rule_of_thumb=rule_of_thumb(float(np.median(counts)), fits),
        command=_command(wanted, best, plan),
        facts=facts_of(prepared),
        candidates=candidates,
        tried=plan.candidates,
        findings=tuple(each for each in (*findings, *near) if each.severity == "serious"),
        skipped=wanted.skipped,
        seconds=clock.total,
    )


def _training_part(prepared: Prepared, items: np.ndarray) -> tuple[Prepared, Round, OutputSpec]:
    """Returns the training items by themselves, and what is learnt of them."""
    dataset = prepared.dataset.take(items)
    own = replace(
        prepared, dataset=dataset, stats=prepared.stats.take(items),
        clusters=prepared.clusters[items], splits=prepared.splits[items],
        dropped=prepared.dropped[items],
    )  # fmt: skip
    everything = np.arange(len(items))
    target = task_of(dataset.task).encode(dataset.labels, everything)
    learnt = Round(everything, everything[:0], target.classes, len(target.spec.names))
    return own, learnt, target.spec


def _kept_together(
    own: Prepared, look: tuple[Backbone, Preprocess], compute: Compute
) -> tuple[Sequence[Finding], Prepared]:
    """Joins near images as `train` does; the first candidate's vectors are kept for its rank."""
    features = extract(
        own.dataset, look[0], preprocess=look[1], device=compute.device,
        workers=compute.workers, progress=compute.progress,
    )  # fmt: skip
    last = features.vectors[:, features.slices["last"]]
    small = are_small(own.stats)
    near = find_near(last, own.dataset, own.clusters, small=small, seed=compute.seed)
    return near.findings, replace(own, clusters=near.clusters)


def _plan(
    own: Prepared,
    learnt: Round,
    spec: OutputSpec,
    best: Ranked,
    wanted: Wanted,
    compute: Compute,
    clock: Clock,
) -> tuple[Viewed, FinetunePlan]:
    """Tries further looks as `train` does, and plans the fine-tuning of the best network."""
    problem = Problem(own, (learnt,), (spec,), learnt, spec, "holdout", "")
    scores = np.empty((0, learnt.n_classes))
    fold = Fold(learnt, best.probe, scores, best.probe.temperature)
    first = CrossValidated((fold,), best.probe, learnt)
    viewed = try_views(problem, best.network, first, None, compute, clock, folds=wanted.folds)
    compute.begin("planning fine-tuning")
    budget = Budget(60 * wanted.budget)
    return viewed, make_plan(
        problem, viewed.start, viewed.probed, wanted.recipe, compute, budget=budget
    )


def _accuracy(viewed: Viewed) -> Estimate:
    """Returns the accuracy of the probe, of all looks that were kept, on held-out images."""
    probe = viewed.outcome.probe
    right = probe.held_out.argmax(axis=1) == viewed.outcome.final.targets[probe.chosen_on]
    return wilson(float(right.sum()), len(right))


def _forecast(
    own: Prepared, learnt: Round, viewed: Viewed, folds: int, seed: int
) -> dict[str, Any] | None:
    """Returns what twice as many images would bring."""
    sizes, accuracies, held = learning_curve(
        viewed.network.features, viewed.outcome.probe, learnt, own.clusters, Compute(seed=seed),
        folds=folds,
    )  # fmt: skip
    rising = len(sizes) > 2 and bool((np.diff(sizes) > 0).all())
    if not rising:
        return None
    return extrapolate(
        sizes.tolist(), accuracies, have=len(learnt.train), seed=seed, tested=int(held.sum()),
        weights=held,
    )  # fmt: skip


def _hope(probed: Estimate, among: int, plan: FinetunePlan, tested: int) -> Estimate:
    """Returns the accuracy to expect of what is planned."""
    validation, longer = probed, 1.0
    if plan.recipe is not None:
        tried = [
            (each.validation, each.recipe)
            for each in plan.candidates
            if each.validation is not None
        ]
        validation, seen = max(tried, key=lambda pair: pair[0].value)
        longer = max(1.0, (1 + plan.recipe.epochs) / (1 + (seen.epochs if seen else 0)))
        among += len(tried)
    return expected(validation, tested=tested, chosen_among=among, longer=longer)


def _command(wanted: Wanted, best: Ranked, plan: FinetunePlan) -> str:
    """Returns the training to run."""
    flags = [part for name, each in wanted.columns.items() if each for part in (f"--{name}", each)]
    place = best.network.backbone.source.place
    strategy = f"auto --budget {wanted.budget:g}" if plan.recipe else "probe"
    words = ["headstart", "train", wanted.data, *flags, *face_flags(wanted.detector)]
    return shlex.join(words) + (
        f" --backbone {shlex.quote(place)} --image-size {best.candidate.image_size} "
        f"--strategy {strategy} -o RUN"
    )
