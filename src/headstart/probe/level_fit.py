"""`LevelFit`: a linear layer of one level of a detector, and what several learn from at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

__all__ = ["LevelFit", "Standardised", "parts_of"]


@dataclass(frozen=True)
class LevelFit:
    """A linear layer of one level.

    Attributes:
        weights: (K, c) float32, of features as they come.
        bias: (K,) float32.
    """

    weights: np.ndarray
    bias: np.ndarray


class Standardised:
    """Features with mean 0 and variance 1, on which M layers are learnt side by side.

    Args:
        features: (R, c) float32.

    Attributes:
        x: (R, c) float32, standardised.
    """

    def __init__(self, features: np.ndarray) -> None:
        x = torch.from_numpy(features)
        std = x.std(0, unbiased=False)
        self.mean = x.mean(0)
        self.std = std.clamp_min(1e-3 * float(std.mean().clamp_min(1e-6)))
        self.x = (x - self.mean) / self.std

    def begin(self, start: LevelFit, models: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns the (K, c) weights of a layer, and the (M, K * (c + 1)) points that begin there.

        Args:
            start: Of features as they come.
            models: M.
        """
        weights = torch.from_numpy(start.weights)
        begun = weights * self.std
        level = torch.from_numpy(start.bias) + weights @ self.mean
        return begun, torch.cat([begun, level[:, None]], dim=1).flatten().repeat(models, 1)

    def layers(self, point: torch.Tensor, start: LevelFit) -> list[LevelFit]:
        """Returns the M layers of features as they come; where one is not finite, the start.

        Args:
            point: (M, K * (c + 1)).
            start: Where they began.
        """
        weights, bias = parts_of(point, self.x.shape[1])
        raw = weights / self.std
        shift = bias - raw @ self.mean
        return [
            LevelFit(one.numpy().copy(), two.numpy().copy())
            if bool(torch.isfinite(one).all() and torch.isfinite(two).all())
            else start
            for one, two in zip(raw, shift, strict=True)
        ]


def parts_of(point: torch.Tensor, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns the (M, K, c) weights and (M, K) bias that (M, K * (c + 1)) points stand for.

    Args:
        point: M of them.
        width: c, numbers of a feature.
    """
    both = point.unflatten(1, (-1, width + 1))
    return both[..., :-1], both[..., -1]
