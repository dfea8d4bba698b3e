"""The sets of boxes that benchmarks use, laid out as train and test with COCO files."""

from __future__ import annotations

import csv
import json
import shutil
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from common import DATA

SETS = ("raccoon", "bccd")
Box = tuple[str, float, float, float, float]


def rows_of(name: str) -> dict[str, dict[Path, list[Box]]]:
    """Returns split -> image file -> (class, left, top, right, bottom), the set's own split."""
    folder = DATA / name
    images = folder / "JPEGImages"
    if name == "raccoon":
        found: dict[str, dict[Path, list[Box]]] = {}
        for split in ("train", "test"):
            rows = found.setdefault(split, {})
            with (folder / "splits_csv" / f"{split}_labels.csv").open(newline="") as stream:
                for row in csv.DictReader(stream):
                    corners = [float(row[key]) for key in ("xmin", "ymin", "xmax", "ymax")]
                    rows.setdefault(images / row["filename"], []).append((row["class"], *corners))
        return found
    lists = {"train": "trainval", "test": "test"}
    return {
        split: {
            images / f"{stem}.jpg": _voc(folder / "Annotations" / f"{stem}.xml")
            for stem in (folder / "ImageSets" / "Main" / f"{file}.txt").read_text().split()
        }
        for split, file in lists.items()
    }


def _voc(file: Path) -> list[Box]:
    found = []
    for one in ElementTree.parse(file).iter("object"):
        box = one.find("bndbox")
        corners = [float(box.find(key).text) for key in ("xmin", "ymin", "xmax", "ymax")]
        found.append((one.find("name").text, *corners))
    return found


def lay_out(name: str, place: Path, most: int | None = None, tested: int | None = None) -> Path:
    """Writes train/ and test/ with images and a COCO file each; returns the folder.

    Args:
        name: Of the set.
        place: To fill.
        most: Training images, for a quick look.
        tested: Test images, likewise.
    """
    from PIL import Image, ImageOps

    splits = rows_of(name)
    names = sorted({box[0] for rows in splits.values() for boxes in rows.values() for box in boxes})
    for split, rows in splits.items():
        (place / split).mkdir(parents=True)
        images, boxes = [], []
        chosen = sorted(rows)[: most if split == "train" else tested]
        for number, image in enumerate(chosen):
            shutil.copyfile(image, place / split / image.name)
            with Image.open(image) as opened:
                width, height = ImageOps.exif_transpose(opened).size
            images.append({"id": number, "file_name": image.name, "width": width, "height": height})
            for label, left, top, right, bottom in rows[image]:
                boxes.append({
                    "id": len(boxes) + 1, "image_id": number, "iscrowd": 0,
                    "category_id": names.index(label) + 1,
                    "area": (right - left) * (bottom - top),
                    "bbox": [left, top, right - left, bottom - top],
                })  # fmt: skip
        content = {
            "images": images, "annotations": boxes,
            "categories": [{"id": i + 1, "name": each} for i, each in enumerate(names)],
        }  # fmt: skip
        (place / split / "_annotations.coco.json").write_text(json.dumps(content))
    return place
