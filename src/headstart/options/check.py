"""Options of `check`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from headstart.choices import MaskValues
from headstart.options import shared
from headstart.options.record import Options, option, subject

__all__ = ["CheckOptions"]


@dataclass(frozen=True, kw_only=True)
class CheckOptions(Options):
    """What `check` is told."""

    ANSWERS: ClassVar[bool] = True
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "headstart check flowers/",
        "headstart check table.csv --label species --group animal --split part",
        "headstart check flowers/ -o flowers.html",
        "headstart check people/ --faces --backbone embedder.onnx",
    )

    data: str | Path = subject(
        help="Class folders, a CSV or Parquet table, images with boxes or masks, or a folder of "
        "images."
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
        "Find the faces too, and people who are on both sides of a split."
    )
    detector: str = shared.detector()
    workers: int | None = shared.workers()
    # model
    backbone: str | None = option(
        None, group="model", metavar="NAME",
        help="With `faces`, the face embedder that tells people apart (an ONNX file, a name).",
    )  # fmt: skip

    # output
    out: str | Path | None = shared.out(
        None, metavar="FILE",
        help="An HTML page of the findings, with the images they are about side by side.",
    )  # fmt: skip

    def contradictions(self) -> Iterator[str]:
        """Yields what makes no sense together."""
        if self.faces and self.backbone is None:
            yield (
                "--faces needs a face embedder to tell people apart: --backbone FILE.onnx "
                "(networks of ImageNet cannot)"
            )
        if self.detector != "yunet" and not self.faces:
            yield f"--detector {self.detector} finds faces: it does nothing without --faces"
        if self.backbone is not None and not self.faces:
            yield f"--backbone {self.backbone} tells faces apart: it does nothing without --faces"
