"""`BoxRunner`: a model of boxes at work, from pixels to the scores and boxes of all cells."""

from __future__ import annotations

import numpy as np
import torch

from headstart.choices import Device
from headstart.nets.box_head import BoxHead
from headstart.nets.box_net import box_net_of
from headstart.nets.engine import stream
from headstart.nets.maps import map_layout, maps_engine, stage_maps
from headstart.nets.model import Model

__all__ = ["BoxRunner"]

_BATCH = 8


class BoxRunner:
    """Runs backbone and head of a model that answers with boxes.

    Args:
        model: Whose head is of boxes.
        images: How many are to come; converting the network pays from a dozen.
        device: Where the network runs.
        exact: By plain fp32 torch, nothing folded or converted.
    """

    def __init__(
        self, model: Model, *, images: int, device: Device = "auto", exact: bool = False
    ) -> None:
        assert isinstance(model.head, BoxHead), "the head answers with boxes"
        backbone, preprocess = model.backbone, model.preprocess
        self._net = box_net_of(model.head)
        self._layout = map_layout(backbone, preprocess)
        self._plain = stage_maps(backbone, preprocess) if exact else None
        self._engine = None
        if not exact:
            self._engine = maps_engine(backbone, preprocess, images=images, device=device)

    def __call__(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns (n, A, C) float32 scores, 0 to 1, and (n, A, 4) boxes in pixels of the input.

        Args:
            images: (n, size, size, 3) uint8 RGB.
        """
        size = _BATCH if self._engine is None else self._engine.batch
        parts = [images[at : at + size] for at in range(0, len(images), size)]
        if self._engine is None:
            found = [self._exact(part) for part in parts]
        else:
            rows = stream(self._engine, enumerate(parts))
            found = [self.of_rows(each) for _, each in rows]
        scores, boxes = zip(*found, strict=True)
        return np.concatenate(scores), np.concatenate(boxes)

    def of_rows(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns the same of (n, D) maps that are known already."""
        with torch.inference_mode():
            maps = self._layout.split(torch.from_numpy(np.ascontiguousarray(rows, np.float32)))
            scores, boxes = self._net(maps)
            return scores.numpy(), boxes.numpy()

    def _exact(self, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        assert self._plain is not None
        with torch.inference_mode():
            return self.of_rows(self._plain(torch.from_numpy(np.ascontiguousarray(part))).numpy())
