"""A task of boxes on the starter network, and heads that nobody trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tests.strategies.box_sets import QUIET, SIZE, scenes, seen

from headstart.nets.boxes.net import box_head_of
from headstart.nets.boxes.warp import BoxWarp
from headstart.strategies.boxes.arms import pyramid_plan
from headstart.strategies.boxes.choice import BoxArm
from headstart.strategies.boxes.held import BoxOperating
from headstart.strategies.boxes.material import box_scenes, read_boxes
from headstart.strategies.boxes.pupil import BoxTask
from headstart.strategies.placed.lesson import States
from headstart.strategies.placed.problem import Folds
from headstart.strategies.problem import FrozenNetwork
from headstart.tasks.detection.learn import head as new_head
from headstart.tasks.detection.recipe import BoxRecipe
from headstart.training.checkpoint import Checkpoints

RECIPE = BoxRecipe(
    epochs=2, batch=4, lr=2e-3, width=8, views=2, low=0.8, high=1.25, onward=0.5, backbone_lr=0.1
)


def box_task(place: Path) -> tuple[BoxTask, FrozenNetwork]:
    """Twelve training images in three folds; states are kept under states/."""
    prepared, network = seen(scenes(place / "data", 14, 2))
    items = np.arange(12)
    material = read_boxes(prepared, items, network.preprocess)
    made = box_scenes(prepared, material, BoxWarp(SIZE, 0.8, 1.25), 1.25, QUIET)
    (place / "states").mkdir()
    states = States(Checkpoints(place / "states", every=0.0))
    task = BoxTask(
        prepared, material, network.backbone, network.maps.layout, made, Folds(items % 3, 3),
        RECIPE, 50, states,
    )  # fmt: skip
    return task, network


def untrained(task: BoxTask) -> BoxArm:
    """An arm whose head nobody trained."""
    plan = pyramid_plan(task.layout, 2, task.recipe)
    head = box_head_of(new_head(plan, 2, seed=3))
    return BoxArm("head", "", head, task.backbone, SIZE, None, BoxOperating(), 0.0)
