"""Detections and true boxes on made images, the same on every machine."""

from __future__ import annotations

import numpy as np

from headstart.metrics.matching import FlatBoxes


def boxes_of(rows, scores=False) -> FlatBoxes:
    """Flat boxes of lists: of each item (class, left, top, right, bottom[, score])."""
    counts = [len(each) for each in rows]
    width = 6 if scores else 5
    flat = np.array([row for each in rows for row in each], float).reshape(sum(counts), width)
    more = {"scores": flat[:, 5]} if scores else {}
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(int)
    return FlatBoxes(offsets, flat[:, 1:5], flat[:, 0].astype(int), **more)


def random_case(
    seed: int, *, items: int = 30, classes: int = 3, truths: int = 8, crowd: float = 0.1
) -> tuple[FlatBoxes, FlatBoxes]:
    """(detections, true boxes) in whole pixels; many detections are true boxes, moved a little."""
    rng = np.random.default_rng(seed)
    found, truth, crowds = [], [], []
    for _ in range(items):
        own = []
        for _ in range(rng.integers(0, truths + 1)):
            left, top, wide, high = rng.integers(0, 280), *rng.integers(8, 200, 3)
            own.append((rng.integers(classes), left, top, left + wide, top + high))
            crowds.append(rng.integers(100) < 100 * crowd)
        mine = []
        for _ in range(rng.integers(0, 2 * truths + 1)):
            score = rng.integers(1, 100) / 100
            if own and rng.integers(10) < 7:
                kind, *box = own[rng.integers(len(own))]
                kind = kind if rng.integers(10) < 8 else rng.integers(classes)
                box = np.array(box) + rng.integers(-8, 9, 4)
                box[2:] = np.maximum(box[2:], box[:2] + 1)
            else:
                kind, low = rng.integers(classes), rng.integers(0, 280, 2)
                box = [*low, *(low + rng.integers(8, 200, 2))]
            mine.append((kind, *box, score))
        truth.append(own)
        found.append(mine)
    true = boxes_of(truth)
    crowds = np.array(crowds, bool)
    true = FlatBoxes(true.offsets, true.corners, true.classes, crowd=crowds)
    return boxes_of(found, scores=True), true


def as_coco(found: FlatBoxes, truth: FlatBoxes, classes: int) -> tuple[dict, list[dict]]:
    """(ground truth, results) as COCO's tools take them."""
    sizes = [np.hstack([b.corners[:, :2], b.corners[:, 2:] - b.corners[:, :2]]).tolist()
             for b in (truth, found)]  # fmt: skip
    annotations = [
        {"id": i + 1, "image_id": int(item) + 1, "category_id": int(kind) + 1, "bbox": box,
         "area": box[2] * box[3], "iscrowd": int(crowd)}
        for i, (item, kind, box, crowd) in enumerate(
            zip(truth.items, truth.classes, sizes[0], truth.flag("crowd"), strict=True))
    ]  # fmt: skip
    results = [
        {"image_id": int(item) + 1, "category_id": int(kind) + 1, "bbox": box, "score": score}
        for item, kind, box, score in zip(
            found.items, found.classes, sizes[1], found.scores.tolist(), strict=True)
    ]  # fmt: skip
    images = [{"id": i + 1, "width": 480, "height": 480} for i in range(len(truth))]
    kinds = [{"id": i + 1, "name": str(i)} for i in range(classes)]
    return {"images": images, "categories": kinds, "annotations": annotations}, results
