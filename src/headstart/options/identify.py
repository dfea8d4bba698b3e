"""Options of `identify`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from headstart.choices import Device
from headstart.options import shared
from headstart.options.record import Options, option, subject

__all__ = ["IdentifyOptions"]


@dataclass(frozen=True, kw_only=True)
class IdentifyOptions(Options):
    """What `identify` is told."""

    ANSWERS: ClassVar[bool] = True
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "headstart identify gallery photo.jpg",
        "headstart identify gallery people/ --labelled",
        "headstart identify gallery film.mp4 -o named.mp4",
    )

    gallery: str | Path = subject(help="The folder that `enroll` made.")
    photos: str | Path | int | Iterable[str | Path] = subject(
        help="Photos, folders (searched through) or globs; or one video, the number of a "
        "camera, or the address of a stream; with `labelled` one folder of photos per person."
    )
    # data
    labelled: bool = option(
        False, group="data",
        help="Also measure the answers: the photos lie in one folder per person, named as they are "
        "enrolled; people who are not enrolled are strangers.",
    )  # fmt: skip
    label: str | None = shared.label("person, with `labelled`")
    image: str | None = shared.image()
    fps: float | None = shared.fps(None, more="; by default 5")
    workers: int | None = shared.workers()
    # model
    threshold: float | None = shared.threshold()
    device: Device = shared.device()
    # measuring
    seed: int = shared.seed("the intervals")
    # output
    out: str | Path | None = shared.out(
        None, metavar="FILE",
        help="Of a video or camera: a `.jsonl` file for a line a face looked at, or an `.mp4` or "
        "`.avi` file for the video with the names on it.",
    )  # fmt: skip
    top: int = option(
        2, group="output", low=1, metavar="K", unit="person",
        help="How many of the most similar people are listed for each photo.",
    )  # fmt: skip

    def contradictions(self) -> Iterator[str]:
        """Yields what makes no sense together."""
        if self.label is not None and not self.labelled:
            yield "--label says who is on the photos: it needs --labelled"
