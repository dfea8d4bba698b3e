"""Options of `predict`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from headstart.choices import Device, Layout
from headstart.options import shared
from headstart.options.record import Options, option, subject

__all__ = ["PredictOptions"]


@dataclass(frozen=True, kw_only=True)
class PredictOptions(Options):
    """What `predict` is told."""

    ANSWERS: ClassVar[bool] = True
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "headstart predict runs/flowers new/ --top 3",
        "headstart predict runs/flowers 'new/*.jpg' --format csv > answers.csv",
        "headstart predict flowers.onnx film.mp4 --fps 5 -o answers.jsonl",
    )

    model: str | Path = subject(
        help="A run, a model's folder, or what `export` wrote: its folder, or an `.onnx` file."
    )
    images: str | Path | int | Iterable[Any] | Any = subject(
        help="Files, folders (searched through) or globs; or one video, the number of a camera, or "
        "the address of a stream (rtsp://…). In Python also bytes, Pillow images and arrays."
    )
    # data
    fps: float | None = shared.fps(
        None,
        more="; by default 1, and 10 where a model of boxes follows objects from one to the next",
    )
    workers: int | None = shared.workers()
    # model
    device: Device = shared.device("Where the network runs; an exported one runs on the CPU.")
    # output
    out: str | Path | None = shared.out(
        None, metavar="FILE",
        help="Of a video or camera: a `.jsonl` file for a line a named frame, or an `.mp4` or "
        "`.avi` file for the video with the answers on it. Of photos, and a model of faces: a "
        "folder for the photos with the answers drawn on them. Of images, and a model of masks: a "
        "new folder for the masks, overlays, areas.csv and masks.json (COCO, compressed RLE); and "
        "a model of boxes: for boxes.csv, counts.csv, boxes.json (COCO), drawn images and crops.",
    )  # fmt: skip
    explain: str | Path | None = option(
        None, group="output", metavar="FOLDER",
        help="Folder for a heat map of each image: which places speak for the answer. Of a run by "
        "Grad-CAM, of an exported model by occlusion; of photos with several faces the largest.",
    )  # fmt: skip
    format: Layout = option("table", group="output", help="How predictions are printed.")
    top: int = option(1, group="output", low=1, metavar="K", help="Classes that are printed.")
    min_score: float | None = option(
        None, group="output", low=0, high=1, metavar="P",
        help="Of a model of boxes: objects of a lower score are left out; by default the "
        "operating threshold that training chose.",
    )  # fmt: skip
    abstain_below: float = option(
        0.0, group="output", low=0, high=1, metavar="P",
        help="Answers less sure than this are 'not sure'; 0 answers always (of films: above "
        "a half).",
    )  # fmt: skip
