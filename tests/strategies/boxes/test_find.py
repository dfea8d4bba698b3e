"""Answers are kept as wide as the fullest image wants."""

from __future__ import annotations

import numpy as np
import torch
from tests.strategies.box_sets import QUIET
from tests.strategies.box_tasks import RECIPE, box_task, untrained

from headstart.nets.boxes.net import box_net_of
from headstart.strategies.boxes.arms import lesson_of
from headstart.strategies.boxes.find import (
    chosen_boxes,
    found_on_images,
    found_on_maps,
    joined_found,
)


def test_boxes_are_chosen_and_rooms_are_no_wider_than_needed():
    boxes = np.array([[[0, 0, 9, 9], [20, 20, 30, 30]], [[0, 0, 9, 9], [0, 0, 9, 9.2]]], float)
    scores = np.array([[[0.9], [0.4]], [[0.8], [0.7]]])
    found = chosen_boxes(boxes, scores, RECIPE, 50)
    assert found["scores"].shape == (2, 2)
    assert found["scores"][1].tolist() == [np.float32(0.8), 0]
    one = chosen_boxes(boxes[1:], scores[1:], RECIPE, 50)
    assert one["scores"].shape == (1, 1)
    both = joined_found([one, found])
    assert both["boxes"].shape == (3, 2, 4)
    nothing = chosen_boxes(boxes[:1], np.zeros((1, 2, 1)), RECIPE, 50)
    assert nothing["scores"].tolist() == [[0]]


def test_maps_and_images_give_the_same(tmp_path):
    task, network = box_task(tmp_path)
    arm = untrained(task)
    lesson = lesson_of(task, arm, QUIET)
    recipe = RECIPE
    images = [
        np.asarray(network.preprocess.fit(_pixels(task, at))) for at in range(3)
    ]  # fmt: skip
    net, lesson.net.head = box_net_of(arm.head), torch.nn.Identity()
    by_images = found_on_images(
        lambda pixels: net(lesson.net(pixels)), images, range(3), recipe, most=20, device="cpu"
    )
    by_maps = found_on_maps(box_net_of(arm.head), task.layout, network.maps.rows[:3], recipe, 20)
    assert by_images["scores"].shape[0] == by_maps["scores"].shape[0] == 3
    width = min(by_images["scores"].shape[1], by_maps["scores"].shape[1], 5)
    assert np.abs(by_images["scores"][:, :width] - by_maps["scores"][:, :width]).max() < 0.02


def _pixels(task, at):
    from PIL import Image

    return np.asarray(Image.open(task.prepared.dataset.path(at)).convert("RGB"))
