"""`DenseHead`: a head that answers every pixel, as a description and plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, get_args

from headstart.nets.heads.map_head import MapPlan, separable_shapes
from headstart.nets.masks.pixel_head import PixelHead, PixelPlan

__all__ = ["FILTER_LEVELS", "DenseHead", "DenseKind", "DensePlan"]

DenseKind = Literal["linear", "pyramid", "unet"]
FILTER_LEVELS = ((21, 2), (10, 4), (10, 8), (10, 16))
"""Channels and stride of each level of `nets.masks.filters`, in pixels of the input."""


@dataclass(frozen=True)
class DensePlan(PixelPlan):
    """What a dense head of ours is made of, beside what `MapPlan` says.

    Attributes:
        kind: ``"linear"``: a 1x1 convolution at every stage, upsampled and summed;
            ``"pyramid"``: a light top-down head of separable convolutions; ``"unet"``: the maps of
            every stage beside what the deeper ones say, joined by full convolutions.
        width: Channels inside of a pyramid, or of the finest level of a U-Net.
        filters: Whether it reads the levels of `nets.masks.filters` too, which come after all
            stages.
    """

    kind: DenseKind
    filters: bool = False

    @property
    def stride(self) -> int:
        """Pixels of the input between neighbouring scores."""
        finest = self.strides[self.stages[0]]
        return min(finest, FILTER_LEVELS[0][1]) if self.filters else finest

    @property
    def read(self) -> tuple[int, ...]:
        """Which of all stages and then levels are read, from the finest to the coarsest."""
        count, strides = len(self.strides), self.strides
        places = [(strides[each], 1, each) for each in self.stages]
        if self.filters:
            places += [(stride, 0, count + at) for at, (_, stride) in enumerate(FILTER_LEVELS)]
        return tuple(each for _, _, each in sorted(places))

    @property
    def all_channels(self) -> tuple[int, ...]:
        """Of every stage, and then of every level."""
        return (*self.channels, *(channels for channels, _ in FILTER_LEVELS))

    def meta(self) -> dict[str, Any]:
        """Returns what JSON keeps; of a head without filters, what earlier versions read."""
        kept = super().meta()
        return kept if self.filters else {k: v for k, v in kept.items() if k != "filters"}

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of every level of a U-Net, from the finest; the deepest stage has none."""
        factors = (min(2.0, max(1.0, (level + 1) / 2)) for level in range(len(self.stages) - 1))
        return tuple(round(self.width * each) for each in factors)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns the name and shape of every weight of a plan's head."""
        return self._unet_shapes() if self.kind == "unet" else self._summed_shapes()

    def _unet_shapes(self) -> dict[str, tuple[int, ...]]:
        given = [self.channels[stage] for stage in self.stages]
        found: dict[str, tuple[int, ...]] = {}
        for at, channels in enumerate(given):
            found[f"scales.{at}.weight"] = (channels, 1, 1, 1)
            found[f"scales.{at}.bias"] = (channels,)
        below = (*self.widths[1:], given[-1])
        for at, (width, skip, deep) in enumerate(zip(self.widths, given, below)):
            for number, channels in ((0, skip + deep), (3, width)):
                found[f"blocks.{at}.{number}.weight"] = (width, channels, 3, 3)
                found[f"blocks.{at}.{number + 1}.weight"] = (width,)
                found[f"blocks.{at}.{number + 1}.bias"] = (width,)
        found["last.weight"] = (self.n_classes, self.widths[0], 1, 1)
        found["last.bias"] = (self.n_classes,)
        return found

    def _summed_shapes(self) -> dict[str, tuple[int, ...]]:
        wide = self.kind == "pyramid"
        found: dict[str, tuple[int, ...]] = {}
        name, count = ("laterals", self.width) if wide else ("convs", self.n_classes)
        for at, stage in enumerate(self.read):
            found[f"{name}.{at}.weight"] = (count, self.all_channels[stage], 1, 1)
            found[f"{name}.{at}.bias"] = (count,)
            if wide:
                found |= separable_shapes(f"smooth.{at}", self.width)
        if wide:
            found["last.weight"] = (self.n_classes, self.width, 1, 1)
            found["last.bias"] = (self.n_classes,)
        return found

    def fault(self) -> str | None:
        """Says why it describes no head; None where it does."""
        if self.kind not in get_args(DenseKind):
            return f"there is no dense head called {self.kind!r}"
        if self.kind == "unet" and len(self.stages) < 2:
            return "a U-Net joins two stages or more"
        known = (False, True) if self.kind == "linear" else (False,)
        if not any(self.filters is each for each in known):
            return "filters are read by linear heads, or not: say true or false"
        return super().fault()


@dataclass(frozen=True)
class DenseHead(PixelHead):
    """Such a head of C classes as it is kept; its module is in `nets.masks.net`."""

    plan: DensePlan
    made_of: ClassVar[type[MapPlan]] = DensePlan
    kept_as: ClassVar[str] = "dense"
