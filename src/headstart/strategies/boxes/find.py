"""A head of boxes at work on maps or images of training, as its answers are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from headstart.images.pixels import cpu_count
from headstart.nets.heads.head_net import HeadNet
from headstart.nets.pretrained.maps import MapLayout
from headstart.strategies.boxes.material import Squares
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.tasks.detection.select import select
from headstart.tasks.protocol import Outputs

__all__ = ["chosen_boxes", "found_on_images", "found_on_maps", "joined_found"]

_BATCH = 16


def chosen_boxes(
    boxes: np.ndarray,
    scores: np.ndarray,
    recipe: BoxRecipe,
    most: int,
    calibration: tuple[float, float] | None = None,
) -> Outputs:
    """Returns the boxes that are left of every cell's, as wide as the fullest image wants.

    Args:
        boxes: (n, A, 4) on the input.
        scores: (n, A, C).
        recipe: Floor, and when two boxes are one object.
        most: Boxes of an image.
        calibration: Of the scores.
    """
    found = select(
        boxes, scores, floor=recipe.floor, iou=recipe.overlap, most=most, calibration=calibration
    )
    used = int((found["scores"] != 0).sum(axis=1).max(initial=1))
    return {name: each[:, : max(1, used)] for name, each in found.items()}


def joined_found(parts: Sequence[Outputs]) -> Outputs:
    """Returns the answers of several parts, one after the other, as wide as the widest."""
    width = max(part["scores"].shape[1] for part in parts)

    def filled(array: np.ndarray) -> np.ndarray:
        room = [(0, 0), (0, width - array.shape[1]), *((0, 0) for _ in array.shape[2:])]
        return np.pad(array, room)

    return {name: np.concatenate([filled(part[name]) for part in parts]) for name in parts[0]}


def found_on_maps(
    net: HeadNet,
    layout: MapLayout,
    rows: np.ndarray,
    recipe: BoxRecipe,
    most: int,
    calibration: tuple[float, float] | None = None,
) -> Outputs:
    """Returns what a head finds on images whose maps are known.

    Args:
        net: The head.
        layout: Of the maps.
        rows: (n, D) of all stages.
        recipe: See `chosen_boxes`.
        most: Likewise.
        calibration: Likewise.
    """
    net.eval()
    device, parts = next(net.parameters()).device, []
    with torch.inference_mode():
        for start in range(0, max(1, len(rows)), _BATCH):
            part = torch.from_numpy(rows[start : start + _BATCH]).float().to(device)
            scores, boxes = (each.cpu().numpy() for each in net(layout.split(part)))
            parts.append(chosen_boxes(boxes, scores, recipe, most, calibration))
    return joined_found(parts)


def found_on_images(
    tell: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]],
    images: Squares,
    rows: Sequence[int],
    recipe: BoxRecipe,
    *,
    most: int,
    device: str,
) -> Outputs:
    """Returns what a network under training finds on some images.

    Args:
        tell: (n, size, size, 3) uint8 to the (n, A, C) scores and (n, A, 4) boxes of all cells.
        images: Of the network's size.
        rows: Which of them.
        recipe: See `chosen_boxes`.
        most: See `chosen_boxes`.
        device: Where the network is.
    """

    def find(part: list[int]) -> Outputs:
        with torch.inference_mode():
            pixels = torch.from_numpy(np.stack([images[row] for row in part])).to(device)
            scores, boxes = (each.float().cpu().numpy() for each in tell(pixels))
            return chosen_boxes(boxes, scores, recipe, most)

    size = 1 if device == "cpu" else _BATCH
    parts = [list(rows[at : at + size]) for at in range(0, len(rows), size)]
    before = torch.get_num_threads()
    torch.set_num_threads(1 if device == "cpu" else before)
    try:
        with ThreadPoolExecutor(cpu_count() if device == "cpu" else 1) as pool:
            return joined_found(list(pool.map(find, parts)))
    finally:
        torch.set_num_threads(before)
