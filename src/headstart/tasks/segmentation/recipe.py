"""`MaskRecipe`: everything that decides how heads that answer with a place are trained."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headstart.errors import OptionError
from headstart.training.schedule import Recipe

__all__ = ["Decoder", "MaskArm", "MaskRecipe"]

Decoder = Literal["auto", "pyramid", "unet"]
MaskArm = Literal["auto", "head", "fine-tuned"]


@dataclass(frozen=True)
class MaskRecipe(Recipe):
    """One way to learn masks; what is not said here is as in `Recipe`.

    Many small steps matter more than large batches: of 149 trainings on three sets those with
    batches of four and 800 steps or more were best.

    Attributes:
        arm: What is trained beside the linear arm: a ``"head"`` on the frozen network, or
            ``"fine-tuned"``: both; ``"auto"``: the second where fine detail tells.
        width: Channels inside of a pyramid; a U-Net's finest level has a third.
        decoder: ``"pyramid"``: top-down, of separable convolutions; ``"unet"``: skips and full
            convolutions, from stride 2 on; ``"auto"``: the first of frozen maps, the second where
            the network learns too.
        views: Varied views of each image that the frozen network sees.
        steps: Least number of steps, where `epochs` is not asked for.
        dice: Weight of the Dice loss beside cross-entropy.
    """

    epochs: int = 16
    batch: int = 4
    lr: float = 2e-3
    layer_decay: float = 1.0
    backbone_lr: float = 0.1
    weight_decay: float = 1e-2
    label_smoothing: float = 0.0
    clip: float = 5.0
    width: int = 96
    arm: MaskArm = "auto"
    decoder: Decoder = "auto"
    views: int = 6
    steps: int = 850
    dice: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        wrong = ""
        if not 8 <= self.width <= 1024:
            wrong = f"width={self.width}: from 8 to 1024"
        elif self.views < 1 or self.steps < 1:
            wrong = f"views={self.views},steps={self.steps}: at least 1"
        elif self.dice < 0:
            wrong = f"dice={self.dice:g}: at least 0"
        elif self.mixup:
            wrong = f"mixup={self.mixup:g}: a pixel of two images is of no class; leave it out"
        if wrong:
            raise OptionError(f"--recipe {wrong}")

    def inside(self, kind: str) -> int:
        """Returns the width of a head of some kind, as its plan has it."""
        return self.width if kind == "pyramid" else max(8, self.width // 3)
