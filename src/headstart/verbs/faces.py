"""`faces`: photos in; upright faces out, in the same folders, with what is known about each."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headstart.compute import Progress, silent
from headstart.errors import DataError
from headstart.options.command import command
from headstart.options.faces import FacesOptions
from headstart.options.idle import fps_of
from headstart.output import check_output, new_folder, write_atomic

if TYPE_CHECKING:
    import numpy as np

    from headstart.data.dataset import Dataset
    from headstart.video.crops import Crops

__all__ = ["faces"]

HOLDS = "faces.json"
TABLE = "attributes.csv"


@command(FacesOptions)
def faces(options: FacesOptions, progress: Progress = silent) -> Crops:
    """Finds the faces on photos, sets them upright and cuts them out.

    Folders stay as they were, and so do the columns of a table beside them; what the detector
    says of each face (box, score, size, sharpness, how far it is turned) becomes further columns,
    so that `train`, `check` and group columns go on as before.

    Returns:
        `Crops`.

    Raises:
        DataError: If there is no photo, or no face on any of them.
        BackboneError: If the detector cannot be had.
        OptionError: If an argument makes no sense.
        OutputError: If `out` cannot be written.
    """
    from headstart.images.faces import Faces
    from headstart.images.video import Video, is_video
    from headstart.nets.pretrained.face_detector import find_detector
    from headstart.records import to_json
    from headstart.video.crops import (
        Crops,
        Written,
        findings,
        frames,
        searched,
        write,
        write_table,
    )  # fmt: skip
    from headstart.video.tracks import Tracks

    folder, moving = Path(options.out), is_video(options.photos)
    fps = fps_of(options.fps, 2.0, moving=moving)
    check_output(folder, overwrite=options.overwrite, holds=HOLDS, what="folder of faces")
    progress("finding the photos", 0, 1)  # that they are not there is told before a fetch
    dataset = None if moving else _dataset(options)
    progress("opening the detector", 0, 1)
    path, fingerprint = find_detector(options.detector)
    finder = Faces(
        path,
        fingerprint,
        choose="largest" if options.faces == "all" else options.faces,
        align=options.align,
        margin=options.margin,
        min_score=options.min_score,
    )
    written = Written()
    with new_folder(
        folder, overwrite=options.overwrite, holds=HOLDS, what="folder of faces"
    ) as home:
        problem, columns = "", {}
        if dataset is None:
            video = Video(options.photos, fps=fps)
            tracks = Tracks()
            for photo in frames(video, finder, options.faces, progress):
                write(photo, finder, options.image_size, home, written, {}, tracks)
            problem = video.problem
        else:
            columns = _columns(dataset)
            for photo in searched(dataset, finder, options.faces, options.workers, progress):
                write(photo, finder, options.image_size, home, written, columns, None)
        if not written.rows:
            raise DataError(
                f"{options.photos}: no face was found on any of {written.photos:,} photos"
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


def _dataset(options: FacesOptions) -> Dataset:
    """Opens a folder or table; one photo is a folder of one."""
    from headstart.data.dataset import Dataset
    from headstart.data.files.scan import EXTENSIONS
    from headstart.data.open import open_dataset

    path = Path(str(options.photos))
    if path.is_file() and path.suffix.lower() in EXTENSIONS:
        return Dataset.unlabelled((path.name,), root=path.parent)
    return open_dataset(
        path, label=options.label, group=options.group, split=options.split, image=options.image
    )


def _columns(dataset: Dataset) -> dict[str, np.ndarray]:
    """Returns what is known of the photos and cannot be told from their folders."""
    import numpy as np

    columns = dict(dataset.attributes)
    if dataset.source == "table":
        columns["label"] = np.array([dataset.labels.text(i) for i in range(len(dataset))])
        if any(dataset.splits):
            columns["split"] = dataset.splits
    return columns
