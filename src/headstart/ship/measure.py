"""What an exported file answers, and how fast: the numbers that an export is judged by."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import numpy as np

from headstart.data.pixels import Progress, silent
from headstart.nets.model import Model
from headstart.ship.runtime import open_session

__all__ = ["run_file", "timings", "torch_probabilities"]

_BATCH = 16
_WARM, _SINGLES, _BATCHES = 3, 20, 5


def torch_probabilities(
    model: Model, squares: np.ndarray, progress: Progress = silent
) -> np.ndarray:
    """Returns (N, C) probabilities of a model by plain fp32 torch, nothing folded or converted.

    Args:
        model: With a timm backbone.
        squares: (N, V, size, size, 3) uint8.
        progress: Called as images are done.
    """
    import torch

    pool = model.backbone.pool(model.preprocess)
    n, views = squares.shape[:2]
    found = []
    for start in range(0, n, _BATCH):
        images = squares[start : start + _BATCH]
        with torch.inference_mode():
            vectors = pool(torch.from_numpy(images.reshape(-1, *images.shape[2:]))).numpy()
        found.append(model.probabilities(vectors.reshape(len(images), views, -1).mean(axis=1)))
        progress("comparing with torch", min(start + _BATCH, n), n)
    return np.concatenate(found)


def run_file(file: Path, squares: np.ndarray) -> np.ndarray:
    """Returns (N, C) probabilities of an ONNX file.

    Args:
        file: With the input ``squares``.
        squares: (N, V, size, size, 3) uint8.
    """
    session = open_session(file)
    parts = [squares[start : start + _BATCH] for start in range(0, len(squares), _BATCH)]
    return np.concatenate([session.run(None, {"squares": part})[0] for part in parts])


def timings(file: Path, squares: np.ndarray) -> dict[str, float]:
    """Returns milliseconds of one image at a time (median and 95 %) and images a second at 16.

    Args:
        file: With the input ``squares``.
        squares: (N, V, size, size, 3) uint8, N up to 16.
    """
    session = open_session(file)

    def seconds(images: np.ndarray, times: int) -> list[float]:
        taken = []
        for number in range(_WARM + times):
            begun = time.perf_counter()
            session.run(None, {"squares": images})
            if number >= _WARM:
                taken.append(time.perf_counter() - begun)
        return sorted(taken)

    single = seconds(squares[:1], _SINGLES)
    full = seconds(np.resize(squares, (_BATCH, *squares.shape[1:])), _BATCHES)
    return {
        "p50_ms": 1e3 * statistics.median(single),
        "p95_ms": 1e3 * single[round(0.95 * (len(single) - 1))],
        "images_per_second": _BATCH / statistics.median(full),
    }
