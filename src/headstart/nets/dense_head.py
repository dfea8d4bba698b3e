"""`DenseHead`: a head that answers with a place, as a description and plain arrays.

No torch here: what is deployed reads the description too. `nets.dense` builds the module.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal, Protocol, get_args

import numpy as np

__all__ = [
    "DenseHead",
    "DenseKind",
    "DensePlan",
    "MapPlan",
    "arrays_fault",
    "is_whole",
    "plan_fault",
    "separable_shapes",
]

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
        for at, stage in enumerate(self.stages):
            found[f"{name}.{at}.weight"] = (count, self.channels[stage], 1, 1)
            found[f"{name}.{at}.bias"] = (count,)
            if wide:
                found |= separable_shapes(f"smooth.{at}", self.width)
        if wide:
            found["last.weight"] = (self.n_classes, self.width, 1, 1)
            found["last.bias"] = (self.n_classes,)
        return found

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
        if self.kind == "unet" and len(self.stages) < 2:
            return "a U-Net joins two stages or more"
        return plan_fault(self)


class MapPlan(Protocol):
    """What plans of heads have in common that read the maps of a network's stages."""

    @property
    def kind(self) -> str:
        """Its kind, ``"pyramid"`` among them."""

    @property
    def channels(self) -> tuple[int, ...]:
        """Of the maps of each stage of the network."""

    @property
    def strides(self) -> tuple[int, ...]:
        """Of each stage, in pixels of the input."""

    @property
    def stages(self) -> tuple[int, ...]:
        """Which of them are read."""

    @property
    def n_classes(self) -> int:
        """C."""

    @property
    def width(self) -> int:
        """Channels inside of a pyramid."""


def plan_fault(plan: MapPlan) -> str | None:
    """Says why a plan describes no head that reads maps; None where it does."""
    stages, channels = plan.stages, plan.channels
    numbers = (*channels, *plan.strides, plan.n_classes)
    if not all(_is_count(each) for each in numbers) or len(channels) != len(plan.strides):
        return "its channels and strides are no whole numbers above 0 of the same stages"
    if (
        not stages
        or not all(isinstance(each, int) and 0 <= each < len(channels) for each in stages)
        or list(stages) != sorted(set(stages))
    ):
        return f"its stages {stages!r} are not among {len(channels)}"
    if plan.kind in ("pyramid", "unet") and not _is_count(plan.width):
        return f"its width must be a whole number from 1 to {_MOST}, got {plan.width!r}"
    return None


def arrays_fault(
    arrays: dict[str, np.ndarray], wanted: dict[str, tuple[int, ...]], kind: str
) -> str | None:
    """Says why arrays cannot be the weights of a head; None where nothing is wrong.

    Args:
        arrays: Name of a weight -> its numbers.
        wanted: Name of every weight -> its shape.
        kind: Of the head, for people.
    """
    if set(arrays) != set(wanted):
        other = sorted(set(arrays) ^ set(wanted))
        return f"its arrays are not those of a {kind} head: {', '.join(other[:3])}"
    for name, array in arrays.items():
        if array.shape != wanted[name]:
            return f"its {name} are {array.shape}, not {wanted[name]}"
        if array.dtype.kind != "f" or not np.isfinite(array).all():
            return f"its {name} hold what is no finite number"
    return None


def separable_shapes(name: str, width: int) -> dict[str, tuple[int, ...]]:
    """Returns the name and shape of the weights of a `nets.dense.Separable` of that name."""
    shapes: dict[str, tuple[int, ...]] = {"0.weight": (width, 1, 3, 3)}
    shapes |= {"1.weight": (width, width, 1, 1), "2.weight": (width,), "2.bias": (width,)}
    return {f"{name}.{key}": shape for key, shape in shapes.items()}


def _is_count(value: object) -> bool:
    return is_whole(value) and 0 < value <= _MOST  # type: ignore[operator]


def is_whole(value: object) -> bool:
    """Tells whether something that was read from JSON is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True)
class DenseHead:
    """A dense head of C classes as it is kept.

    Attributes:
        plan: What it is made of.
        arrays: Name of a weight -> float32, as the module of `nets.dense` names them.
        answers: What it answers with.
        answers_with_place: Whether that has places on the image; it then reads maps.
    """

    plan: DensePlan
    arrays: dict[str, np.ndarray]
    answers: ClassVar[str] = "masks"
    answers_with_place: ClassVar[bool] = True

    @property
    def n_classes(self) -> int:
        """C."""
        return self.plan.n_classes

    @property
    def kind(self) -> str:
        """Of its plan."""
        return self.plan.kind

    def outputs_at(self, size: int) -> dict[str, tuple[int, ...]]:
        """Returns name -> shape of what is said of one image.

        Args:
            size: Side of the input in pixels.
        """
        cells = max(1, round(size / self.plan.stride))
        return {"probabilities": (self.n_classes, cells, cells)}

    def tensors(self) -> dict[str, np.ndarray]:
        """Returns all arrays that are kept."""
        return self.arrays

    def meta(self) -> dict[str, Any]:
        """Returns what JSON keeps; the arrays go beside it."""
        return {"dense": self.plan.meta()}

    def fault(self) -> str | None:
        """Says why it cannot be a head that was trained here; None where nothing is wrong."""
        return arrays_fault(self.arrays, self.plan.shapes(), self.plan.kind)
