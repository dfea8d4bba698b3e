"""`PlaceRunner`: a model that answers with places at work, from pixels to its named outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from headstart.choices import Device
from headstart.images.tiles import answered_by_tiles
from headstart.images.views import views_of
from headstart.nets.boxes.head import BoxHead
from headstart.nets.boxes.net import box_net_of
from headstart.nets.engines.engine import stream
from headstart.nets.heads.head import Head
from headstart.nets.heads.head_net import HeadNet
from headstart.nets.heads.map_head import MapHead
from headstart.nets.masks.head import DenseHead
from headstart.nets.masks.net import net_of
from headstart.nets.model import Model
from headstart.nets.pretrained.maps import map_layout, maps_engine, stage_maps
from headstart.nets.smp.head import SmpHead
from headstart.nets.smp.net import smp_net_of
from headstart.nets.torchvision.build import torchvision_net_of
from headstart.nets.torchvision.head import TorchvisionHead

__all__ = ["PlaceRunner", "module_of"]

_BATCH = 8
_MODULES: dict[type, Callable[[Any], HeadNet]] = {
    DenseHead: net_of, BoxHead: box_net_of, SmpHead: smp_net_of,
    TorchvisionHead: torchvision_net_of,
}  # fmt: skip


def module_of(head: Head | MapHead) -> HeadNet:
    """Returns the module of any head that reads maps, in evaluation mode."""
    return _MODULES[type(head)](head)


class PlaceRunner:
    """Runs backbone and head of a model that answers with places.

    Args:
        model: Whose head reads maps.
        images: How many are to come; converting the network pays from a dozen.
        device: Where the network runs.
        exact: By plain fp32 torch, nothing folded or converted.
    """

    def __init__(
        self, model: Model, *, images: int, device: Device = "auto", exact: bool = False
    ) -> None:
        backbone, preprocess = model.backbone, model.preprocess.seen
        self._tile = model.preprocess.tile
        self._net, self._temperature = module_of(model.head), model.temperature
        self._names = tuple(model.head.outputs_at(preprocess.size))
        self._layout = map_layout(backbone, preprocess)
        self._plain = stage_maps(backbone, preprocess) if exact else None
        self._engine = None
        if not exact:
            self._engine = maps_engine(backbone, preprocess, images=images, device=device)

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Returns the named outputs of the head, each (n, …) float32.

        Args:
            images: (n, V, size, size, 3) uint8 RGB: images as all `views_of(V)` show them, whose
                answers are turned back and averaged (`MapHead.views`).
        """
        if self._tile is not None:
            return answered_by_tiles(self._seen, images, self._tile)
        return self._seen(images)

    def _seen(self, images: np.ndarray) -> dict[str, np.ndarray]:
        count = images.shape[1]
        total = self._run(images[:, 0])
        for at, view in list(enumerate(views_of(count)))[1:]:
            found = self._run(images[:, at])
            total = {name: each + view.back(found[name]) for name, each in total.items()}
        return {name: each / count for name, each in total.items()} if count > 1 else total

    def _run(self, images: np.ndarray) -> dict[str, np.ndarray]:
        size = _BATCH if self._engine is None else self._engine.batch
        parts = [images[at : at + size] for at in range(0, len(images), size)]
        if self._engine is None:
            found = [self._exact(part) for part in parts]
        else:
            rows = stream(self._engine, enumerate(parts))
            found = [self._head(torch.from_numpy(each), parts[at]) for at, each in rows]
        joined = (np.concatenate(each) for each in zip(*found, strict=True))
        return dict(zip(self._names, joined, strict=True))

    def _exact(self, part: np.ndarray) -> tuple[np.ndarray, ...]:
        assert self._plain is not None
        with torch.inference_mode():
            return self._head(self._plain(torch.from_numpy(np.ascontiguousarray(part))), part)

    def _head(self, rows: torch.Tensor, part: np.ndarray) -> tuple[np.ndarray, ...]:
        with torch.inference_mode():
            more = self._net.more(torch.from_numpy(np.ascontiguousarray(part)))
            maps = [*self._layout.split(rows.float()), *more]
            found = self._net.answer(maps, self._temperature)
            return tuple(each.numpy() for each in found)
