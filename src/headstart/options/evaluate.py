"""Options of `evaluate`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from headstart.choices import Device, MaskValues
from headstart.options import shared
from headstart.options.idle import read_of_no_data
from headstart.options.record import Options, option, subject

__all__ = ["EvaluateOptions"]


@dataclass(frozen=True, kw_only=True)
class EvaluateOptions(Options):
    """What `evaluate` is told."""

    ANSWERS: ClassVar[bool] = True
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "headstart evaluate runs/flowers",
        "headstart evaluate runs/flowers other-flowers/",
        "headstart evaluate runs/ages --by sex,camera",
    )

    run: str | Path = subject(
        help="The folder that `train` wrote; with `data` also what `export` wrote, its folder or "
        "an `.onnx` file."
    )
    data: str | Path | None = subject(
        None,
        help="Labelled images to measure on; by default the run's own test, as it was measured.",
    )
    # data
    label: str | None = shared.label()
    image: str | None = shared.image()
    group: str | None = shared.group("; intervals respect it")
    split: str | None = shared.split()
    annotations: str | Path | None = shared.annotations_option()
    masks: MaskValues = shared.masks()
    workers: int | None = shared.workers()
    # model
    device: Device = shared.device()
    # measuring
    by: str | None = option(
        None, group="measuring", metavar="COLUMN,…",
        help="Columns, joined by commas, whose values are measured apart (age, sex, camera), with "
        "the gap between the best and the worst; numbers are put into five bands.",
    )  # fmt: skip
    seed: int = shared.seed("the intervals")

    def contradictions(self) -> Iterator[str]:
        """Yields what makes no sense together."""
        if self.data is None:
            yield from read_of_no_data(self)
