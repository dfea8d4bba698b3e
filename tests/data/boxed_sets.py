"""Small sets of images with boxes in every format, made by the tests themselves."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image

Box = tuple[str, float, float, float, float]

BOXES: dict[str, list[Box]] = {
    "a": [("cat", 4, 6, 24, 26), ("dog", 30, 10, 60, 40)],
    "b": [("cat", 1, 2, 11, 22)],
    "c": [],
    "d": [("dog", 20, 8, 52, 44), ("dog", 2, 2, 12, 12), ("cat", 40, 30, 62, 46)],
}
"""Stem -> class, left, top, right, bottom; on c is nothing."""

SIZE = (64, 48)


def picture(path: Path, size: tuple[int, int] = SIZE, seed: int = 0, turn: int = 0) -> Path:
    """Saves a noisy image; `turn` is what EXIF says of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, *path.stem.encode()])
    image = Image.fromarray(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)).resize(size)
    exif = Image.Exif()
    exif[0x0112] = turn or 1
    image.save(path, exif=exif)
    return path


def pictures(root: Path, folder: str = "images", stems: str = "abcd") -> None:
    """Saves the images."""
    for seed, stem in enumerate(stems):
        picture(root / folder / f"{stem}.jpg", seed=seed)


def voc_text(boxes: list[Box], size: tuple[int, int] = SIZE, name: str = "") -> str:
    """An XML file of Pascal VOC."""
    parts = "".join(
        f"<object><name>{label}</name><truncated>0</truncated><difficult>0</difficult><bndbox>"
        f"<xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox></object>"
        for label, x0, y0, x1, y1 in boxes
    )
    return (
        f"<annotation><filename>{name}</filename><size><width>{size[0]}</width>"
        f"<height>{size[1]}</height><depth>3</depth></size>{parts}</annotation>"
    )


def voc(root: Path, boxes: dict[str, list[Box]] = BOXES) -> Path:
    """JPEGImages and Annotations."""
    pictures(root, "JPEGImages", "".join(boxes))
    (root / "Annotations").mkdir(parents=True, exist_ok=True)
    for stem, each in boxes.items():
        (root / f"Annotations/{stem}.xml").write_text(voc_text(each, name=f"{stem}.jpg"))
    return root


def coco_json(boxes: dict[str, list[Box]] = BOXES, ids: tuple[int, int] = (3, 7)) -> dict:
    """COCO with categories cat and dog."""
    numbers = dict(zip(("cat", "dog"), ids, strict=True))
    return {
        "images": [
            {"id": i, "file_name": f"{stem}.jpg", "width": SIZE[0], "height": SIZE[1]}
            for i, stem in enumerate(boxes)
        ],
        "categories": [{"id": number, "name": name} for name, number in numbers.items()],
        "annotations": [
            {"id": 100 * i + k, "image_id": i, "category_id": numbers[label],
             "bbox": [x0, y0, x1 - x0, y1 - y0], "iscrowd": 0}
            for i, each in enumerate(boxes.values())
            for k, (label, x0, y0, x1, y1) in enumerate(each)
        ],
    }  # fmt: skip


def coco(root: Path, boxes: dict[str, list[Box]] = BOXES) -> Path:
    """images and instances.json."""
    pictures(root, stems="".join(boxes))
    (root / "instances.json").write_text(json.dumps(coco_json(boxes)))
    return root


def yolo_text(boxes: list[Box], names: tuple[str, ...] = ("cat", "dog")) -> str:
    """A text file of YOLO."""
    return "".join(
        f"{names.index(label)} {(x0 + x1) / 2 / SIZE[0]:.9f} {(y0 + y1) / 2 / SIZE[1]:.9f} "
        f"{(x1 - x0) / SIZE[0]:.9f} {(y1 - y0) / SIZE[1]:.9f}\n"
        for label, x0, y0, x1, y1 in boxes
    )


def yolo(root: Path, boxes: dict[str, list[Box]] = BOXES) -> Path:
    """images, labels and data.yaml."""
    pictures(root, stems="".join(boxes))
    (root / "labels").mkdir(exist_ok=True)
    for stem, each in boxes.items():
        (root / f"labels/{stem}.txt").write_text(yolo_text(each))
    (root / "data.yaml").write_text("nc: 2\nnames: [cat, dog]\n")
    return root


def table(
    root: Path, boxes: dict[str, list[Box]] = BOXES, header: str = "image,xmin,ymin,xmax,ymax,label"
) -> Path:
    """images and boxes.csv; an image without objects has a row without numbers."""
    pictures(root, stems="".join(boxes))
    with (root / "boxes.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header.split(","))
        for stem, each in boxes.items():
            rows = [(f"{stem}.jpg", x0, y0, x1, y1, label) for label, x0, y0, x1, y1 in each]
            writer.writerows(rows or [(f"{stem}.jpg", "", "", "", "", "")])
    return root


def label_studio(root: Path, boxes: dict[str, list[Box]] = BOXES) -> Path:
    """images and export.json."""
    pictures(root, stems="".join(boxes))
    tasks = []
    for stem, each in boxes.items():
        result = [
            {
                "type": "rectanglelabels", "original_width": SIZE[0], "original_height": SIZE[1],
                "value": {
                    "x": 100 * x0 / SIZE[0], "y": 100 * y0 / SIZE[1], "rotation": 0,
                    "width": 100 * (x1 - x0) / SIZE[0], "height": 100 * (y1 - y0) / SIZE[1],
                    "rectanglelabels": [label],
                },
            }
            for label, x0, y0, x1, y1 in each
        ]  # fmt: skip
        data = {"image": f"/data/upload/1/0a1b2c3d-{stem}.jpg"}
        annotations = [{"result": result, "was_cancelled": False}]
        tasks.append({"data": data, "annotations": annotations})
    (root / "export.json").write_text(json.dumps(tasks))
    return root


def labelme(root: Path, boxes: dict[str, list[Box]] = BOXES) -> Path:
    """A JSON file beside each image."""
    pictures(root, stems="".join(boxes))
    for stem, each in boxes.items():
        shapes = [
            {"label": label, "shape_type": "rectangle", "points": [[x1, y0], [x0, y1]]}
            for label, x0, y0, x1, y1 in each
        ]
        content = {"shapes": shapes, "imagePath": f"{stem}.jpg", "imageWidth": SIZE[0],
                   "imageHeight": SIZE[1]}  # fmt: skip
        (root / f"images/{stem}.json").write_text(json.dumps(content))
    return root


FORMATS = {
    "voc": voc, "coco": coco, "yolo": yolo, "table": table, "label_studio": label_studio,
    "labelme": labelme,
}  # fmt: skip
