"""Options of `export`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from headstart.options import shared
from headstart.options.record import Options, option, subject

__all__ = ["ExportOptions"]


@dataclass(frozen=True, kw_only=True)
class ExportOptions(Options):
    """What `export` is told."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "headstart export runs/flowers -o flowers-onnx",
        "headstart export runs/flowers -o flowers-onnx --int8 --max-drop 0.5",
    )

    run: str | Path = subject(help="The folder that `train` wrote.")
    # data
    data: str | Path | None = option(
        None, group="data", metavar="FOLDER",
        help="Where the run's images are now; by default where they were. They are known again by "
        "their content.",
    )  # fmt: skip
    # model
    int8: bool = option(
        False, group="model",
        help="Write `model-int8.onnx` too, if it is shown to cost no more than "
        "`max_drop`.",
    )  # fmt: skip
    fp16: bool = option(False, group="model", help="Write `model-fp16.onnx` too: half the size.")
    threshold: float | None = option(
        None, group="model", low=0, below=1, metavar="P",
        help="Probability below which predictions are shown as not sure; by default a half, and of "
        "the pixels of a mask none.",
    )  # fmt: skip
    # measuring
    max_drop: float = option(
        1.0, group="measuring", low=0, high=100, unit="points", metavar="POINTS",
        help="What int8 may cost in the measure that decides, by the unfavourable end of a 95% "
        "interval: points of a share such as accuracy, per cent of all else.",
    )  # fmt: skip
    seed: int = shared.seed("the choice of images and of intervals")
    # output
    out: str | Path = shared.out(help="Folder to write: `model.onnx`, a model card, `export.json`.")
    overwrite: bool = shared.overwrite("an earlier export in `out`")

    def contradictions(self) -> Iterator[str]:
        """Yields what makes no sense together."""
        if self.max_drop != 1.0 and not self.int8:
            yield f"--max-drop {self.max_drop:g} is of int8: say --int8 too, or leave it out"
