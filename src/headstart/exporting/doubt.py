"""What tells when to doubt a model, in torch's operations, for graphs that are exported."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from headstart.nets.heads.unlike import NEAREST, Unlike
from headstart.nets.model import Model

__all__ = ["DoubtModule", "output_names"]


class UnlikeModule(nn.Module):
    """`Unlike.distances` in torch's operations.

    Args:
        unlike: What a model knows of its training images.
        columns: (D,) int, where in the vectors of the graph its columns are.
    """

    def __init__(self, unlike: Unlike, columns: np.ndarray) -> None:
        super().__init__()
        axes, means, gains = unlike.axes, unlike.means, unlike.gains
        along = means @ axes.T
        # Vectors have length 1; a sum that is always 1 would be no range for int8 to calibrate.
        own = unlike.rest * (1 + (means.astype(np.float64) ** 2).sum(axis=1)) + along**2 @ gains
        self.register_buffer("columns", torch.from_numpy(columns.astype(np.int64)))
        for name, array in (
            ("axes", axes.T), ("means", means.T), ("gains", gains),
            ("along", along.T), ("own", own),
        ):  # fmt: skip
            values = torch.from_numpy(np.ascontiguousarray(array, np.float32))
            self.register_buffer(name, values)
        self._rest, self._rooted = float(unlike.rest), unlike.rooted

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Returns (N,) distances of (N, D) vectors."""
        x = vectors.index_select(1, self.columns)
        if self._rooted:
            x = torch.sign(x) * torch.sqrt(torch.abs(x))
        unit = x / x.norm(dim=1, keepdim=True).clamp_min(1e-12)
        if not len(self.gains):
            squared = (self.own - 2 * self._rest * (unit @ self.means)).amin(1)
            return torch.sqrt(squared.clamp_min(NEAREST**2))
        on = unit @ self.axes
        weighted = on * self.gains
        alone = (weighted * on).sum(1, True)
        both = self._rest * (unit @ self.means) + weighted @ self.along
        squared = (alone - 2 * both + self.own).amin(1)
        return torch.sqrt(squared.clamp_min(NEAREST**2))


class DoubtModule(nn.Module):
    """From probabilities and vectors to all outputs of a model, in the order of `output_names`.

    Args:
        model: With or without what tells when to doubt it.
        columns: (D,) int, where in the vectors of the graph the columns of `Model.unlike` are.
    """

    def __init__(self, model: Model, columns: np.ndarray | None = None) -> None:
        super().__init__()
        self.far: UnlikeModule | None = None
        if model.unlike is not None:
            own = model.unlike.columns if columns is None else columns
            self.far = UnlikeModule(model.unlike, own)
        floors = model.spec.settings.get("floors")
        self._sets = floors is not None
        self.register_buffer("floors", torch.tensor(floors or [], dtype=torch.float32))

    def forward(
        self, probabilities: torch.Tensor, vectors: torch.Tensor
    ) -> tuple[torch.Tensor, ...]:
        """Returns (N, C) probabilities, (N,) distances and (N, C) uint8 sets, those there are."""
        found = [probabilities]
        if self.far is not None:
            found.append(self.far(vectors))
        if self._sets:
            found.append((probabilities >= self.floors).to(torch.uint8))
        return tuple(found)


def output_names(model: Model) -> list[str]:
    """Returns what the outputs of a model's graph are called."""
    names = list(model.head.outputs_at(model.preprocess.size))
    names += ["unlike"] if model.unlike is not None else []
    return names + (["possible"] if "floors" in model.spec.settings else [])
