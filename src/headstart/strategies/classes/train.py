"""From usable items to a model of whatever is learnt as classes: probe, baselines, fine-tuning."""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import numpy as np

from headstart.checks.shortcuts import check_shape
from headstart.compute import Compute
from headstart.nets.model import Model
from headstart.probe.cross_validate import CrossValidated, curve_of_rounds, learning_curve
from headstart.probe.trials import Trial
from headstart.records import Finding
from headstart.resume import Unfinished
from headstart.scoring.curve import curve_section
from headstart.strategies.ask import Ask
from headstart.strategies.classes.baselines import measure_baselines
from headstart.strategies.classes.doubts import HeldScores, with_doubts
from headstart.strategies.classes.sections import advice, describe, describe_tuned, finetuning
from headstart.strategies.classes.shift import choose_probe, look_at_test, shift_sections
from headstart.strategies.classes.views import Viewed, try_views
from headstart.strategies.clock import Clock
from headstart.strategies.finetuning.plan import FinetuneOutcome, keep_probe
from headstart.strategies.make_problem import make_problem
from headstart.strategies.problem import FrozenNetwork, Prepared, Problem
from headstart.strategies.trained import Histories, Trained
from headstart.tasks import told_apart

__all__ = ["train_classes"]

_log = logging.getLogger(__name__)


def train_classes(
    prepared: Prepared, network: FrozenNetwork, ask: Ask, compute: Compute, clock: Clock
) -> Trained:
    """Probes frozen features, measures what must be beaten, and fine-tunes where that is wanted.

    Args:
        prepared: The usable items.
        network: With its frozen features of them.
        ask: What is wanted.
        compute: Where, and from which seed.
        clock: Notes how long each phase takes.
    """
    problem = make_problem(prepared, ask.evaluation, folds=ask.folds, seed=compute.seed)
    with clock.phase("fit"):
        choice = choose_probe(problem, network.features, compute, folds=ask.folds)
        problem, outcome = choice.problem, choice.outcome
    compute.begin("measuring baselines")
    first = outcome
    viewed = Viewed.once(network, first)
    unlike = choice.shift is not None and choice.shift.unlike  # folds know nothing of those
    if unlike and (ask.views or 1) > 1:
        _log.warning("--views %s: validation images choose here, among first looks only", ask.views)
    if ask.strategy != "scratch" and not unlike:
        viewed = try_views(problem, network, first, ask.views, compute, clock, folds=ask.folds)
    outcome = viewed.outcome
    with clock.phase("baselines and learning curve"):
        baselines, curve = _beside(problem, network, viewed, ask, compute)
        shift = look_at_test(problem, network.features, first, compute)
    model = Model(
        network.backbone, outcome.probe.head, problem.final_spec, viewed.network.preprocess,
        network.tta, outcome.probe.temperature,
    )  # fmt: skip
    # Fine-tuning starts from the best look, and has to beat the average of those that were kept.
    tuned = _fine_tuned(problem, viewed.start, viewed.probed, ask, compute, clock)
    summary, said = describe(model, outcome.probe, by=choice.chosen_by), viewed.said
    trials = outcome.probe.trials
    if tuned is not None and tuned.tuning is not None:
        outcome = tuned.tuning.outcome
        if tuned.model is not None:
            model, said = tuned.model, viewed.tuned()
            summary = describe_tuned(model, tuned.tuning)
    model, doubts = _doubting(model, problem, outcome, (viewed, tuned), compute, clock)
    answered = tuple(
        (fold.test, {"probabilities": fold.probabilities}, spec)
        for fold, spec in zip(outcome.folds, problem.specs, strict=True)
    )
    drawn = _curve(curve, problem, compute.seed, tuned)
    sections: dict[str, Any] = {"learning_curve": drawn} | shift_sections(choice, shift, drawn)
    sections |= {name: each for name, each in (("doubts", doubts), ("views", said)) if each}
    if tuned is not None:
        parts = {"finetuning": finetuning(tuned), "advice": advice(tuned)}
        sections |= {name: part for name, part in parts.items() if part is not None}
    return Trained(
        prepared=prepared,
        model=model,
        summary=" ".join([summary, *ask.overrun(clock.seconds.get("fine-tune", 0.0))]),
        evaluation=(problem.kind, problem.summary),
        answered=answered,
        predictions=problem.answers(outcome),
        uncalibrated=problem.answers(outcome, calibrated=False),
        clusters=problem.clusters,
        dropped=prepared.dropped,
        aside=choice.aside,
        baselines=baselines,
        trials=tuple(_row(trial) for trial in trials),
        findings=_shape_seen(problem, model),
        histories=_histories(tuned, outcome),
        sections=sections,
    )


def _beside(
    problem: Problem,
    network: FrozenNetwork,
    viewed: Viewed,
    ask: Ask,
    compute: Compute,
) -> tuple[Any, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Returns what must be beaten and the learning curve; one processor each."""
    quiet, outcome = Compute(seed=compute.seed), viewed.outcome

    def curve() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        frozen = viewed.network.features
        if problem.kind == "cv":
            seen = frozen if viewed.every is None else viewed.every
            return curve_of_rounds(seen, outcome.folds, quiet)
        learnt = problem.rounds[0]
        return learning_curve(
            frozen, outcome.probe, learnt, problem.clusters, quiet, folds=ask.folds
        )

    with ThreadPoolExecutor(1, "curve") as pool:
        measured = pool.submit(curve)
        baselines = measure_baselines(
            ask.baselines, problem, network, compute, recipe=ask.recipe, epochs=ask.epochs,
            folds=ask.folds,
        )  # fmt: skip
        return baselines, measured.result()


def _doubting(
    model: Model,
    problem: Problem,
    outcome: CrossValidated,
    ways: tuple[Viewed, FinetuneOutcome | None],
    compute: Compute,
    clock: Clock,
) -> tuple[Model, dict[str, Any]]:
    """Returns the model with what tells when to doubt it."""
    viewed, tuned = ways
    probe, vectors = outcome.probe, viewed.network.features.vectors
    held = HeldScores(probe.chosen_on, probe.held_out, probe.temperature)
    own = None if tuned is None or tuned.model is None else tuned.tuning
    if own is not None:
        last = own.rounds[-1]
        held = HeldScores(last.validation, last.val_scores, last.temperature)
    with clock.phase("doubts"):
        return with_doubts(model, problem, outcome, None if own else vectors, held, compute)


def _shape_seen(problem: Problem, model: Model) -> tuple[Finding, ...]:
    """Returns what is to be said of looks that show the shape of images."""
    if model.preprocess.faces is not None:
        return ()
    seen = {str(look.geometry) for look in model.preprocess.looks}
    return tuple(check_shape(problem.dataset, problem.prepared.stats, problem.clusters, seen))


def _fine_tuned(
    problem: Problem,
    network: FrozenNetwork,
    probed: CrossValidated,
    ask: Ask,
    compute: Compute,
    clock: Clock,
) -> FinetuneOutcome | None:
    """Returns what fine-tuning came to; None where only the probe was wanted."""
    plan = None
    if ask.strategy == "auto":
        plan = keep_probe(probed, network.backbone, tta=network.tta)
    if plan is not None:
        return FinetuneOutcome(plan, None, None)  # said without torch, whose import takes seconds
    if ask.strategy == "probe":
        return None
    compute.begin("preparing fine-tuning")
    begun = time.perf_counter()  # imports are of the budget too
    stack = ask.until_written
    place = stack.enter_context(
        Unfinished(ask.run).held(ask.options, resuming=ask.resuming, overwrite=ask.overwrite)
    )
    with clock.phase("fine-tune"):
        from headstart.strategies.finetuning.auto import Budget
        from headstart.strategies.finetuning.finetune import Wish, fine_tune
        from headstart.training.track import open_trackers

        on_epoch, close = open_trackers(
            ask.log, run=ask.run.name, options=ask.options, folder=ask.run.absolute().parent
        )
        stack.callback(close)
        budget = Budget(60 * ask.budget, ask.epochs, begun)
        wish = Wish(ask.strategy, ask.recipe, budget, ask.find_rate, place, on_epoch)
        return fine_tune(problem, network, probed, wish, compute)


def _curve(
    curve: tuple[np.ndarray, np.ndarray, np.ndarray],
    problem: Problem,
    seed: int,
    tuned: FinetuneOutcome | None,
) -> dict[str, Any]:
    """Returns the learning curve and its forecast, ready for JSON.

    It is that of the probe: where the network learnt too, it is not the model's. Of numbers it
    goes by the range that they were put into. Both are said.
    """
    sizes, accuracies, held = curve
    words = ["accuracy"]
    if told_apart(problem.final_spec.task) == "halves":
        words += ["of the range"]
    if tuned is not None and tuned.model is not None:
        words += ["of the frozen probe"] if len(words) == 1 else ["by the frozen probe"]
    return curve_section(
        sizes, accuracies, have=len(problem.final.train), seed=seed, tested=int(held.sum()),
        measure=("accuracy", " ".join(words)), weights=held,
    )  # fmt: skip


def _histories(tuned: FinetuneOutcome | None, outcome: CrossValidated) -> Histories | None:
    if tuned is None or tuned.tuning is None:
        return None
    rounds = enumerate(tuned.tuning.rounds, 1)
    epochs = {f"round{number}": each.history for number, each in rounds}
    return Histories(epochs, outcome.folds[0].train, tuned.tuning.recipe)


def _row(trial: Trial) -> dict[str, Any]:
    """Returns one line of `trials.csv`."""
    row = asdict(trial.config)
    return {
        "classifier": row["classifier"],
        "features": trial.config.seen,
        "dimensions": trial.dimensions,
        "C": f"{row['C']:g}",
        "class_weight": "balanced" if row["balanced"] else "",
        "folds": trial.folds,
        "repeats": trial.repeats,
        "accuracy": f"{trial.accuracy.value:.4f}",
        "low": f"{trial.accuracy.low:.4f}",
        "high": f"{trial.accuracy.high:.4f}",
        "balanced_accuracy": f"{trial.balanced_accuracy:.4f}",
        "log_loss": "" if np.isnan(trial.log_loss) else f"{trial.log_loss:.4f}",
        "seconds": f"{trial.seconds:.3f}",
        "chosen": trial.chosen,
    }
