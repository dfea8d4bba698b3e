"""`StagePool`: a pretrained network as one function from uint8 pixels to pooled vectors.

Normalisation is inside, so every engine takes the same bytes and none can disagree on it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import nn

from headstart.images.preprocess import Preprocess

__all__ = ["PIXELS", "REGIONS", "StagePool", "one_thread"]

PIXELS = "pixels"
"""Name of the part that no network has seen."""
REGIONS = "regions"
"""Name of the part that knows where in the image something is."""
_SIDE = 12  # pixels of the small image
# So many regions a side, as long as the part gets no wider.
_REGIONS, _WIDEST = (4, 3, 2), 4096

_MAX_STAGES = 4
# Smaller images end at one pixel before the last stage, and stages of one size look like one.
_PLANNED = 64


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Runs torch on one thread: for one image, and while other threads decode, it is faster.

    OpenMP's threads wait for each other by spinning; where one of them has lost its processor
    to a decoder, every operation then takes a whole time slice (measured: 60 times slower).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


class StagePool(nn.Module):
    """A small image, regions, average and maximum of every stage, and the last layer's vector.

    Args:
        network: A timm model, built with `num_classes=0`.
        preprocess: Normalisation of its weights.

    The stages are the last block at each spatial resolution (convolutional networks) or
    evenly spaced blocks (transformers), as `forward_intermediates` gives them; a network
    without that method yields its last layer only. The small image, 12 pixels wide, is what
    no network has seen: colours and places that pretrained features are blind to. Regions are
    the stage before the last, averaged over each of 4 x 4 parts of the image (fewer where it has
    many channels): where things are, which the mean over all of an image forgets, and which
    tells much where images are aligned, as faces and scans are.
    """

    def __init__(self, network: nn.Module, preprocess: Preprocess) -> None:
        super().__init__()
        self.network = network
        mean = torch.tensor(preprocess.mean).view(1, 3, 1, 1) * 255
        std = torch.tensor(preprocess.std).view(1, 3, 1, 1) * 255
        self.register_buffer("shift", -mean / std)
        self.register_buffer("inverse_std", 1 / std)
        self.register_buffer("shares", _shares(preprocess.size), persistent=False)
        self.keep: tuple[int, ...] = ()
        self.has_regions = False
        self.layout: tuple[tuple[str, int], ...] = ()
        self.size = preprocess.size
        self._plan()

    def _plan(self) -> None:
        """Runs a grey image to learn the stages, which are the same at every size, and widths."""

        def grey(side: int) -> torch.Tensor:
            return torch.full((1, side, side, 3), 128, dtype=torch.uint8)

        with one_thread(), torch.inference_mode():
            if hasattr(self.network, "forward_intermediates"):
                for side in dict.fromkeys((max(self.size, _PLANNED), self.size)):
                    try:
                        _, maps = self.network.forward_intermediates(self._normalise(grey(side)))
                    except (NotImplementedError, RuntimeError, TypeError, AssertionError):
                        continue  # some take one size only
                    self.keep = _spread(maps)
                    break
            if len(self.keep) > 1:
                _, maps = self.network.forward_intermediates(self._normalise(grey(self.size)))
                self._divide(maps[self.keep[-2]].shape[1:])
            parts = self.parts(grey(self.size))
        widths = [part.shape[1] for part in parts]
        stages = (f"stage{number + 1}" for number in range(len(self.keep)))
        names = [PIXELS, *([REGIONS] if self.has_regions else []), *stages, "last"]
        self.layout = tuple(zip(names, widths, strict=True))

    @torch.inference_mode(False)  # the shares take part in training
    def _divide(self, shape: tuple[int, ...]) -> None:
        """Learns how the stage before the last, of a (C, h, w), is cut into regions."""
        channels, height, width = shape
        for side in _REGIONS:
            if channels * side**2 <= _WIDEST:  # and at any size of the map: layouts must not differ
                self.has_regions = True
                self.register_buffer("rows", _shares(height, side), persistent=False)
                self.register_buffer("columns", _shares(width, side), persistent=False)
                return

    def _normalise(self, images: torch.Tensor) -> torch.Tensor:
        images = images.permute(0, 3, 1, 2).to(self.inverse_std.dtype)
        return images * self.inverse_std + self.shift

    def parts(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Returns the (N, 432) small images, regions, one (N, width) a stage, and the last layer's.

        Args:
            images: (N, H, W, 3) uint8 RGB.
        """
        pixels, small = self._normalise(images), self._small(images)
        if not self.keep:
            features = self.network.forward_features(pixels)
            return [small, self.network.forward_head(features, pre_logits=True)]
        features, maps = self.network.forward_intermediates(pixels)
        stages = [torch.cat((maps[i].mean((2, 3)), maps[i].amax((2, 3))), dim=1) for i in self.keep]
        regions = [self._regions(maps[self.keep[-2]])] if self.has_regions else []
        return [small, *regions, *stages, self.network.forward_head(features, pre_logits=True)]

    def _regions(self, stage: torch.Tensor) -> torch.Tensor:
        """Returns the (N, C * regions) means over the regions of a stage, (N, C, h, w)."""
        rows, columns = self.rows.to(stage.dtype), self.columns.to(stage.dtype)
        return (rows @ stage @ columns.T).flatten(1)

    def _small(self, images: torch.Tensor) -> torch.Tensor:
        """Returns the (N, 432) means of 12 x 12 squares, 0 to 1."""
        rows = self.shares @ images.permute(0, 3, 1, 2).to(self.shares.dtype)
        # Two products rather than an adaptive pooling, which ONNX has for some sizes only.
        return (rows @ self.shares.T).flatten(1) / 255

    def maps(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Returns what the stages give before they are pooled, for heads that answer with places.

        Args:
            images: (N, H, W, 3) uint8 RGB.

        Returns:
            One (N, C, h, w) a stage, from the largest map to the smallest.
        """
        maps = self.network.forward_intermediates(self._normalise(images), intermediates_only=True)
        return [maps[i] for i in self.keep]

    def last(self, images: torch.Tensor) -> torch.Tensor:
        """Returns (N, width) of the last layer alone, without pooling the other stages."""
        features = self.network.forward_features(self._normalise(images))
        return self.network.forward_head(features, pre_logits=True)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Returns (N, D): the parts side by side.

        Args:
            images: (N, H, W, 3) uint8 RGB.
        """
        return torch.cat([part.float() for part in self.parts(images)], dim=1)


def _shares(size: int, parts: int = _SIDE) -> torch.Tensor:
    """Returns (parts, size): the share that each pixel of a line has in the mean of each part."""
    edges = torch.arange(parts + 1, dtype=torch.float64) * size / parts
    place = torch.arange(size, dtype=torch.float64)
    covered = torch.minimum(edges[1:, None], place + 1) - torch.maximum(edges[:-1, None], place)
    return (covered.clamp(min=0) * parts / size).float()


def _spread(maps: list[torch.Tensor]) -> tuple[int, ...]:
    """Chooses which of many feature maps are kept as stages.

    Args:
        maps: (1, C, H, W) each, from input to output.
    """
    last_of_size = {tuple(each.shape[2:]): i for i, each in enumerate(maps)}
    chosen = sorted(last_of_size.values())
    if len(chosen) == 1:  # a plain transformer: one resolution throughout
        count = min(_MAX_STAGES, len(maps))
        chosen = sorted({(i + 1) * len(maps) // count - 1 for i in range(count)})
    return tuple(chosen[-(_MAX_STAGES + 1) :])
