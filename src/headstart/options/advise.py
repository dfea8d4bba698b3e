"""Options of `advise`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, get_args

from headstart.choices import BoxDetector, Device, Geometry, MaskValues
from headstart.options import shared
from headstart.options.record import Options, option, subject
from headstart.options.ways import recipe_of

__all__ = ["AdviseOptions"]


@dataclass(frozen=True, kw_only=True)
class AdviseOptions(Options):
    """What `advise` is told."""

    ANSWERS: ClassVar[bool] = True
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "headstart advise flowers/",
        "headstart advise flowers/ --backbone fast,starter --budget 10",
        "headstart advise people/ --task identity --faces --backbone embedder.onnx",
    )

    data: str | Path = subject(
        help="Class folders (with or without train and test), a CSV or Parquet table, or images "
        "with masks or boxes."
    )
    # data
    task: str = shared.task()
    label: str | None = shared.label()
    image: str | None = shared.image()
    group: str | None = shared.group()
    split: str | None = shared.split()
    annotations: str | Path | None = shared.annotations_option()
    masks: MaskValues = shared.masks()
    faces: bool = shared.faces_option(
        "Look at the largest face of each photo, as `train` takes it. With `--task identity`, and "
        "no detector to be had, it says that the images are faces as they are."
    )
    detector: str = shared.detector()
    workers: int | None = shared.workers()
    # model
    backbone: str = shared.backbone(
        "presets",
        more="; or several, joined by commas; `presets` is every preset that can be had",
    )
    image_size: int | Literal["auto"] = shared.image_size("Side in pixels; `auto` tries several.")
    geometry: Geometry = shared.geometry()
    device: Device = shared.device("Where the networks run.")
    # training
    budget: float = option(
        5.0, group="training", above=0, unit="minutes", metavar="MINUTES",
        help="Minutes that fine-tuning may take, trials included.",
    )  # fmt: skip
    recipe: str | None = shared.recipe("Of fine-tuning, as `train` takes it.")
    # measuring
    folds: int = shared.folds_option()
    seed: int = shared.seed("splits, folds and trials")

    def contradictions(self) -> Iterator[str]:
        """Yields what makes no sense together."""
        from headstart.training.schedule import parse_recipe

        parse_recipe(self.recipe, recipe_of(self.task))
        if self.detector in get_args(BoxDetector):
            yield (
                f"advise tries Headstart's own ways to find objects, and none of torchvision's "
                f"detectors: leave --detector out, or set 'headstart train --detector "
                f"{self.detector}' beside another run with 'headstart compare'"
            )
        elif self.detector != "yunet" and not self.faces:
            yield f"--detector {self.detector} finds faces: it does nothing without --faces"
