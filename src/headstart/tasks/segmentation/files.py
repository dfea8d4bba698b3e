"""The files of answers to images: masks, overlays, a table of areas, and COCO's JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from PIL import Image

from headstart.compute import Progress
from headstart.images.given import ImageLike
from headstart.output import new_folder
from headstart.predictions import columns_of
from headstart.tasks.answer_files import answer_cell, made_for, reduced, stems_of
from headstart.tasks.segmentation.maps import SegmentationMaps
from headstart.tasks.segmentation.paint import indexed, overlaid

__all__ = ["write_answers"]


def write_answers(
    predictions: SegmentationMaps, images: Sequence[ImageLike], folder: Path, progress: Progress
) -> None:
    """Writes what was answered into a new folder, one image at a time.

    `masks/` holds index PNGs with the palette, at the images' own size (255 is not sure),
    `overlays/` JPEGs of at most 1,600 pixels, `areas.csv` pixels, share and connected regions of
    each class, `masks.json` the same masks as COCO annotations with compressed run lengths.

    Args:
        predictions: Of N images.
        images: Those.
        folder: To make.
        progress: Called as images are done.

    Raises:
        OutputError: If it is there already or cannot be written.
    """
    stems = stems_of(predictions.names, predictions.answered.tolist())
    listing = _Listing(predictions)
    with new_folder(folder, overwrite=False, holds="areas.csv", what="folder of masks") as place:
        (place / "masks").mkdir()
        (place / "overlays").mkdir()
        with (place / "areas.csv").open("w", encoding="utf-8", newline="") as stream:
            table = _table(stream, predictions)
            for index, stem in enumerate(stems):
                labels = predictions.labels(index, abstain=True)
                record = predictions.record(index, labels)
                row = columns_of(record)
                table.writerow({key: answer_cell(value) for key, value in row.items()})
                if "error" not in record:
                    mask = made_for(place / "masks" / f"{stem}.png")
                    indexed(labels, predictions.palette).save(mask, optimize=False)
                    _write_overlay(predictions, index, images[index], place / "overlays", stem)
                    listing.add(index, labels)
                progress("writing masks", index + 1, len(stems))
        text = json.dumps(listing.whole(), ensure_ascii=False)
        (place / "masks.json").write_text(text, encoding="utf-8")


def _table(stream: TextIO, predictions: SegmentationMaps) -> csv.DictWriter:
    kinds = ("pixels", "share", "regions")
    columns = [f"{kind}({name})" for kind in kinds for name in predictions.classes]
    head = ["name", "width", "height", *columns, "unsure", "error"]
    table = csv.DictWriter(stream, head, restval="", lineterminator="\n")
    table.writeheader()
    return table


def _write_overlay(
    predictions: SegmentationMaps, index: int, image: ImageLike, folder: Path, stem: str
) -> None:
    small = reduced(image, predictions.sizes[index])
    if small is None:
        return
    own = predictions.resized(index, (small.shape[1], small.shape[0])).labels(0, abstain=True)
    drawn = overlaid(small, own, predictions.palette, predictions.classes)
    Image.fromarray(drawn).save(made_for(folder / f"{stem}.jpg"), quality=90)


class _Listing:
    """COCO's lists of images, categories and annotations.

    Args:
        predictions: What is listed.
    """

    def __init__(self, predictions: SegmentationMaps) -> None:
        self._predictions = predictions
        self._images: list[dict[str, Any]] = []
        self._annotations: list[dict[str, Any]] = []

    def add(self, index: int, labels: np.ndarray) -> None:
        """Adds one image and the mask of each class on it."""
        height, width = labels.shape
        number = len(self._images) + 1
        name = self._predictions.names[index]
        self._images.append({"id": number, "file_name": name, "width": width, "height": height})
        for kind, mask in self._predictions.masks(index, labels).items():
            place = self._predictions.classes.index(kind)
            where = labels == place
            down, across = np.flatnonzero(where.any(axis=1)), np.flatnonzero(where.any(axis=0))
            box = [across[0], down[0], across[-1] - across[0] + 1, down[-1] - down[0] + 1]
            self._annotations.append(
                {
                    "id": len(self._annotations) + 1,
                    "image_id": number,
                    "category_id": place + 1,
                    "segmentation": mask,
                    "area": int(where.sum()),
                    "bbox": [int(each) for each in box],
                    "iscrowd": 1,
                }
            )

    def whole(self) -> dict[str, Any]:
        """Returns all of it."""
        kinds = [{"id": k + 1, "name": name} for k, name in enumerate(self._predictions.classes)]
        return {"images": self._images, "annotations": self._annotations, "categories": kinds}
