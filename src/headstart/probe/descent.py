"""`descend`: L-BFGS on several smooth problems side by side, each with its own step.

For losses that are none of `linear`. The solver of `torch.optim` imports torch's compiler, which
takes longer than such a fit, and it steps for all problems alike.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from headstart.probe.linear import two_loops

__all__ = ["descend"]

_MEMORY = 8
_BACKWARDS = 12

Objective = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""(P, D) points to their (P,) values and (P, D) slopes."""


def descend(
    objective: Objective, start: torch.Tensor, *, steps: int = 60, tolerance: float = 1e-3
) -> torch.Tensor:
    """Returns (P, D) points where every problem is as good as least (Nocedal, 1980).

    Args:
        objective: All problems at once.
        start: (P, D) float32 on the CPU where each begins.
        steps: At most.
        tolerance: A problem ends where its slope is this share of the steepest it had.
    """
    point = start.clone()
    value, slope = objective(point)
    first = slope.norm(dim=1).clamp_min(1e-12)
    history: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    for _ in range(steps):
        size = slope.norm(dim=1)
        first = torch.maximum(first, size)
        running = size > tolerance * first
        if not bool(running.any()):
            break
        way = _direction(slope, history) * running[:, None]
        down = (way * slope).sum(1)
        length = running.float()
        if not history:  # nothing is known of the scale yet
            length = length * torch.minimum(torch.ones_like(size), 1 / size.clamp_min(1e-12))
        for attempt in range(_BACKWARDS):
            new = point + length[:, None] * way
            new_value, new_slope = objective(new)
            bad = running & ~(
                new_value <= value + 1e-4 * length * down + 1e-6 * value.abs()
            )  # what is not finite is bad too
            if not bool(bad.any()):
                break
            length = torch.where(bad, length * (0.4 if attempt < _BACKWARDS - 2 else 0.0), length)
        moved, bent = new - point, new_slope - slope
        curve = (moved * bent).sum(1)
        # A problem without usable curvature this time contributes a pair that does nothing.
        good = curve > 1e-10 * moved.norm(dim=1) * bent.norm(dim=1)
        inverse = torch.where(good, 1 / torch.where(good, curve, 1.0), 0.0)
        history = [*history[-(_MEMORY - 1) :], (moved, bent, inverse)]
        point, value, slope = new, new_value, new_slope
    return point


def _direction(
    slope: torch.Tensor, history: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]
) -> torch.Tensor:
    """Returns the way down of every problem, or straight down where what is known misleads."""
    arrays = [(moved.numpy(), bent.numpy(), inverse.numpy()) for moved, bent, inverse in history]
    way = torch.from_numpy(two_loops(slope.numpy(), arrays))
    uphill = (way * slope).sum(1) >= 0
    return torch.where(uphill[:, None], -slope, way)
