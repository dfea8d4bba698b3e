"""Options of `report`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from headstart.options.record import Options, subject

__all__ = ["ReportOptions"]


@dataclass(frozen=True, kw_only=True)
class ReportOptions(Options):
    """What `report` is told."""

    EXAMPLES: ClassVar[tuple[str, ...]] = ("headstart report runs/flowers",)

    run: str | Path = subject(help="The folder that `train` left behind.")
