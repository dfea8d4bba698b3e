"""The linear arm of masks: one convolution at every stage, fitted for all folds at once.

A 1x1 convolution at each stage's own stride, upsampled and summed, is a linear probe on
hypercolumns (Hariharan et al., 2015) without ever building them. Reading the maps is the cost,
so the models of all folds and the final one learn side by side from one reading.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from headstart.compute import Compute
from headstart.nets.dense import build_dense, head_of
from headstart.nets.dense_head import DenseHead, DensePlan
from headstart.nets.dense_loss import dense_losses
from headstart.nets.maps import MapLayout

__all__ = ["DenseFit", "LinearTask", "fit_linear", "map_moments"]

_BATCH, _RATE, _DECAY = 8, 0.012, 1.0
# Channels at which a stage is taken as it is, and how much wider ones are scaled down.
_NARROW, _SHRINK = 16, 0.5
_STEPS, _EPOCHS = 120, (5, 40)


@dataclass(frozen=True)
class LinearTask:
    """What is learnt.

    Attributes:
        layout: Of the maps.
        rows: (N, D) float16 maps of the N training images.
        shares: (N, C, h, w) uint8 of 255, at the plan's stride.
        folds: (N,) int, which of K folds holds an image out; all -1 for none.
        weights: (C,) float32 of a pixel of each class.
    """

    layout: MapLayout
    rows: np.ndarray
    shares: np.ndarray
    folds: np.ndarray
    weights: np.ndarray


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
    layout: MapLayout, rows: np.ndarray, *, most: int = 48
) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Returns mean and standard deviation of every channel of each stage that is held.

    Args:
        layout: Of the maps.
        rows: (N, D) float16.
        most: Images to look at, spread over all.
    """
    chosen = np.unique(np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int))
    maps = layout.split(torch.from_numpy(rows[chosen].astype(np.float32)))[layout.first :]
    means = [each.mean((0, 2, 3)) for each in maps]
    stds = [each.std((0, 2, 3)) for each in maps]
    floors = [0.01 * each.mean().clamp_min(1e-6) for each in stds]  # channels that say nothing
    return means, [std.clamp_min(floor) for std, floor in zip(stds, floors, strict=True)]


class _Side(nn.Module):
    """M linear heads side by side, each on maps standardised as its own training images say.

    Args:
        plan: Of each head.
        means: (M, c) of each stage that is read, over the images that each model learns from. With
            one mean for all, what is held out would lie opposite to the rest, and be learnt as such.
        stds: (c,) likewise, of all models.
        prior: (C,) scores that every model starts from.
    """

    def __init__(
        self,
        plan: DensePlan,
        means: list[torch.Tensor],
        stds: list[torch.Tensor],
        prior: torch.Tensor,
    ) -> None:
        super().__init__()
        self.plan, self.models, self.means, self.stds = plan, len(means[0]), means, stds
        out = self.models * plan.n_classes
        channels = [plan.channels[each] for each in plan.stages]
        self.weights = nn.ParameterList(nn.Parameter(torch.zeros(out, each)) for each in channels)
        self.bias = nn.Parameter(prior.repeat(self.models))

    def folded(self) -> tuple[list[torch.Tensor], torch.Tensor]:
        """Returns weights that take maps as they come, and the bias that goes with them."""
        weights = [each / std for each, std in zip(self.weights, self.stds, strict=True)]
        bias = self.bias
        for weight, mean in zip(weights, self.means, strict=True):
            own = weight.view(self.models, -1, weight.shape[1])
            bias = bias - torch.einsum("mkc,mc->mk", own, mean).flatten()
        return weights, bias

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        """Returns (n, M, C, h, w) scores."""
        weights, bias = self.folded()
        total: torch.Tensor | None = None
        for weight, stage in zip(reversed(weights), reversed(self.plan.stages), strict=True):
            part = maps[stage]
            n, _, height, width = part.shape
            part = torch.bmm(weight.expand(n, -1, -1), part.flatten(2)).view(n, -1, height, width)
            if total is not None and total.shape[2:] != part.shape[2:]:
                total = nn.functional.interpolate(
                    total, size=(height, width), mode="bilinear", align_corners=False
                )
            total = part if total is None else total + part
        assert total is not None
        total = total + bias.view(1, -1, 1, 1)
        return total.unflatten(1, (self.models, self.plan.n_classes))


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
    net = _start(task, plan, learns)
    weights = torch.from_numpy(task.weights)
    per_epoch = math.ceil(n / _BATCH)
    epochs = int(np.clip(math.ceil(_STEPS / per_epoch), *_EPOCHS))
    optimiser = torch.optim.AdamW(net.parameters(), lr=_RATE, weight_decay=_DECAY)
    plan_of_rates = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, _RATE, total_steps=epochs * per_epoch, pct_start=0.2
    )
    rng = np.random.default_rng(compute.seed)
    for epoch in range(epochs):
        for number, part in enumerate(np.array_split(rng.permutation(n), per_epoch)):
            maps = task.layout.split(torch.from_numpy(task.rows[part]).float())
            shares = torch.from_numpy(task.shares[part].astype(np.float32) / 255)
            losses = dense_losses(net(maps), shares[:, None], weights)
            mine = learns[torch.from_numpy(part)]
            loss = (losses * mine).sum(0) / mine.sum(0).clamp_min(1)
            optimiser.zero_grad()
            loss.sum().backward()
            optimiser.step()
            plan_of_rates.step()
            compute.progress(phase, epoch * per_epoch + number + 1, epochs * per_epoch)
    return DenseFit(_final(net, plan), _held_out(net, task))


def _start(task: LinearTask, plan: DensePlan, learns: torch.Tensor) -> _Side:
    """Returns models that know how frequent classes are, and nothing else.

    Args:
        task: What is learnt.
        plan: Of each head.
        learns: (N, M) 1 where an image is learnt from.
    """
    held = [stage - task.layout.first for stage in plan.stages]
    _, stds = map_moments(task.layout, task.rows)
    each = [_image_means(task.layout, task.rows, stage) for stage in held]
    share = (learns / learns.sum(0).clamp_min(1)).T
    # Deep stages have many channels and few cells: scaled down, they are learnt by heart less.
    scaled = [stds[stage] * (len(stds[stage]) / _NARROW) ** _SHRINK for stage in held]
    pixels = task.shares.sum(axis=(0, 2, 3), dtype=np.float64) * task.weights
    prior = np.log(np.maximum(pixels, 1e-4 * pixels.sum()) / pixels.sum())
    return _Side(plan, [share @ mean for mean in each], scaled, torch.from_numpy(prior).float())


def _image_means(layout: MapLayout, rows: np.ndarray, stage: int) -> torch.Tensor:
    """Returns (N, c): the mean of every channel of a stage that is held, of each image."""
    start, stop = layout.bounds[stage], layout.bounds[stage + 1]
    channels = layout.shapes[stage][0]
    parts = range(0, len(rows), _BATCH)
    means = [
        torch.from_numpy(rows[at : at + _BATCH, start:stop]).float().view(-1, channels, (stop - start) // channels).mean(2)
        for at in parts
    ]
    return torch.cat(means)


@torch.no_grad()
def _final(net: _Side, plan: DensePlan) -> DenseHead:
    """Returns the last of the models as a head."""
    weights, bias = net.folded()
    module, classes = build_dense(plan), plan.n_classes
    for number, (conv, weight) in enumerate(zip(module.first(), weights, strict=True)):
        conv.weight.copy_(weight[-classes:, :, None, None])
        assert conv.bias is not None
        conv.bias.copy_(bias[-classes:] if number == len(weights) - 1 else torch.zeros(classes))
    return head_of(module)


@torch.no_grad()
def _held_out(net: _Side, task: LinearTask) -> np.ndarray:
    found = np.empty(task.shares.shape, np.float16)
    for start in range(0, len(task.rows), _BATCH):
        part = slice(start, start + _BATCH)
        maps = task.layout.split(torch.from_numpy(task.rows[part]).float())
        scores = net(maps)
        own = torch.from_numpy(task.folds[part])
        found[part] = scores[torch.arange(len(own)), own].numpy()
    return found
