"""`MapHead`: a head that reads the maps of a network's stages, as a description and plain arrays.

No torch here: what is deployed reads the description too. `nets.masks.net` and `nets.boxes.net`
build the modules.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np

__all__ = ["MapHead", "MapPlan", "is_whole", "separable_shapes"]

_MOST = 4096


@dataclass(frozen=True)
class MapPlan:
    """What a head that reads maps is made of.

    Attributes:
        kind: One of those that its own class lists.
        channels: Of the maps of each stage of the network, those not read too.
        strides: Of each stage, in pixels of the input.
        stages: Which of them are read, ascending.
        n_classes: C.
        width: Channels inside, of kinds that have any.
        wide: Those kinds.
    """

    kind: str
    channels: tuple[int, ...]
    strides: tuple[int, ...]
    stages: tuple[int, ...]
    n_classes: int
    width: int = 0
    wide: ClassVar[tuple[str, ...]] = ("pyramid", "unet")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns the name and shape of every weight of a plan's head."""
        raise NotImplementedError

    def meta(self) -> dict[str, Any]:
        """Returns what JSON keeps."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
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
        stages, channels = self.stages, self.channels
        numbers = (*channels, *self.strides, self.n_classes)
        if not all(_is_count(each) for each in numbers) or len(channels) != len(self.strides):
            return "its channels and strides are no whole numbers above 0 of the same stages"
        if (
            not stages
            or not all(isinstance(each, int) and 0 <= each < len(channels) for each in stages)
            or list(stages) != sorted(set(stages))
        ):
            return f"its stages {stages!r} are not among {len(channels)}"
        if self.kind in self.wide and not _is_count(self.width):
            return f"its width must be a whole number from 1 to {_MOST}, got {self.width!r}"
        return None


@dataclass(frozen=True)
class MapHead:
    """A head of C classes as it is kept.

    Attributes:
        plan: What it is made of.
        arrays: Name of a weight -> float32, as its module names them.
        answers: What it answers with.
        answers_with_place: Whether that has places on the image: of heads that read maps always.
        made_of: The class of its plan.
        kept_as: Under which name JSON keeps that.
        views: How many views of an image can be averaged.
        of_pixels: Whether every pixel of an image is answered.
    """

    plan: MapPlan
    arrays: dict[str, np.ndarray]
    answers: ClassVar[str]
    made_of: ClassVar[type[MapPlan]]
    kept_as: ClassVar[str]
    views: ClassVar[tuple[int, ...]] = (1,)
    of_pixels: ClassVar[bool] = False
    answers_with_place: ClassVar[bool] = True

    @classmethod
    def from_json(cls, about: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Rebuilds it from what `meta` gave, and its arrays.

        Raises:
            TypeError: If there is something else in it.
            ValueError: If it describes no head.
        """
        return cls(cls.made_of.from_json(about[cls.kept_as]), arrays)

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
        raise NotImplementedError

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Returns the name and shape of every array that there must be."""
        return self.plan.shapes()

    def tensors(self) -> dict[str, np.ndarray]:
        """Returns all arrays that are kept."""
        return self.arrays

    def meta(self) -> dict[str, Any]:
        """Returns what JSON keeps; the arrays go beside it."""
        return {self.kept_as: self.plan.meta()}

    def fault(self) -> str | None:
        """Says why it cannot be a head that was trained here; None where nothing is wrong."""
        wanted = self.shapes()
        if set(self.arrays) != set(wanted):
            other = sorted(set(self.arrays) ^ set(wanted))
            return f"its arrays are not those of a {self.kind} head: {', '.join(other[:3])}"
        for name, array in self.arrays.items():
            if array.shape != wanted[name]:
                return f"its {name} are {array.shape}, not {wanted[name]}"
            if array.dtype.kind != "f" or not np.isfinite(array).all():
                return f"its {name} hold what is no finite number"
        return None


def separable_shapes(name: str, width: int) -> dict[str, tuple[int, ...]]:
    """Returns name and shape of the weights of a `nets.heads.head_net.Separable` of that name."""
    shapes: dict[str, tuple[int, ...]] = {"0.weight": (width, 1, 3, 3)}
    shapes |= {"1.weight": (width, width, 1, 1), "2.weight": (width,), "2.bias": (width,)}
    return {f"{name}.{key}": shape for key, shape in shapes.items()}


def is_whole(value: object) -> bool:
    """Tells whether something that was read from JSON is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return is_whole(value) and 0 < value <= _MOST  # type: ignore[operator]
