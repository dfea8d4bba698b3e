"""Tiny networks as pools, and what plain torch gives for them: what all engines are held to."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import timm
import torch
from torch import nn

from headstart.images.preprocess import Preprocess
from headstart.nets.engines.engine import stream
from headstart.nets.pretrained.backbone import Backbone
from headstart.nets.stages import StagePool

SIZE = 64


def inputs(count: int, size: int = SIZE, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def lived(network: nn.Module) -> nn.Module:
    """Gives BatchNorm statistics as training leaves them: with none, folding proves nothing."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            shape = module.running_mean.shape
            module.running_mean.copy_(0.1 * torch.randn(shape, generator=generator))
            module.running_var.copy_(0.5 + torch.rand(shape, generator=generator))
            module.weight.data.copy_(0.5 + torch.rand(shape, generator=generator))
            module.bias.data.copy_(0.2 * torch.randn(shape, generator=generator))
    return network.eval()


def make_pool(name: str, size: int = SIZE, **options: object) -> StagePool:
    torch.manual_seed(0)
    network = lived(timm.create_model(name, num_classes=0, **options))
    return StagePool(network, Preprocess(size)).eval().requires_grad_(False)


def bounds_of(pool: StagePool) -> tuple[int, ...]:
    return tuple(int(n) for n in np.cumsum([0, *(width for _, width in pool.layout)]))


def plain(pool: StagePool, images: np.ndarray, preprocess: Preprocess | None = None) -> np.ndarray:
    """What everything is compared with: fp32 torch, nothing folded, normalised by hand."""
    pixels = torch.from_numpy((preprocess or Preprocess()).normalise(images))
    small = torch.from_numpy(shrunk(images))
    with torch.inference_mode():
        network = pool.network
        if not pool.keep:
            last = network.forward_head(network.forward_features(pixels), pre_logits=True)
            return torch.cat([small, last], dim=1).numpy()
        last = network.forward_head(network.forward_features(pixels), pre_logits=True)
        _, maps = network.forward_intermediates(pixels)
        stages = [part for i in pool.keep for part in (maps[i].mean((2, 3)), maps[i].amax((2, 3)))]
        return torch.cat([small, *regions_of(maps[i] for i in pool.keep), *stages, last], 1).numpy()


def regions_of(stages: Iterable[torch.Tensor]) -> list[torch.Tensor]:
    """(N, C * 16) means over 4 x 4 regions of the stage before the last; fewer where it is wide."""
    *_, stage, _ = stages if (stages := list(stages))[1:] else (None, None)
    if stage is None:
        return []
    side = next((each for each in (4, 3, 2) if stage.shape[1] * each**2 <= 4096), None)
    if side is None:
        return []
    times = stage.repeat_interleave(side, 2).repeat_interleave(side, 3)
    return [nn.functional.avg_pool2d(times, stage.shape[2:]).flatten(1)]


def shrunk(images: np.ndarray) -> np.ndarray:
    """(N, 432) means of 12 x 12 squares, colour by colour."""
    times = np.repeat(np.repeat(images, 12, axis=1), 12, axis=2)  # then 12 divides every side
    n, size = images.shape[:2]
    squares = times.reshape(n, 12, size, 12, size, 3).mean((2, 4))
    return (squares.transpose(0, 3, 1, 2).reshape(n, -1) / 255).astype(np.float32)


def plain_of(backbone: Backbone, images: np.ndarray) -> np.ndarray:
    return plain(backbone.pool(backbone.preprocess), images, backbone.preprocess)


def norms_of(module: nn.Module) -> int:
    return sum(isinstance(each, nn.BatchNorm2d) for each in module.modules())


def run_all(engine, images: np.ndarray) -> np.ndarray:
    """Streams images in batches whose last is not full."""
    starts = range(0, len(images), engine.batch)
    batches = ((start, images[start : start + engine.batch]) for start in starts)
    tags, vectors = zip(*stream(engine, batches), strict=True)
    assert list(tags) == list(starts)
    return np.concatenate(vectors)


def engine_of(backbone: Backbone, *, images: int = 1000):
    preprocess = backbone.preprocess
    return backbone.engine(preprocess, images=images, proof=inputs(1), device="cpu")


class NoStages(nn.Module):
    """A network of the older kind, without `forward_intermediates`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 7, 3, bias=False)
        self.norm = nn.BatchNorm2d(7)

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x)).relu()

    def forward_head(self, x: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        return x.mean((2, 3))


class Shared(NoStages):
    """The convolution's output goes into its norm, and around it: it must not be folded."""

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        return torch.cat((x, self.norm(x)), dim=1)
