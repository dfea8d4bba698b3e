"""`write_export`: a run's model as ONNX files, each proven, timed and measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from headstart.compute import Progress
from headstart.data.words import plural
from headstart.deploy.runtime import About, put_about
from headstart.errors import ModelError
from headstart.exporting import graph
from headstart.exporting.card import write_card
from headstart.exporting.material import Material, gather, seen_parts
from headstart.exporting.measure import parity_of, run_file, timings
from headstart.exporting.quantise import QuantTrial, half, quantise
from headstart.exporting.record import HOLDS, Export, Parity, Quantised
from headstart.lists import some_of
from headstart.metrics.statistic import Measure, estimate
from headstart.nets.model import Model
from headstart.output import read_json, write_atomic
from headstart.predictions import Predictions
from headstart.records import Estimate, to_json
from headstart.run import Run
from headstart.scoring.run_predictor import RunPredictor
from headstart.scoring.score import measured
from headstart.tasks import task_of
from headstart.tasks.protocol import Outputs

__all__ = ["Choices", "write_export"]

_HALF = 0.5
_KEPT = {
    "": "former keep their answer",
    "pixels": "pixels of the former keep their class",
    "objects": "objects on the former are found by both",
}
"""What `agreement` counts -> in words."""


@dataclass(frozen=True)
class Choices:
    """What was asked for.

    Attributes:
        data: Where the run's images are now; None for where they were.
        int8: Write int8 too.
        fp16: Write fp16 too.
        max_drop: What int8 may cost, see `cost.lost`.
        threshold: Probability below which an answer is "not sure"; None for what a run's model
            has.
        seed: Of the choice of images and of intervals.
    """

    data: Path | None = None
    int8: bool = False
    fp16: bool = False
    max_drop: float = 1.0
    threshold: float | None = None
    seed: int = 0


def write_export(
    run: Run, folder: Path, home: Path, choices: Choices, progress: Progress
) -> Export:
    """Writes all files of an export.

    Args:
        run: Finished.
        folder: Where the export will be.
        home: Where it is built.
        choices: What was asked for.
        progress: Called as work goes on.

    Raises:
        ModelError: If the run's images are gone, its network has no ONNX form, or what was
            written does not answer as the run's model does.
    """
    progress("opening the model", 0, 1)
    model = Model.load(run.folder)
    material = gather(run, model, choices.data, seed=choices.seed, progress=progress)
    predictor = RunPredictor(model, threshold=choices.threshold, exact=True)

    def decoder(sizes: np.ndarray) -> Callable[[Outputs], Predictions]:
        names = [f"#{i}" for i in range(len(sizes))]
        places = predictor.places([(int(width), int(height)) for width, height in sizes])
        return lambda outputs: predictor.decode(outputs | places, names)

    answers, compared = decoder(material.shown_sizes), decoder(material.compared_sizes)
    progress("writing ONNX", 0, 1)
    fp32 = home / "model.onnx"
    graph.write_graph(model, fp32)
    progress("comparing with the run", 0, 1)
    expected = predictor.outputs(material.shown)
    parity, summary = _proven(model, expected, run_file(fp32, material.shown), answers)
    written = {"fp32": fp32}
    if choices.fp16:
        progress("writing fp16", 0, 1)
        written["fp16"] = home / "model-fp16.onnx"
        half(fp32, written["fp16"])
        found = run_file(written["fp16"], material.shown)
        there = parity_of(expected, found, (answers(expected), answers(found)))
        summary.append(f"fp16: {there.told}, outputs by up to {there.largest_difference:.1e}.")
    primary = task_of(model.spec.task).PRIMARY
    summary.append(f"On images it never saw: {primary.words} {run.primary}, as the run measured.")
    tried = None
    if choices.int8:
        progress("preparing int8", 0, 1)
        file = home / "model-int8.onnx"
        trial = QuantTrial(
            seen_parts(material.calibration, model.preprocess), material.compared,
            run_file(fp32, material.compared), compared, material.tested, model.spec,
        )  # fmt: skip
        counted = getattr(answers(expected), "counted", "")
        tried = quantise(
            fp32, file, trial, max_drop=choices.max_drop, seed=choices.seed, progress=progress
        )
        summary.append(_describe_int8(tried, primary, choices.max_drop, counted))
        if tried.kept:
            written["int8"] = file
    about = About(
        model.spec, model.preprocess, model.tta, predictor.threshold, "fp32", _facts(run, model)
    )
    rows = []
    for precision, file in written.items():
        progress(f"measuring and timing {file.name}", 0, 1)
        rows.append(_row(file, precision, about, material, compared))
    summary.append(_described_times(rows))
    record = Export(
        str(folder), tuple(summary), primary.key, tuple(rows), parity, tried, model.spec.task
    )
    write_atomic(home / HOLDS, to_json(record))
    write_card(home / "README.md", run, model, record, answers(expected).record(0))
    return record


def _proven(
    model: Model, expected: Outputs, found: Outputs, answers: Callable[[Outputs], Predictions]
) -> tuple[Parity, list[str]]:
    """Compares the fp32 file with the run, and says so.

    Raises:
        ModelError: If they do not agree.
    """
    parity = parity_of(expected, found, (answers(expected), answers(found)))
    if not parity.same:
        raise ModelError(
            f"the ONNX file does not answer as the run's model does: on {parity.images} images "
            f"{parity.told}, outputs by up to {parity.largest_difference:.2g}; nothing was written"
        )
    known = "the run" if model.backbone.source.kind == "onnx" else "torch"
    same = parity.told if parity.pixels else "all answers are the same"
    return parity, [
        f"ONNX answers as {known}: on {plural(parity.images, 'image')} of the run {same}, "
        f"outputs differ by at most {parity.largest_difference:.1e}."
    ]


def _row(
    file: Path,
    precision: str,
    about: About,
    material: Material,
    answers: Callable[[Outputs], Predictions],
) -> dict[str, Any]:
    """Writes into a file what it is, and returns how large, fast and good it is."""
    put_about(file, replace(about, precision=precision))
    primary = task_of(about.spec.task).PRIMARY.key
    found = answers(run_file(file, material.compared))
    statistic = measured(about.spec.task, found, material.labels).statistics[primary]
    return {
        "file": file.name,
        "precision": precision,
        "megabytes": file.stat().st_size / 1e6,
        **timings(file, material.compared[:16]),
        primary: estimate(statistic),
    }


def _describe_int8(result: Quantised, primary: Measure, max_drop: float, counted: str) -> str:
    last = result.attempts[-1]
    told = (
        f"int8 ({last.method}) is expected to change {primary.words} by "
        f"{_change(last.change, primary)}: the noise that it adds to {result.compared_on} training "
        f"images which it was not calibrated on, on the outputs for "
        f"{plural(last.change.n, 'image')} that the run was tested on; "
        f"{100 * last.agreement:.1f}% of the {_KEPT[counted]}"
    )
    some = f"; {len(last.in_float)} layers stay in floating point" if last.in_float else ""
    if result.kept:
        return f"{told}{some}."
    worst = some_of(result.worst)
    unit = "points" if primary.unit == "share" else "per cent"
    return (
        f"int8 was refused: {told}{some}. It may cost {last.lost:.1f} {unit}, more than --max-drop "
        f"{max_drop:g}. The layers that suffer most: {worst}."
    )


def _described_times(rows: list[dict[str, Any]]) -> str:
    """Says whose the times are, and whether int8 is worth it here."""
    told = "Times are those of this machine, now: other processors and other work change them."
    by_name = {row["precision"]: row for row in rows}
    if "int8" not in by_name:
        return told
    ms = {name: row["p50_ms"] for name, row in by_name.items()}
    share = by_name["int8"]["megabytes"] / by_name["fp32"]["megabytes"]
    slow, large = ms["int8"] >= ms["fp32"], share > _HALF
    if not slow and not large:
        return told
    reasons = [f"takes {ms['int8']:.1f} ms an image where fp32 takes {ms['fp32']:.1f}"] * slow
    reasons += [f"has {100 * share:.0f}% of the size of fp32"] * large
    return f"int8 buys little here: it {' and '.join(reasons)}. {told}"


def _change(change: Estimate, primary: Measure) -> str:
    if primary.unit == "share":
        low, high = 100 * change.low, 100 * change.high
        return f"{100 * change.value:+z.1f} points ({low:+z.1f} to {high:+z.1f})"
    return f"{change.value:+.3g} ({change.low:+.3g} to {change.high:+.3g})"


def _facts(run: Run, model: Model) -> dict[str, Any]:
    head = model.head
    return {
        "headstart": version("headstart"),
        "torch": version("torch"),
        "opset": graph.OPSET,
        "backbone": read_json(run.model / "model.json")["backbone"]["name"],
        "backbone_fingerprint": model.backbone.fingerprint,
        "licence": model.backbone.source.licence,
        "head": head.kind,
        "dataset_fingerprint": read_json(run.dataset)["fingerprint"],
        "primary": run.results["primary"],
        "test": run.results["test"],
        "evaluation": run.results["evaluation"]["summary"],
    }
