"""Models whose answers have a place as one graph: from uint8 images to what is said of every cell.

Where on an image the answers are, which class a pixel has and which boxes are left is said by the
shared decoding.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

from headstart.exporting.paddings import fix_paddings
from headstart.nets.box_head import BoxHead
from headstart.nets.box_net import box_net_of
from headstart.nets.dense import net_of
from headstart.nets.dense_head import DenseHead
from headstart.nets.maps import stage_maps
from headstart.nets.model import Model
from headstart.nets.stages import one_thread

__all__ = ["BoxDeployed", "DenseDeployed", "MapsDeployed"]


class MapsDeployed(nn.Module):
    """Stages of the backbone and a head that reads their maps.

    Args:
        model: Whose head answers with places.
        head: Its module.

    Attributes:
        shapes: Name of an output -> its shape of one image.
    """

    def __init__(self, model: Model, head: nn.Module) -> None:
        from timm.utils.model import reparameterize_model

        super().__init__()
        maps = copy.deepcopy(stage_maps(model.backbone, model.preprocess))
        maps.network = reparameterize_model(maps.network)
        fix_paddings(maps)
        self.maps, self.head = maps, head
        names = tuple(model.head.outputs_at(maps.size))
        with torch.inference_mode(), one_thread():
            found = self(torch.zeros((1, model.tta, maps.size, maps.size, 3), dtype=torch.uint8))
        parts = found if isinstance(found, tuple) else (found,)
        self.shapes = {name: tuple(each.shape[1:]) for name, each in zip(names, parts, strict=True)}

    def stages(self, inputs: torch.Tensor) -> list[torch.Tensor]:
        """Returns (N * V, c, h, w) maps of every stage.

        Args:
            inputs: (N, V, size, size, 3) uint8 RGB.
        """
        # Sizes as plain numbers, or the graph would compute them anew for every image.
        return self.maps.maps(inputs.reshape(-1, self.maps.size, self.maps.size, 3))


class DenseDeployed(MapsDeployed):
    """Stages of the backbone, dense head and calibration of a model.

    Args:
        model: Whose head answers every pixel.
    """

    def __init__(self, model: Model) -> None:
        assert isinstance(model.head, DenseHead), "the head answers with a class for every pixel"
        self._temperature, self._views = float(model.temperature), model.tta
        super().__init__(model, net_of(model.head))

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Returns (N, C, h, w) probabilities at the head's stride.

        Args:
            inputs: (N, V, size, size, 3) uint8 RGB; the second view is the mirror image.
        """
        found = torch.softmax(self.head(self.stages(inputs)) / self._temperature, dim=1)
        if self._views == 1:
            return found
        pairs = found.reshape(-1, 2, *found.shape[1:])
        return (pairs[:, 0] + pairs[:, 1].flip(3)) / 2


class BoxDeployed(MapsDeployed):
    """Stages of the backbone and head of a model of boxes.

    Args:
        model: Whose head answers with boxes.
    """

    def __init__(self, model: Model) -> None:
        assert isinstance(model.head, BoxHead), "the head answers with boxes"
        super().__init__(model, box_net_of(model.head))

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Returns (N, A, C) scores and (N, A, 4) boxes of all cells.

        Args:
            inputs: (N, 1, size, size, 3) uint8 RGB.
        """
        scores, boxes = self.head(self.stages(inputs))
        return scores, boxes
