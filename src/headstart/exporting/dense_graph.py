"""`DenseDeployed`: a model of masks as one graph, from uint8 images to calibrated probabilities."""

from __future__ import annotations

import copy

import torch
from torch import nn

from headstart.exporting.paddings import fix_paddings
from headstart.nets.dense import net_of
from headstart.nets.dense_head import DenseHead
from headstart.nets.maps import stage_maps
from headstart.nets.model import Model
from headstart.nets.stages import one_thread

__all__ = ["DenseDeployed"]


class DenseDeployed(nn.Module):
    """Stages of the backbone, dense head and calibration of a model.

    Where on an image the answers are, and which class a pixel has, is said by the shared decoding.

    Args:
        model: Whose head answers with a place.

    Attributes:
        shape: (C, h, w) of what is said of one image.
    """

    def __init__(self, model: Model) -> None:
        from timm.utils.model import reparameterize_model

        super().__init__()
        assert isinstance(model.head, DenseHead), "the head answers with a place"
        maps = copy.deepcopy(stage_maps(model.backbone, model.preprocess))
        maps.network = reparameterize_model(maps.network)
        fix_paddings(maps)
        self.maps = maps
        self.head = net_of(model.head)
        self._temperature, self._views = float(model.temperature), model.tta
        size = maps.size
        with torch.inference_mode(), one_thread():
            found = self(torch.zeros((1, model.tta, size, size, 3), dtype=torch.uint8))
        self.shape: tuple[int, ...] = tuple(found.shape[1:])

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Returns (N, C, h, w) probabilities at the head's stride.

        Args:
            inputs: (N, V, size, size, 3) uint8 RGB; the second view is the mirror image.
        """
        # Sizes as plain numbers, or the graph would compute them anew for every image.
        images = inputs.reshape(-1, self.maps.size, self.maps.size, 3)
        scores = self.head(self.maps.maps(images)) / self._temperature
        found = torch.softmax(scores, dim=1)
        if self._views == 1:
            return found
        pairs = found.reshape(-1, 2, *found.shape[1:])
        return (pairs[:, 0] + pairs[:, 1].flip(3)) / 2
