"""`faces`: photos in; upright faces out, in the same folders, with what is known about each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.folders import EXTENSIONS
from headstart.data.open import open_dataset
from headstart.errors import DataError, OptionError
from headstart.images.faces import Align, Faces
from headstart.images.pixels import Progress, silent
from headstart.images.video import Video, is_video
from headstart.records import Finding, to_json
from headstart.run import check_output, new_folder, write_atomic
from headstart.video.crops import (
    WhichFaces,
    Written,
    findings,
    frames,
    searched,
    write,
    write_table,
)
from headstart.video.tracks import Tracks

__all__ = ["Crops", "faces"]

HOLDS = "faces.json"
TABLE = "attributes.csv"


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


def faces(
    photos: str | Path,
    *,
    out: str | Path,
    detector: str = "yunet",
    faces: WhichFaces = "largest",
    align: Align = "points",
    image_size: int = 224,
    margin: float = 0.2,
    min_score: float = 0.7,
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
        faces: Which faces of a photo: the `largest`, the one nearest to the `centre`, or `all`.
        align: By five `points`, or the plain `box`.
        image_size: Side of the crops in pixels.
        margin: What is shown around the face, as a share of its side on each side.
        min_score: Score of the detector below which a face is none.
        fps: Frames a second of a video or camera that are looked at.
        label: Column of a table that holds the class.
        group: Column that says who belongs together, or `folder:N`: the name of the Nth folder of
            each path; crops keep folders and columns, so that `train` takes the same.
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
        ("image-size", image_size, 16, 2048), ("margin", margin, 0, 2),
        ("min-score", min_score, 0, 1),
    ):  # fmt: skip
        if not low <= value <= high:
            raise OptionError(f"--{name} {value}: choose from {low} to {high}")
    from headstart.nets.detector import find_detector

    folder = Path(out)
    check_output(folder, overwrite=overwrite, holds=HOLDS, what="folder of faces")
    path, fingerprint = find_detector(detector)
    finder = Faces(
        path, fingerprint, choose="largest" if faces == "all" else faces, align=align,
        margin=margin, min_score=min_score,
    )  # fmt: skip
    written = Written()
    with new_folder(folder, overwrite=overwrite, holds=HOLDS, what="folder of faces") as home:
        problem, columns = "", {}
        if is_video(photos):
            video = Video(photos, fps=fps)
            tracks = Tracks()
            for photo in frames(video, str(photos), finder, faces, progress):
                write(photo, finder, image_size, home, written, {}, tracks)
            problem = video.problem
        else:
            dataset = _dataset(Path(photos), label=label, group=group, split=split)
            columns = _columns(dataset)
            for photo in searched(dataset, finder, faces, workers, progress):
                write(photo, finder, image_size, home, written, columns, None)
        if not written.rows:
            raise DataError(
                f"{photos}: no face was found on any of {written.photos:,} photos"
                + (f" ({problem})" if problem else "")
                + "; a lower --min-score looks harder"
            )
        write_table(home / TABLE, written.rows)
        record = Crops(
            str(folder), written.photos, len(written.rows), written.without,
            tuple(findings(written, problem)),
        )  # fmt: skip
        write_atomic(home / HOLDS, to_json(record))
    return record


def _dataset(path: Path, *, label: str | None, group: str | None, split: str | None) -> Dataset:
    """Opens a folder or table; one photo is a folder of one."""
    if path.is_file() and path.suffix.lower() in EXTENSIONS:
        return Dataset.unlabelled([path.name], root=path.parent)
    return open_dataset(path, label=label, group=group, split=split)


def _columns(dataset: Dataset) -> dict[str, np.ndarray]:
    """Returns what is known of the photos and cannot be told from their folders."""
    columns = dict(dataset.attributes)
    if dataset.source == "table":
        columns["label"] = np.array([dataset.labels.text(i) for i in range(len(dataset))], str)
        if any(dataset.splits):
            columns["split"] = dataset.splits
    return columns
