"""`FrozenActivations`: a frozen part that runs once for each view, not once for each epoch.

Where only the head or the last stages learn, what lies below gives the same activations for the
same pixels. So every training image gets a fixed number of augmented views; the frozen part sees
each once, on the fastest engine, and training reads what it left, epoch by epoch in turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from headstart.compute import Compute
from headstart.errors import BackboneError
from headstart.fingerprint import fingerprint_json
from headstart.images.inputs import InputImages
from headstart.images.pixels import cpu_count
from headstart.nets.batches.augment import Augment
from headstart.nets.batches.batch import Batch, Targets
from headstart.nets.batches.loader import Key, Rest, batches
from headstart.nets.batches.places import ImagePlaces
from headstart.nets.engines.engine import Engine, stream
from headstart.nets.learning.cut import Cut, cut
from headstart.nets.learning.trainable import TrainableModel
from headstart.nets.pretrained.backbone import Backbone
from headstart.training.schedule import Recipe

__all__ = ["FrozenActivations", "frozen_engine", "frozen_activations"]

_BYTES = 2 << 30
_FEW = 2


class FrozenActivations:
    """Activations of the frozen part for a few views of every training image.

    Args:
        engine: Runs the frozen part, flattened.
        shape: Of one image's activations.
        inputs: N training images.
        augment: What is done to each.
        targets: Who makes what the loss wants of each.
        count: Views of an image.
        compute: The seed of what is drawn, the processes that augment, and who is told.
    """

    def __init__(
        self,
        engine: Engine,
        shape: tuple[int, ...],
        inputs: InputImages,
        augment: Augment,
        *,
        targets: Targets | None,
        count: int,
        compute: Compute,
    ) -> None:
        self._engine, self._inputs, self._augment = engine, inputs, augment
        self._targets, self._compute = targets, compute
        # What moved with an image is as it lies on the view.
        self._moves = None
        if targets is not None:
            self._moves = Targets(_as_they_are, targets.places)
        self._places: list[dict[int, ImagePlaces | None]] = [{} for _ in range(count)]
        self._held = np.empty((count, len(inputs), *shape), np.float16)
        self._known = [False] * count

    def batches(self, keys: Rest) -> Iterator[Batch]:
        """Yields the activations of the given batches, in order; a view that is new is computed."""
        for part in keys:
            items = np.array([key[0] for key in part])
            views = np.array([(epoch + before) % len(self._known) for _, epoch, before, _ in part])
            for view in np.unique(views):
                if not self._known[view]:
                    self._see(int(view))
            activations = torch.from_numpy(self._held[views, items].astype(np.float32))
            yield Batch(activations, items, self._wanted(views, items))

    def _wanted(self, views: np.ndarray, items: np.ndarray) -> Any:
        if self._targets is None:
            return None
        pairs = zip(views.tolist(), items.tolist(), strict=True)
        return self._targets.collate(items, [self._places[view][item] for view, item in pairs])

    def _see(self, view: int) -> None:
        total, size = len(self._inputs), self._engine.batch
        keys = [(item, view, 0, self._compute.seed) for item in range(total)]
        parts: list[list[Key]] = [keys[start : start + size] for start in range(0, total, size)]
        workers = self._compute.workers
        seen = batches(
            self._inputs, self._augment, parts, targets=self._moves,
            workers=workers if workers is not None else max(1, cpu_count() // 2),
        )  # fmt: skip

        phase = f"running the frozen part: view {view + 1}"
        self._compute.progress(phase, 0, total)

        def pairs() -> Iterator[tuple[np.ndarray, np.ndarray]]:
            for batch in seen:
                if batch.targets is not None:
                    self._places[view].update(zip(batch.items.tolist(), batch.targets, strict=True))
                yield batch.items, batch.images.numpy()

        for items, values in stream(self._engine, pairs()):
            self._held[view, items] = values.reshape(len(items), *self._held.shape[2:])
            self._compute.progress(phase, int(items[-1]) + 1, total)
        self._known[view] = True


def _as_they_are(items: np.ndarray, places: list[ImagePlaces | None]) -> list[ImagePlaces | None]:
    return places


class _Flat(nn.Module):
    """Gives what a module gives as (n, D)."""

    def __init__(self, below: nn.Module) -> None:
        super().__init__()
        self.below = below

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.below(images).flatten(1)


class _Plain:
    """torch as it is; see `nets.engines.engine.Engine`."""

    summary, precision, batch, depth = "torch", "fp32", 16, 1

    def __init__(self, module: nn.Module, device: str) -> None:
        self._module, self._device = module, device
        self._result = torch.empty(0)

    def start(self, slot: int, images: np.ndarray) -> None:
        with torch.inference_mode():
            self._result = self._module(torch.from_numpy(images).to(self._device))

    def finish(self, slot: int) -> np.ndarray:
        return self._result.float().cpu().numpy()


def frozen_engine(parts: Cut, net: TrainableModel, backbone: Backbone, *, device: str) -> Engine:
    """Returns the fastest engine for a frozen part: OpenVINO on CPUs, proven against torch.

    Args:
        parts: Of the network.
        net: In the mode for inference.
        backbone: Where its weights come from; the converted graph is kept in its cache.
        device: Where the network is.
    """
    flat = _Flat(parts.below).eval()
    if device == "cpu":
        from headstart.nets.engines import on_openvino as openvino

        size = net.pool.size
        mark = [net.pool.shift.tolist(), net.pool.inverse_std.tolist(), str(parts.below.code)]
        home = backbone.home / f"below-{fingerprint_json(mark)[:8]}"
        width = int(np.prod(_shape(parts, net)))
        try:
            if not openvino.is_converted(home, size=size):
                openvino.convert_graph(flat, home, size=size)
            engine = openvino.load_converted(home, size=size, bounds=(0, width))
            if engine is not None:
                return engine
        except (BackboneError, OSError):
            pass  # torch runs everything, only slower
    return _Plain(flat, device)


def _shape(parts: Cut, net: TrainableModel) -> tuple[int, ...]:
    size = net.pool.size
    image = torch.zeros((1, size, size, 3), dtype=torch.uint8, device=net.pool.inverse_std.device)
    with torch.inference_mode():
        return tuple(parts.below(image).shape[1:])


def frozen_activations(
    net: TrainableModel,
    backbone: Backbone,
    recipe: Recipe,
    inputs: InputImages,
    augment: Augment,
    *,
    targets: Targets | None = None,
    compute: Compute,
) -> FrozenActivations | None:
    """Returns the views that a training can read instead of images, where that saves time.

    It does where the same stages stay frozen throughout, images are not mixed with each other,
    the activations of at least two views fit into 2 GiB, and there are more epochs than views.

    Args:
        net: To train; its trainable stages are set.
        backbone: Where its weights come from.
        recipe: How.
        inputs: N training images.
        augment: What is done to each.
        targets: Who makes what the loss wants of each.
        compute: Where it runs.
    """
    mixed = targets is not None and targets.mix is not None
    if recipe.freeze not in ("head", "last") or mixed:
        return None
    net.set_trainable(recipe.trainable_stages(0.0, n_stages=net.n_stages))
    net.eval()
    if (parts := cut(net)) is None:
        return None
    shape = _shape(parts, net)
    count = min(recipe.frozen_views, _BYTES // (2 * len(inputs) * int(np.prod(shape))))
    if count < _FEW or recipe.epochs <= count:
        return None
    engine = frozen_engine(parts, net, backbone, device=compute.device)
    return FrozenActivations(
        engine, shape, inputs, augment, targets=targets, count=count, compute=compute
    )
