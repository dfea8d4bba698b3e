"""Augmentation policies, built of torchvision's v2 transforms.

A policy is what a training image may look like without changing what it shows. It works on the
uint8 square of an image, one image at a time, with torch's global random state; the loader
seeds that state per image and epoch, so what is drawn depends on neither threads nor order.
Boxes and masks move with their image by the same draw.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.choices import Policy
from headstart.images.preprocess import Preprocess
from headstart.nets.batches.places import ImagePlaces, move

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Augment", "augmentation"]

# Training images are this much larger than the network's, so that shifts find real pixels.
MARGIN = 1.125


class Augment:
    """One policy for one size, as a function of one image.

    Args:
        policy: ``"none"``; ``"light"``: flips and small shifts; ``"standard"``: also scale,
            rotation and colour; ``"strong"``: TrivialAugment (Müller and Hutter, ICCV 2021)
            and random erasing (Zhong et al., AAAI 2020) on top of light.
        preprocess: Of the network.
        hflip: Whether the mirror image shows the same (not for characters).
    """

    def __init__(self, policy: Policy, preprocess: Preprocess, *, hflip: bool = True) -> None:
        self.policy: Policy = policy
        self.size = preprocess.size
        self.hflip = hflip
        self._fill = [round(255 * value) for value in preprocess.mean]
        self._transform: nn.Module | None = None
        self._joint: nn.Module | None = None

    def __call__(self, square: np.ndarray) -> np.ndarray:
        """Returns (size, size, 3) uint8 of a (s, s, 3) uint8 square, s at least `size`."""
        from PIL import Image

        if self._transform is None:
            self._transform = augmentation(
                self.policy, self.size, hflip=self.hflip, fill=self._fill
            )
        return _pixels(self._transform(Image.fromarray(square)))

    def together(self, square: np.ndarray, places: ImagePlaces) -> tuple[np.ndarray, ImagePlaces]:
        """Augments an image and its places by one draw; see `nets.batches.places.move`.

        Args:
            square: (s, s, 3) uint8, s at least `size`.
            places: In pixels of that square.

        Returns:
            (size, size, 3) uint8, and the places in its pixels.
        """
        from PIL import Image

        if self._joint is None:
            self._joint = augmentation(
                self.policy, self.size, hflip=self.hflip, fill=self._fill, places=True
            )
        image, moved = move(self._joint, Image.fromarray(square), places)
        return _pixels(image), moved

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_transform": None, "_joint": None}


def _pixels(image: Any) -> np.ndarray:
    """Returns (s, s, 3) uint8 of what a policy gives: an image of Pillow, or a tensor."""
    from PIL import Image

    if isinstance(image, Image.Image):
        return np.asarray(image)
    return image.permute(1, 2, 0).contiguous().numpy()


def augmentation(
    policy: Policy, size: int, *, hflip: bool, fill: list[int], places: bool = False
) -> nn.Module:
    """Builds a policy as a torchvision v2 transform of PIL images.

    Args:
        policy: See `Augment`.
        size: Side of the result in pixels.
        hflip: Whether to mirror half of the images.
        fill: Colour of what lies outside of the image, three numbers from 0 to 255.
        places: For images with boxes or masks. TrivialAugment has no way to move them and erasing
            would hide what they say is there, so ``"strong"`` changes scale and colours more
            instead. What a turned mask does not cover becomes 0.
    """
    from headstart.nets.imports import import_timm

    import_timm()  # torchvision with it, without torch's compiler
    from torchvision import tv_tensors
    from torchvision.transforms import InterpolationMode, v2

    linear = InterpolationMode.BILINEAR
    flips: list[nn.Module] = [v2.RandomHorizontalFlip(0.5)] if hflip else []
    if policy == "none":
        return v2.Compose([v2.Resize(size, antialias=True)])
    crop = v2.RandomCrop(size)
    if policy == "light":
        return v2.Compose([*flips, crop])
    if policy == "standard":
        zoom = v2.RandomResizedCrop(
            size, scale=(0.6, 1.0), ratio=(0.85, 1.18), interpolation=linear
        )
        around = {tv_tensors.Mask: 0, "others": fill} if places else fill
        turn = v2.RandomApply([v2.RandomRotation(10, interpolation=linear, fill=around)], 0.3)
        colour = v2.RandomApply([v2.ColorJitter(0.2, 0.2, 0.2)], 0.5)
        return v2.Compose([*flips, turn, zoom, colour])
    erase = v2.RandomErasing(0.25, scale=(0.02, 0.2), value=fill)
    zoom = v2.RandomResizedCrop(size, scale=(0.5, 1.0), ratio=(0.8, 1.25), interpolation=linear)
    if places:
        return v2.Compose([*flips, zoom, v2.ColorJitter(0.4, 0.4, 0.4, 0.05)])
    trivial = v2.TrivialAugmentWide(interpolation=linear, fill=fill)
    return v2.Compose([*flips, zoom, trivial, v2.PILToTensor(), erase])
