"""`write_repaired`: a run whose head was repaired, with its measures taken anew."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.auditing.attribute import Attribute
from headstart.auditing.audit import read_with
from headstart.auditing.confound import confound_of
from headstart.auditing.evidence import Evidence, odds
from headstart.auditing.from_run import evidence_of_run, is_finetuned
from headstart.auditing.pool import Pool, open_pool, refuse_confounded
from headstart.auditing.repair import Repaired, RepairTrial, repair
from headstart.auditing.second import SecondAsk, try_backbones
from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.errors import DataError, ModelError, OptionError
from headstart.metrics.confound import tied_pairs
from headstart.nets.heads.head import Head, softmax
from headstart.nets.model import Model
from headstart.output import read_json
from headstart.predictions import Predictions
from headstart.probe.ensemble import log_probabilities
from headstart.records import Estimate, OutputSpec
from headstart.results.files import write_json, write_mistakes, write_predictions
from headstart.results.items import read_items
from headstart.results.outputs import Part, read_parts, write_outputs
from headstart.run import Run
from headstart.scoring.score import score
from headstart.tasks import decode_parts, task_of, told_apart

__all__ = ["RepairTried", "after_repair", "repair_run", "write_repaired"]

_AS_IT_WAS = (
    "dataset.json", "environment.json", "findings.json", "items.csv", "trials.csv", "history.csv",
)  # fmt: skip
_OF_ANOTHER = ("learning_curve", "views", "finetuning", "advice", "transfer_gain")


@dataclass(frozen=True)
class RepairTried:
    """What came of a repair.

    Attributes:
        evidence: Held-out answers of the run as it is.
        repaired: The best repair; None where there is nothing to repair.
        said: What was tried and what came of it, a sentence each.
    """

    evidence: Evidence
    repaired: Repaired | None
    said: tuple[str, ...]

    @property
    def kept(self) -> Repaired | None:
        """The repair, where it pays."""
        return self.repaired if self.repaired is not None and self.repaired.best.kept else None


def repair_run(
    run: Run, column: str, pool: Dataset | None, compute: Compute, second: SecondAsk | None = None
) -> RepairTried:
    """Repairs the head of a run's model, where that leans on the column.

    Args:
        run: A finished one of classes, whose network was not fine-tuned.
        column: What the model shall lean on less.
        pool: Other images that carry it, or None.
        compute: Where, and from which seed.
        second: Other networks that are tried and told, or None.

    Raises:
        BackboneError: If another network cannot be had.
        OptionError: If the run cannot be repaired so.
        DataError: If the column is not there or cannot be asked, or the pool cannot be used.
        ModelError: If the run cannot be read, or its images are gone.
    """
    if told_apart(run.results["task"]) != "classes":
        raise OptionError(
            f"--repair {column}: this run is of {run.results['task']}; classes can be repaired"
        )
    if is_finetuned(run):
        raise OptionError(
            f"--repair {column}: the network itself was fine-tuned here, and its head alone cannot "
            f"mend that; train again with --balance {column}"
        )
    evidence = evidence_of_run(run, compute, everything=True)
    evidence.dataset.require_columns([column], "--repair")
    read, _ = read_with(evidence, column, evidence.dataset.attributes[column])
    if isinstance(read, str):
        raise DataError(f"--repair {column}: it {read}")
    if evidence.space is None or evidence.beside is None:
        raise ModelError(
            f"--repair {column}: the vectors of this run's images are no longer in the cache and "
            f"its images are gone; put them back to {evidence.dataset.root}"
        )
    if nothing := _nothing_to_repair(evidence, read, compute.seed):
        return RepairTried(evidence, None, (nothing,))
    model = Model.load(run.folder)
    compute.begin(f"repairing what leans on {column}")
    found = repair(evidence, read, seed=compute.seed)
    if pool is not None:
        taken = open_pool(pool, column, read.words, model, compute)
        _refuse(evidence, read, found, taken)
        found = repair(evidence, read, taken, seed=compute.seed)
    if second is not None:
        told = try_backbones(second, model, evidence, read, compute)
        found = dataclasses.replace(found, told=told)
    return RepairTried(evidence, found, tuple(_said_of(found, column)))


def _nothing_to_repair(evidence: Evidence, read: Attribute, seed: int) -> str:
    """Returns why there is nothing to repair, or nothing where the model leans on a column.

    Every draw would find some gain: what is not used cannot be leant on less.
    """
    found = confound_of(evidence, read, seed=seed)
    if isinstance(found, str):
        return f"Nothing to repair: {read.name} {found}."
    if found.leans:
        return ""
    return (
        f"Nothing to repair: among images of one class the score was not seen to follow "
        f"{read.name} (in {100 * found.used:.0f} of 100 pairs, where 50 is chance; "
        f"p = {found.p_value:.2g})."
    )


def _refuse(evidence: Evidence, read: Attribute, by_weights: Repaired, pool: Pool) -> None:
    """Refuses a pool in which the attribute goes with the class as well.

    It is asked by a model that leans little on the attribute, or its leaning would look like that.
    """
    known = np.flatnonzero(read.known)
    pairs = tied_pairs(evidence.targets[known], read.values[known], evidence.clusters[known])
    if not pairs:
        return
    kind, value = pairs[0].kind, pairs[0].value
    there = log_probabilities(pool.vectors @ by_weights.weights.T + by_weights.bias)
    refuse_confounded(
        odds(there)[:, kind], pool.values == value, odds(by_weights.beside.scores)[known, kind],
        read.values[known] == value, evidence.targets[known], by_weights.beside.folds[known],
    )  # fmt: skip


def write_repaired(
    run: Run, into: Run, evidence: Evidence, repaired: Repaired, column: str, *, seed: int
) -> None:
    """Fills a run with the repaired model and what it answers.

    Args:
        run: That was repaired.
        into: To fill; it may be the same.
        evidence: Held-out answers of the run.
        repaired: What to write.
        column: What was repaired.
        seed: Of the intervals.

    Raises:
        OutputError: If it cannot be written.
    """
    for name in _AS_IT_WAS if into.folder != run.folder else ():
        if (run.folder / name).is_file():
            shutil.copyfile(run.folder / name, into.folder / name)
    model = Model.load(run.folder)
    head = Head(
        "linear",
        model.vector_head.columns,
        _arrays(evidence, repaired, model),
        model.vector_head.n_classes,
    )
    better = dataclasses.replace(
        model, head=head, temperature=repaired.temperature, spec=_spec(evidence, repaired, model)
    )
    items = read_items(run)
    parts = _parts(run, evidence, repaired, better)
    tested, predictions = decode_parts(parts, items.dataset.names)
    truth, clusters = items.dataset.labels.take(tested), items.clusters[tested]
    found = score(items.dataset.task, predictions, truth, clusters=clusters, seed=seed)
    results: dict[str, Any] = {
        key: value for key, value in run.results.items() if key not in _OF_ANOTHER
    }
    results |= {
        "test": found.measures,
        "details": found.details,
        "calibration": {"temperature": repaired.temperature, "before": {}, "after": {}},
        "model": {"summary": f"{repaired.best.summary}; {results['model']['summary']}"},
        "repair": {"column": column, "candidates": repaired.candidates,
                   "said": _said_of(repaired, column)},
    }  # fmt: skip
    _replace_model(better, into)
    write_json(into.metrics, results)
    write_json(into.options, read_json(run.options) | {"command": _command(run, into, column)})
    write_outputs(into, parts)
    write_predictions(into.predictions, predictions, truth)
    _mistakes(items.dataset, predictions, found.details, into)


def after_repair(evidence: Evidence, repaired: Repaired) -> Evidence:
    """Returns the evidence with the answers of the repaired models.

    Args:
        evidence: Of the run that was repaired.
        repaired: What came of it.
    """
    said = evidence.said.replace("of a classifier of the same kind", "of the same repair")
    return dataclasses.replace(
        evidence, scores=odds(repaired.beside.scores), models=repaired.beside.folds,
        beside=repaired.beside, said=said,
    )  # fmt: skip


def _spec(evidence: Evidence, repaired: Repaired, model: Model) -> OutputSpec:
    """Returns the spec with sets that are calibrated on what the repaired models held out."""
    if "floors" not in model.spec.settings:
        return model.spec
    places = [model.spec.names.index(kind) for kind in evidence.kinds]
    scores = np.full((len(evidence), len(model.spec.names)), -30.0)
    scores[:, places] = repaired.beside.scores
    probabilities = softmax(scores / repaired.temperature)
    calibrated = task_of(model.spec.task).with_sets  # type: ignore[attr-defined]
    return calibrated(probabilities, np.asarray(places)[evidence.targets], model.spec)[0]


def _arrays(evidence: Evidence, repaired: Repaired, model: Model) -> dict[str, np.ndarray]:
    """Returns weights and bias in the order of the model's classes."""
    names = list(model.spec.names)
    weights = np.zeros((len(names), repaired.weights.shape[1]), np.float32)
    bias = np.full(len(names), -30, np.float32)  # a class that nobody learnt is never answered
    places = [names.index(kind) for kind in evidence.kinds]
    weights[places], bias[places] = repaired.weights, repaired.bias
    return {"weights": weights, "bias": bias}


def _parts(run: Run, evidence: Evidence, repaired: Repaired, model: Model) -> list[Part]:
    """Returns what the repaired models answer to the tested items, round by round."""
    names = evidence.dataset.names
    place = {name: row for row, name in enumerate(names)}
    items = read_items(run)
    found: list[Part] = []
    for rows, outputs, spec in read_parts(run):
        probabilities = np.array(outputs["probabilities"])
        at = np.array([place.get(items.dataset.names[row], -1) for row in rows])
        scores = np.full((len(rows), len(spec.names)), -30.0)
        columns = [list(spec.names).index(kind) for kind in evidence.kinds if kind in spec.names]
        kinds = [number for number, kind in enumerate(evidence.kinds) if kind in spec.names]
        scores[:, columns] = repaired.beside.scores[np.maximum(at, 0)][:, kinds]
        answered = at >= 0
        probabilities[answered] = softmax(scores[answered] / model.temperature)
        found.append((rows, {"probabilities": probabilities.astype(np.float32)}, spec))
    return found


def _replace_model(model: Model, into: Run) -> None:
    """Writes the model; where one is there already, that goes once this is whole."""
    if not into.model.exists():
        model.save(into.model)
        return
    new = into.folder / "model.new"
    model.save(new)
    shutil.rmtree(into.model)
    new.rename(into.model)


def _command(run: Run, into: Run, column: str) -> str | None:
    if into.folder == run.folder:
        return read_json(run.options).get("command")
    return f"headstart audit {run.folder} --repair {column} -o {into.folder.name.lstrip('.')}"


def _mistakes(
    dataset: Dataset, predictions: Predictions, details: dict[str, Any], into: Run
) -> None:
    """Draws the mistakes anew, where the images are still there."""
    shutil.rmtree(into.mistakes, ignore_errors=True)
    listed: Sequence[dict[str, Any]] = details.get("mistakes") or []
    if all((dataset.root / each["name"]).is_file() for each in listed):
        write_mistakes(dataset, list(listed), into.mistakes)


def _said_of(repaired: Repaired, column: str) -> list[str]:
    """Returns what was tried, and what came of it, a sentence each."""
    lines = []
    for each in (*repaired.candidates, *repaired.told):
        against = (
            f"; on those that contradict what goes together {_points(each.opposing)}"
            if each.opposing is not None
            else ""
        )
        sure = "surely" if each.loss.low > 0 else "not surely"
        lines.append(
            f"{_became(each)}: {each.summary}. Where {column} and class would be unrelated it "
            f"brings {_points(each.gain)} points, and its probabilities are {sure} better "
            f"(log-loss lower by {_plain(each.loss)}){against}; on images as these are "
            f"{_points(each.price)}."
        )
    return lines


def _became(each: RepairTrial) -> str:
    if each.name == "backbone":
        return "Another network, tried and not written"
    return "Kept" if each.kept else "Not kept"


def _points(estimate: Estimate) -> str:
    value, low, high = (100 * each for each in (estimate.value, estimate.low, estimate.high))
    return f"{value:+.1f} ({low:+.1f} to {high:+.1f})"


def _plain(estimate: Estimate) -> str:
    return f"{estimate.value:.3f}, {estimate.low:.3f} to {estimate.high:.3f}"
