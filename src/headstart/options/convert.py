"""Options of `convert`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from headstart.options import shared
from headstart.options.record import Options, option, subject

__all__ = ["ConvertOptions"]


@dataclass(frozen=True, kw_only=True)
class ConvertOptions(Options):
    """What `convert` is told."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "headstart convert nanodet-plus-m_416.pth -o nanodet",
        "headstart convert yolox_nano.onnx -o yolox",
        "headstart convert nanodet.param nanodet.bin -o nanodet",
    )

    files: str | Path | Iterable[str | Path] = subject(
        help="What the authors of NanoDet-Plus-m or YOLOX-nano publish: a checkpoint of torch "
        "(.pth, .ckpt), an .onnx, or the .param and .bin of ncnn."
    )
    # model
    class_names: str | Path | None = option(
        None, group="model", metavar="FILE",
        help="A text with the classes that the detector finds, one a line, in its order; without "
        "it they are COCO's 80.",
    )  # fmt: skip
    # output
    out: str | Path = shared.out(help="Folder to write: a backbone for `--backbone`.")
    overwrite: bool = shared.overwrite("an earlier backbone in `out`")
