"""The work of `faces`: photos searched a few ahead, crops written, and what is said of them."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from headstart.choices import WhichFaces
from headstart.compute import Progress
from headstart.data.dataset import Dataset
from headstart.errors import ImageError, OutputError
from headstart.images.decode import decode, read_bytes
from headstart.images.detect import Face
from headstart.images.faces import NO_FACE, Faces, blur
from headstart.images.threads import ordered_map
from headstart.images.video import Video
from headstart.output import write_atomic
from headstart.records import Finding
from headstart.video.tracks import Tracks

__all__ = ["Crops", "Written", "findings", "frames", "searched", "write", "write_table"]

_SIDE = 1024  # photos are decoded at least so large, so that small faces keep their pixels
_SHOWN = 30
# About a third of the 112 pixels that face embedders are trained on.
_TINY = 40
# Of 300 faces of three real sets none is below; after a Gaussian blur of 1.5 pixels (of 112) 94 %
# and more are.
_BLURRED = 0.02
_TURNED = 0.45


@dataclass(frozen=True)
class Crops:
    """What `faces` left behind.

    Attributes:
        folder: Where; class folders as they were, and `attributes.csv`.
        photos: How many were looked at (frames, of a video).
        crops: How many faces were cut out.
        without: Photo -> why there is no crop of it.
        findings: What to know about the faces.
    """

    folder: str
    photos: int
    crops: int
    without: dict[str, str]
    findings: tuple[Finding, ...]

    def __repr__(self) -> str:
        lines = [f"  {each.severity}: {each.claim}" for each in self.findings]
        head = f"Crops({self.folder!r}, {self.crops:,} faces of {self.photos:,} photos)"
        return "\n".join([head, *lines])

    def _repr_html_(self) -> str:
        from html import escape

        told = (f"<p>{escape(each.claim)} {escape(each.remedy)}</p>" for each in self.findings)
        return f"<p>{escape(repr(self).splitlines()[0])}</p>{''.join(told)}"


@dataclass(frozen=True)
class _Photo:
    """One photo or frame that was searched.

    Attributes:
        name: For people.
        row: Of the data set; -1 for frames.
        folder: Where its crops go.
        stem: What their names begin with.
        seconds: Of frames.
        pixels: Decoded.
        faces: The wanted ones.
        found: How many there are.
        ratio: Pixels of the file for one that was decoded.
        reason: Why there is no crop.
    """

    name: str
    row: int
    folder: str
    stem: str
    seconds: float = 0.0
    pixels: np.ndarray | None = None
    faces: tuple[Face, ...] = ()
    found: int = 0
    ratio: float = 1.0
    reason: str = ""


@dataclass
class Written:
    """What has been written so far."""

    rows: list[dict[str, object]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    without: dict[str, str] = field(default_factory=dict)
    photos: int = 0


def searched(
    dataset: Dataset, finder: Faces, which: WhichFaces, workers: int | None, progress: Progress
) -> Iterator[_Photo]:
    """Yields the photos of a data set, searched a bounded distance ahead, in order."""

    def look(row: int) -> _Photo:
        name = dataset.names[row]
        parts = [each for each in PurePosixPath(name).parts if each not in ("..", "/")]
        place = _Photo(name, row, "/".join(parts[:-1]), PurePosixPath(parts[-1]).stem)
        try:
            decoded = decode(read_bytes(dataset.path(row)), short_side=_SIDE)
        except ImageError as error:
            return replace(place, reason=str(error))
        ratio = decoded.width / decoded.pixels.shape[1]
        return _look(place, decoded.pixels, finder, which, ratio)

    n = len(dataset)
    for row, photo in enumerate(ordered_map(look, range(n), workers=workers)):
        progress("finding faces", row + 1, n)
        yield photo


def frames(video: Video, finder: Faces, which: WhichFaces, progress: Progress) -> Iterator[_Photo]:
    """Yields the frames of a video that were asked for, searched; a camera until interrupted."""
    stem = "camera" if video.live else Path(video.name).stem
    try:
        for frame in video:
            at = f"{frame.seconds:08.2f}s"
            place = _Photo(f"{video.name} @ {at}", -1, "", f"{stem}_{at}", frame.seconds)
            done, total = int(10 * frame.seconds), int(10 * video.total)
            progress("finding faces", min(done, total or done), total or done + 1)
            yield _look(place, frame.pixels, finder, which, 1.0)
    except KeyboardInterrupt:
        if not video.live:
            raise  # of a camera that is the way to end it


def _look(
    place: _Photo, pixels: np.ndarray, finder: Faces, which: WhichFaces, ratio: float
) -> _Photo:
    found = finder.find(pixels)
    if not found:
        return replace(place, reason=NO_FACE)
    wanted = tuple(found) if which == "all" else (found[0],)
    return replace(place, pixels=pixels, faces=wanted, found=len(found), ratio=ratio)


def write(
    photo: _Photo,
    finder: Faces,
    size: int,
    home: Path,
    written: Written,
    columns: dict[str, np.ndarray],
    tracks: Tracks | None,
) -> None:
    """Writes the crops of one photo and remembers their rows."""
    written.photos += 1
    if photo.pixels is None:
        written.without[photo.name] = photo.reason
        return
    known = {name: str(cells[photo.row]) for name, cells in columns.items()}
    if tracks is not None:
        boxes = np.array([each.box for each in photo.faces])
        followed = tracks.update(photo.seconds, boxes, np.zeros((len(boxes), 1)))
    for number, face in enumerate(photo.faces):
        crop = finder.crop(photo.pixels, face, size)
        stem = photo.stem if not number else f"{photo.stem}_face{number + 1}"
        name = _free(os.path.join(photo.folder, stem), written.names)
        try:
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(crop).save(home / name)
        except OSError as error:
            raise OutputError(
                f"{home / name} cannot be written: {error.strerror or error}"
            ) from None
        left, top, width, height = (round(photo.ratio * float(each), 1) for each in face.box)
        own: dict[str, object] = {"file": name, "photo": photo.name}
        if tracks is not None:
            own |= {"seconds": round(photo.seconds, 2), "track": followed[number].number}
        written.rows.append(
            own | known | {
                "face_left": left, "face_top": top, "face_width": width, "face_height": height,
                "face_score": round(face.score, 3), "face_side": round(min(width, height), 1),
                "face_blur": round(blur(crop), 4), "face_yaw": round(face.yaw, 3),
                "face_roll": round(face.roll, 1), "faces_on_photo": photo.found,
            }
        )  # fmt: skip


def _free(stem: str, taken: set[str]) -> str:
    """Returns a name that no other crop has: a.jpg and a.png are two photos."""
    name, number = f"{stem}.png", 2
    while name.lower() in taken:
        name, number = f"{stem}-{number}.png", number + 1
    taken.add(name.lower())
    return name


def write_table(path: Path, rows: list[dict[str, object]]) -> None:
    """Writes what is known of every crop."""
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_atomic(path, text.getvalue())


def findings(written: Written, problem: str) -> Iterator[Finding]:
    """Says what to know about the faces."""

    def some(names: list[str]) -> tuple[str, ...]:
        return tuple(names[:_SHOWN])

    def crops(column: str, test: str, limit: float) -> list[str]:
        def holds(value: float) -> bool:
            return value < limit if test == "<" else abs(value) > limit

        return [str(row["file"]) for row in written.rows if holds(float(str(row[column])))]

    if problem:
        yield Finding(
            "video_ended", "warning", f"The video or camera ended before its end: {problem}.", (),
            "What came before is kept.", 1,
        )  # fmt: skip
    faceless = [name for name, reason in written.without.items() if reason == NO_FACE]
    if faceless:
        yield Finding(
            "no_face", "warning", f"No face was found on {len(faceless):,} photos.",
            some(faceless), "Look at them: profiles and covered faces are missed most; a lower "
            "--min-score looks harder.", len(faceless),
        )  # fmt: skip
    unread = [f"{name}: {why}" for name, why in written.without.items() if why != NO_FACE]
    if unread:
        yield Finding(
            "unreadable", "warning", f"{len(unread):,} photos cannot be read.", some(unread),
            "Replace or remove them.", len(unread),
        )  # fmt: skip
    crowds = [row for row in written.rows if int(str(row["faces_on_photo"])) > 1]
    several = list(dict.fromkeys(str(row["photo"]) for row in crowds))
    if several:
        yield Finding(
            "several_faces", "warning", f"{len(several):,} photos show more than one face.",
            some(several), "Make sure that the one that was cut out is the one that is meant: "
            "--faces centre, or all.", len(several),
        )  # fmt: skip
    for check, column, test, limit, claim, remedy in (
        ("tiny", "face_side", "<", _TINY, f"smaller than {_TINY} pixels on the photo",
         "Too few pixels to tell much: take them nearer, or leave them out."),
        ("blurred", "face_blur", "<", _BLURRED, "blurred",
         "Leave them out where details matter; as identities they still help a little."),
        ("turned", "face_yaw", ">", _TURNED, "turned far to the side",
         "Enrol and train on such views too if they are to be recognised, or leave them out."),
    ):  # fmt: skip
        found = crops(column, test, limit)
        if found:
            many = f"{len(found):,} faces" if len(found) > 1 else "1 face"
            summary = f"{many}: {claim}."
            yield Finding(check, "note", summary, some(found), remedy, len(found))
