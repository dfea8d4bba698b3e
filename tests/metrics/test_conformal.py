"""Sets that hold the true class nine times in ten."""

from __future__ import annotations

import numpy as np

from headstart.metrics.conformal import possible_classes, set_floors


def answers(n: int, seed: int, classes: int = 5, hard: int = 0):
    """Calibrated probabilities and classes drawn from them; the first classes are hard."""
    rng = np.random.default_rng(seed)
    logits = 2.5 * rng.normal(size=(n, classes))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    targets = (p.cumsum(axis=1) > rng.random((n, 1))).argmax(axis=1)
    return p, targets


def test_nine_in_ten_new_images_have_their_class_in_the_set():
    found = []
    for seed in range(40):
        p, y = answers(300, seed)
        floors, own = set_floors(p, y)
        assert own.all()
        q, z = answers(1000, seed + 100)
        found.append(possible_classes(q, floors)[np.arange(len(z)), z].mean())
    assert 0.88 <= np.mean(found) <= 0.93


def test_classes_of_forty_are_counted_by_themselves_and_others_together():
    p = np.full((125, 4), 0.01)
    y = np.repeat([0, 1, 2, 3], [40, 45, 20, 20])
    true = np.concatenate([
        np.linspace(0.5, 0.9, 40), np.linspace(0.1, 0.2, 45), np.linspace(0.6, 0.7, 40)
    ])  # fmt: skip
    p[np.arange(125), y] = true
    floors, own = set_floors(p, y)
    assert own.tolist() == [True, True, False, False]
    assert floors[0] == np.sort(true[:40])[::-1][36]  # the 37th of 40, as (40 + 1) * .9 rounds up
    assert 0.1 < floors[1] < 0.12
    assert floors[2] == floors[3] > 0.6
    few, _ = set_floors(p[:60], y[:60])  # the others have nobody: all decide for them
    assert few[2] == np.sort(true[:60])[::-1][int(np.ceil(61 * 0.9)) - 1]


def test_too_few_images_leave_every_class_possible():
    p, y = answers(5, 0)
    floors, own = set_floors(p, y)
    assert not own.any()
    assert not floors.any()
    assert possible_classes(p, floors).all()
    assert not possible_classes(np.full((1, 5), np.nan), floors).any()
