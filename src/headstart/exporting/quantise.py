"""int8 and fp16 of an exported model, with what they cost measured before they are kept.

Static quantisation by ONNX Runtime: activations are measured on training images, weights are
rounded channel by channel. Where that costs too much, the layers that suffer most stay in
floating point, a few more at a time.
"""

from __future__ import annotations

import contextlib
import io
import logging
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headstart.compute import Progress, silent
from headstart.exporting.cost import HeldOut, expected_change, lost, noise_between
from headstart.exporting.drawn_in import draw_in
from headstart.exporting.measure import run_file
from headstart.exporting.record import Attempt, Quantised
from headstart.predictions import Predictions
from headstart.records import OutputSpec
from headstart.tasks.protocol import Outputs

__all__ = ["QuantTrial", "half", "quantise"]

METHODS = ("MinMax", "Percentile", "Entropy")
# Share of the layers that stay in floating point, one try after the other.
_STEPS = (0.05, 0.1, 0.2, 0.4)
_CONVOLVING = ("Conv", "Gemm", "MatMul")
_FILTERS = "/filters/"  # in the names of their nodes (`nets.masks.net`)


def half(source: Path, target: Path) -> None:
    """Writes a model with weights and arithmetic in fp16; its inputs and outputs stay."""
    import onnx
    from onnxruntime.transformers.float16 import convert_float_to_float16

    onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True), target)


@dataclass(frozen=True)
class QuantTrial:
    """What ways to quantise are tried on.

    Attributes:
        calibration: (M, V, size, size, 3) uint8 training images to measure activations on.
        inputs: (N, V, size, size, 3) uint8 other training images, to measure the noise on.
        wanted: Their outputs in fp32.
        decode: From such outputs to answers.
        tested: What the run gave for items that it had not learnt from.
        spec: What the outputs mean.
    """

    calibration: np.ndarray
    inputs: np.ndarray
    wanted: Outputs
    decode: Callable[[Outputs], Predictions]
    tested: HeldOut
    spec: OutputSpec


def quantise(
    source: Path,
    target: Path,
    trial: QuantTrial,
    *,
    max_drop: float,
    seed: int = 0,
    progress: Progress = silent,
) -> Quantised:
    """Writes a model in int8 if that costs no more than allowed.

    Args:
        source: The model in fp32.
        target: To write; written only if one is good enough.
        trial: What it is tried on.
        max_drop: What may be lost, by the unfavourable end of the interval: points of a share,
            per cent of all else (`cost.lost`).
        seed: Of the interval.
        progress: Called as ways are tried.

    Returns:
        All that was tried.
    """
    from onnxruntime.quantization.shape_inference import quant_pre_process

    attempts: list[Attempt] = []
    answers, primary = trial.decode(trial.wanted), trial.tested.primary
    value = trial.tested.statistic(trial.tested.parts)[0].value

    def attempt(method: str, in_float: tuple[str, ...], file: Path) -> Attempt:
        most = len(METHODS) + (len(_STEPS) if in_float else 0)
        some = f", {len(in_float)} layers in floating point" if in_float else ""
        progress(f"int8 calibration: {method}{some}", len(attempts), most)
        _static(simple, file, trial.calibration, method, in_float)
        found = run_file(file, trial.inputs)
        draw_in(file, trial.wanted, found)
        noise = noise_between(trial.wanted, found, trial.spec)
        change = expected_change(trial.tested, noise, seed=seed)
        same = _kept(answers, trial.decode(found))
        return Attempt(method, in_float, change, lost(change, primary, value), same)

    with tempfile.TemporaryDirectory(dir=target.parent) as place:
        files = {method: Path(place) / f"{method}.onnx" for method in METHODS}
        simple = Path(place) / "simple.onnx"
        with _quiet():  # paddings and constants merged
            quant_pre_process(str(source), str(simple), skip_symbolic_shape=True)
        for method, file in files.items():
            try:
                attempts.append(attempt(method, (), file))
            except _Constant:  # MinMax draws no histograms, so that one way is always left
                continue
        sign = 1 if primary.larger_is_better else -1
        best = max(attempts, key=lambda each: (sign * each.change.value, each.agreement))
        file = files[best.method]
        worst: tuple[str, ...] = ()
        if best.lost > max_drop:
            progress("finding the layers that int8 harms most", 0, 1)
            worst = _worst_first(simple, file, trial.calibration[:8])
            for share in _STEPS:
                layers = worst[: max(1, round(share * len(worst)))]
                best = attempt(best.method, layers, file)
                attempts.append(best)
                if best.lost <= max_drop:
                    break
        # By the whole interval: the value alone let a model pass that then lost two points.
        kept = best.lost <= max_drop
        if kept:
            _shorten(file)
            file.replace(target)
    if attempts[-1] is not best:
        attempts.remove(best)
        attempts.append(best)
    return Quantised(tuple(attempts), kept, worst, len(trial.inputs))


def _kept(before: Any, after: Predictions) -> float:
    """Returns the share of answers that stay; of masks, of pixels; of boxes, of objects."""
    agree = before.agreement if hasattr(before, "agreement") else before.agrees
    return float(agree(after).mean())


class _Constant(Exception):
    """Some activations hardly vary at all, so that no histogram of them can be drawn."""


class _Reader:
    """Feeds images one by one; see ONNX Runtime's `CalibrationDataReader`."""

    def __iter__(self) -> Iterator[dict[str, np.ndarray]]:
        return self._all()

    def __init__(self, inputs: np.ndarray) -> None:
        self._inputs = inputs
        self._left = self._all()

    def _all(self) -> Iterator[dict[str, np.ndarray]]:
        return ({"inputs": self._inputs[i : i + 1]} for i in range(len(self._inputs)))

    def get_next(self) -> dict[str, np.ndarray] | None:
        return next(self._left, None)

    def rewind(self) -> None:
        self._left = self._all()


def _static(
    source: Path, target: Path, inputs: np.ndarray, method: str, in_float: tuple[str, ...]
) -> None:
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    with _quiet(), _histograms():
        quantize_static(
            source,
            target,
            _Reader(inputs),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Gemm", "MatMul", "Add", "GlobalAveragePool", "Clip"],
            per_channel=True,
            # Both unsigned: signed weights overflow the sums of two products on processors
            # without VNNI, and 7 bits, which do not, double the noise (docs/benchmarks.md).
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QUInt8,
            nodes_to_exclude=[*_ends(source), *in_float],
            calibrate_method=getattr(CalibrationMethod, method),
            extra_options={"CalibMovingAverage": method == "MinMax"},
        )


def _ends(source: Path) -> list[str]:
    """Returns the nodes before the first convolution and after the last one: they stay as they are.

    Pixels are exact as they come, and the head is small. So are fixed filters, whose faint answers
    beside strong ones tell lines: nothing that comes of them alone is rounded.
    """
    import onnx

    graph = onnx.load(source, load_external_data=False).graph
    nodes, learnt, alone = graph.node, set[str](), list[str]()
    for node in nodes:
        of_network = node.op_type in _CONVOLVING and _FILTERS not in node.name
        if of_network or learnt.intersection(node.input):
            learnt.update(node.output)
        else:
            alone.append(node.name)
    convolving = [i for i, node in enumerate(nodes) if node.op_type == "Conv"]
    convolving = convolving or [i for i, node in enumerate(nodes) if node.op_type in _CONVOLVING]
    if not convolving:
        return []
    first, last = convolving[0], convolving[-1]
    ends = [node.name for i, node in enumerate(nodes) if i < first or i > last + 2]
    return [*ends, *alone]


def _shorten(file: Path) -> None:
    """Gives tensors and nodes that quantising added short names: names are a tenth of the file."""
    import onnx

    model = onnx.load(file)
    graph = model.graph
    kept = {each.name for each in (*graph.input, *graph.output)}
    short: dict[str, str] = {}

    def name(long: str) -> str:
        return long if not long or long in kept else short.setdefault(long, f"t{len(short)}")

    for node in graph.node:
        node.input[:] = [name(each) for each in node.input]
        node.output[:] = [name(each) for each in node.output]
        # The layers that may be left in floating point are known by their names.
        if node.op_type not in _CONVOLVING:
            node.name = ""
        node.doc_string = ""
    for each in graph.initializer:
        each.name = name(each.name)
    del graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, file)


def _worst_first(source: Path, quantised: Path, inputs: np.ndarray) -> tuple[str, ...]:
    """Returns the quantised layers by the error of what they give, the worst first."""
    import onnx
    from onnxruntime.quantization import qdq_loss_debug as debug

    with tempfile.TemporaryDirectory() as place, _quiet():
        outputs: list[dict[str, Any]] = []
        for number, file in enumerate((source, quantised)):
            wide = Path(place) / f"{number}.onnx"
            debug.modify_model_output_intermediate_tensors(str(file), str(wide))
            outputs.append(debug.collect_activations(str(wide), _Reader(inputs)))
        pairs = debug.create_activation_matching(outputs[1], outputs[0])
        errors = debug.compute_activation_error(pairs)
    made_by: dict[str, str] = {}
    for node in onnx.load(source).graph.node:
        if node.op_type in _CONVOLVING:
            made_by |= dict.fromkeys(node.output, node.name)
        elif node.op_type in ("Clip", "Relu") and node.input[0] in made_by:
            # Quantising merges it into the layer before.
            made_by |= dict.fromkeys(node.output, made_by[node.input[0]])
    # Signal to noise in decibels: small is bad.
    noise = {
        made_by[name]: found["xmodel_err"]
        for name, found in errors.items()
        if name in made_by and "xmodel_err" in found
    }
    return tuple(sorted(noise, key=lambda layer: noise[layer]))


@contextlib.contextmanager
def _histograms() -> Iterator[None]:
    """Tells apart that a histogram cannot be drawn from all else that may be wrong."""
    try:
        yield
    except ValueError as error:
        if "bins" not in str(error):
            raise
        raise _Constant(str(error)) from None


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Silences what ONNX Runtime prints and its warnings."""
    logging.disable(logging.WARNING)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(logging.NOTSET)
