"""`advise`: what to do with these images, from short measurements on them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from headstart.advice.advise_people import PeopleAdvice, advise_people
from headstart.choices import Device, Geometry
from headstart.data.open import open_dataset
from headstart.errors import BackboneError
from headstart.features.extract import extract
from headstart.images.pixels import Progress, measure, silent
from headstart.nets.backbone import Backbone, open_backbone, pick_device
from headstart.nets.detector import find_detector
from headstart.nets.source import PRESETS
from headstart.options.advise import AdviseOptions
from headstart.options.command import command
from headstart.probe.cross_validate import CrossValidated, Fold, learning_curve
from headstart.probe.probe import feature_sets
from headstart.records import Estimate, Finding
from headstart.scoring.curve import extrapolate
from headstart.strategies.prepare import (
    check_and_split,
    choose_preprocess,
    drop_unlabelled,
    face_flags,
    make_splits,
)
from headstart.training.schedule import Recipe, parse_recipe

__all__ = ["Advice", "advise"]


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
        tried: What was tried of fine-tuning (`strategies.plan.FinetuneCandidate`).
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


@command(AdviseOptions)
def advise(options: AdviseOptions, progress: Progress = silent) -> Advice | PeopleAdvice:
    """Says whether to freeze or fine-tune, how deep, with which backbone, and what to expect.

    Everything is measured on the training images; a test split is not looked at.

    Returns:
        An `Advice`; for `goal="embed"` a `PeopleAdvice`.

    Raises:
        DataError: If the data cannot be used.
        BackboneError: If no backbone can be had.
    """
    if options.goal == "embed":
        return _people(
            options.data,
            faces=options.faces,
            detector=options.detector,
            backbone=options.backbone,
            image_size=options.image_size,
            geometry=options.geometry,
            label=options.label,
            group=options.group,
            split=options.split,
            seed=options.seed,
            device=options.device,
            workers=options.workers,
            progress=progress,
        )
    from headstart.advice.answer import domain, expected, facts_of, rule_of_thumb, sentences
    from headstart.advice.numbers import how_far_off
    from headstart.advice.rank import at_size, rank, sizes_to_try
    from headstart.strategies.auto import make_plan

    started = time.perf_counter()
    base = parse_recipe(options.recipe, Recipe())
    dataset = drop_unlabelled(
        open_dataset(
            options.data,
            label=options.label,
            group=options.group,
            split=options.split,
            task=options.task,
        )
    )
    networks, skipped = _networks(options.backbone)
    found_by = options.detector if options.faces else None
    if options.faces:  # which photos have one is known only after looking
        fitted = choose_preprocess(
            dataset, networks[0], "auto", options.geometry, detector=found_by
        )
        stats = extract(
            dataset, networks[0], preprocess=fitted, device=options.device, workers=options.workers,
            progress=progress,
        ).stats  # fmt: skip
    else:
        stats = measure(dataset, workers=options.workers, progress=progress)
    findings, _, whole = check_and_split(dataset, stats, seed=options.seed, drop_leaks=True)
    rounds, _, _ = make_splits(whole, "auto", folds=options.folds, seed=options.seed)
    items = rounds[0][0] if len(rounds) == 1 else np.arange(len(whole.dataset))
    tested = len(rounds[0][1]) if len(rounds) == 1 else len(whole.dataset)

    pairs = []
    for network in networks:
        chosen = choose_preprocess(
            whole.dataset, network, options.image_size, options.geometry, detector=found_by
        )
        sizes_tried = (
            sizes_to_try(network, chosen) if options.image_size == "auto" else [chosen.size]
        )
        pairs += [(network, at_size(chosen, size)) for size in sizes_tried]
    ranked = rank(
        whole.dataset,
        whole.clusters,
        items,
        pairs,
        folds=options.folds,
        seed=options.seed,
        device=options.device,
        workers=options.workers,
        progress=progress,
    )
    best, features, probed = ranked[0]
    candidates = tuple(candidate for candidate, _, _ in ranked)
    network, preprocess = next(
        (network, fitted)
        for network, fitted in pairs
        if network.name == best.backbone and fitted.size == best.image_size
    )
    own, groups = whole.dataset.take(items), whole.clusters[items]
    sets = feature_sets(features.slices)
    nothing = np.empty(0, int)
    part = Fold(
        np.arange(len(own)), nothing, probed, np.empty((0, len(own.classes))), probed.temperature
    )
    outcome = CrossValidated(nothing, part.scores, part.scores, probed, (part,))
    plan = make_plan(
        own,
        features.vectors,
        sets,
        groups,
        outcome,
        network,
        base,
        preprocess=preprocess,
        budget=60 * options.budget,
        seed=options.seed,
        device=pick_device(options.device),
        workers=options.workers,
        progress=progress,
    )
    sizes, accuracies = learning_curve(
        features.vectors, probed.head.columns, own.targets, groups, probed.config,
        n_classes=len(own.classes), folds=options.folds, seed=options.seed,
    )  # fmt: skip
    rising = len(sizes) > 2 and bool((np.diff(sizes) > 0).all())
    forecast = extrapolate(sizes.tolist(), accuracies, seed=options.seed) if rising else None
    validation, longer, among = best.accuracy, 1.0, len(candidates)
    if plan.recipe is not None:
        tried = [
            (candidate.validation, candidate.recipe)
            for candidate in plan.candidates
            if candidate.validation is not None
        ]
        validation, seen = max(tried, key=lambda pair: pair[0].value)
        longer = max(1.0, (1 + plan.recipe.epochs) / (1 + (seen.epochs if seen else 0)))
        among += len(tried)
    hope = expected(validation, tested=tested, chosen_among=among, longer=longer)
    fits, about = domain(best, len(own.classes))
    counts = own.counts[own.counts > 0]
    return Advice(
        data=str(options.data),
        summary=(
            about,
            *how_far_off(own, probed, groups, seed=options.seed),
            *sentences(candidates, plan, forecast["summary"] if forecast else None, hope),
        ),
        expected=hope,
        fits=fits,
        rule_of_thumb=rule_of_thumb(float(np.median(counts)), fits),
        command=_command(
            options.data,
            network,
            best.image_size,
            bool(plan.recipe),
            options.budget,
            found_by,
            {
                "task": dataset.task if dataset.bins else None,
                "label": options.label,
                "group": options.group,
                "split": options.split,
            },
        ),
        facts=facts_of(
            whole.dataset, whole.clusters, np.stack([whole.stats.widths, whole.stats.heights], 1)
        ),
        candidates=candidates,
        tried=plan.candidates,
        findings=tuple(each for each in findings if each.severity == "serious"),
        skipped=skipped,
        seconds=time.perf_counter() - started,
    )


def _people(
    data: str | Path,
    *,
    faces: bool,
    detector: str,
    backbone: str,
    image_size: int | Literal["auto"],
    geometry: Geometry,
    label: str | None,
    group: str | None,
    split: str | None,
    seed: int,
    device: Device,
    workers: int | None,
    progress: Progress,
) -> PeopleAdvice:
    """Answers for `goal="embed"`."""
    dataset = drop_unlabelled(
        open_dataset(data, label=label, group=group, split=split, same_classes=False)
    )
    networks, skipped = _networks(backbone)
    share, found_by = (1.0 if faces else None), None
    if faces:
        try:
            find_detector(detector)
            found_by = detector
        except BackboneError:
            if detector != "yunet":
                raise
    if found_by is None:
        stats = measure(dataset, workers=workers, progress=progress)
    else:
        preprocess = choose_preprocess(
            dataset, networks[0], image_size, geometry, detector=found_by
        )
        stats = extract(
            dataset, networks[0], preprocess=preprocess, device=device, workers=workers,
            progress=progress,
        ).stats  # fmt: skip
        share = float(stats.readable.mean())
    _, _, whole = check_and_split(dataset, stats, seed=seed, drop_leaks=True)
    fitted = [
        (each, choose_preprocess(whole.dataset, each, image_size, geometry, detector=found_by))
        for each in networks
    ]
    return advise_people(
        data, whole, fitted, skipped, faces=share, detector=found_by, seed=seed, device=device,
        workers=workers, progress=progress,
    )  # fmt: skip


def _networks(names: str) -> tuple[list[Backbone], dict[str, str]]:
    """Opens every backbone that can be had.

    Raises:
        BackboneError: If there is none.
    """
    wanted = list(PRESETS) if names == "presets" else [each.strip() for each in names.split(",")]
    found, skipped = [], {}
    for name in wanted:
        try:
            found.append(open_backbone(name))
        except BackboneError as error:
            if names != "presets":
                raise
            skipped[name] = str(error)
            break  # what keeps one preset from coming keeps the others too
    if not found:
        raise BackboneError(
            f"no preset can be had ({next(iter(skipped.values()))}); name backbones that are here "
            f"with --backbone, such as starter"
        )
    return found, skipped


def _command(
    data: str | Path,
    network: Backbone,
    size: int,
    tuned: bool,
    budget: float,
    detector: str | None,
    columns: dict[str, str | None],
) -> str:
    import shlex

    flags = [part for name, each in columns.items() if each for part in (f"--{name}", each)]

    place = str(network.source.path) if network.source.kind == "folder" else network.source.name
    strategy = f"auto --budget {budget:g}" if tuned else "probe"
    return shlex.join(["headstart", "train", str(data), *flags, *face_flags(detector)]) + (
        f" --backbone {shlex.quote(place)} --image-size {size} --strategy {strategy} -o RUN"
    )
