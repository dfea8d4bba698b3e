"""`ImagePlaces`: what is known of places on an image, and moves when the image is augmented."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from headstart.images.geometry import visible_share

__all__ = ["ImagePlaces", "move"]

# A box of which less than this is left on the image is no longer a box of that thing.
_VISIBLE = 0.25


@dataclass(frozen=True)
class ImagePlaces:
    """Boxes and a mask on one image.

    Attributes:
        boxes: (n, 4) float32 left, top, right, bottom in pixels of the image.
        labels: (n,) int, what is in each.
        mask: (H, W) uint8, what each pixel is, or None.
    """

    boxes: np.ndarray
    labels: np.ndarray
    mask: np.ndarray | None = None


def move(transform: Any, image: Any, places: ImagePlaces) -> tuple[Any, ImagePlaces]:
    """Does the same to an image and its places, by one draw.

    Args:
        transform: Of torchvision v2.
        image: Of Pillow.
        places: On that image.

    Returns:
        What the transform made of the image, and its places: boxes of which less than a quarter
        is left are gone, the others end at the edge.
    """
    import torch
    from torchvision import tv_tensors

    sample: dict[str, Any] = {"image": image}
    size = image.height, image.width
    # Not clamped on the way, or nobody would know how much of a box was cut off.
    sample["boxes"] = tv_tensors.BoundingBoxes(
        torch.from_numpy(np.asarray(places.boxes, np.float32).reshape(-1, 4).copy()),
        format="XYXY", canvas_size=size, clamping_mode=None,
    )  # fmt: skip
    if places.mask is not None:
        sample["mask"] = tv_tensors.Mask(torch.from_numpy(places.mask.copy()))
    sample = transform(sample)
    boxes = sample["boxes"].as_subclass(torch.Tensor).numpy()
    height, width = sample["boxes"].canvas_size
    kept = visible_share(boxes, width, height) >= _VISIBLE
    mask = sample["mask"].as_subclass(torch.Tensor).numpy() if places.mask is not None else None
    inside = np.clip(boxes[kept], 0, np.array([width, height, width, height], np.float32))
    return sample["image"], replace(places, boxes=inside, labels=places.labels[kept], mask=mask)
