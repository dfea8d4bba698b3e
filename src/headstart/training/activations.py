"""`FrozenActivations`: a frozen part that runs once for each view, not once for each epoch.

Where only the head or the last stages learn, what lies below gives the same activations for the
same pixels. So every training image gets a fixed number of augmented views; the frozen part sees
each once, on the fastest engine, and training reads what it left, epoch by epoch in turn.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from headstart.errors import BackboneError
from headstart.fingerprint import fingerprint_json
from headstart.images.inputs import InputImages
from headstart.images.pixels import Progress, silent
from headstart.nets.augment import Augment
from headstart.nets.backbone import Backbone
from headstart.nets.cut import Cut, cut
from headstart.nets.engine import Engine, stream
from headstart.nets.loader import Batch, Key, Rest, batches
from headstart.nets.trainable import TrainableModel
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
        count: Views of an image.
        seed: Of what is drawn.
        workers: Processes that augment.
        progress: Called as images are seen.
    """

    def __init__(
        self,
        engine: Engine,
        shape: tuple[int, ...],
        inputs: InputImages,
        augment: Augment,
        *,
        count: int,
        seed: int,
        workers: int,
        progress: Progress = silent,
    ) -> None:
        self._engine, self._inputs, self._augment = engine, inputs, augment
        self._seed, self._workers, self._progress = seed, workers, progress
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
            yield Batch(torch.from_numpy(self._held[views, items].astype(np.float32)), items)

    def _see(self, view: int) -> None:
        total, size = len(self._inputs), self._engine.batch
        keys = [(item, view, 0, self._seed) for item in range(total)]
        parts: list[list[Key]] = [keys[start : start + size] for start in range(0, total, size)]
        seen = batches(self._inputs, self._augment, parts, workers=self._workers)
        pairs = ((batch.items, batch.images.numpy()) for batch in seen)
        for items, values in stream(self._engine, pairs):
            self._held[view, items] = values.reshape(len(items), *self._held.shape[2:])
            self._progress(f"frozen part, view {view + 1}", int(items[-1]) + 1, total)
        self._known[view] = True


class _Flat(nn.Module):
    """Gives what a module gives as (n, D)."""

    def __init__(self, below: nn.Module) -> None:
        super().__init__()
        self.below = below

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.below(images).flatten(1)


class _Plain:
    """torch as it is; see `nets.engine.Engine`."""

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
        from headstart.nets import engine_openvino as openvino

        size = net.pool.size
        mark = [net.pool.shift.tolist(), net.pool.scale.tolist(), str(parts.below.code)]
        home = backbone.home / f"below-{fingerprint_json(mark)[:8]}"
        width = int(np.prod(_shape(parts, net)))
        try:
            if not openvino.is_converted(home, size=size):
                openvino.convert(flat, home, size=size)
            engine = openvino.load_converted(home, size=size, bounds=(0, width))
            if engine is not None:
                return engine
        except (BackboneError, OSError):
            pass  # torch runs everything, only slower
    return _Plain(flat, device)


def _shape(parts: Cut, net: TrainableModel) -> tuple[int, ...]:
    size = net.pool.size
    image = torch.zeros((1, size, size, 3), dtype=torch.uint8, device=net.head.weight.device)
    with torch.inference_mode():
        return tuple(parts.below(image).shape[1:])


def frozen_activations(
    net: TrainableModel,
    backbone: Backbone,
    recipe: Recipe,
    inputs: InputImages,
    augment: Augment,
    *,
    seed: int,
    device: str,
    workers: int,
    progress: Progress = silent,
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
        seed: Of everything drawn.
        device: Where it runs.
        workers: Processes that augment.
        progress: Called as images are seen.
    """
    if recipe.freeze not in ("head", "last") or recipe.mixup:
        return None
    net.set_trainable(recipe.trainable_stages(0.0, n_stages=net.n_stages))
    net.eval()
    if (parts := cut(net)) is None:
        return None
    shape = _shape(parts, net)
    count = min(recipe.frozen_views, _BYTES // (2 * len(inputs) * int(np.prod(shape))))
    if count < _FEW or recipe.epochs <= count:
        return None
    engine = frozen_engine(parts, net, backbone, device=device)
    return FrozenActivations(
        engine, shape, inputs, augment, count=count, seed=seed, workers=workers,
        progress=progress,
    )  # fmt: skip
