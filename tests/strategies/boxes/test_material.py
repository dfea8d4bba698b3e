"""Boxes on the network's input, and images that vary with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.strategies.box_sets import QUIET, SIZE, scenes, seen

from headstart.nets.boxes.loss import NO_BOX, UNKNOWN
from headstart.nets.boxes.warp import BoxWarp
from headstart.strategies.boxes.material import box_scenes, read_boxes


def test_boxes_lie_on_the_input_where_the_image_does(tmp_path):
    prepared, network = seen(scenes(tmp_path, 6, 2))
    material = read_boxes(prepared, np.arange(4), network.preprocess)
    labels = prepared.dataset.labels
    for at in range(4):
        scale = SIZE / 96
        wanted = labels.corners[labels.of(at)] * scale
        wanted[:, [1, 3]] += (SIZE - 80 * scale) / 2
        assert np.abs(material.boxes[at] - wanted).max() < 1
    truth = material.truth([2, 0])
    assert len(truth) == 2
    assert np.diff(truth.offsets).tolist() == [len(material.boxes[2]), len(material.boxes[0])]


def test_crowds_and_difficult_objects_are_set_aside(tmp_path):
    prepared, network = seen(scenes(tmp_path, 6, 2))
    labels = prepared.dataset.labels
    crowd = np.zeros(len(labels.classes), bool)
    crowd[0] = True
    changed = replace(prepared.dataset, labels=replace(labels, crowd=crowd))
    material = read_boxes(replace(prepared, dataset=changed), np.arange(4), network.preprocess)
    assert material.classes[0][0] == UNKNOWN
    assert material.kinds[0][0] == labels.classes[0]
    assert material.truth([0]).flag("difficult")[0]


def test_views_are_larger_than_the_input_only_inside(tmp_path):
    prepared, network = seen(scenes(tmp_path, 6, 2))
    material = read_boxes(prepared, np.arange(4), network.preprocess)
    found = box_scenes(prepared, material, BoxWarp(SIZE), 1.5, QUIET)
    assert found.squares[0].shape == (96, 96, 3)
    assert np.abs(found.boxes[0] - 1.5 * material.boxes[0]).max() < 1
    one, (boxes, classes) = found.draw(0, np.random.default_rng(3))
    again, (same, _) = found.draw(0, np.random.default_rng(3))
    assert one.shape == (SIZE, SIZE, 3)
    assert (one == again).all()
    assert (boxes == same).all()
    batch = found.collate([(boxes, classes), (np.zeros((0, 4)), np.zeros(0, int))])
    assert batch["boxes"].shape[:2] == batch["classes"].shape
    assert (batch["classes"][1] == NO_BOX).all()
