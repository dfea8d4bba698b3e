"""`faces`: photos in; upright faces out, in the same folders, with what is known about each."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from PIL import Image

from headstart.data.dataset import Dataset
from headstart.data.decode import decode, read_bytes
from headstart.data.detect import Face
from headstart.data.faces import Align, Faces, blur
from headstart.data.folders import EXTENSIONS
from headstart.data.open import open_dataset
from headstart.data.pixels import Progress, cpu_count, silent
from headstart.data.video import Video, is_video
from headstart.errors import DataError, ImageError, OptionError, OutputError
from headstart.records import Finding, to_json
from headstart.run import check_output, new_folder, write_atomic
from headstart.ship.tracks import Tracks

__all__ = ["Crops", "faces"]

Which = Literal["largest", "centre", "all"]
HOLDS = "faces.json"
TABLE = "attributes.csv"
_AHEAD = 32
_SIDE = 1024  # photos are decoded at least so large, so that small faces keep their pixels
_SHOWN = 30
# What a face embedder of 112 pixels needs at the very least; below, recognition falls off.
_TINY = 40
# Seen on real photographs: a Gaussian blur of 2 pixels at 112 brings most faces below this.
_BLURRED = 0.02
_TURNED = 0.45
_NO_FACE = "no face was found on it"


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
        scale: Pixels of the file for one that was decoded.
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
    scale: float = 1.0
    reason: str = ""


@dataclass
class _Written:
    """What has been written so far."""

    rows: list[dict[str, object]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    without: dict[str, str] = field(default_factory=dict)
    photos: int = 0


def faces(
    photos: str | Path,
    *,
    out: str | Path,
    detector: str = "yunet",
    which: Which = "largest",
    align: Align = "points",
    image_size: int = 224,
    margin: float = 0.2,
    least: float = 0.7,
    fps: float = 2.0,
    label: str | None = None,
    group: str | None = None,
    split: str | None = None,
    workers: int | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Crops:
    """Finds the faces on photos, sets them upright and cuts them out.

    Folders stay as they were, and so do the columns of a table beside them; what the detector
    says of each face (box, score, size, sharpness, how far it is turned) becomes further columns,
    so that `train`, `check` and group columns go on as before.

    Args:
        photos: A folder or table of photos, one photo, a video, or the number of a camera.
        out: Folder to write.
        detector: `yunet` (of OpenCV's model zoo, from the hub), or its ONNX file.
        which: Which faces of a photo: the `largest`, the one nearest to the `centre`, or `all`.
        align: By five `points`, or the plain `box`.
        image_size: Side of the crops in pixels.
        margin: What is shown around the face, as a share of its side on each side.
        least: Score of the detector below which a face is none.
        fps: Frames a second of a video or camera that are looked at.
        label: Column of a table that holds the class.
        group: Column that says who belongs together.
        split: Column of a table that holds `train`, `val` or `test`.
        workers: Threads; by default one a processor.
        overwrite: Replace earlier crops in `out`.
        progress: Called as photos are done.

    Returns:
        `Crops`.

    Raises:
        DataError: If there is no photo, or no face on any of them.
        BackboneError: If the detector cannot be had.
        OptionError: If an argument makes no sense.
        OutputError: If `out` cannot be written.
    """
    for name, value, low, high in (
        ("image-size", image_size, 16, 2048), ("margin", margin, 0, 2), ("least", least, 0, 1),
    ):  # fmt: skip
        if not low <= value <= high:
            raise OptionError(f"--{name} {value}: choose from {low} to {high}")
    from headstart.nets.detector import find_detector

    folder = Path(out)
    check_output(folder, overwrite=overwrite, holds=HOLDS, what="folder of faces")
    path, fingerprint = find_detector(detector)
    finder = Faces(
        path, fingerprint, choose="largest" if which == "all" else which, align=align,
        margin=margin, least=least,
    )  # fmt: skip
    written = _Written()
    with new_folder(folder, overwrite=overwrite, holds=HOLDS, what="folder of faces") as home:
        problem, columns = "", {}
        if is_video(photos):
            video = Video(photos, fps=fps)
            tracks = Tracks()
            for photo in _frames(video, str(photos), finder, which, progress):
                _write(photo, finder, image_size, home, written, {}, tracks)
            problem = video.problem
        else:
            dataset = _dataset(Path(photos), label=label, group=group, split=split)
            columns = _columns(dataset)
            for photo in _photos(dataset, finder, which, workers, progress):
                _write(photo, finder, image_size, home, written, columns, None)
        if not written.rows:
            raise DataError(
                f"{photos}: no face was found on any of {written.photos:,} photos"
                + (f" ({problem})" if problem else "")
                + "; a lower --least looks harder"
            )
        _table(home / TABLE, written.rows)
        record = Crops(
            str(folder), written.photos, len(written.rows), written.without,
            tuple(_findings(written, problem)),
        )  # fmt: skip
        write_atomic(home / HOLDS, to_json(record))
    return record


def _dataset(path: Path, *, label: str | None, group: str | None, split: str | None) -> Dataset:
    """Opens a folder or table; one photo is a folder of one."""
    if path.is_file() and path.suffix.lower() in EXTENSIONS:
        blank = np.full(1, -1), np.full(1, "")
        return Dataset(path.parent, (path.name,), (), *blank, source="unlabelled")
    return open_dataset(path, label=label, group=group, split=split)


def _columns(dataset: Dataset) -> dict[str, np.ndarray]:
    """Returns what is known of the photos and cannot be told from their folders."""
    columns = dict(dataset.attributes)
    if dataset.source == "table":
        names = np.array([*dataset.classes, ""])
        columns["label"] = names[dataset.targets]  # -1 is the last: unknown
        if any(dataset.splits):
            columns["split"] = dataset.splits
    return columns


def _photos(
    dataset: Dataset, finder: Faces, which: Which, workers: int | None, progress: Progress
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
        scale = decoded.width / decoded.pixels.shape[1]
        return _searched(place, decoded.pixels, finder, which, scale)

    n = len(dataset)
    with ThreadPoolExecutor(workers or cpu_count(), "faces") as pool:
        queue = [pool.submit(look, row) for row in range(min(_AHEAD, n))]
        for row in range(n):
            photo = queue.pop(0).result()
            if row + _AHEAD < n:
                queue.append(pool.submit(look, row + _AHEAD))
            progress("finding faces", row + 1, n)
            yield photo


def _frames(
    video: Video, source: str, finder: Faces, which: Which, progress: Progress
) -> Iterator[_Photo]:
    stem = "camera" if source.isdigit() else Path(source).stem
    try:
        for frame in video:
            at = f"{frame.seconds:08.2f}s"
            place = _Photo(f"{source} @ {at}", -1, "", f"{stem}_{at}", frame.seconds)
            done, total = int(10 * frame.seconds), int(10 * video.total)
            progress("finding faces", min(done, total or done), total or done + 1)
            yield _searched(place, frame.pixels, finder, which, 1.0)
    except KeyboardInterrupt:
        if video.total:
            raise  # of a camera that is the way to end it


def _searched(
    place: _Photo, pixels: np.ndarray, finder: Faces, which: Which, scale: float
) -> _Photo:
    found = finder.find(pixels)
    if not found:
        return replace(place, reason=_NO_FACE)
    wanted = tuple(found) if which == "all" else (found[0],)
    return replace(place, pixels=pixels, faces=wanted, found=len(found), scale=scale)


def _write(
    photo: _Photo,
    finder: Faces,
    size: int,
    home: Path,
    written: _Written,
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
        left, top, width, height = (round(photo.scale * float(each), 1) for each in face.box)
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


def _table(path: Path, rows: list[dict[str, object]]) -> None:
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    write_atomic(path, text.getvalue())


def _findings(written: _Written, problem: str) -> Iterator[Finding]:
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
    faceless = [name for name, reason in written.without.items() if reason == _NO_FACE]
    if faceless:
        yield Finding(
            "no_face", "warning", f"No face was found on {len(faceless):,} photos.",
            some(faceless), "Look at them: profiles and covered faces are missed most; a lower "
            "--least looks harder.", len(faceless),
        )  # fmt: skip
    unread = [f"{name}: {why}" for name, why in written.without.items() if why != _NO_FACE]
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
            "--which centre, or all.", len(several),
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
            says = f"{many}: {claim}."
            yield Finding(check, "note", says, some(found), remedy, len(found))
