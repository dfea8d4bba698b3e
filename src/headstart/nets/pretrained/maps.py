"""`StageMaps`: what the stages of a frozen network give before they are pooled, for dense heads.

All maps of an image lie flat in one row, so the engines that run vectors run these too, and are
proven stage by stage in the same way.
"""

from __future__ import annotations

import json
import math
import weakref
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from headstart.choices import Device
from headstart.errors import BackboneError
from headstart.fingerprint import fingerprint_json
from headstart.images.pixels import cpu_count
from headstart.images.preprocess import Preprocess
from headstart.nets.engines.engine import Engine
from headstart.nets.pretrained.backbone import Backbone, pick_device
from headstart.nets.stages import StagePool, one_thread
from headstart.output import write_atomic

if TYPE_CHECKING:
    from headstart.nets.engines.on_openvino import OpenVinoEngine

__all__ = ["MapLayout", "StageMaps", "map_layout", "maps_engine", "stage_maps"]

# From so many images of 256 px on, converting a small network to OpenVINO is won back: it takes
# five seconds of one processor, and an image 4 to 10 ms less than torch with fused convolutions.
# Of larger networks images take longer, and fewer will do.
_WORTH_CONVERTING, _SMALL = 800, 3e6
# Images in a call of torch on a processor: what they give one layer must fit into its cache.
_CACHED = 4
# Bytes of maps that one call of an engine may give.
_CALL_BYTES = 48 << 20
# Loading and proving an engine takes a second or two: who holds one shares it.
_HELD: weakref.WeakValueDictionary[tuple[str, int], OpenVinoEngine] = weakref.WeakValueDictionary()


@dataclass(frozen=True)
class MapLayout:
    """How the maps of one image lie in a row.

    Attributes:
        size: Side of the input in pixels.
        shapes: (C, h, w) of each stage that is held, from input to output.
        first: The network's first stage that is held.
    """

    size: int
    shapes: tuple[tuple[int, int, int], ...]
    first: int = 0

    def since(self, stage: int) -> MapLayout:
        """Returns the layout without the stages before one; it ends as this one does."""
        return MapLayout(self.size, self.shapes[stage - self.first :], stage)

    @property
    def bounds(self) -> tuple[int, ...]:
        """Where each stage begins in a row, then the row's length."""
        sizes = [math.prod(each) for each in self.shapes]
        return tuple(int(each) for each in np.cumsum([0, *sizes]))

    @property
    def strides(self) -> tuple[int, ...]:
        """Pixels of the input between neighbours of the map of each stage that is held."""
        return tuple(round(self.size / width) for _, _, width in self.shapes)

    def split(self, rows: torch.Tensor) -> list[torch.Tensor]:
        """Returns one (n, C, h, w) a stage of (n, D) rows; empty ones of stages not held."""
        parts = pairwise(self.bounds)
        held = [
            rows[:, start:stop].reshape(-1, *shape)
            for (start, stop), shape in zip(parts, self.shapes, strict=True)
        ]
        return [rows[:, :0]] * self.first + held


class StageMaps(StagePool):
    """The maps of every stage, flat and side by side: (N, H, W, 3) uint8 to (N, D)."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Returns (N, D): the maps of each stage, flattened.

        Args:
            images: (N, H, W, 3) uint8 RGB.
        """
        return torch.cat([each.float().flatten(1) for each in self.maps(images)], dim=1)


def stage_maps(backbone: Backbone, preprocess: Preprocess) -> StageMaps:
    """Returns a network as a function from pixels to the maps of its stages.

    Args:
        backbone: In timm's layout.
        preprocess: Size and normalisation.

    Raises:
        BackboneError: If the network has no maps, or does not take images of that size.
    """
    if backbone.source.kind == "onnx":
        raise BackboneError(
            f"{backbone.name} is an ONNX file, which gives one vector an image and no maps: masks "
            f"are learnt on a network in timm's layout"
        )
    try:
        pool = StageMaps(backbone.network, preprocess).eval().requires_grad_(False)
    except (RuntimeError, AssertionError, ValueError) as error:
        raise BackboneError(
            f"{backbone.name} does not take images of {preprocess.size} px ({error}); choose "
            f"--image-size {backbone.preprocess.size}, its own, or another backbone"
        ) from error
    if not pool.keep:
        raise BackboneError(
            f"{backbone.name} does not show the maps of its stages, which masks are learnt from: "
            f"choose another backbone, such as fast or balanced"
        )
    return pool


def map_layout(
    backbone: Backbone, preprocess: Preprocess, *, made: Callable[[], StageMaps] | None = None
) -> MapLayout:
    """Returns how the maps of a network lie at some size; read from the cache, or learnt once.

    Args:
        backbone: In timm's layout.
        preprocess: Size and normalisation.
        made: What makes `stage_maps`, where these are of use for more than that.
    """
    file = _home(backbone, preprocess) / f"maps-{preprocess.size}.json"
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
        return MapLayout(int(value["size"]), tuple(tuple(each) for each in value["shapes"]))
    except (OSError, ValueError, TypeError, KeyError):
        pass
    pool, size = (made or partial(stage_maps, backbone, preprocess))(), preprocess.size
    with one_thread(), torch.inference_mode():
        maps = pool.maps(torch.full((1, size, size, 3), 128, dtype=torch.uint8))
    layout = MapLayout(size, tuple((each.shape[1], *each.shape[2:]) for each in maps))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(file, json.dumps(asdict(layout)))
    except OSError:
        pass  # a cache that cannot be written must not stop the work
    return layout


def maps_engine(
    backbone: Backbone, preprocess: Preprocess, *, images: int, device: Device = "auto"
) -> Engine:
    """Returns the fastest engine for the maps of a network, verified against fp32 torch.

    Args:
        backbone: In timm's layout.
        preprocess: Size and normalisation.
        images: How many are to come.
        device: Where to run.

    Raises:
        BackboneError: If the network has no maps, or no engine agrees with it.
    """
    made = cache(partial(stage_maps, backbone, preprocess))
    chosen, layout = pick_device(device), map_layout(backbone, preprocess, made=made)
    size, bounds = preprocess.size, layout.bounds
    batch = int(np.clip(_CALL_BYTES // (4 * bounds[-1]), 1, 16))
    if chosen == "cpu":
        from headstart.nets.engines import on_openvino as openvino

        home = _home(backbone, preprocess)
        engine = _HELD.get((str(home), size))
        if engine is None and openvino.is_converted(home, size=size):
            engine = openvino.load_converted(home, size=size, bounds=bounds, batch=batch)
        if engine is None and _is_worth_converting(made(), images):
            try:
                openvino.convert_graph(made(), home, size=size)
                engine = openvino.load_converted(home, size=size, bounds=bounds, batch=batch)
            except (BackboneError, OSError):
                pass  # torch below runs everything, only slower
        if engine is not None:
            _HELD[str(home), size] = engine
            return engine
    from headstart.nets.engines.on_torch import torch_engine

    noise = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), dtype=np.uint8)
    few = chosen == "cpu"
    eager = torch_engine(
        made(), device=chosen, proof=noise, bounds=bounds, few=few,
        streams=min(cpu_count(), max(1, images)) if few else 1,
    )  # fmt: skip
    eager.batch = min(_CACHED, batch) if few else eager.batch
    return eager


def _is_worth_converting(pool: StageMaps, images: int) -> bool:
    """Tells whether converting to OpenVINO is won back; no clock says so, and runs are alike."""
    weights = sum(each.numel() for each in pool.parameters())
    work = images * (pool.size / 256) ** 2 * max(1.0, weights / _SMALL)
    return work >= _WORTH_CONVERTING


def _home(backbone: Backbone, preprocess: Preprocess) -> Path:
    # The graph holds size and normalisation: one folder for each.
    return backbone.home / f"maps-{fingerprint_json([preprocess.mean, preprocess.std])[:8]}"
