"""A training's state: taken, written as bytes and JSON, put into another one, it is the same."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch
from tests.training.trainings import assert_same, pictures, training

from headstart.records import to_json
from headstart.training.schedule import Recipe
from headstart.training.state import numbers_of, restore, tensors_of

RECIPE = Recipe(epochs=3, batch=8, augment="none", lr=2e-3, ema=0.9)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return pictures(tmp_path_factory.mktemp("data"), (6, 5, 5))


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    return pictures(tmp_path_factory.mktemp("held"), (2, 2, 2), seed=1)


def kept(one):
    """Its state as a file would hold it."""
    tensors = {name: each.clone() for name, each in tensors_of(one).items()}
    return tensors, json.loads(json.dumps(numbers_of(one)))


@pytest.mark.parametrize("optimiser", ["adamw", "sgd"])
def test_put_into_another_training_it_goes_on_as_the_same(data, held, optimiser):
    recipe = replace(RECIPE, optimiser=optimiser, freeze="gradual")
    whole = training(data, recipe, validation=held)
    whole.run(until=3)  # in the middle of the second epoch
    assert (whole.means.images, len(whole.best)) == (8, 1)
    tensors, numbers = kept(whole)
    again = training(data, recipe, validation=held)
    restore(again, tensors, numbers)
    assert_same(whole, again)
    assert (again.means.images, again.means.sums) == (whole.means.images, whole.means.sums)
    assert all(torch.equal(a, b) for a, b in zip(whole.best[0][3], again.best[0][3], strict=True))
    whole.run()
    again.run()
    assert_same(whole, again)


def test_what_is_not_a_tensor_survives_as_it_was(data):
    one = training(data, RECIPE)
    one.run(until=2)
    one.slow, one.over, one.diverged = 0.09, True, 2
    tensors, numbers = kept(one)
    again = training(data, RECIPE)
    restore(again, tensors, numbers)
    assert (again.slow, again.over, again.diverged, again.step) == (0.09, True, 2, 2)
    assert again.history[0].others == one.history[0].others
    assert math.isnan(again.history[0].val_loss)
    # Strict JSON knows no NaN, and writes null.
    restore(again, tensors, json.loads(to_json(numbers_of(one))))
    assert math.isnan(again.history[0].val_loss)
    assert again.history[0].loss == pytest.approx(one.history[0].loss)


def test_an_average_of_its_own_is_kept_apart_from_the_weights(data):
    one = training(data, RECIPE)
    one.run(until=2)
    tensors = tensors_of(one)
    parts = ["value", "start", "ema"]
    assert not any(name.startswith("best.") for name in tensors)
    first = [tensors[f"{part}.00000"] for part in parts]
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first[0], first[2])
    count = {part: sum(name.startswith(f"{part}.") for name in tensors) for part in parts}
    assert set(count.values()) == {len(one.values)}


def test_what_does_not_fit_is_refused(data):
    one = training(data, RECIPE)
    one.run(until=1)
    tensors, numbers = kept(one)
    with pytest.raises(KeyError, match="slow"):
        restore(one, tensors, {key: each for key, each in numbers.items() if key != "slow"})
    with pytest.raises(RuntimeError):
        restore(one, tensors | {"value.00000": torch.zeros(2, 77)}, numbers)
    for part in ("value", "start", "ema"):
        less = {name: each for name, each in tensors.items() if name != f"{part}.00000"}
        with pytest.raises(KeyError, match=part):
            restore(one, less, numbers)
