"""Options of `demo`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from headstart.options import shared
from headstart.options.record import Options

__all__ = ["DemoOptions"]


@dataclass(frozen=True, kw_only=True)
class DemoOptions(Options):
    """What `demo` is told."""

    EXAMPLES: ClassVar[tuple[str, ...]] = ("headstart demo", "headstart demo -o /tmp/demo")

    # model
    backbone: str = shared.backbone("starter")
    # measuring
    seed: int = shared.seed("splits, folds and intervals")
    # output
    out: str | Path = shared.out(
        "demo", help="Folder for the sample data (`digits/`) and the run (`run/`)."
    )
    overwrite: bool = shared.overwrite("an earlier demo in `out`")
