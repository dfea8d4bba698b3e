"""What another arithmetic does to boxes is seen, and put on others."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.tasks.detection.noise import disturbed, noise_of


def outputs(rows: list[list[tuple]], places: int = 4) -> dict[str, np.ndarray]:
    """Settled outputs of (box, score, label) of each image."""
    n = len(rows)
    found = {
        "boxes": np.zeros((n, places, 4), np.float32), "scores": np.zeros((n, places), np.float32),
        "labels": np.zeros((n, places), np.int64),
    }  # fmt: skip
    for item, row in enumerate(rows):
        for place, (box, score, label) in enumerate(row):
            found["boxes"][item, place], found["scores"][item, place] = box, score
            found["labels"][item, place] = label
    return found


A, B, FAR = (0, 0, 10, 20), (1, 0, 11, 20), (100, 100, 120, 120)


def test_a_moved_a_lost_and_a_new_box_are_told_apart():
    before = outputs([[(A, 0.8, 0), (FAR, 0.6, 1)], []])
    after = outputs([[(FAR, 0.7, 0), (B, 0.5, 0)], []])
    noise = noise_of(before, after)
    assert noise["moved"][0, 0].tolist() == pytest.approx([0.1, 0, 0.1, 0])
    assert noise["raised"][0, 0] == pytest.approx(-np.log(4))
    assert noise["raised"][0, 1] == -np.inf, "its place has another class now"
    assert noise["scores"][0].tolist() == pytest.approx([0.7, 0, 0, 0])
    assert not noise["scores"][1].any()
    assert np.isneginf(noise["logits"][1]).all()


def test_the_same_boxes_have_no_noise_and_change_nothing():
    given = outputs([[(A, 0.8, 0), (FAR, 0.6, 1)], [(B, 0.3, 1)]])
    noise = noise_of(given, given)
    rng = np.random.default_rng(0)
    found = disturbed(given | {"sizes": np.ones((2, 2))}, noise, np.array([0, 1]), rng)
    np.testing.assert_allclose(found["scores"][:, :4], given["scores"], atol=1e-6)
    np.testing.assert_allclose(found["boxes"][:, :4], given["boxes"], atol=1e-5)
    assert not found["scores"][:, 4:].any()
    assert found["sizes"].shape == (2, 2)


def test_boxes_take_after_those_of_their_score():
    high = [(A, 0.9, 0)] * 1
    many = [high for _ in range(60)] + [[(A, 0.1, 0)] for _ in range(60)]
    before = outputs(many)
    after = outputs([[(A, 0.9, 0)] for _ in range(60)] + [[] for _ in range(60)])
    noise = noise_of(before, after)
    given = outputs([[(FAR, 0.88, 1), (A, 0.12, 0)]] * 40)
    found = disturbed(given, noise, np.arange(120), np.random.default_rng(1))
    assert (found["scores"][:, 0] > 0.8).all()
    assert not found["scores"][:, 1].any(), "what is as weak is lost"
    assert (found["labels"][:, 0] == 1).all()


def test_no_box_anywhere_is_no_difficulty():
    nothing = outputs([[], []])
    noise = noise_of(nothing, nothing)
    some = np.array([0, 1])
    found = disturbed(outputs([[(A, 0.5, 0)]]), noise, some, np.random.default_rng(0))
    assert found["scores"][0, 0] == 0.5
    assert not disturbed(nothing, noise, some, np.random.default_rng(0))["scores"].any()
    new = noise_of(nothing, outputs([[(A, 0.5, 1)], [(A, 0.5, 1)]]))
    seen = disturbed(nothing, new, some, np.random.default_rng(0))
    assert ((seen["scores"] > 0).sum(axis=1) == 1).all(), "false alarms come in"
