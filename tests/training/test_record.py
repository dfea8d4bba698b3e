"""What is written down of an epoch: means over its images, and NaN for what nobody measured."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest

from headstart.training.record import Epoch, Judged, Means


def test_means_are_over_images_and_not_over_batches():
    means = Means()
    means.add({"loss": 6.0, "accuracy": 1.0}, 3)
    means.add({"loss": 2.0, "accuracy": 1.0}, 1)
    assert means.images == 4
    assert means.values() == {"loss": 2.0, "accuracy": 0.5}


def test_a_name_that_comes_later_is_begun_then():
    means = Means()
    means.add({"loss": 1.0}, 2)
    means.add({"loss": 1.0, "iou": 1.0}, 2)
    assert means.values() == {"loss": 0.5, "iou": 0.25}


def test_cleared_it_begins_anew():
    means = Means()
    means.add({"loss": 9.0, "gone": 1.0}, 3)
    given = means.sums
    means.clear()
    assert (means.images, means.values()) == (0, {})
    means.add({"loss": 4.0}, 2)
    assert means.values() == {"loss": 2.0}
    assert given == {"loss": 9.0, "gone": 1.0}, "whoever holds the sums of before keeps them"


def test_sums_that_were_given_are_not_changed():
    means, given = Means(), {"loss": 1.0}
    means.add(given, 1)
    means.add({"loss": 5.0}, 1)
    assert given == {"loss": 1.0}


def test_what_a_task_does_not_watch_is_no_number():
    plain = (1, 2, 0.1, 0.5, 0.9, 0.4, 0.8, 0.7, 3.0, 24)
    one, other = Epoch(*plain), Epoch(*plain)
    assert math.isnan(one.mean_negative_cosine)
    assert math.isnan(one.effective_rank)
    assert math.isnan(one.active_triplets)
    one.others["iou"] = 0.5
    assert other.others == {}
    # The lines of history.csv are in this order.
    assert [each.name for each in fields(Epoch)][:4] == ["epoch", "trainable_stages", "lr", "loss"]


def test_a_judgement_is_read_by_place():
    measure, accuracy, loss = Judged(measure=0.7, accuracy=0.8, loss=0.4)
    assert (measure, accuracy, loss) == pytest.approx((0.7, 0.8, 0.4))
