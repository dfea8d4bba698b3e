"""`Filters`: fixed local filters of an image, for thin structures that no network was taught.

Smoothed grey, the size of its gradient, the eigenvalues of its Hessian (dark and bright lines) and
of its structure tensor (edges of one direction, or of several), at scales half an octave apart.
Pixel classifiers on such a bank are how micrographs are segmented from a few strokes: ilastik (Berg
et al., Nature Methods 2019), Trainable Weka Segmentation (Arganda-Carreras et al., Bioinformatics
2017). Each octave is computed of an image half as large as the one before it, which costs a
fraction of wider filters and told membranes as well (docs/benchmarks.md).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from headstart.nets.masks.head import FILTER_LEVELS

__all__ = ["Filters"]

_SIGMAS = (1.0, 1.6)
_WINDOW = 1.6  # over which the structure tensor of the finer scale is averaged
_GREY = (0.299, 0.587, 0.114)
_TINY = 1e-8  # under roots: their slope at nothing, and what rounding leaves below it


class Filters(nn.Module):
    """The channels of every level of `FILTER_LEVELS`, of images as bytes."""

    def __init__(self) -> None:
        super().__init__()
        self._buffer("grey", torch.tensor(_GREY).view(1, 3, 1, 1) / 255)
        for number, sigma in enumerate(_SIGMAS):
            across, down = _derivatives(sigma)
            self._buffer(f"across{number}", across)
            self._buffer(f"down{number}", down)
        line = _gaussian(_WINDOW)[0]
        each = torch.eye(3)[:, :, None, None] * line
        self._buffer("window", each)

    def _buffer(self, name: str, value: torch.Tensor) -> None:
        # Not kept with a model: they follow from the numbers above, not from anybody's images.
        self.register_buffer(name, value, persistent=False)

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Returns (N, c, h, w) of every level, from the finest.

        Args:
            images: (N, H, W, 3) uint8 RGB; sides are multiples of the coarsest level's stride.
        """
        shade = (images.permute(0, 3, 1, 2).to(self.grey.dtype) * self.grey).sum(1, keepdim=True)
        # What single pixels tell is averaged to the first level, whose own comes beside it.
        found = [functional.avg_pool2d(torch.cat((shade, self._octave(shade)), dim=1), 2)]
        for _ in FILTER_LEVELS:
            shade = functional.avg_pool2d(shade, 2)
            found.append(self._octave(shade))
        return [torch.cat(found[:2], dim=1), *found[2:]]

    def _octave(self, shade: torch.Tensor) -> torch.Tensor:
        """Returns (N, 10, h, w) of a (N, 1, h, w) image."""
        found = []
        for number in range(len(_SIGMAS)):
            across, down = getattr(self, f"across{number}"), getattr(self, f"down{number}")
            smooth, dx, dy, xx, yy, xy = _separably(shade, across, down).split(1, dim=1)
            found += [smooth, (dx * dx + dy * dy + _TINY).sqrt(), *_eigenvalues(xx, yy, xy)]
            if number == 0:
                products = torch.cat((dx * dx, dy * dy, dx * dy), dim=1)
                tensor = _separably(products, self.window, self.window.transpose(2, 3))
                both = _eigenvalues(*tensor.split(1, dim=1))
                found += [(each.clamp_min(0) + _TINY).sqrt() for each in both]
        return torch.cat(found, dim=1)


def _eigenvalues(
    xx: torch.Tensor, yy: torch.Tensor, xy: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the larger and the smaller of symmetric matrices of two rows."""
    middle, half = (xx + yy) / 2, (xx - yy) / 2
    root = (half * half + xy * xy + _TINY**2).sqrt()
    return middle + root, middle - root


def _separably(images: torch.Tensor, across: torch.Tensor, down: torch.Tensor) -> torch.Tensor:
    """Returns images after a row and a column of weights; beyond their edges they go on alike."""
    reach = across.shape[3] // 2
    rows = functional.conv2d(_wider(images, (reach, reach, 0, 0)), across)
    return functional.conv2d(_wider(rows, (0, 0, reach, reach)), down)


def _wider(images: torch.Tensor, by: tuple[int, ...]) -> torch.Tensor:
    return functional.pad(images, by, mode="replicate")


def _gaussian(sigma: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the weights of a Gaussian, which sum to one, and where they lie."""
    reach = round(3 * sigma)
    at = torch.arange(-reach, reach + 1, dtype=torch.float64)
    line = torch.exp(-(at**2) / (2 * sigma**2))
    return (line / line.sum()).float(), at.float()


def _derivatives(sigma: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns weights along rows (3, 1, 1, k), and along columns (6, 3, k, 1) of what these give.

    Together: smoothed, d/dx, d/dy, d2/dx2, d2/dy2, d2/dxdy, each in units of the scale.
    """
    line, at = _gaussian(sigma)
    first = at / sigma * line
    second = (at**2 / sigma**2 - 1) * line
    lines = torch.stack((line, first, second - second.mean()))
    down = torch.zeros(6, 3, len(line), 1)
    for number, (x, y) in enumerate(((0, 0), (1, 0), (0, 1), (2, 0), (0, 2), (1, 1))):
        down[number, x, :, 0] = lines[y]
    return lines[:, None, None, :].clone(), down
