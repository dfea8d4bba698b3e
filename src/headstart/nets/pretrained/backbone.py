"""`Backbone`: one pretrained network with the preprocessing its weights were trained with.

What can be said about it without running it (sizes, stages, preprocessing) is a `BackboneInfo`,
kept in the cache, so that a warm process need not import torch to know its own backbone.
"""

from __future__ import annotations

import copy
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.choices import Device
from headstart.errors import BackboneError, OptionError
from headstart.fingerprint import fingerprint_json
from headstart.images.preprocess import Preprocess
from headstart.images.store import cache_folder
from headstart.nets.boxes.head import BoxHead
from headstart.nets.detectors.coco import detector_head
from headstart.nets.engines.engine import Engine
from headstart.nets.files.layout import read_config
from headstart.nets.pretrained.source import Source, fingerprint, hub_folder, resolve
from headstart.nets.pretrained.weights import load_network
from headstart.output import write_atomic

if TYPE_CHECKING:
    from torch import nn

    from headstart.nets.stages import StagePool

__all__ = ["Backbone", "BackboneInfo", "native_precision", "open_backbone", "pick_device"]

# Raised when the meaning of the vectors changes, so that old caches are not read.
_LAYOUT_VERSION = 3
# Below this many images to embed, converting to OpenVINO costs more than it saves.
_WORTH_CONVERTING = 200


@dataclass(frozen=True)
class BackboneInfo:
    """What is known of a backbone without running it.

    Attributes:
        stages: (name, width) in the order of the vector: ``"pixels"``, ``"regions"``, what the
            network's own stages give, and ``"last"``; of ONNX files only that.
        parameters: Number of weights; 0 when unknown (ONNX).
        licence: As its configuration states.
    """

    stages: tuple[tuple[str, int], ...]
    parameters: int
    licence: str | None

    @property
    def slices(self) -> dict[str, slice]:
        """Stage name -> where it lies in the (N, D) vectors."""
        slices, start = {}, 0
        for name, width in self.stages:
            slices[name] = slice(start, start + width)
            start += width
        return slices

    @property
    def bounds(self) -> tuple[int, ...]:
        """Where each stage begins, then D."""
        return (0, *(each.stop for each in self.slices.values()))


@dataclass(frozen=True)
class Backbone:
    """A pretrained network, loaded only when it must run.

    Attributes:
        source: Where its weights come from.
        fingerprint: Of its weights and configuration, hexadecimal.
        random_seed: When given, the same network with random weights: a control.
    """

    source: Source
    fingerprint: str
    random_seed: int | None = None

    def randomised(self, seed: int) -> Backbone:
        """Returns the same network with random weights, the control of `transfer gain`."""
        return Backbone(self.source, f"{self.fingerprint}-random{seed}", seed)

    @property
    def name(self) -> str:
        """Its short name for people."""
        return self.source.path.name if self.source.path else self.source.name

    @property
    def home(self) -> Path:
        """Its folder in the cache: what is known of it and converted graphs."""
        return cache_folder() / "backbones" / f"{self.fingerprint}-v{_LAYOUT_VERSION}"

    @cached_property
    def info(self) -> BackboneInfo:
        """What is known of it; read from the cache, or learnt by loading it once."""
        file = self.home / "info.json"
        try:
            value = json.loads(file.read_text(encoding="utf-8"))
            value["stages"] = tuple((name, width) for name, width in value["stages"])
            return BackboneInfo(**value)
        except (OSError, ValueError, TypeError, KeyError):
            info = self._learn()
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            write_atomic(file, json.dumps(asdict(info)))
        except OSError:
            pass  # a cache that cannot be written must not stop the work
        return info

    @property
    def preprocess(self) -> Preprocess:
        """How its weights were trained to see."""
        return _preprocess(self._config, self.name)

    def takes_any_size(self) -> bool:
        """Tells whether the network takes images of another size than its own."""
        return not self._config.get("fixed_input_size", self.source.kind == "onnx")

    @property
    def face_template(self) -> tuple[tuple[float, float], ...] | None:
        """Where a face embedder wants eyes, nose and mouth corners, on a square of side 1.

        None for networks that say nothing of faces.
        """
        points = self._config.get("alignment")
        if not isinstance(points, list):
            return None
        _, height, width = self._config.get("input_size") or (3, 112, 112)
        side = max(height, width)
        left, top = (side - width) // 2, (side - height) // 2
        return tuple(((x + left) / side, (y + top) / side) for x, y in points)

    @property
    def pretraining_classes(self) -> int:
        """How many classes its weights were trained to name; 0 where that is not said."""
        return 0 if self.source.kind == "onnx" else int(self._config.get("num_classes") or 0)

    @cached_property
    def box_head(self) -> tuple[BoxHead, tuple[str, ...]] | None:
        """The last layers of one of COCO's detectors and the names of its classes, or None."""
        folder = hub_folder(self.source) if self.source.kind == "hub" else self.source.path
        return None if folder is None or folder.is_file() else detector_head(folder)

    @cached_property
    def _config(self) -> dict[str, Any]:
        """Timm's `pretrained_cfg`, read without loading the network where that can be."""
        if self.source.kind == "onnx":
            return self.source.settings
        if self.source.kind in ("folder", "starter") and self.source.path is not None:
            config = read_config(self.source.path)
            config = config.get("pretrained_cfg", config)
            if {"input_size", "mean", "std", "fixed_input_size"} <= set(config):
                return config
        if self.source.kind == "timm":
            from timm.models import get_pretrained_cfg

            return get_pretrained_cfg(self.source.name).to_dict()
        return getattr(self.network, "pretrained_cfg", {})

    def copy(self, *, drop_path: float = 0.0) -> nn.Module:
        """Returns a network of one's own to train.

        Args:
            drop_path: Stochastic depth; not every network has it.

        Raises:
            BackboneError: If it cannot be loaded, or has no stochastic depth.
        """
        if not drop_path:
            return copy.deepcopy(self.network)
        return load_network(self.source, pretrained=self.random_seed is None, drop_path=drop_path)

    @cached_property
    def network(self) -> nn.Module:
        """The timm network in eval mode, fp32, on the CPU.

        Raises:
            BackboneError: If it cannot be loaded, or is an ONNX file.
        """
        if self.source.kind == "onnx":
            raise BackboneError(f"{self.source.path} is an ONNX file: it can only be used frozen")
        if self.random_seed is None:
            return load_network(self.source)
        import torch

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.random_seed)
            return load_network(self.source, pretrained=False)

    def pool(self, preprocess: Preprocess) -> StagePool:
        """Returns the network as a function from uint8 images to pooled vectors.

        Raises:
            OptionError: If the network does not take images of that size.
        """
        from headstart.nets.stages import StagePool

        try:
            pool = StagePool(self.network, preprocess).eval()
        except (RuntimeError, AssertionError, ValueError) as error:
            if preprocess.size == self.preprocess.size:
                raise
            raise OptionError(
                f"{self.name} does not take images of {preprocess.size} px ({error}); "
                f"leave --image-size out for its own {self.preprocess.size} px"
            ) from error
        return pool.requires_grad_(False)

    def _learn(self) -> BackboneInfo:
        if self.source.kind == "onnx":
            size = self.preprocess.size
            engine = self._onnx_engine(self.preprocess)
            engine.start(0, np.zeros((1, size, size, 3), np.uint8))
            width = engine.finish(0).shape[1]
            return BackboneInfo((("last", width),), 0, self.source.licence)
        return BackboneInfo(
            stages=self.pool(self.preprocess).layout,
            parameters=sum(each.numel() for each in self.network.parameters()),
            licence=self.source.licence or self._config.get("license"),
        )

    def _onnx_engine(self, preprocess: Preprocess) -> Any:
        from headstart.nets.engines.on_openvino import load_onnx

        assert self.source.path is not None
        return load_onnx(self.source.path, preprocess, self.input_shape(preprocess.size))

    def input_shape(self, size: int) -> tuple[int, int]:
        """Returns (height, width) of what the network takes from the middle of a square.

        Args:
            size: Side of the square in pixels.
        """
        _, height, width = self._config.get("input_size") or (3, size, size)
        return (size, size) if height == width else (int(height), int(width))

    def engine(
        self, preprocess: Preprocess, *, images: int, proof: np.ndarray, device: Device = "auto"
    ) -> Engine:
        """Returns the fastest engine for the work ahead, verified against fp32 torch.

        Args:
            preprocess: As the vectors are wanted.
            images: How many are to be embedded; converting pays from a few hundred.
            proof: (n, size, size, 3) uint8: the first batch, to verify with.
            device: Where to run.

        Raises:
            BackboneError: If the network cannot be loaded or no engine agrees with it.
        """
        if self.source.kind == "onnx":
            return self._onnx_engine(preprocess)
        chosen = pick_device(device)
        if chosen == "cpu":
            from headstart.nets.engines import on_openvino as openvino

            # The graph holds size and normalisation: one folder for each.
            home = self.home / fingerprint_json([preprocess.mean, preprocess.std])[:8]
            size, bounds = preprocess.size, self.info.bounds
            engine = None
            if openvino.is_converted(home, size=size):
                engine = openvino.load_converted(home, size=size, bounds=bounds)
            if engine is None and images >= _WORTH_CONVERTING:
                try:
                    openvino.convert_graph(self.pool(preprocess), home, size=size)
                    engine = openvino.load_converted(home, size=size, bounds=bounds)
                except (BackboneError, OSError):
                    pass  # torch below runs everything, only slower
            if engine is not None:
                return engine
        from headstart.nets.engines.on_torch import torch_engine

        pool = self.pool(preprocess)
        few = chosen == "cpu" and images < _WORTH_CONVERTING
        return torch_engine(pool, device=chosen, proof=proof, bounds=self.info.bounds, few=few)


def open_backbone(name: str, *, known: bool = True) -> Backbone:
    """Opens a backbone by name, folder or file; downloads its weights if they are not here.

    Args:
        name: A preset, a timm name, `hf-hub:org/name`, a folder in timm's layout, an ONNX
            file, or `starter`.
        known: See `resolve`; False for the copy inside a model or gallery.

    Raises:
        BackboneError: If it cannot be found or fetched.
    """
    source = resolve(name, known=known)
    return Backbone(source, fingerprint(source))


def _preprocess(config: dict[str, Any], name: str) -> Preprocess:
    """Reads timm's `pretrained_cfg` (or the JSON beside an ONNX file).

    Raises:
        BackboneError: If a value cannot be.
    """
    default = Preprocess()
    try:
        size = config.get("input_size") or (3, default.size, default.size)
        read = Preprocess(
            size=int(max(size[1:])),  # what is no square is cut out of the middle of one
            crop_pct=float(config.get("crop_pct") or default.crop_pct),
            interpolation=str(config.get("interpolation") or default.interpolation),
            mean=tuple(config.get("mean") or default.mean),
            std=tuple(config.get("std") or default.std),
        )
        fault = read.fault()
    except (TypeError, ValueError, OverflowError) as error:
        fault = str(error)
    if fault:
        raise BackboneError(f"{name}: its preprocessing cannot be used: {fault}")
    return read


def native_precision(device: Device) -> str:
    """Returns the precision that engines aim for here, without importing any of them."""
    if pick_device(device) != "cpu":
        return "bf16"
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return "fp32"
    return "bf16" if "avx512_bf16" in flags or "amx_bf16" in flags else "fp32"


def pick_device(device: Device) -> Device:
    """Resolves ``"auto"``; asks torch only where a driver for CUDA can exist."""
    if device != "auto":
        return device
    if Path("/proc/driver/nvidia").exists() or Path("/dev/nvidia0").exists():
        import torch

        if torch.cuda.is_available():
            return "cuda"
    return "cpu"
