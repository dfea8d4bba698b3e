"""Options of `compare`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from headstart.options import shared
from headstart.options.record import Options, subject

__all__ = ["CompareOptions"]


@dataclass(frozen=True, kw_only=True)
class CompareOptions(Options):
    """What `compare` is told."""

    ANSWERS: ClassVar[bool] = True
    EXAMPLES: ClassVar[tuple[str, ...]] = ("headstart compare runs/probe runs/finetuned",)

    first: str | Path = subject(help="The folder of one run, called A.")
    second: str | Path = subject(
        help="The folder of the other, called B; differences are B minus A."
    )
    seed: int = shared.seed("the intervals")
