from __future__ import annotations

import json

import numpy as np
import pytest

from headstart.predictions import columns_of
from headstart.records import to_json
from headstart.stacking import concatenate
from headstart.tasks.segmentation.maps import SegmentationMaps

from .masks_here import CLASSES, PALETTE, maps_of, scene

SCENES = [scene(seed) for seed in range(5)]


def test_labels_are_the_most_probable_class_at_the_images_own_size():
    maps = maps_of(SCENES)
    for i, mask in enumerate(SCENES):
        assert (maps.labels(i) == mask).all()
    large = maps.resized(0, (180, 120))
    assert large.labels(0).shape == (120, 180)
    assert (large.labels(0)[::2, ::2] == SCENES[0]).mean() > 0.97
    assert large.probability(0).shape == (3, 120, 180)
    assert (large.probability(0).argmax(axis=0) == large.labels(0)).all()
    assert np.abs(large.probability(0).sum(axis=0) - 1).max() < 1e-5


def test_of_equally_probable_classes_the_first_is_named():
    even = maps_of(SCENES, certain=0.0)
    assert (even.labels(0) == 0).all()


def test_unsure_pixels_are_left_out_only_where_that_is_asked():
    maps = maps_of(SCENES, certain=0.3, threshold=0.6)
    assert (maps.labels(1) == SCENES[1]).all()
    assert (maps.labels(1, abstain=True) == 255).all()
    assert maps.record(1)["unsure"] == 1.0
    assert maps.text(1) == "not sure 100%"


def test_a_record_counts_pixels_and_regions():
    mask = np.zeros((20, 30), np.uint8)
    mask[2:6, 2:6] = mask[10:14, 10:20] = 1
    found = maps_of([mask]).record(0)
    assert found["pixels"] == {"ground": 544, "disc": 56, "bar": 0}
    assert found["regions"] == {"ground": 1, "disc": 2, "bar": 0}
    assert found["share"]["disc"] == pytest.approx(56 / 600)
    assert (found["width"], found["height"], found["unsure"]) == (30, 20, 0.0)
    assert json.loads(to_json(found)) == found
    flat = columns_of(found)
    assert flat["pixels(disc)"] == 56
    assert flat["share(disc)"] == pytest.approx(56 / 600)
    assert flat["regions(disc)"] == 2


def test_the_text_names_what_covers_most():
    mask = np.zeros((10, 10), np.uint8)
    mask[:3] = 1
    assert maps_of([mask]).text(0) == "ground 70%, disc 30%"
    mask[0, 0] = 2
    assert maps_of([mask]).text(0) == "ground 70%, disc 29%, bar 1%"
    assert maps_of([mask]).answers().tolist() == ["ground"]


def test_masks_are_run_lengths_of_the_classes_that_are_there():
    mask = np.zeros((10, 10), np.uint8)
    mask[:3] = 1
    found = maps_of([mask]).masks(0)
    assert set(found) == {"ground", "disc"}
    assert found["disc"]["size"] == [10, 10]


def test_unreadable_items_have_a_reason_and_no_answer():
    maps = maps_of(SCENES)
    maps.probabilities[2] = np.nan
    maps.errors["002.png"] = "torn"
    assert np.flatnonzero(~maps.answered).tolist() == [2]
    assert maps.text(2) == maps.record(2)["error"] == "torn"
    assert maps.answers()[2] == ""
    assert (maps.labels(2) == 255).all()


def test_agreement_is_a_share_of_pixels():
    maps, other = maps_of(SCENES), maps_of(SCENES)
    assert maps.agrees(other).all()
    changed = [mask.copy() for mask in SCENES]
    changed[0][:6] = (SCENES[0][:6] + 1) % 3
    found = maps_of(changed)
    assert maps.agrees(found).tolist() == [False, True, True, True, True]
    assert maps.agreement(found)[0] == pytest.approx(0.9)


def test_some_items_and_several_parts():
    maps = maps_of(SCENES)
    some = maps.take(np.array([3, 1]))
    assert some.names == ("003.png", "001.png")
    assert (some.labels(0) == SCENES[3]).all()
    assert (some.palette == PALETTE).all(), "what is of all items stays whole"
    both = concatenate([some, maps.take(np.arange(5) == 0)])
    assert both.names == ("003.png", "001.png", "000.png")
    assert both.palette.shape == (3, 3)
    assert (both.labels(2) == SCENES[0]).all()


def test_parts_of_other_grids_are_put_together():
    """Tiles of images of other sizes make maps of other sizes."""
    small, large = maps_of(SCENES), maps_of([scene(9, 120, 70)])
    both = concatenate([small, large])
    assert both.probabilities.shape == (6, 3, 70, 120)
    for i in range(5):
        assert (both.labels(i) == SCENES[i]).all()
    assert (both.labels(5) == scene(9, 120, 70)).all()


def test_shapes_are_checked():
    with pytest.raises(ValueError, match="sizes must be"):
        SegmentationMaps(
            ("a",), CLASSES, PALETTE, np.zeros((1, 3, 2, 2)), np.zeros((2, 2)), np.zeros((1, 2, 3))
        )


def test_a_huge_image_takes_one_strip_at_a_time():
    import tracemalloc

    maps = maps_of([scene(0)]).resized(0, (3000, 2000))
    tracemalloc.start()
    labels = maps.labels(0)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert labels.shape == (2000, 3000)
    # The answer takes 6 MB and its confidences 12; all probabilities at once would take 72.
    assert most < 45e6
