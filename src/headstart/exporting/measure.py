"""What an exported file answers, and how fast: the numbers that an export is judged by."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from headstart.deploy.runtime import open_session, run_session
from headstart.exporting.record import Parity
from headstart.predictions import Predictions
from headstart.tasks.predictor import in_batches
from headstart.tasks.protocol import Outputs

__all__ = ["parity_of", "run_file", "timings"]

_BATCH, _MOST_BYTES = 16, 1 << 28
_WARM, _SINGLES, _BATCHES = 3, 20, 5
_SAME = 1e-3
# Of masks; of few pixels a handful on the edge between two classes are no share of them.
_SAME_MAPS, _OTHER_PIXELS, _FEW_PIXELS = 1e-4, 1e-5, 3


def parity_of(
    expected: Outputs, found: Outputs, answers: tuple[Predictions, Predictions]
) -> Parity:
    """Compares two models.

    Args:
        expected: Outputs of the one, of N images.
        found: Of the other.
        answers: Both, decoded.
    """
    largest = max(
        float(_apart(array, found[name]).max(initial=0.0)) for name, array in expected.items()
    )
    one: Any = answers[0]
    if getattr(one, "counted", "") == "pixels":  # every one is answered
        kept, pixels = one.agreement(answers[1]), one.sizes.astype(np.int64).prod(axis=1)
        others = round(float(((1 - kept) * pixels).sum()))
        allowed = max(_FEW_PIXELS, _OTHER_PIXELS * pixels.sum())
        same = bool(largest <= _SAME_MAPS and others <= allowed)
        differ = int((kept < 1).sum())
        return Parity(len(kept), differ, largest, same, int(pixels.sum()), others)
    if getattr(one, "counted", "") == "objects" and largest > _SAME:
        # Of two regions that are as likely, either may come first: as sets they are the same.
        sets = (_in_order(each["scores"]) for each in (expected, found))
        largest = min(largest, float(_apart(*sets).max(initial=0.0)))
    other = int((~answers[0].agrees(answers[1])).sum())
    return Parity(len(answers[0]), other, largest, bool(not other and largest <= _SAME))


def _in_order(scores: np.ndarray) -> np.ndarray:
    """Returns the (N, A, C) scores of cells, each class sorted by itself."""
    return np.sort(scores, axis=1)


def _apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Differences; of numbers above 1, such as places in pixels, as a share of them."""
    return np.asarray(np.nan_to_num(np.abs(one - other) / np.maximum(np.abs(one), 1), nan=1.0))


def run_file(file: Path, inputs: np.ndarray) -> Outputs:
    """Returns the named outputs of an ONNX file.

    Args:
        file: With the input ``inputs``.
        inputs: (N, V, size, size, 3) uint8.
    """
    session = open_session(file)
    return in_batches(lambda part: run_session(session, part), inputs, _BATCH)


def timings(file: Path, inputs: np.ndarray) -> dict[str, float]:
    """Returns milliseconds of one image at a time (median and 95 %) and images a second at 16.

    Args:
        file: With the input ``inputs``.
        inputs: (N, V, size, size, 3) uint8, N up to 16; of large ones fewer are run at once.
    """
    session = open_session(file)

    def seconds(images: np.ndarray, times: int) -> list[float]:
        taken = []
        for number in range(_WARM + times):
            begun = time.perf_counter()
            run_session(session, images)
            if number >= _WARM:
                taken.append(time.perf_counter() - begun)
        return sorted(taken)

    single = seconds(inputs[:1], _SINGLES)
    count = max(1, min(_BATCH, _MOST_BYTES // inputs[0].nbytes))
    full = seconds(np.resize(inputs, (count, *inputs.shape[1:])), _BATCHES)
    return {
        "p50_ms": 1e3 * statistics.median(single),
        "p95_ms": 1e3 * single[round(0.95 * (len(single) - 1))],
        "images_per_second": count / statistics.median(full),
    }
