"""What an exported file answers, and how fast: the numbers that an export is judged by."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from headstart.deploy.runtime import open_session
from headstart.images.pixels import Progress, silent
from headstart.nets.engine import stream
from headstart.nets.model import Model

__all__ = ["model_probabilities", "run_file", "timings"]

_BATCH = 16
_WARM, _SINGLES, _BATCHES = 3, 20, 5


def model_probabilities(
    model: Model, inputs: np.ndarray, progress: Progress = silent
) -> np.ndarray:
    """Returns (N, C) probabilities of a model by plain fp32 torch, nothing folded or converted.

    A backbone that is an ONNX file runs on the engine that the model was trained with.

    Args:
        model: Any.
        inputs: (N, V, size, size, 3) uint8.
        progress: Called as images are done.
    """
    n, tta = inputs.shape[:2]
    embed = _embedder(model)
    found = []
    for start in range(0, n, _BATCH):
        images = inputs[start : start + _BATCH]
        vectors = embed(images.reshape(-1, *images.shape[2:]))
        found.append(model.probabilities(vectors.reshape(len(images), tta, -1).mean(axis=1)))
        progress("comparing with the run", min(start + _BATCH, n), n)
    return np.concatenate(found)


def _embedder(model: Model) -> Callable[[np.ndarray], np.ndarray]:
    """Returns what turns (n, size, size, 3) uint8 into (n, D) float32 vectors."""
    if model.backbone.source.kind == "onnx":
        blank = np.zeros((1, model.preprocess.size, model.preprocess.size, 3), np.uint8)
        engine = model.backbone.engine(model.preprocess, images=1, proof=blank)

        def by_engine(images: np.ndarray) -> np.ndarray:
            starts = range(0, len(images), engine.batch)
            parts = ((i, images[i : i + engine.batch]) for i in starts)
            return np.concatenate([each for _, each in stream(engine, parts)])

        return by_engine
    import torch

    pool = model.backbone.pool(model.preprocess)

    def by_torch(images: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return pool(torch.from_numpy(images)).numpy()

    return by_torch


def run_file(file: Path, inputs: np.ndarray) -> np.ndarray:
    """Returns (N, C) probabilities of an ONNX file.

    Args:
        file: With the input ``inputs``.
        inputs: (N, V, size, size, 3) uint8.
    """
    session = open_session(file)
    parts = [inputs[start : start + _BATCH] for start in range(0, len(inputs), _BATCH)]
    return np.concatenate([session.run(None, {"inputs": part})[0] for part in parts])


def timings(file: Path, inputs: np.ndarray) -> dict[str, float]:
    """Returns milliseconds of one image at a time (median and 95 %) and images a second at 16.

    Args:
        file: With the input ``inputs``.
        inputs: (N, V, size, size, 3) uint8, N up to 16.
    """
    session = open_session(file)

    def seconds(images: np.ndarray, times: int) -> list[float]:
        taken = []
        for number in range(_WARM + times):
            begun = time.perf_counter()
            session.run(None, {"inputs": images})
            if number >= _WARM:
                taken.append(time.perf_counter() - begun)
        return sorted(taken)

    single = seconds(inputs[:1], _SINGLES)
    full = seconds(np.resize(inputs, (_BATCH, *inputs.shape[1:])), _BATCHES)
    return {
        "p50_ms": 1e3 * statistics.median(single),
        "p95_ms": 1e3 * single[round(0.95 * (len(single) - 1))],
        "images_per_second": _BATCH / statistics.median(full),
    }
