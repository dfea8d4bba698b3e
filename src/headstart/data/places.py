"""`open_places`: boxes or masks, whichever data hold; or that they hold the other kind."""

from __future__ import annotations

import contextlib
from pathlib import Path

from headstart.choices import MaskValues
from headstart.data.boxes.open import open_boxes
from headstart.data.dataset import Dataset
from headstart.data.masks.open import open_masks
from headstart.data.reading import NothingDrawn
from headstart.data.tables.roles import Columns
from headstart.errors import DataError

__all__ = ["open_places"]


def open_places(
    path: Path,
    columns: Columns,
    level: int | None = None,
    *,
    task: str,
    annotations: Path | None = None,
    masks: MaskValues = "auto",
) -> tuple[Dataset | None, str]:
    """Reads images on which somebody drew boxes or masks.

    Args:
        path: A folder, a table, or a file of annotations.
        columns: Those that were asked for.
        level: Which folder of each path says what its mask shows, from 1.
        task: ``"detection"`` and ``"segmentation"`` say what is drawn, ``"auto"`` leaves it open.
        annotations: Where the annotations are, if it was said.
        masks: How the values of masks are read.

    Returns:
        The data set, None where nothing is drawn and nobody said so; and what was left alone then,
        for people.

    Raises:
        DataError: If something can be read in two ways, or is not of the kind that was asked for.
    """

    def boxes(sure: bool) -> Dataset | None:
        return open_boxes(path, columns, annotations=annotations, sure=sure)

    def drawn_masks(sure: bool) -> tuple[Dataset | None, str]:
        return open_masks(path, columns, level, told=(annotations, masks), sure=sure)

    try:
        if task == "detection":
            return boxes(sure=True), ""
        if task == "segmentation":
            return drawn_masks(sure=True)
    except NothingDrawn as error:
        other = None
        with contextlib.suppress(DataError):
            other = boxes(sure=False) if task == "segmentation" else drawn_masks(sure=False)[0]
        raise _instead(path, other) if other is not None else error from None
    if task != "auto":
        return None, ""
    found = boxes(sure=False)
    return (found, "") if found is not None else drawn_masks(sure=False)


def _instead(path: Path, other: Dataset) -> DataError:
    """Returns what to say where data hold what was not asked for."""
    there, asked = ("boxes", "masks") if other.task == "detection" else ("masks", "boxes")
    return DataError(
        f"{path} holds {there} and no {asked} ({other.reading['labels']}): 'headstart train {path} "
        f"--task {other.task}' learns these; {asked} would have to be drawn first"
    )
