"""Whether to fine-tune, how deep and how long: decided by short trials within a budget.

Successive halving in its smallest form: arms run for a few epochs on the training items of
the first round, the better one is run in full.
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np

from headstart.advice.plan import Arm, Plan, keep_probe, probe_arm
from headstart.data.dataset import Dataset
from headstart.data.pixels import Progress, silent
from headstart.data.preprocess import Preprocess
from headstart.fit.finetune import begin, finetune, linear_start
from headstart.fit.rounds import Outcome
from headstart.fit.schedule import Recipe
from headstart.fit.tune import start_of
from headstart.metrics.interval import wilson
from headstart.nets.backbone import Backbone

__all__ = ["make_plan"]

_LEAST_EPOCHS = 4
_MOST_EPOCHS = 30
_TIMED_STEPS = 4
# Share of the budget that trials may take.
_TRIALS = 0.25


def make_plan(
    dataset: Dataset,
    vectors: np.ndarray,
    sets: dict[str, np.ndarray],
    clusters: np.ndarray,
    probed: Outcome,
    backbone: Backbone,
    base: Recipe,
    *,
    preprocess: Preprocess,
    budget: float,
    epochs: int | None = None,
    seed: int = 0,
    device: str = "cpu",
    workers: int | None = None,
    progress: Progress = silent,
) -> Plan:
    """Measures what an epoch costs, tries two depths, and plans the rest of the budget.

    Args:
        dataset: N readable, labelled items.
        vectors: (N, D) float32 frozen features.
        sets: Feature sets.
        clusters: (N,) int.
        probed: What `play` gave.
        backbone: Copied, not changed.
        base: What the arms share.
        preprocess: Of the network.
        budget: Seconds for everything.
        epochs: Given, the budget decides only whether.
        seed: Of everything drawn.
        device: Where it runs.
        workers: Processes that decode and augment.
        progress: Called as steps are done.
    """
    started = time.perf_counter()
    if (nothing := keep_probe(probed, dataset.targets)) is not None:
        return nothing
    part = probed.parts[0]
    arms = [probe_arm(part, dataset.targets)]
    each = _seconds_per_image(
        dataset, vectors, sets, probed, backbone, base, preprocess, seed, device, workers
    )
    several = len(probed.parts) > 1
    sizes = [len(one.train) for one in probed.parts] + ([len(dataset)] if several else [])
    per_epoch = {True: 1.85 * sum(sizes), False: 0.85 * sum(sizes)}
    trial = 0.85 * len(part.train)
    left = budget - (time.perf_counter() - started)
    refit = True
    wanted = epochs or _MOST_EPOCHS
    possible = int((1 - _TRIALS) * left / (each * per_epoch[True]))
    if possible < _LEAST_EPOCHS and (epochs is None or possible < epochs):
        refit = False
        possible = int((1 - _TRIALS) * left / (each * per_epoch[False]))
    cost = f"an epoch on {len(part.train):,} images takes about {each * len(part.train):.0f} s here"
    if possible < min(_LEAST_EPOCHS, wanted):
        needed = _LEAST_EPOCHS * each * per_epoch[False] / (1 - _TRIALS) / 60
        few = (
            f"The budget is too small for fine-tuning: {cost}; a --budget of {needed:.0f} minutes "
            f"would do. The frozen probe is kept.",
        )
        return Plan(None, False, few, tuple(arms), 0.0)
    full = replace(base, epochs=min(wanted, possible))
    short = int(_TRIALS * left / (2 * each * trial))
    chosen = full
    says = [f"{cost[0].upper()}{cost[1:]}, so {full.epochs} epochs fit into the budget."]
    if base.freeze == "none" and short >= 2:
        short = min(short, max(2, full.epochs // 3))
        tried = {
            "all layers": replace(full, epochs=short),
            f"last {base.stages} stages": replace(full, epochs=short, freeze="last"),
        }
        best = -1.0
        for name, recipe in tried.items():
            begun = time.perf_counter()
            result = finetune(
                dataset, vectors, clusters, backbone, recipe, start_of(part.probe, sets),
                items=part.train, test=part.train[:0], preprocess=preprocess, refit=False,
                seed=seed, device=device, workers=workers,
                progress=_named(progress, name),
            )  # fmt: skip
            hits = result.held_scores.argmax(axis=1) == dataset.targets[result.held]
            arm = Arm(
                f"{name}, {short} epochs", recipe, wilson(float(hits.sum()), len(hits)),
                time.perf_counter() - begun,
            )  # fmt: skip
            arms.append(arm)
            if result.kept.measure > best:
                best, chosen = result.kept.measure, replace(recipe, epochs=full.epochs)
        depth = "all layers" if chosen.freeze == "none" else f"the last {base.stages} stages"
        says.append(f"In {short} epochs, training {depth} did best on held-out images.")
    return Plan(chosen, refit, tuple(says), tuple(arms), full.epochs * each * per_epoch[refit])


def _named(progress: Progress, arm: str) -> Progress:
    """Names a phase by the arm that is tried."""
    return lambda phase, done, total: progress(f"trying {arm}", done, total)


def _seconds_per_image(
    dataset: Dataset,
    vectors: np.ndarray,
    sets: dict[str, np.ndarray],
    probed: Outcome,
    backbone: Backbone,
    base: Recipe,
    preprocess: Preprocess,
    seed: int,
    device: str,
    workers: int | None,
) -> float:
    """Times a few steps of training all layers."""
    part = probed.parts[0]
    rng = np.random.default_rng(seed)
    few = rng.permutation(part.train)[: base.batch * (_TIMED_STEPS + 1)]
    head = linear_start(
        vectors, dataset.targets, few, start_of(part.probe, sets), n_classes=len(dataset.classes)
    )
    training = begin(
        dataset, backbone, replace(base, epochs=100, freeze="none"), head, few,
        preprocess=preprocess, seed=seed, device=device, workers=workers,
    )  # fmt: skip
    training.run(until=1)  # the first step also warms up
    begun = time.perf_counter()
    training.run(until=1 + _TIMED_STEPS)
    return (time.perf_counter() - begun) / (_TIMED_STEPS * min(base.batch, len(few)))
