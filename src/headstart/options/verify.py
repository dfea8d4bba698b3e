"""Options of `verify`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from headstart.choices import Device
from headstart.options import shared
from headstart.options.record import Options, subject

__all__ = ["VerifyOptions"]


@dataclass(frozen=True, kw_only=True)
class VerifyOptions(Options):
    """What `verify` is told."""

    ANSWERS: ClassVar[bool] = True
    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "headstart verify gallery one.jpg other.jpg",
        "headstart verify gallery people/ -o verification.html",
    )

    gallery: str | Path = subject(help="The folder that `enroll` made.")
    photos: str | Path | Iterable[str | Path] = subject(
        help="Two photos; or one folder per person, or a table, to measure on."
    )
    # data
    label: str | None = shared.label("person")
    image: str | None = shared.image()
    workers: int | None = shared.workers()
    # model
    threshold: float | None = shared.threshold()
    device: Device = shared.device()
    # measuring
    seed: int = shared.seed("the intervals")
    # output
    out: str | Path | None = shared.out(
        None, metavar="FILE", help="Of labelled photos: an HTML file for the ROC and the measures."
    )

    def contradictions(self) -> Iterator[str]:
        """Yields what makes no sense together."""
        several = len(self.photos) if isinstance(self.photos, tuple) else 1
        labelled = self.label is not None or self.out is not None
        if several not in (1, 2) or (several == 2 and labelled):
            yield (
                "verify takes two photos, or one folder that holds one folder per person"
                " (-o and --label are for that)"
            )
