"""Options of `faces`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from headstart.choices import Align, WhichFaces
from headstart.options import shared
from headstart.options.record import Options, option, subject

__all__ = ["FacesOptions"]


@dataclass(frozen=True, kw_only=True)
class FacesOptions(Options):
    """What `faces` is told."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "headstart faces photos/ -o crops",
        "headstart faces party.jpg -o crops --faces all --margin 0.4",
        "headstart faces film.mp4 -o crops --fps 1",
    )

    photos: str | Path | int = subject(
        help="A folder or table of photos, one photo, a video, the number of a camera, or "
        "the address of a stream."
    )
    # data
    label: str | None = shared.label("class")
    image: str | None = shared.image()
    group: str | None = shared.group("; crops keep folders and columns, so `train` takes the same")
    split: str | None = shared.split()
    faces: WhichFaces = option(
        "largest", group="data",
        help="Which faces of a photo: the `largest`, the one nearest to the `centre`, or `all`.",
    )  # fmt: skip
    detector: str = shared.detector()
    min_score: float = option(
        0.7, group="data", low=0, high=1, metavar="SCORE",
        help="Score of the detector below which a face is none.",
    )  # fmt: skip
    fps: float | None = shared.fps(None, more="; by default 2")
    workers: int | None = shared.workers()
    # output
    out: str | Path = shared.out(help="Folder to write.")
    align: Align = option("points", group="output", help="By five `points`, or the plain `box`.")
    image_size: int = option(
        224, group="output", low=16, high=2048, unit="pixels", metavar="PIXELS",
        help="Side of the crops in pixels.",
    )  # fmt: skip
    margin: float = option(
        0.2, group="output", low=0, high=2, metavar="SHARE",
        help="What is shown around the face, as a share of its side on each side.",
    )  # fmt: skip
    overwrite: bool = shared.overwrite("earlier crops in `out`")
