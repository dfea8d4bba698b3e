"""Options of `audit`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from headstart.choices import Device
from headstart.options import shared
from headstart.options.record import Options, option, subject

__all__ = ["AuditOptions"]


@dataclass(frozen=True, kw_only=True)
class AuditOptions(Options):
    """What `audit` is told."""

    ANSWERS: ClassVar[bool] = True
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "headstart audit runs/hydration",
        "headstart audit runs/hydration --by gender,camera",
        "headstart audit runs/hydration other-clinic/",
    )

    run: str | Path = subject(help="The folder that `train` wrote.")
    data: str | Path | None = subject(
        None,
        help="Other labelled images to ask about; by default what the run held out of its own.",
    )
    # data
    label: str | None = shared.label()
    image: str | None = shared.image()
    group: str | None = shared.group("; what is in one group counts as one piece of evidence")
    split: str | None = shared.split()
    workers: int | None = shared.workers()
    # model
    device: Device = shared.device()
    # measuring
    by: str | None = option(
        None, group="measuring", metavar="COLUMN,…",
        help="Columns, joined by commas, that the model might lean on (gender, camera, hospital); "
        "by default all that the data have.",
    )  # fmt: skip
    seed: int = shared.seed("permutations, folds and intervals")
