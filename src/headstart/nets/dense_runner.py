"""`DenseRunner`: a model of masks at work, from pixels to calibrated probabilities."""

from __future__ import annotations

import numpy as np
import torch

from headstart.choices import Device
from headstart.nets.dense import net_of
from headstart.nets.dense_head import DenseHead
from headstart.nets.engine import stream
from headstart.nets.maps import map_layout, maps_engine, stage_maps
from headstart.nets.model import Model

__all__ = ["DenseRunner"]

_BATCH = 8


class DenseRunner:
    """Runs backbone and dense head of a model.

    Args:
        model: Whose head is dense.
        images: How many are to come; converting the network pays from a dozen.
        device: Where the network runs.
        exact: By plain fp32 torch, nothing folded or converted.
    """

    def __init__(
        self, model: Model, *, images: int, device: Device = "auto", exact: bool = False
    ) -> None:
        assert isinstance(model.head, DenseHead), "the head answers with a place"
        backbone, preprocess = model.backbone, model.preprocess
        self._net, self._temperature = net_of(model.head), model.temperature
        self._layout = map_layout(backbone, preprocess)
        self._plain = stage_maps(backbone, preprocess) if exact else None
        self._engine = None
        if not exact:
            self._engine = maps_engine(backbone, preprocess, images=images, device=device)

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Returns (n, C, h, w) float32 calibrated probabilities.

        Args:
            images: (n, V, size, size, 3) uint8 RGB: images, or each and its mirror image, whose
                answers are turned back and averaged.
        """
        views = [self._run(images[:, view]) for view in range(images.shape[1])]
        return views[0] if len(views) == 1 else (views[0] + views[1][..., ::-1]) / 2

    def _run(self, images: np.ndarray) -> np.ndarray:
        size = _BATCH if self._engine is None else self._engine.batch
        parts = [images[at : at + size] for at in range(0, len(images), size)]
        if self._engine is None:
            return np.concatenate([self._exact(part) for part in parts])
        found = stream(self._engine, enumerate(parts))
        return np.concatenate([self._head(torch.from_numpy(rows)) for _, rows in found])

    def _exact(self, part: np.ndarray) -> np.ndarray:
        assert self._plain is not None
        with torch.inference_mode():
            return self._head(self._plain(torch.from_numpy(np.ascontiguousarray(part))))

    def _head(self, rows: torch.Tensor) -> np.ndarray:
        with torch.inference_mode():
            scores = self._net(self._layout.split(rows))
            return (scores / self._temperature).softmax(1).numpy()
