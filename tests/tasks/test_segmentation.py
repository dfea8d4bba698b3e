"""The functions of segmentation that `test_protocol` does not try with every task."""

from __future__ import annotations

import numpy as np
import pytest
from tests.tasks.segmentation.masks_here import CLASSES, PALETTE, maps_of, masks_of, scene

from headstart.data.labels import counts_of
from headstart.errors import DataError
from headstart.images.preprocess import Preprocess
from headstart.records import OutputSpec
from headstart.tasks import decode, task_of
from headstart.tasks.protocol import Places

task = task_of("segmentation")
SIZES = [(90, 60), (31, 47), (3, 5), (400, 40)]
SPEC = OutputSpec(
    "segmentation", CLASSES, {"palette": PALETTE.tolist(), "stride": 4, "size": 64}
)  # fmt: skip


def outputs_of(geometry: str, kept: bool = True):
    """What a network that is right would give for scenes of all sizes, on its coarse grid."""
    preprocess = Preprocess(size=64, geometry=geometry)
    matrices = np.array([preprocess.matrix(*size) for size in SIZES])
    scenes = [scene(i, *size) for i, size in enumerate(SIZES)]
    probabilities = np.full((len(SIZES), 3, 16, 16), 0.05, np.float16)
    for i, (mask, matrix) in enumerate(zip(scenes, matrices, strict=True)):
        height, width = mask.shape
        for row in range(16):
            for column in range(16):
                x = ((column + 0.5) * 4 - matrix[0, 2]) / matrix[0, 0]
                y = ((row + 0.5) * 4 - matrix[1, 2]) / matrix[1, 1]
                x, y = np.clip(int(x), 0, width - 1), np.clip(int(y), 0, height - 1)
                probabilities[i, mask[y, x], row, column] = 0.9
    places = {"sizes": np.array(SIZES, np.int32), "matrices": matrices.astype(np.float32)}
    return scenes, {"probabilities": probabilities} | (places if kept else {}), places


@pytest.mark.parametrize("geometry", ["pad", "squash"])
def test_every_image_is_answered_at_its_own_size(geometry):
    scenes, outputs, _ = outputs_of(geometry)
    found = decode(outputs, SPEC, Places(tuple("abcd"), {}))
    for i, (size, mask) in enumerate(zip(SIZES, scenes, strict=True)):
        labels = found.labels(i)
        assert labels.shape == size[::-1]
        assert (labels == mask).mean() > 0.8


def test_places_may_come_with_the_outputs_or_beside_them():
    _, outputs, _ = outputs_of("pad")
    _, bare, places = outputs_of("pad", kept=False)
    one = decode(outputs, SPEC, Places(tuple("abcd"), {}))
    other = decode(bare, SPEC, Places(tuple("abcd"), {}, **places))
    assert all((one.labels(i) == other.labels(i)).all() for i in range(4))
    square = decode(bare, SPEC, Places(tuple("abcd"), {}))
    assert square.labels(0).shape == (64, 64), "without either it is what the network saw"


def test_an_image_of_which_only_a_part_was_seen_is_refused():
    _, outputs, _ = outputs_of("square")
    with pytest.raises(DataError, match="--geometry pad"):
        decode(outputs, SPEC, Places(tuple("abcd"), {}))


def test_masks_are_told_in_the_terms_of_a_model():
    spec = OutputSpec("segmentation", ("bar", "ground", "disc"), {"palette": PALETTE.tolist()})
    labels = masks_of([scene(0), None])
    assert task.encode(labels, np.arange(1), spec).classes.tolist() == [2, -1]
    with pytest.raises(DataError, match="wing"):
        task.encode(masks_of([scene(0)], ("ground", "disc", "wing")), np.arange(1), spec)


def test_baselines_know_nothing_of_the_test():
    bright = np.zeros((40, 40), np.uint8)
    bright[:15] = 1
    other = np.full((20, 30), 2, np.uint8)
    found = task.baselines(masks_of([bright, bright, other]), ("a", "b", "c"), np.arange(2), [2])
    assert found["majority"].labels(0).shape == (20, 30)
    assert (found["majority"].labels(0) == 0).all()
    mean = found["mean_mask"].labels(0)
    assert (mean[:7] == 1).all()
    assert (mean[9:] == 0).all()


def test_an_answer_is_drawn_beside_the_truth():
    maps, labels = maps_of([scene(0), scene(1)]), masks_of([scene(0), scene(2)])
    small = np.full((30, 45, 3), 90, np.uint8)
    right = task.compared(small, maps, labels, 0)
    assert right.shape[0] == 30
    assert right.shape[1] > 90
    assert (right[:, :45] == right[:, -45:]).mean() > 0.8, "truth and answer are the same"
    wrong = task.compared(small, maps, labels, 1)
    assert (wrong[:, :45] != wrong[:, -45:]).any()


def test_an_overlay_fits_an_image_of_any_size():
    maps = maps_of([scene(0)])
    for shape in ((30, 45, 3), (300, 450, 3)):
        before = np.full(shape, 90, np.uint8)
        assert task.draw(before, maps, 0).shape == shape


def test_a_class_is_counted_on_every_image_that_has_it():
    labels = masks_of([scene(0), np.zeros((5, 5), np.uint8), None])
    assert counts_of(labels) == {"ground": 2, "disc": 1, "bar": 1}
