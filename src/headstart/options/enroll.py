"""Options of `enroll`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from headstart.choices import Device, Method
from headstart.options import shared
from headstart.options.record import Options, option, subject

__all__ = ["EnrollOptions"]


@dataclass(frozen=True, kw_only=True)
class EnrollOptions(Options):
    """What `enroll` is told."""

    EXAMPLES: ClassVar[tuple[str, ...]] = (
        "headstart enroll gallery people/ --backbone embedder.onnx --faces",
        "headstart enroll gallery ann-*.jpg --name Ann",
        "headstart enroll gallery --remove Ann",
        "headstart enroll gallery --remove-photo people/Ann/3.jpg",
        "headstart enroll gallery --far 0.01",
    )

    gallery: str | Path = subject(help="Its folder; made by the first enrolment.")
    photos: str | Path | Iterable[str | Path] | None = subject(
        None,
        help="One folder per person, or a table; with `name`, photos, folders or globs of one "
        "person. None to only remove, or to calibrate anew.",
    )
    # data
    name: str | None = option(None, group="data", help="Who is on all of the photos.")
    remove: str | None = option(
        None, group="data", metavar="NAME", help="Name of a person to remove, with all photos."
    )
    remove_photo: str | None = option(
        None, group="data", metavar="PHOTO",
        help="One photo to remove: its file, or its name as it was enrolled.",
    )  # fmt: skip
    move: bool = option(
        False, group="data",
        help="Photos that are enrolled as another person are moved to the one given now.",
    )  # fmt: skip
    label: str | None = shared.label("person")
    image: str | None = shared.image()
    faces: bool = shared.faces_option(
        "For a new gallery: vectors of the largest face of each photo, found and set upright, and "
        "not of the whole photo. A gallery keeps its way."
    )
    detector: str = shared.detector()
    workers: int | None = shared.workers()
    # model
    backbone: str | None = shared.backbone(
        None, more="; for a new gallery `balanced` if left out. A gallery keeps its own"
    )
    method: Method | None = option(
        None, group="model",
        help="How a person is scored: `knn` (the default), the mean of the k most similar photos, "
        "or `centroid`, the mean of all.",
    )  # fmt: skip
    k: int | None = option(
        None, group="model", low=1, unit="photo",
        help="Of `knn`: photos of a person that count (2, or one where there is no other).",
    )  # fmt: skip
    device: Device = shared.device()
    # measuring
    far: float | None = option(
        None, group="measuring", above=0, high=0.5, metavar="RATE",
        help="The share of strangers that may be taken for somebody, and of pairs of different "
        "people for one (0.001); the thresholds are calibrated to it.",
    )  # fmt: skip
    seed: int = shared.seed("the intervals")

    @property
    def wanted(self) -> dict[str, Any]:
        """The settings that the gallery is given."""
        settings = {"method": self.method, "k": self.k, "far": self.far}
        return {key: value for key, value in settings.items() if value is not None}

    def contradictions(self) -> Iterator[str]:
        """Yields what makes no sense together."""
        given = self.photos not in (None, ())
        if self.name is not None and not given:
            yield f"--name {self.name} needs PHOTOS of that person"
        if self.name is None and isinstance(self.photos, tuple) and len(self.photos) > 1:
            yield (
                "several PHOTOS are of one person: say who with --name, or give one folder that "
                "holds one folder per person"
            )
        if self.move and not given:
            yield "--move needs PHOTOS and whose they are"
        removing = self.remove is not None or self.remove_photo is not None
        if not given and not removing and not self.wanted:
            yield (
                "nothing to do: give PHOTOS, --remove NAME, --remove-photo PHOTO, or --far, "
                "--method or --k to calibrate anew"
            )
