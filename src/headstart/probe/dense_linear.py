"""The linear arm of masks: one convolution at every stage, fitted for all folds at once.

A 1x1 convolution at each stage's own stride, upsampled and summed, is a linear probe on
hypercolumns (Hariharan et al., 2015). It is learnt from some cells of each image, and answers for
all of them; the models of all folds and the final one learn side by side from one reading.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from headstart.compute import Compute
from headstart.features.extract_filters import JoinedRows
from headstart.features.extract_maps import MapRows
from headstart.nets.masks.head import DenseHead, DensePlan
from headstart.nets.masks.loss import dense_losses
from headstart.nets.masks.net import build_dense, head_of
from headstart.nets.pretrained.maps import MapLayout
from headstart.probe.dense_cells import MapCells, some_cells

__all__ = ["DenseFit", "LinearTask", "fit_linear", "map_moments"]

_BATCH, _RATE, _DECAY = 8, 0.012, 1.0
_BETAS, _RISING = (0.9, 0.999), 0.2
# Channels at which a stage is taken as it is, and how much wider ones are scaled down.
_NARROW, _SHRINK = 16, 0.5
_STEPS, _EPOCHS = 200, (5, 60)
_RARE_STEPS, _RARE_DECAY = 300, 0.05
_CELLS = 2048  # of all images of a step


@dataclass(frozen=True)
class LinearTask:
    """What is learnt.

    Attributes:
        layout: Of what the head reads.
        rows: (N, D) float16 of the N training images, or what reads them.
        shares: (N, C, h, w) uint8 of 255, at the plan's stride.
        folds: (N,) int, which of K folds holds an image out; all -1 for none.
        weights: (C,) float32 of a pixel of each class.
        rare: Whether some classes are rare: those learn longer, and decay would keep them down.
    """

    layout: MapLayout
    rows: np.ndarray | MapRows | JoinedRows
    shares: np.ndarray
    folds: np.ndarray
    weights: np.ndarray
    rare: bool = False


@dataclass(frozen=True)
class DenseFit:
    """A linear head, and what models without them said of its training images.

    Attributes:
        head: Fitted on all of them.
        scores: (N, C, h, w) float16, of each image by the model of the fold that held it out.
    """

    head: DenseHead
    scores: np.ndarray


def map_moments(
    layout: MapLayout, rows: np.ndarray | MapRows | JoinedRows, *, most: int = 48
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Returns mean and standard deviation of every channel of each stage that is held.

    Args:
        layout: Of the maps.
        rows: (N, D) float16, or what reads them.
        most: Images to look at, spread over all.
    """
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int))
    maps = layout.split(torch.from_numpy(rows[chosen]).float())[layout.first :]
    means = [each.mean((0, 2, 3)) for each in maps]
    stds = [_spread(each, mean) for each, mean in zip(maps, means, strict=True)]
    floors = [0.01 * each.mean().clamp_min(1e-6) for each in stds]  # channels that say nothing
    return means, [std.clamp_min(floor) for std, floor in zip(stds, floors, strict=True)]


def _spread(maps: torch.Tensor, mean: torch.Tensor) -> torch.Tensor:
    """Returns the standard deviation of each channel; torch's own takes ten times as long.

    Args:
        maps: (n, C, h, w).
        mean: (C,) of them.
    """
    around = mean[:, None, None]
    norms = [torch.linalg.vector_norm(each - around, dim=(1, 2)) for each in maps]
    freedom = max(1, maps[:, 0].numel() - 1)
    return (torch.stack(norms).square().sum(0) / freedom).sqrt()


class _Side(nn.Module):
    """M linear heads side by side, each on cells standardised as its own training images say.

    Args:
        means: (M, D) of the images that each model learns from. With one mean for all, what is
            held out would lie opposite to the rest, and be taken so.
        stds: (D,) likewise, of all models.
        prior: (C,) scores that every model starts from.
    """

    def __init__(self, means: torch.Tensor, stds: torch.Tensor, prior: torch.Tensor) -> None:
        super().__init__()
        self.models, self.classes, self.means, self.stds = len(means), len(prior), means, stds
        self.weight = nn.Parameter(torch.zeros(self.models * self.classes, means.shape[1]))
        self.bias = nn.Parameter(prior.repeat(self.models))

    def folded(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns (M, C, D) weights that take maps as they come, and the (M, C) bias with them."""
        weight = (self.weight / self.stds).view(self.models, self.classes, -1)
        bias = self.bias.view(self.models, -1) - torch.einsum("mkd,md->mk", weight, self.means)
        return weight, bias

    def forward(self, cells: torch.Tensor) -> torch.Tensor:
        """Returns (n, M, C, P) scores of (n, P, D) cells."""
        weight, bias = self.folded()
        # Cells side by side for each class: what the loss sums over then lies in one piece.
        scores = torch.addmm(bias.view(-1, 1), weight.flatten(0, 1), cells.flatten(0, 1).T)
        return scores.view(self.models, self.classes, *cells.shape[:2]).permute(2, 0, 1, 3)


def fit_linear(task: LinearTask, plan: DensePlan, compute: Compute, *, phase: str) -> DenseFit:
    """Fits a linear head on all images, and one without each fold.

    Args:
        task: What is learnt.
        plan: Of the head.
        compute: The seed of the order, and who hears of progress.
        phase: What it is called there.
    """
    n, k = len(task.rows), int(task.folds.max()) + 1
    learns = torch.ones(n, k + 1)
    if k:
        learns[torch.arange(n), torch.from_numpy(task.folds)] = 0
    cells = some_cells(task.layout, task.rows, task.shares, seed=compute.seed)
    shares = cells.of(task.shares).reshape(n, plan.n_classes, -1)
    net, weights = _start(task, cells, learns), torch.from_numpy(task.weights)
    whole = shares.shape[2]
    values = torch.from_numpy(cells.values).flatten(0, 1)
    per_epoch = math.ceil(n / _BATCH)
    steps, decay = (_RARE_STEPS, _RARE_DECAY) if task.rare else (_STEPS, _DECAY)
    epochs = int(np.clip(math.ceil(steps / per_epoch), *_EPOCHS))
    optimiser = _AdamW(list(net.parameters()), epochs * per_epoch, decay=decay)
    rng = np.random.default_rng(compute.seed)
    for epoch in range(epochs):
        for number, part in enumerate(np.array_split(rng.permutation(n), per_epoch)):
            some = np.sort(rng.permutation(shares.shape[2])[: max(1, _CELLS // len(part))])
            place = torch.from_numpy(part[:, None] * whole + some)
            seen = values.index_select(0, place.flatten()).float().view(*place.shape, -1)
            truth = torch.from_numpy(shares[part][:, :, some].astype(np.float32) / 255)
            counts = torch.from_numpy(cells.counts[part[:, None], some]) * whole / len(some)
            losses = dense_losses(
                net(seen)[..., None], truth[:, None, ..., None], weights,
                cells=counts[:, None, None, :, None],
            )  # fmt: skip
            mine = learns[torch.from_numpy(part)]
            loss = (losses * mine).sum(0) / mine.sum(0).clamp_min(1)
            loss.sum().backward()
            optimiser.step()
            compute.progress(phase, epoch * per_epoch + number + 1, epochs * per_epoch)
    return DenseFit(_final(net, plan), _held_out(net, task, plan))


class _AdamW:
    """Adam with decoupled decay (Loshchilov and Hutter, ICLR 2019), one cycle of the rate.

    That of torch imports torch's compiler, which takes longer than all steps here.

    Args:
        parameters: Changed in place.
        steps: Of the whole training.
        decay: Share of the rate by which weights shrink at a step.
    """

    def __init__(self, parameters: list[nn.Parameter], steps: int, *, decay: float) -> None:
        self._all, self._steps, self._done, self._decay = parameters, steps, 0, decay
        self._moments = [(torch.zeros_like(each), torch.zeros_like(each)) for each in parameters]

    def _rate(self) -> float:
        rising = max(1.0, _RISING * self._steps)
        if self._done <= rising:
            share, low = self._done / rising, 0.04
            return _RATE * (1 - (1 - low) * (1 + math.cos(math.pi * share)) / 2)
        share = min(1.0, (self._done - rising) / max(1.0, self._steps - rising))
        return _RATE * (1 + math.cos(math.pi * share)) / 2

    @torch.no_grad()
    def step(self) -> None:
        """Takes a step along the gradients, and lets these go."""
        rate = self._rate()
        self._done += 1
        for each, (mean, square) in zip(self._all, self._moments, strict=True):
            assert each.grad is not None
            mean.lerp_(each.grad, 1 - _BETAS[0])
            square.lerp_(each.grad**2, 1 - _BETAS[1])
            size = (square / (1 - _BETAS[1] ** self._done)).sqrt_().add_(1e-8)
            each.mul_(1 - rate * self._decay)
            each.addcdiv_(mean, size, value=-rate / (1 - _BETAS[0] ** self._done))
            each.grad = None


def _start(task: LinearTask, cells: MapCells, learns: torch.Tensor) -> _Side:
    """Returns models that know how frequent classes are, and nothing else.

    Args:
        task: What is learnt.
        cells: Of its images.
        learns: (N, M) 1 where an image is learnt from.
    """
    _, stds = map_moments(task.layout, task.rows)
    counts = cells.counts / cells.counts.sum(axis=1, keepdims=True)
    each = torch.stack(
        [
            torch.from_numpy(count) @ torch.from_numpy(values).float()
            for count, values in zip(counts, cells.values, strict=True)
        ]
    )
    share = (learns / learns.sum(0).clamp_min(1)).T
    # Deep stages have many channels and few cells: scaled down, they are learnt by heart less.
    scaled = torch.cat([std * (len(std) / _NARROW) ** _SHRINK for std in stds])
    pixels = task.shares.sum(axis=(0, 2, 3), dtype=np.float64) * task.weights
    prior = np.log(np.maximum(pixels, 1e-4 * pixels.sum()) / pixels.sum())
    return _Side(share @ each, scaled, torch.from_numpy(prior).float())


@torch.no_grad()
def _final(net: _Side, plan: DensePlan) -> DenseHead:
    """Returns the last of the models as a head."""
    weight, bias = (each[-1] for each in net.folded())
    module = build_dense(plan)
    parts = weight.split([plan.all_channels[each] for each in plan.read], dim=1)
    for number, (conv, part) in enumerate(zip(module.first(), parts, strict=True)):
        conv.weight.copy_(part[:, :, None, None])
        assert conv.bias is not None
        conv.bias.copy_(bias if number == len(parts) - 1 else torch.zeros_like(bias))
    return head_of(module)


@torch.no_grad()
def _held_out(net: _Side, task: LinearTask, plan: DensePlan) -> np.ndarray:
    """Returns (N, C, h, w) float16 scores of each image by the model that did not learn from it."""
    found = np.empty(task.shares.shape, np.float16)
    weight, bias = net.folded()
    channels = [plan.all_channels[each] for each in plan.read]
    for start in range(0, len(task.rows), _BATCH):
        part = slice(start, start + _BATCH)
        own = torch.from_numpy(task.folds[part])
        maps = task.layout.split(torch.from_numpy(task.rows[part]).float())[task.layout.first :]
        total = bias[own][:, :, None, None]
        weights = weight[own].split(channels, dim=2)
        for seen, each in reversed(list(zip(maps, weights, strict=True))):
            size = tuple(seen.shape[2:])
            told = (each @ seen.flatten(2)).unflatten(2, size)
            if total.shape[2:] != size and total.shape[2] > 1:
                total = nn.functional.interpolate(
                    total, size=size, mode="bilinear", align_corners=False
                )
            total = told + total
        found[part] = total.numpy()
    return found
