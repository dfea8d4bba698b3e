"""The files of answers to images: a table of boxes, one of counts, COCO's JSON, pictures, crops."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from PIL import Image

from headstart.compute import Progress
from headstart.errors import HeadstartError
from headstart.images.decode import decode
from headstart.images.given import ImageLike, bytes_of
from headstart.output import new_folder
from headstart.predictions import columns_of
from headstart.tasks.answer_files import answer_cell, made_for, reduced, stems_of
from headstart.tasks.detection.detections import Detections
from headstart.tasks.detection.drawn import draw_found

__all__ = ["write_answers"]

_CORNERS = ("left", "top", "right", "bottom")


def write_answers(
    predictions: Detections, images: Sequence[ImageLike], folder: Path, progress: Progress
) -> None:
    """Writes what was answered into a new folder, one image at a time.

    `boxes.csv` has a line an object, `counts.csv` a line an image, `boxes.json` is COCO's with
    scores, `drawn/` holds JPEGs of at most 1,600 pixels with the boxes on them, and
    `crops/CLASS/` every object cut out of its image.

    Args:
        predictions: Of N images.
        images: Those.
        folder: To make.
        progress: Called as images are done.

    Raises:
        OutputError: If it is there already or cannot be written.
    """
    stems = stems_of(predictions.names, predictions.answered.tolist())
    places = _folders(predictions.classes)
    listing: dict[str, list[dict[str, Any]]] = {"images": [], "annotations": []}
    with new_folder(folder, overwrite=False, holds="boxes.csv", what="folder of boxes") as place:
        (place / "drawn").mkdir()
        (place / "crops").mkdir()
        with (
            (place / "boxes.csv").open("w", encoding="utf-8", newline="") as boxes,
            (place / "counts.csv").open("w", encoding="utf-8", newline="") as counts,
        ):
            table, sums = _tables(boxes, counts, predictions)
            for index, stem in enumerate(stems):
                record = predictions.record(index)
                flat = columns_of({k: v for k, v in record.items() if k != "objects"})
                sums.writerow({key: answer_cell(value) for key, value in flat.items()})
                for row in predictions.table(index) if record.get("objects") else []:
                    table.writerow({key: answer_cell(value) for key, value in row.items()})
                if "error" not in record:
                    _list(listing, predictions, index)
                    _write_pictures(predictions, index, images[index], place, stem, places)
                progress("writing boxes", index + 1, len(stems))
        kinds = [{"id": k + 1, "name": name} for k, name in enumerate(predictions.classes)]
        text = json.dumps(listing | {"categories": kinds}, ensure_ascii=False)
        (place / "boxes.json").write_text(text, encoding="utf-8")


def _tables(
    boxes: TextIO, counts: TextIO, predictions: Detections
) -> tuple[csv.DictWriter, csv.DictWriter]:
    columns = [f"count({name})" for name in predictions.classes]
    table = csv.DictWriter(boxes, ["name", "class", "score", *_CORNERS], lineterminator="\n")
    sums = csv.DictWriter(
        counts, ["name", "width", "height", *columns, "error"], restval="", lineterminator="\n"
    )
    table.writeheader()
    sums.writeheader()
    return table, sums


def _folders(classes: Sequence[str]) -> list[str]:
    """Returns a folder's name for each class: no two alike, and none that leads elsewhere."""
    found: list[str] = []
    for name in classes:
        plain = re.sub(r'[<>:"/\\|?*\x00-\x1f]', "_", name).strip(" .") or "class"
        number, stem = 1, plain
        while plain.casefold() in {each.casefold() for each in found}:
            number += 1
            plain = f"{stem}_{number}"
        found.append(plain)
    return found


def _list(listing: dict[str, list[dict[str, Any]]], predictions: Detections, index: int) -> None:
    """Adds an image and the objects on it to COCO's lists."""
    number = len(listing["images"]) + 1
    width, height = (int(each) for each in predictions.sizes[index])
    name = predictions.names[index]
    listing["images"].append({"id": number, "file_name": name, "width": width, "height": height})
    for row in predictions.rows(index).tolist():
        left, top, right, bottom = (round(float(each), 2) for each in predictions.corners[row])
        wide, high = round(right - left, 2), round(bottom - top, 2)
        listing["annotations"].append(
            {
                "id": len(listing["annotations"]) + 1,
                "image_id": number,
                "category_id": int(predictions.labels[row]) + 1,
                "bbox": [left, top, wide, high],
                "area": round(wide * high, 2),
                "iscrowd": 0,
                "score": round(float(predictions.scores[row]), 6),
            }
        )


def _write_pictures(
    predictions: Detections,
    index: int,
    image: ImageLike,
    folder: Path,
    stem: str,
    places: list[str],
) -> None:
    """Writes the image with its boxes on it, and every object cut out."""
    small = reduced(image, predictions.sizes[index])
    if small is None:
        return
    drawn = draw_found(small, predictions, index)
    Image.fromarray(drawn).save(made_for(folder / "drawn" / f"{stem}.jpg"), quality=90)
    rows = predictions.rows(index).tolist()
    if not rows:
        return
    try:
        pixels = decode(bytes_of(image)).pixels
    except HeadstartError:
        return
    for number, row in enumerate(rows, 1):
        part = _cut(pixels, predictions.corners[row])
        name = f"{stem}_{number:0{max(2, len(str(len(rows))))}}.jpg"
        place = folder / "crops" / places[int(predictions.labels[row])] / name
        Image.fromarray(part).save(made_for(place), quality=95)


def _cut(pixels: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Returns the pixels that a box touches; at least one."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = corners.tolist()
    x, y = min(int(left), width - 1), min(int(top), height - 1)
    return pixels[y : max(math.ceil(bottom), y + 1), x : max(math.ceil(right), x + 1)]
