"""Mean IoU on the network's grid."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.drawn_masks import NAMES, PALETTE, Drawn, draw_masked, masks_of

from headstart.images.preprocess import Preprocess
from headstart.tasks.segmentation import measures
from headstart.tasks.segmentation.maps import SegmentationMaps
from headstart.tasks.segmentation.rough import rough

CELLS, SIDE = 32, 128
SIZES = [(120, 80), (60, 128), (90, 90)]


def answers(labels, *, flipped: float = 0.0) -> SegmentationMaps:
    """Maps that are right but for some cells."""
    fit, rng = Preprocess(size=SIDE, geometry="pad"), np.random.default_rng(1)
    maps, matrices = [], []
    for index, (width, height) in enumerate(SIZES):
        matrix = fit.matrix(width, height)
        at = (np.arange(CELLS) + 0.5) * SIDE / CELLS
        x, y = (np.clip((at - matrix[i, 2]) / matrix[i, i], 0, s - 1).astype(int)
                for i, s in ((0, width), (1, height)))  # fmt: skip
        truth = labels.read(index)[y[:, None], x[None, :]].astype(int)
        truth = np.where(rng.random(truth.shape) < flipped, (truth + 1) % 3, truth)
        maps.append(0.8 * np.eye(3)[truth].transpose(2, 0, 1) + 0.2 / 3)
        matrices.append(matrix)
    return SegmentationMaps(
        tuple("abc"), NAMES, PALETTE, np.array(maps, np.float32), np.array(SIZES),
        np.array(matrices), SIDE / CELLS,
    )  # fmt: skip


def test_it_is_near_what_is_measured_on_every_pixel():
    labels = masks_of([draw_masked(seed, size)[1] for seed, size in enumerate(SIZES)])
    right, wrong = answers(labels), answers(labels, flipped=0.3)
    measure = rough(right, labels)
    assert measure(right).value > 0.9
    exact = measures(wrong, labels)["mean_iou"].value
    assert exact < 0.7
    assert measure(wrong).value == pytest.approx(exact, abs=0.05)


def test_masks_are_read_once_and_what_nobody_says_is_left_out():
    drawn = [draw_masked(seed, size)[1] for seed, size in enumerate(SIZES)]
    for each in drawn:
        each[:, : each.shape[1] // 2] = 255
    reads = []

    @dataclasses.dataclass(frozen=True)
    class Counted(Drawn):
        def read(self) -> np.ndarray:
            reads.append(1)
            return self.mask

    labels = dataclasses.replace(masks_of(drawn), sources=tuple(Counted(each) for each in drawn))
    found = answers(masks_of([np.where(each == 255, 0, each) for each in drawn]))
    measure = rough(found, labels)
    assert len(reads) == 3
    assert measure(found).value == measure(found).value > 0.9
    assert len(reads) == 3
