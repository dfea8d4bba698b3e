"""`SmpPlan`: what a decoder of segmentation-models-pytorch over a network of ours is made of.

No torch and no such package here: what is deployed reads the description too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, get_args

from headstart.choices import Segmenter
from headstart.nets.masks.pixel_head import PixelPlan

__all__ = ["SmpPlan"]

# Of a network without a map at stride 2 (ConvNeXt, Swin) that one has no channels.
_STRIDES = (2, 4, 8, 16, 32)
# DeepLab's last map is at stride 16: its authors dilate the last stage, here it is left out.
_LAST = {"deeplabv3plus": 16}
# The others stop at the stride of the first map that they join, and are enlarged from there.
_EVERY_PIXEL = ("unet", "unetplusplus", "manet", "linknet")
_JOINED = 4
_PAN_LEAST = 256


@dataclass(frozen=True)
class SmpPlan(PixelPlan):
    """What such a decoder is made of: its layers are as the package has them by itself.

    Attributes:
        kind: Which of them.
    """

    kind: Segmenter
    wide: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def over(
        cls, kind: Segmenter, channels: tuple[int, ...], strides: tuple[int, ...], n_classes: int
    ) -> SmpPlan:
        """Returns the plan of a decoder over a network, which reads the stages it is meant for.

        Args:
            kind: Which.
            channels: Of each stage of the network.
            strides: Of each.
            n_classes: C.
        """
        last = _LAST.get(kind, _STRIDES[-1])
        read = tuple(at for at, each in enumerate(strides) if _STRIDES[0] <= each <= last)
        return cls(kind, channels, strides, read, n_classes)

    @property
    def stride(self) -> int:
        """As `PixelPlan.stride`."""
        return 1 if self.kind in _EVERY_PIXEL else _JOINED

    @property
    def wanted(self) -> tuple[int, ...]:
        """Strides of the maps that it joins; the first of them may be missing."""
        return tuple(each for each in _STRIDES if each <= _LAST.get(self.kind, _STRIDES[-1]))

    def misfit(self, size: int) -> str | None:
        """Says why it cannot learn from inputs of some side; None where it can.

        Args:
            size: In pixels.
        """
        if self.kind == "pan" and size < _PAN_LEAST:
            return f"pan halves its maps down to nothing in inputs of less than {_PAN_LEAST} px"
        if size % self.wanted[-1]:
            return f"{self.kind} doubles its maps: {size} px are no multiple of {self.wanted[-1]}"
        return None

    def fault(self) -> str | None:
        """Says why it describes no head; None where it does."""
        if self.kind not in get_args(Segmenter):
            return f"segmentation-models-pytorch has no decoder called {self.kind!r} here"
        if fault := super().fault():
            return fault
        found = tuple(self.strides[each] for each in self.stages)
        if found not in (self.wanted, self.wanted[1:]):
            told = ", ".join(map(str, self.wanted))
            return f"{self.kind} joins maps at strides {told} px, and its own are at {found}"
        return None
