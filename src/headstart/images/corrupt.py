"""`corrupted`: an image as a worse camera, a darker room or a smaller file would have it.

Eight of the corruptions of Hendrycks and Dietterich (ICLR 2019), each mild and strong, on what a
network sees, so that they mean the same for images of any size.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter

__all__ = ["CORRUPTIONS", "corrupted"]

Corruption = tuple[tuple[float, float], tuple[str, str]]

CORRUPTIONS: dict[str, Corruption] = {
    "blur": ((0.005, 0.015), ("slightly out of focus", "out of focus")),
    "noise": ((10, 30), ("a little noise", "much noise")),
    "JPEG": ((30, 8), ("quality 30", "quality 8")),
    "dark": ((0.6, 0.3), ("60% of the light", "30% of the light")),
    "bright": ((1.4, 2.0), ("140% of the light", "200% of the light")),
    "contrast": ((0.6, 0.3), ("60% of the contrast", "30% of the contrast")),
    "rotation": ((10, 25), ("turned by 10°", "turned by 25°")),
    "resolution": ((0.5, 0.25), ("half the resolution", "a quarter of the resolution")),
}
"""Name -> how strong, mild and strong, and the same in words."""


def corrupted(pixels: np.ndarray, name: str, strength: float, *, seed: int = 0) -> np.ndarray:
    """Returns a corrupted copy.

    Args:
        pixels: (H, W, 3) uint8.
        name: One of `CORRUPTIONS`.
        strength: As it has them.
        seed: Of noise.
    """
    ways: dict[str, Callable[[], np.ndarray]] = {
        "blur": lambda: _blurred(pixels, strength),
        "noise": lambda: _noisy(pixels, strength, seed),
        "JPEG": lambda: _compressed(pixels, int(strength)),
        "dark": lambda: _clipped(pixels * np.float32(strength)),
        "bright": lambda: _clipped(pixels * np.float32(strength)),
        "contrast": lambda: _flattened(pixels, strength),
        "rotation": lambda: _turned(pixels, strength),
        "resolution": lambda: _coarse(pixels, strength),
    }
    return ways[name]()


def _clipped(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _blurred(pixels: np.ndarray, share: float) -> np.ndarray:
    radius = share * max(pixels.shape[:2])
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(radius)))


def _noisy(pixels: np.ndarray, spread: float, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal(pixels.shape, np.float32)
    return _clipped(pixels + np.float32(spread) * noise)


def _compressed(pixels: np.ndarray, quality: int) -> np.ndarray:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "JPEG", quality=quality)
    return np.asarray(Image.open(written).convert("RGB"))


def _flattened(pixels: np.ndarray, share: float) -> np.ndarray:
    middle = pixels.mean(axis=(0, 1), keepdims=True, dtype=np.float32)
    return _clipped(middle + np.float32(share) * (pixels - middle))


def _turned(pixels: np.ndarray, degrees: float) -> np.ndarray:
    """Turns; what comes in at the corners is mirrored, for black corners are another corruption."""
    height, width = pixels.shape[:2]
    rim = max(height, width) // 4
    wide = np.pad(pixels, ((rim, rim), (rim, rim), (0, 0)), "symmetric")
    turned = Image.fromarray(wide).rotate(degrees, Image.Resampling.BILINEAR)
    return np.asarray(turned)[rim : rim + height, rim : rim + width]


def _coarse(pixels: np.ndarray, share: float) -> np.ndarray:
    height, width = pixels.shape[:2]
    small = (max(1, round(share * width)), max(1, round(share * height)))
    image = Image.fromarray(pixels).resize(small, Image.Resampling.BOX)
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
