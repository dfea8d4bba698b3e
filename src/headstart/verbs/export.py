"""`export`: a run's model as one ONNX file, proven to answer as the run's model does."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from headstart.data.open import open_dataset
from headstart.errors import ImageError, ModelError
from headstart.images.pixels import Progress, silent
from headstart.metrics.interval import wilson
from headstart.nets.model import Model
from headstart.options.command import command
from headstart.options.export import ExportOptions
from headstart.records import Estimate, to_json
from headstart.run import Run, check_output, new_folder, read_json, write_atomic

__all__ = ["Export", "export"]

HOLDS = "export.json"
_SAME = 1e-3
_PARITY_ON = 256
# Histograms of every activation are kept for two of the methods: more images are more memory.
_CALIBRATED_ON = 64
_COMPARED_ON = 512


@dataclass(frozen=True)
class Export:
    """What `export` left behind.

    Attributes:
        folder: Where.
        summary: What was proven, and what was refused, in sentences.
        files: One row a file: name, precision, megabytes, milliseconds and images a second,
            accuracy on training images that nothing was calibrated on.
        parity: Of the fp32 file with torch on real images: images, same labels, largest
            difference of a probability.
        int8: All ways that were tried, or None.
    """

    folder: str
    summary: tuple[str, ...]
    files: tuple[dict[str, Any], ...]
    parity: dict[str, Any]
    int8: dict[str, Any] | None

    def __repr__(self) -> str:
        return f"Export({self.folder!r}: {' '.join(self.summary)})"

    def _repr_html_(self) -> str:
        from html import escape

        return "".join(f"<p>{escape(each)}</p>" for each in self.summary)


@command(ExportOptions)
def export(options: ExportOptions, progress: Progress = silent) -> Export:
    """Writes a run's model as ONNX, with everything that prediction needs inside.

    Returns:
        An `Export`.

    Raises:
        ModelError: If there is no run, its images are gone, its network has no ONNX form, or
            what was written does not answer as the run's model does.
        OptionError: If an argument makes no sense.
        OutputError: If `out` cannot be written.
    """
    from headstart.deploy.runtime import About, put_about
    from headstart.exporting.card import write_card
    from headstart.exporting.graph import OPSET, write_graph
    from headstart.exporting.measure import model_probabilities, run_file, timings
    from headstart.exporting.quantise import half, quantise

    opened, folder = Run.open(options.run), Path(options.out)
    check_output(folder, overwrite=options.overwrite, holds=HOLDS, what="export")
    model = Model.load(options.run)
    training, test = _images(opened, model)
    rng = np.random.default_rng(options.seed)
    shown = [test[i] for i in np.sort(rng.permutation(len(test))[:_PARITY_ON])]
    about = About(
        model.classes, model.preprocess, model.tta, options.threshold, "fp32", {}, model.bins
    )
    summary: list[str] = []
    with new_folder(folder, overwrite=options.overwrite, holds=HOLDS, what="export") as home:
        progress("writing ONNX", 0, 1)
        fp32 = home / "model.onnx"
        write_graph(model, fp32)
        inputs, _ = _inputs(shown, about, progress, "reading images")
        expected = model_probabilities(model, inputs, progress)
        found = run_file(fp32, inputs)
        parity = _parity(expected, found)
        if not parity["same"]:
            raise ModelError(
                f"the ONNX file does not answer as the run's model does: on {len(found)} images "
                f"{parity['other_labels']} labels differ, probabilities by up to "
                f"{parity['largest_difference']:.2g}; nothing was written"
            )
        known = "the run" if model.backbone.source.kind == "onnx" else "torch"
        summary.append(
            f"ONNX answers as {known}: on {len(found)} images of the run all labels are the same, "
            f"probabilities differ by at most {parity['largest_difference']:.1e}."
        )
        # Other training images than those that int8 is calibrated on tell what it costs.
        order = rng.permutation(len(training))
        some = [training[i] for i in order[: _CALIBRATED_ON + _COMPARED_ON]]
        images, targets = _inputs(some, about, progress, "reading training images")
        if len(images) < 2:
            raise ModelError(
                f"only {len(images)} training image of {options.run} can be read: one to "
                f"calibrate on and one to compare are needed; bring them back, or train again"
            )
        calibrated = max(1, min(_CALIBRATED_ON, len(images) // 3))
        rest, truth = images[calibrated:], targets[calibrated:]
        wanted = run_file(fp32, rest)
        written = {"fp32": fp32}
        tried = None
        if options.fp16:
            file = home / "model-fp16.onnx"
            half(fp32, file)
            there = _parity(expected, run_file(file, inputs))
            summary.append(
                f"fp16: {there['other_labels']} of {len(found)} labels differ, probabilities by "
                f"up to {there['largest_difference']:.1e}."
            )
            written["fp16"] = file
        if options.int8:
            file = home / "model-int8.onnx"
            result = quantise(
                fp32, file, calibration=images[:calibrated], inputs=rest, targets=truth,
                wanted=wanted, known=_known(opened, model.classes), run=run_file,
                max_drop=options.max_drop, seed=options.seed, progress=progress,
            )  # fmt: skip
            summary.append(_describe_int8(result, options.max_drop))
            tried = asdict(result)
            if result.kept:
                written["int8"] = file
        facts = _facts(opened, model, OPSET)
        rows = []
        for precision, file in written.items():
            put_about(file, replace(about, precision=precision, facts=facts))
            answers = run_file(file, rest)
            rows.append(
                {
                    "file": file.name,
                    "precision": precision,
                    "megabytes": file.stat().st_size / 1e6,
                    **timings(file, rest[:16]),
                    "accuracy": _accuracy(answers, truth),
                }
            )
        record = Export(str(folder), tuple(summary), tuple(rows), parity, tried)
        write_atomic(home / HOLDS, to_json(record))
        write_card(home / "README.md", opened, model, record, options.threshold)
    return record


def _images(run: Run, model: Model) -> tuple[list, list]:
    """Returns (file, class) of the training and of the test images of a run.

    Raises:
        ModelError: If they are gone.
    """
    options, known = read_json(run.options), read_json(run.dataset)
    classes = model.classes
    try:
        dataset = open_dataset(
            options["data"], label=options["label"], group=options["group"], split=options["split"],
            bins=model.bins,
        )  # fmt: skip
    except Exception as error:
        raise ModelError(
            f"an export is proven on the images of the run, and they cannot be read: {error}"
        ) from None
    import csv

    with run.predictions.open(newline="", encoding="utf-8") as stream:
        tested = {row["name"] for row in csv.DictReader(stream)}
    aside = {name for name, _ in known["set_aside"]}
    aside |= set(known["left_out_as_leaks"])
    place = {name: number for number, name in enumerate(classes)}
    training, test = [], []
    cross_validated = run.results["evaluation"]["kind"] == "cv"
    for index, name in enumerate(dataset.names):
        label = dataset.targets[index]
        if name in aside or label < 0 or dataset.classes[label] not in place:
            continue  # such as what was put there since
        pair = (dataset.path(index), place[dataset.classes[label]])
        if name in tested:
            test.append(pair)
        if name not in tested or cross_validated:
            training.append(pair)
    if not test or not training:
        raise ModelError(
            f"an export is proven on the images of the run, and {options['data']} has none of them "
            f"any more: bring them back, or train again"
        )
    return training, test


def _known(run: Run, classes: tuple[str, ...]) -> np.ndarray:
    """Returns the margins that the run measured on images it had not learnt from."""
    import csv

    from headstart.exporting.quantise import margins

    with run.predictions.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    found = np.array([[float(row[name]) for name in classes] for row in rows])
    return margins(found, np.array([classes.index(row["truth"]) for row in rows]))


def _inputs(pairs: list, about: Any, progress: Progress, phase: str) -> tuple[Any, Any]:
    """Returns (N, V, size, size, 3) uint8 and (N,) int of the images that can be read."""
    from headstart.deploy.runtime import inputs_of
    from headstart.images.decode import read_bytes

    inputs, targets = [], []
    for done, (path, target) in enumerate(pairs):
        try:
            inputs.append(inputs_of(read_bytes(path), about.preprocess, about.tta))
            targets.append(target)
        except ImageError:
            continue
        progress(phase, done + 1, len(pairs))
    if not inputs:
        raise ModelError(f"none of the run's images can be read any more: {pairs[0][0]}, …")
    return np.stack(inputs), np.array(targets)


def _parity(expected: np.ndarray, found: np.ndarray) -> dict[str, Any]:
    """Compares two (N, C) arrays of probabilities."""
    apart = np.abs(expected - found)
    top = np.sort(expected, axis=1)
    tie = top[:, -1] - top[:, -2] < _SAME if expected.shape[1] > 1 else np.zeros(len(top), bool)
    other = (expected.argmax(axis=1) != found.argmax(axis=1)) & ~tie
    largest = float(np.nan_to_num(apart, nan=1.0).max())
    return {
        "images": len(found),
        "other_labels": int(other.sum()),
        "largest_difference": largest,
        "same": bool(not other.any() and largest <= _SAME),
    }


def _accuracy(probabilities: np.ndarray, targets: np.ndarray) -> Estimate:
    return wilson(float((probabilities.argmax(axis=1) == targets).sum()), len(targets))


def _describe_int8(result: Any, max_drop: float) -> str:
    last = result.attempts[-1]
    change = last.change
    told = (
        f"int8 ({last.method}) is expected to change accuracy by {100 * change.value:+.1f} points "
        f"({100 * change.low:+.1f} to {100 * change.high:+.1f}): the noise that it adds to "
        f"{result.compared_on} training images which it was not calibrated on, on the margins of "
        f"the {change.n:,} images that the run was tested on; {100 * last.agreement:.1f} % of the "
        f"former keep their class"
    )
    some = f"; {len(last.in_float)} layers stay in floating point" if last.in_float else ""
    if result.kept:
        return f"{told}{some}."
    worst = ", ".join(result.worst[:5])
    return (
        f"int8 was refused: {told}{some}. That may be more than --max-drop {max_drop:g}. The "
        f"layers that suffer most: {worst}."
    )


def _facts(run: Run, model: Model, opset: int) -> dict[str, Any]:
    from importlib.metadata import version

    return {
        "task": "classification" if model.bins is None else "regression",
        "headstart": version("headstart"),
        "torch": version("torch"),
        "opset": opset,
        "backbone": read_json(run.model / "model.json")["backbone"]["name"],
        "backbone_fingerprint": model.backbone.fingerprint,
        "licence": model.backbone.source.licence,
        "head": model.head.kind,
        "dataset_fingerprint": read_json(run.dataset)["fingerprint"],
        "test_accuracy": run.results["test"]["accuracy"],
        **{
            name: run.results["test"][name]
            for name in ("mean_absolute_error",)
            if name in run.results["test"]
        },
        "evaluation": run.results["evaluation"]["summary"],
    }
