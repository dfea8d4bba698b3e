"""The levels of a frozen detector give the cells that its class layers learn from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.strategies.box_sets import QUIET
from tests.strategies.boxes.test_probe import task  # noqa: F401

from headstart.nets.boxes.head import BoxHead
from headstart.strategies.boxes.levels import LevelReader


def test_every_level_gives_cells_of_objects_and_drawn_background(task):  # noqa: F811
    reader = LevelReader(task)
    rows = reader.gather(QUIET)
    assert len(rows) == len(reader.parts) == len(task.detector.plan.stages)
    assert reader.parts[-1].stop == len(reader.cells)
    objects = sum(len(each) for each in task.material.boxes)
    assert sum((each.kinds >= 0).sum() for each in rows) >= objects / 2
    assert all((each.weights >= 1).all() for each in rows)
    for each, part in zip(rows, reader.parts, strict=True):
        own = each.kinds >= 0
        sizes = (each.away[:, :2] + each.away[:, 2:])[own] * reader.grid[part][0, 2]
        known = [box[2:] - box[:2] for image in set(each.images[own]) for box in
                 task.material.boxes[image]]  # fmt: skip
        assert all(np.abs(size - known).max(axis=1).min() < 1e-3 for size in sizes)
        assert not each.away[~own].any()
    assert (reader.certain == 1).all()


def test_objectness_is_read_where_there_is_one(task):  # noqa: F811
    plan = replace(task.detector.plan, objectness=True)
    arrays = dict(task.detector.arrays)
    for name, shape in plan.shapes().items():
        if name not in arrays:
            arrays[name] = np.full(shape, -2.0 if name.endswith("bias") else 0.0, np.float32)
    reader = LevelReader(replace(task, detector=BoxHead(plan, arrays)))
    rows = reader.gather(QUIET)
    sure = 1 / (1 + np.exp(2))
    assert np.allclose(reader.certain, sure, atol=1e-5)
    assert np.allclose(rows[0].certain, sure, atol=1e-5)
