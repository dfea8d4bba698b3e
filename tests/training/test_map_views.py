"""Views whose maps are computed once."""

from __future__ import annotations

import numpy as np
from tests.strategies.mask_sets import QUIET

from headstart.nets.batches.loader import Plan
from headstart.nets.masks.warp import Warp
from headstart.nets.pretrained.maps import MapLayout
from headstart.training.map_views import MapViews, Scenes, fresh_views

LAYOUT = MapLayout(16, ((1, 8, 8), (1, 4, 4)))


class Counting:
    """The mean over cells, and how often it was asked."""

    summary, precision, batch, depth = "counting", "fp32", 4, 1

    def __init__(self):
        self.seen = 0

    def start(self, slot, images):
        self.seen += len(images)
        grey = images.mean(axis=3)
        fine = grey.reshape(-1, 8, 2, 8, 2).mean(axis=(2, 4)).reshape(len(images), -1)
        coarse = grey.reshape(-1, 4, 4, 4, 4).mean(axis=(2, 4)).reshape(len(images), -1)
        self.rows = np.concatenate([fine, coarse], axis=1).astype(np.float32)

    def finish(self, slot):
        return self.rows


def test_each_view_is_seen_once_and_goes_with_its_mask():
    masks = (np.random.default_rng(0).random((6, 4, 4)) < 0.5).repeat(5, 1).repeat(5, 2)
    squares = np.repeat(np.where(masks, 200, 20)[..., None], 3, axis=3).astype(np.uint8)
    engine = Counting()
    views = MapViews(
        engine, LAYOUT, 1,
        Scenes(squares, masks.astype(np.uint8), 2, 4, Warp(16, colour=0.0, turn=0.0)),
        count=2, compute=QUIET,
    )  # fmt: skip
    plan = Plan(np.zeros(6), batch=3, epochs=5, seed=0)
    found = list(views.batches(plan.since(0)))
    assert engine.seen == 12
    assert len(found) == 10
    for batch in found:
        assert batch.images.shape == (3, 16)
        known = batch.targets.sum(1) > 0.99
        light = batch.images.view(3, 4, 4)
        assert np.corrcoef(light[known], batch.targets[:, 1][known])[0, 1] > 0.9
    again = list(views.batches(plan.since(4)))
    assert all((a.images == b.images).all() for a, b in zip(again, found[4:], strict=True))
    assert engine.seen == 12
    views.keep(1)
    assert views.count == 1
    [first, _] = views.batches(plan.since(8))
    own = first.items  # of the fifth epoch, which had the first view anyway
    assert (first.images == found[8].images).all()
    assert (own == found[8].items).all()
    [odd, _, *_] = views.batches(plan.since(6))
    assert (odd.images.numpy() == views.maps.rows[odd.items]).all()


def test_fresh_views_follow_from_the_seed_and_differ_between_epochs():
    squares = np.random.default_rng(0).integers(0, 255, (12, 20, 20, 3), dtype=np.uint8)
    scenes = Scenes(squares, np.zeros((12, 20, 20), np.uint8), 2, 4, Warp(16))
    plan = Plan(np.zeros(12), batch=4, epochs=2, seed=0)
    found = list(fresh_views(scenes, plan.since(0), QUIET))
    again = list(fresh_views(scenes, plan.since(3), QUIET))
    assert len(found) == 6
    assert found[0].images.shape == (4, 16, 16, 3)
    assert found[0].targets.shape == (4, 2, 4, 4)
    assert all((a.images == b.images).all() for a, b in zip(found[3:], again, strict=True))
    first = {int(i): x for b in found[:3] for i, x in zip(b.items, b.images, strict=True)}
    later = {int(i): x for b in found[3:] for i, x in zip(b.items, b.images, strict=True)}
    assert not any((first[i] == later[i]).all() for i in first)
