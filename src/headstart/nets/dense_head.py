"""`DenseHead`: a head that answers with a place, as a description and plain arrays.

No torch here: what is deployed reads the description too. `nets.dense` builds the module.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np

__all__ = ["DenseHead", "DenseKind", "DensePlan"]

DenseKind = Literal["linear", "pyramid", "unet"]
_MOST = 4096


@dataclass(frozen=True)
class DensePlan:
    """What a dense head is made of.

    Attributes:
        kind: ``"linear"``: a 1x1 convolution at every stage, upsampled and summed;
            ``"pyramid"``: a light top-down head of separable convolutions; ``"unet"``: the maps of
            every stage beside what the deeper ones say, joined by full convolutions.
        channels: Of the maps of each stage of the network, those not read too.
        strides: Of each stage, in pixels of the input.
        stages: Which of them are read, ascending.
        n_classes: C.
        width: Channels inside of a pyramid, or of the finest level of a U-Net.
    """

    kind: DenseKind
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    stages: tuple[int, ...]
    n_classes: int
    width: int = 0

    @property
    def stride(self) -> int:
        """Pixels of the input between neighbouring scores."""
        return self.strides[self.stages[0]]

    def meta(self) -> dict[str, Any]:
        """Returns what JSON keeps."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> DensePlan:
        """Rebuilds it as JSON kept it.

        Raises:
            TypeError: If there is something else in it.
            ValueError: If it describes no head.
        """
        rows = {name: tuple(value[name]) for name in ("channels", "strides", "stages")}
        plan = cls(**value | rows)
        if fault := plan.fault():
            raise ValueError(fault)
        return plan

    def fault(self) -> str | None:
        """Says why it describes no head; None where it does."""
        if self.kind not in get_args(DenseKind):
            return f"there is no dense head called {self.kind!r}"
        numbers = (*self.channels, *self.strides, self.n_classes)
        if not all(_is_count(each) for each in numbers) or len(self.channels) != len(self.strides):
            return "its channels and strides are no whole numbers above 0 of the same stages"
        stages = self.stages
        if (
            not stages
            or list(stages) != sorted(set(stages))
            or not all(isinstance(each, int) and 0 <= each < len(self.channels) for each in stages)
        ):
            return f"its stages {stages!r} are not among {len(self.channels)}"
        if self.kind == "unet" and len(stages) < 2:
            return "a U-Net joins two stages or more"
        if self.kind != "linear" and not _is_count(self.width):
            return f"its width must be a whole number from 1 to {_MOST}, got {self.width!r}"
        return None


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _MOST


@dataclass(frozen=True)
class DenseHead:
    """A dense head of C classes as it is kept.

    Attributes:
        plan: What it is made of.
        arrays: Name of a weight -> float32, as the module of `nets.dense` names them.
    """

    plan: DensePlan
    arrays: dict[str, np.ndarray]

    @property
    def n_classes(self) -> int:
        """C."""
        return self.plan.n_classes

    def meta(self) -> dict[str, Any]:
        """Returns what JSON keeps; the arrays go beside it."""
        return {"dense": self.plan.meta()}
