"""`Warp`: how training images and their masks are varied, in one resampling of both.

Scale, turn, shift and mirroring are one affine map, so that pixels are interpolated once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch

__all__ = ["Warp", "warped"]


@dataclass(frozen=True)
class Warp:
    """How much is varied.

    Attributes:
        size: Side of the result in pixels.
        scale: Largest factor of enlarging, and of shrinking.
        turn: Largest angle in degrees.
        shift: Largest way in halves of the side, where the image is smaller than the result.
        mirror: Left and right are exchanged half of the time.
        any_side_up: Up and down too, and quarter turns: of what has no upright, as under a
            microscope.
        colour: Largest change of contrast and brightness.
        window: Side of what is cut out, in pixels of the given square; None for all of it.
        reflect: What lies outside is the mirror image of the edge, not nothing.
    """

    size: int
    scale: float = 1.5
    turn: float = 10.0
    shift: float = 0.15
    mirror: bool = True
    any_side_up: bool = False
    colour: float = 0.25
    window: int | None = None
    reflect: bool = False

    def matrix(self, side: int, rng: np.random.Generator) -> np.ndarray:
        """Draws the map from the result to the given square, (2, 3), both from -1 to 1.

        Args:
            side: Of the given square in pixels.
            rng: What is drawn.
        """
        zoom = math.exp(rng.uniform(-1, 1) * math.log(self.scale))
        zoom *= side / self.window if self.window else 1.0
        angle = math.radians(rng.uniform(-1, 1) * self.turn)
        mirror, upset = rng.random() < 0.5, rng.random() < 0.5
        quarter, x, y = rng.integers(4), rng.uniform(-1, 1), rng.uniform(-1, 1)
        if self.any_side_up:
            angle += quarter * math.pi / 2
        across = -1.0 if mirror and self.mirror else 1.0
        down = -1.0 if upset and self.any_side_up else 1.0
        room = max(1 - 1 / zoom, 0.0) or self.shift
        cos, sin = math.cos(angle) / zoom, math.sin(angle) / zoom
        turn = [[cos * across, -sin * down, x * room], [sin * across, cos * down, y * room]]
        return np.array(turn)


def warped(
    image: np.ndarray, mask: np.ndarray, warp: Warp, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Varies an image and its mask by one draw.

    Args:
        image: (side, side, 3) uint8.
        mask: (side, side) uint8 classes, 255 ignored.
        warp: How much.
        rng: What is drawn.

    Returns:
        (size, size, 3) uint8 and (size, size) uint8; what lies outside is ignored, unless it is
        reflected.
    """
    theta = torch.from_numpy(warp.matrix(len(image), rng)[None].astype(np.float32))
    size = [1, 1, warp.size, warp.size]
    grid = torch.nn.functional.affine_grid(theta, size, align_corners=False)
    pixels = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float()
    edge = "reflection" if warp.reflect else "border"
    found = torch.nn.functional.grid_sample(pixels, grid, padding_mode=edge, align_corners=False)
    # Classes from 1 on, so that what lies outside of the mask, 0, is none of them.
    classes = (torch.from_numpy(np.ascontiguousarray(mask)).to(torch.float32) + 1)[None, None]
    told = torch.nn.functional.grid_sample(
        classes, grid, mode="nearest", padding_mode="reflection" if warp.reflect else "zeros",
        align_corners=False,
    )[0, 0]  # fmt: skip
    told = torch.where(told < 0.5, 256.0, told) - 1
    contrast, light = 1 + warp.colour * rng.uniform(-1, 1, 2)
    gains = 1 + 0.3 * warp.colour * rng.uniform(-1, 1, 3)
    mean = found.mean((2, 3), keepdim=True)
    found = (found - mean) * contrast + mean * light
    found = found * torch.from_numpy(gains.astype(np.float32)).view(1, 3, 1, 1)
    coloured = found.clamp(0, 255).round().to(torch.uint8)[0].permute(1, 2, 0).contiguous()
    return coloured.numpy(), told.round().to(torch.uint8).numpy()
