"""Options of `audit`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

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
    )

    run: str | Path = subject(help="The folder that `train` wrote.")
    # data
    workers: int | None = shared.workers()
    # measuring
    by: str | None = option(
        None, group="measuring", metavar="COLUMN,…",
        help="Columns, joined by commas, that the model might lean on (gender, camera, hospital); "
        "by default all that the data have.",
    )  # fmt: skip
    seed: int = shared.seed("permutations, folds and intervals")
