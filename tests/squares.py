"""Bright squares on dark images, and a model that finds them: its answers are known."""

from __future__ import annotations

import functools
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from headstart.data.boxes.boxes import Boxes
from headstart.nets.boxes.head import BoxPlan, grid
from headstart.nets.boxes.net import box_head_of, build_boxes
from headstart.nets.model import Model
from headstart.nets.pretrained.backbone import open_backbone
from headstart.nets.pretrained.maps import map_layout, stage_maps
from headstart.records import OutputSpec

CLASSES = ("red", "blue")
COLOURS = np.array([[230, 60, 50], [60, 90, 240]])
SIDE = 96


def scene(seed: int, size: tuple[int, int] | None = None, most: int = 3):
    """(H, W, 3) uint8, (K, 4) boxes and (K,) classes of 0 to `most` squares that lie apart."""
    rng = np.random.default_rng(seed)
    width, height = size or (int(rng.integers(80, 130)), int(rng.integers(70, 110)))
    pixels = rng.integers(0, 40, (height, width, 3)).astype(np.uint8)
    boxes: list[list[int]] = []
    for _ in range(int(rng.integers(0, most + 1))):
        side = int(rng.integers(16, 28))
        left, top = int(rng.integers(0, width - side)), int(rng.integers(0, height - side))
        box = [left, top, left + side, top + side]
        if all(box[0] > b[2] or box[2] < b[0] or box[1] > b[3] or box[3] < b[1] for b in boxes):
            boxes.append(box)
    kinds = rng.integers(0, 2, len(boxes))
    for (left, top, right, bottom), kind in zip(boxes, kinds.tolist(), strict=True):
        pixels[top:bottom, left:right] = COLOURS[kind]
    return pixels, np.array(boxes, float).reshape(-1, 4), kinds


def write_squares(root: Path, count: int, *, start: int = 0) -> Path:
    """`images/` of scenes and `boxes.json` of COCO beside it."""
    (root / "images").mkdir(parents=True)
    images, annotations = [], []
    for number in range(count):
        pixels, boxes, kinds = scene(start + number)
        name = f"{number:03}.png"
        Image.fromarray(pixels).save(root / "images" / name)
        size = {"width": pixels.shape[1], "height": pixels.shape[0]}
        images.append({"id": number, "file_name": name} | size)
        for (left, top, right, bottom), kind in zip(boxes.tolist(), kinds.tolist(), strict=True):
            annotations.append({
                "id": len(annotations) + 1, "image_id": number, "category_id": kind + 1,
                "bbox": [left, top, right - left, bottom - top], "iscrowd": 0,
            })  # fmt: skip
    kinds = [{"id": k + 1, "name": name} for k, name in enumerate(CLASSES)]
    content = {"images": images, "annotations": annotations, "categories": kinds}
    (root / "boxes.json").write_text(json.dumps(content))
    return root


def labels_of(scenes) -> Boxes:
    """The truth of some scenes."""
    counts = [len(boxes) for _, boxes, _ in scenes]
    sizes = np.array([(pixels.shape[1], pixels.shape[0]) for pixels, _, _ in scenes])
    return Boxes(
        CLASSES, np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.concatenate([boxes for _, boxes, _ in scenes]),
        np.concatenate([kinds for _, _, kinds in scenes]).astype(np.int64),
        np.ones(len(scenes), bool), sizes.astype(np.int64),
    )  # fmt: skip


@functools.cache
def squares_model(steps: int = 200) -> Model:
    """A pyramid on the packaged backbone, trained for seconds on 60 scenes."""
    import torch
    from torch import nn

    backbone = open_backbone("starter")
    preprocess = replace(backbone.preprocess, size=SIDE, geometry="pad")
    layout = map_layout(backbone, preprocess)
    channels = tuple(shape[0] for shape in layout.shapes)
    plan = BoxPlan("pyramid", channels, layout.strides, (2, 3), len(CLASSES), 16)
    net = build_boxes(plan, seed=1)
    scenes = [scene(1000 + i) for i in range(60)]
    inputs = np.stack([preprocess.inputs(pixels, 1)[0] for pixels, _, _ in scenes])
    with torch.inference_mode():
        rows = stage_maps(backbone, preprocess)(torch.from_numpy(inputs))
    maps = [each.clone() for each in layout.split(rows.clone())]
    means = [maps[i].mean((0, 2, 3)) for i in plan.stages]
    stds = [maps[i].std((0, 2, 3)) + 1e-3 for i in plan.stages]
    net.start(means, stds)
    cells = grid(plan, [tuple(maps[i].shape[2:]) for i in plan.stages])
    wanted, where = _targets(scenes, preprocess, cells)
    target, place = torch.from_numpy(wanted), torch.from_numpy(where)
    optimiser = torch.optim.AdamW(net.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-2, total_steps=steps)
    shown = target.any(-1)
    for step in range(steps):
        some = torch.from_numpy(np.random.default_rng(step).permutation(len(scenes))[:20])
        raw = net.raw([each[some] for each in maps])
        own = shown[some]
        loss = nn.functional.binary_cross_entropy_with_logits(
            raw[..., : len(CLASSES)], target[some], reduction="none"
        )
        loss = loss[own].sum() + loss[~own].sum() / 4
        away = nn.functional.smooth_l1_loss(
            raw[..., len(CLASSES) :][own], place[some][own], reduction="sum", beta=0.1
        )
        optimiser.zero_grad()
        ((loss + 4 * away) / max(int(own.sum()), 1)).backward()
        optimiser.step()
        schedule.step()
    spec = OutputSpec("detection", CLASSES, {"size": SIDE, "threshold": 0.5, "overlap": 0.3})
    return Model(backbone, box_head_of(net), spec, preprocess, 1, 1.0)


def _targets(scenes, preprocess, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(N, A, C) classes of the cells near the middle of a square, and (N, A, 4) its place."""
    n, a = len(scenes), len(cells)
    wanted, where = np.zeros((n, a, len(CLASSES)), np.float32), np.zeros((n, a, 4), np.float32)
    for row, (pixels, boxes, kinds) in enumerate(scenes):
        matrix = preprocess.matrix(pixels.shape[1], pixels.shape[0])
        scale = np.tile([matrix[0, 0], matrix[1, 1]], 2)
        for box, kind in zip(boxes * scale + np.tile(matrix[:, 2], 2), kinds, strict=True):
            middle, side = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
            near = (np.abs(cells[:, :2] - middle) <= 6).all(1) & (cells[:, 2] == 8)
            wanted[row, near, kind] = 1
            stride = cells[near, 2:]
            where[row, near, :2] = (middle - cells[near, :2]) / stride
            where[row, near, 2:] = np.log(side / stride)
    return wanted, where
