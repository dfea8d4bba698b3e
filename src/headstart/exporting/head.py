"""`HeadModule`: a model's head in torch's operations, for graphs that are exported."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from headstart.nets.heads.head import PROTOTYPE_TEMPERATURE, VOTE_SMOOTHING, VOTE_TEMPERATURE, Head

__all__ = ["HeadModule"]


class HeadModule(nn.Module):
    """`Head.scores` in torch's operations.

    Args:
        head: Any kind.
    """

    def __init__(self, head: Head) -> None:
        super().__init__()
        self.kind, self.k, self.n_classes = head.kind, head.k, head.n_classes
        self.register_buffer("columns", torch.from_numpy(head.columns.astype(np.int64)))
        for name, array in head.arrays.items():
            self.register_buffer(name, torch.from_numpy(np.array(array)))

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Returns (N, C) scores of (N, D) vectors."""
        x = vectors.index_select(1, self.columns)
        if self.kind == "linear":
            return nn.functional.linear(x, self.weights, self.bias)
        if hasattr(self, "projection"):
            x = x @ self.projection.T
        x = (x - self.mean) * self.scale
        unit = x / x.norm(dim=1, keepdim=True).clamp_min(1e-12)
        if self.kind == "prototypes":
            return unit @ self.prototypes.T / PROTOTYPE_TEMPERATURE
        k = min(self.k, len(self.memory))
        cosines, found = torch.topk(unit @ self.memory.T, k, dim=1)
        votes = torch.exp((cosines - cosines[:, :1]) / VOTE_TEMPERATURE)
        belongs = nn.functional.one_hot(self.labels.long(), self.n_classes).to(votes.dtype)
        shares = (votes.unsqueeze(2) * belongs[found]).sum(1)
        total = shares.sum(1, keepdim=True)
        return torch.log((shares + VOTE_SMOOTHING) / (total + VOTE_SMOOTHING * self.n_classes))
