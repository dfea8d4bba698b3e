"""`PlacedAdvice`: for answers with a place (masks, boxes): freeze or fine-tune, and what to expect.

A part of the training images is held out once. The frozen network's way is learnt on the rest and
on half of it, the full way within the budget, and all are measured on the same held-out images.
"""

from __future__ import annotations

import contextlib
import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from headstart.choices import Strategy
from headstart.compute import Compute
from headstart.data.labels import counts_of
from headstart.errors import DataError
from headstart.features.extract_maps import extract_maps
from headstart.images.deep import Levels
from headstart.metrics.statistic import Statistic, difference, estimate
from headstart.nets.pretrained.backbone import Backbone
from headstart.options.advise import AdviseOptions
from headstart.options.ways import recipe_of
from headstart.probe.frozen import Frozen
from headstart.records import Estimate, Finding
from headstart.scoring.score import measured
from headstart.strategies.ask import Ask
from headstart.strategies.clock import Clock
from headstart.strategies.placed.problem import placed_folds
from headstart.strategies.problem import FrozenNetwork, Prepared
from headstart.strategies.ways import input_of, refuse_early, way_of
from headstart.tasks import task_of
from headstart.training.schedule import parse_recipe

__all__ = ["PlacedAdvice", "advise_places"]


@dataclass(frozen=True)
class PlacedAdvice:
    """What to do, and the measurements behind it.

    Attributes:
        data: What was looked at.
        task: Of the data.
        summary: The answer, in sentences.
        command: The training to run.
        rows: What was tried -> the task's primary measure on held-out training images.
        gain: Of the full way over the frozen network, paired; None where it was not tried.
        facts: What can be said without a network.
        findings: What `check` has to say, the serious ones.
        skipped: Backbone -> why it could not be had.
        seconds: It took.
    """

    data: str
    task: str
    summary: tuple[str, ...]
    command: str
    rows: dict[str, Estimate]
    gain: Estimate | None
    facts: dict[str, Any]
    findings: tuple[Finding, ...]
    skipped: dict[str, str]
    seconds: float

    def __repr__(self) -> str:
        return f"PlacedAdvice({self.data!r}: {' '.join(self.summary)})"


def advise_places(
    prepared: Prepared,
    findings: Sequence[Finding],
    networks: Sequence[Backbone],
    options: AdviseOptions,
    skipped: dict[str, str],
    levels: Levels,
    compute: Compute,
) -> PlacedAdvice:
    """Measures everything on the training images; a test split is not looked at.

    Args:
        prepared: The usable items.
        findings: Of the checks of the data.
        networks: Backbones to try.
        options: What was asked for.
        skipped: Backbone -> why it could not be had.
        levels: Of images deeper than 8 bits.
        compute: Where, and from which seed.

    Raises:
        BackboneError: If a backbone has no maps.
        DataError: If nothing can be held out.
    """
    clock = Clock()
    own = _training_part(prepared)
    of, k = placed_folds(own, np.arange(len(own.dataset)), folds=options.folds, seed=compute.seed)
    if k < 2:
        raise DataError(
            f"{own.dataset.root}: its {len(own.dataset):,} training images must all stay together, "
            f"so that none can be held out to measure on: add images of other things"
        )
    trial = _Trial(replace(own, splits=np.where(of == 0, "test", "train")), options, compute)
    seen = [trial.look(network, levels) for network in networks]
    frozen = [trial.measure(each, "probe") for each in seen]
    best = max(range(len(seen)), key=lambda number: trial.worth(frozen[number]))
    full = trial.measure(seen[best], "auto")
    half = trial.halved(of).measure(seen[best], "probe")
    name = seen[best].backbone.name
    rows = {
        f"{one.backbone.name}, frozen": trial.told(each)
        for one, each in zip(seen, frozen, strict=True)
    }
    # Where the budget left no time for more than the frozen network, nothing was learnt of it.
    tried = bool(trial.arms["auto"] - trial.arms["probe"])
    rows |= {f"{name}, full training": trial.told(full)} if tried else {}
    rows |= {f"{name}, half": trial.told(half)}
    gain = difference(full, frozen[best], trial.clusters, seed=compute.seed) if tried else None
    growth = difference(frozen[best], half, trial.clusters, seed=compute.seed)
    pays = gain is not None and trial.better(gain.value)
    strategy = f"auto --budget {options.budget:g}" if pays else "probe"
    words: list[object] = ["headstart", "train", options.data, "--task", own.dataset.task]
    words += ["--backbone", seen[best].backbone.source.place]
    words += ["--image-size", seen[best].preprocess.size]
    counts = counts_of(own.dataset.labels)
    return PlacedAdvice(
        data=str(options.data),
        task=own.dataset.task,
        summary=_sentences(trial, rows, name, gain, growth),
        command=shlex.join(map(str, words)) + f" --strategy {strategy} -o RUN",
        rows=rows,
        gain=gain,
        facts={
            "images": len(prepared.dataset),
            "training images": len(own.dataset),
            "held out here": int((of == 0).sum()),
            "of each class": ", ".join(f"{kind} {n}" for kind, n in counts.items()),
        },
        findings=tuple(each for each in findings if each.severity == "serious"),
        skipped=skipped,
        seconds=clock.total,
    )


def _training_part(prepared: Prepared) -> Prepared:
    """Returns the training items by themselves."""
    items = np.flatnonzero((prepared.splits != "test") & ~prepared.dropped)
    return Prepared(
        prepared.dataset.take(items), prepared.stats.take(items), prepared.clusters[items],
        prepared.splits[items], prepared.dropped[items],
    )  # fmt: skip


def _sentences(
    trial: _Trial,
    rows: dict[str, Estimate],
    name: str,
    gain: Estimate | None,
    growth: Estimate,
) -> tuple[str, ...]:
    """Returns the answer in words: what to do, what to expect, what more images would bring."""
    words, frozen = trial.primary.words, rows[f"{name}, frozen"]
    hope = rows[f"{name}, full training"] if gain and trial.better(gain.value) else frozen
    found = [
        f"Use {name}: {words} {frozen.value:.3f} with the network frozen.",
        f"Freeze or fine-tune? {_of_training(trial, gain)}",
    ]
    found.append(
        f"Expect {words} of about {hope.value:.3f} ({hope.low:.3f} to {hope.high:.3f}); it was "
        f"measured on {hope.n} held-out training images, and trained on the others."
    )
    found.append(
        f"Too few images? Twice as many brought {growth.value:+.3f} ({growth.low:+.3f} to "
        f"{growth.high:+.3f}) from half of them to all, with the network frozen; twice as many "
        f"again usually bring less."
    )
    return tuple(found)


def _of_training(trial: _Trial, gain: Estimate | None) -> str:
    """Returns whether training further pays, or that there was no time to see."""
    budget = f"--budget {trial.options.budget:g}"
    if gain is None:
        return (
            f"Whether training it further pays was not measured: {budget} leaves no time for it. "
            f"Give more minutes to see."
        )
    interval = f"{gain.value:+.3f} (95%: {gain.low:+.3f} to {gain.high:+.3f})"
    if not trial.better(gain.value):
        return f"Keep it frozen: training it further brought nothing here, {interval}."
    shown = gain.low > 0 if trial.primary.larger_is_better else gain.high < 0
    sure = "" if shown else "; that may be chance"
    return f"Train it further: within {budget} that brought {interval}{sure}."


class _Trial:
    """One held-out part, and who is measured on it.

    Args:
        prepared: Training items, of which some are called the test.
        options: What was asked for.
        compute: Where.
    """

    def __init__(self, prepared: Prepared, options: AdviseOptions, compute: Compute) -> None:
        self.prepared, self.options, self.compute = prepared, options, compute
        self.primary = task_of(prepared.dataset.task).PRIMARY
        self.clusters = prepared.clusters[prepared.splits == "test"]
        self.arms: dict[str, set[str]] = {}  # that were tried, of each strategy

    def halved(self, of: np.ndarray) -> _Trial:
        """Returns the same, with half of the images to learn from."""
        _, numbers = np.unique(self.prepared.clusters, return_inverse=True)
        left_out = (numbers % 2 == 0) & (of != 0)
        return _Trial(replace(self.prepared, dropped=left_out), self.options, self.compute)

    def look(self, backbone: Backbone, levels: Levels) -> FrozenNetwork:
        """Returns a network with the maps of all images."""
        dataset, options = self.prepared.dataset, self.options
        refuse_early(dataset, backbone, recipe_of(dataset.task), seed=self.compute.seed)
        choose = input_of(dataset.task)
        assert choose is not None, "what has a place is learnt from maps"
        preprocess = choose(
            dataset, backbone, options.image_size, options.geometry, levels, self.compute
        )
        features = extract_maps(dataset, backbone, preprocess, self.compute)
        frozen = Frozen.of_stages(features.vectors, features.slices)
        return FrozenNetwork(backbone, preprocess, 1, frozen, features.maps)

    def measure(self, network: FrozenNetwork, strategy: Strategy) -> Statistic:
        """Returns the primary measure on what is held out, after training on the rest."""
        task, options = self.prepared.dataset.task, self.options
        told = {"recipe": options.recipe, "epochs": "auto", "image_size": network.preprocess.size}
        with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
            ask = Ask(
                strategy=strategy, recipe=parse_recipe(options.recipe, recipe_of(task)),
                epochs=None, find_rate=False, budget=options.budget, views=None,
                evaluation="holdout", folds=options.folds, baselines="none",
                run=Path(place) / "run", options=told, log=None, resuming=False, overwrite=True,
                until_written=stack,
            )  # fmt: skip
            trained = way_of(task)(self.prepared, network, ask, self.compute, Clock())
            self.arms[strategy] = {str(row.get("arm")) for row in trained.trials}
            labels = self.prepared.dataset.labels.take(trained.items)
            return measured(task, trained.predictions, labels).statistics[self.primary.key]

    def told(self, statistic: Statistic) -> Estimate:
        """Returns a measure with its interval."""
        return estimate(statistic, self.clusters, seed=self.compute.seed)

    def worth(self, statistic: Statistic) -> float:
        """Returns a measure so that larger is better."""
        value = statistic.value
        if np.isnan(value):
            return -np.inf
        return value if self.primary.larger_is_better else -value

    def better(self, change: float) -> bool:
        """Tells whether a change of the measure is one to the better."""
        return self.primary.better(change)
