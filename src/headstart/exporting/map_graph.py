"""Models whose answers have a place as one graph: from uint8 images to what is said of every cell.

Where on an image the answers are, which class a pixel has and which boxes are left is said by the
shared decoding.
"""

from __future__ import annotations

import copy

import torch
from torch import nn

from headstart.exporting.paddings import fix_paddings
from headstart.images.views import View, views_of
from headstart.nets.model import Model
from headstart.nets.place_runner import module_of
from headstart.nets.pretrained.maps import stage_maps
from headstart.nets.stages import one_thread

__all__ = ["MapsDeployed"]


class MapsDeployed(nn.Module):
    """Stages of the backbone, a head that reads their maps, and calibration.

    Args:
        model: Whose head answers with places.

    Attributes:
        shapes: Name of an output -> its shape of one image.
    """

    def __init__(self, model: Model) -> None:
        from timm.utils.model import reparameterize_model

        super().__init__()
        maps = copy.deepcopy(stage_maps(model.backbone, model.preprocess.seen))
        maps.network = reparameterize_model(maps.network)
        fix_paddings(maps)
        self.maps, self.head = maps, module_of(model.head)
        self._temperature, self._views = float(model.temperature), model.tta
        names = tuple(model.head.outputs_at(maps.size))
        with torch.inference_mode(), one_thread():
            parts = self(torch.zeros((1, model.tta, maps.size, maps.size, 3), dtype=torch.uint8))
        self.shapes = {name: tuple(each.shape[1:]) for name, each in zip(names, parts, strict=True)}

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Returns the outputs of the head, each (N, …), in the order of `shapes`.

        Args:
            inputs: (N, V, size, size, 3) uint8 RGB; as all `views_of(V)` show an image.
        """
        # Sizes as plain numbers, or the graph would compute them anew for every image.
        images = inputs.reshape(-1, self.maps.size, self.maps.size, 3)
        stages = [*self.maps.maps(images), *self.head.more(images)]
        found = self.head.answer(stages, self._temperature)
        return found if self._views == 1 else tuple(_mean(each, self._views) for each in found)


def _mean(found: torch.Tensor, count: int) -> torch.Tensor:
    """Returns the mean of (N * V, ...) answers to the views of every image, each turned back."""
    each = found.reshape(-1, count, *found.shape[1:])
    total = each[:, 0]
    for at, view in list(enumerate(views_of(count)))[1:]:
        total = total + _back(each[:, at], view)
    return total / count


def _back(maps: torch.Tensor, view: View) -> torch.Tensor:
    """Returns (N, C, h, w) maps of a view as they lie on the image; see `View.back`."""
    maps = maps.flip(2) if view.upset else maps
    maps = maps.flip(3) if view.flip else maps
    return maps.transpose(2, 3) if view.swapped else maps
