"""`Embedder`: a network that gives vectors of length 1, near each other for one identity.

What the network learns goes back into timm's layout, and any command takes it as a backbone. The
projection, where there is one, cannot live in that layout; it goes into the head of the model.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from headstart.images.preprocess import Preprocess
from headstart.metrics.vectors import unit_rows
from headstart.nets.learning.trainable import TrainableModel

__all__ = ["Embedder", "project"]


class Embedder(TrainableModel):
    """A timm network, perhaps a projection as its head, and the weights that its loss learns.

    Args:
        network: A timm model without classifier; it is trained in place.
        preprocess: Size and normalisation.
        columns: (d,) int which of the backbone's vectors are the embedding.
        head: A linear projection without bias, or `nn.Identity` for none.
        criterion: The loss; its own weights (proxies, class centres) count as the head.
        freeze_bn_stats: As `TrainableModel` has it.
    """

    def __init__(
        self,
        network: nn.Module,
        preprocess: Preprocess,
        columns: np.ndarray,
        head: nn.Module,
        *,
        criterion: nn.Module | None = None,
        freeze_bn_stats: bool = True,
    ) -> None:
        super().__init__(network, preprocess, columns, head, freeze_bn_stats=freeze_bn_stats)
        self.criterion = criterion if criterion is not None else nn.Identity()
        self.depths = self._layers(coarse=False)
        self.stages = self._layers(coarse=True)

    @property
    def width(self) -> int:
        """How many numbers it gives for an image."""
        return len(self._chosen) if isinstance(self.head, nn.Identity) else self.head.out_features

    @property
    def n_layers(self) -> int:
        """Number of fine layers; the head counts, also where it has nothing to learn."""
        return self._top(self.depths) + 1

    @property
    def n_stages(self) -> int:
        """Number of coarse stages, likewise."""
        return self._top(self.stages) + 1

    def _top(self, layers: dict[str, int]) -> int:
        below = [layer for name, layer in layers.items() if name.startswith("pool.network.")]
        return max(below, default=-1) + 1

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Returns (N, E): of length 1 at test; while it trains, as the loss takes them.

        Args:
            images: As `TrainableModel` takes them.
        """
        vectors = self.head(self.vectors(images))
        # The library's losses scale vectors themselves, and plain softmax wants them unscaled.
        return vectors if self.training else nn.functional.normalize(vectors, dim=1)

    def projection(self) -> np.ndarray | None:
        """Returns the trained (E, d) projection, or None where there is none."""
        if isinstance(self.head, nn.Identity):
            return None
        return self.head.weight.detach().cpu().float().numpy().copy()


def project(vectors: np.ndarray, columns: np.ndarray, projection: np.ndarray | None) -> np.ndarray:
    """Returns the (N, E) unit embeddings of frozen vectors, as an `Embedder` gives them.

    Args:
        vectors: (N, D) float32 of a backbone.
        columns: (d,) int.
        projection: (E, d) float32, or None.
    """
    x = vectors[:, columns]
    x = x if projection is None else x @ projection.T
    return unit_rows(x)
