"""The loader: every item once, everything known beforehand, whatever the number of workers."""

from __future__ import annotations

import gc
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.images.inputs import InputImages
from headstart.images.preprocess import Preprocess
from headstart.nets.batches.augment import Augment
from headstart.nets.batches.batch import Targets
from headstart.nets.batches.loader import IdentityPlan, Plan, batches

TARGETS = np.repeat([0, 1, 2], [20, 7, 3])


def items_of(part: list) -> list[int]:
    return [key[0] for key in part]


def plan(targets: np.ndarray = TARGETS, *, batch: int = 8, epochs: int = 3, **options) -> Plan:
    return Plan(targets, batch=batch, epochs=epochs, seed=options.pop("seed", 0), **options)


# --- what is in which batch ---------------------------------------------------------------------


def test_some_of_more_keep_their_positions():
    some = np.array([3, 5, 8, 13])
    plain, told = (plan(np.zeros(4, int), batch=2, items=each) for each in (None, some))
    for ours, theirs in zip(told.epoch(1), plain.epoch(1), strict=True):
        assert items_of(ours) == some[items_of(theirs)].tolist()
        assert [key[1:] for key in ours] == [key[1:] for key in theirs]


@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 11, 12, 13, 30])
@pytest.mark.parametrize("batch", [1, 4, 8, 100])
def test_every_item_once_an_epoch(n, batch):
    one = plan(np.zeros(n, int), batch=batch)
    parts = list(one.since(0))
    assert len(parts) == len(one.since(0)) == 3 * one.per_epoch
    for epoch in range(3):
        own = parts[epoch * one.per_epoch : (epoch + 1) * one.per_epoch]
        assert own == one.epoch(epoch)
        assert sorted(item for part in own for item in items_of(part)) == list(range(n))
        sizes = [len(part) for part in own]
        assert max(sizes) - min(sizes) <= 1
        assert min(sizes) >= 1
        assert max(sizes) <= 1.5 * batch


def test_orders_differ_between_epochs_and_seeds():
    orders = {
        tuple(item for part in plan(seed=seed).epoch(epoch) for item in items_of(part))
        for seed in range(3)
        for epoch in range(3)
    }
    assert len(orders) == 9
    assert plan().epoch(1) == plan().epoch(1)


@pytest.mark.parametrize("balance", ["none", "oversample", "undersample"])
def test_since_is_the_tail_of_the_whole(balance):
    one = plan(balance=balance)
    whole = list(one.since(0))
    for step in range(len(whole) + 1):
        rest = one.since(step)
        assert list(rest) == whole[step:]
        assert list(rest) == whole[step:]  # and once more
        assert len(rest) == len(whole) - step


def test_oversampling_shows_every_class_as_often_as_the_largest():
    one = plan(balance="oversample")
    for epoch in range(3):
        items = [item for part in one.epoch(epoch) for item in items_of(part)]
        assert Counter(TARGETS[items]) == {0: 20, 1: 20, 2: 20}
        times = Counter(items)
        assert set(times) == set(range(30))  # nothing is left out
        for low, high in ((0, 20), (20, 27), (27, 30)):
            own = [times[i] for i in range(low, high)]
            assert max(own) - min(own) <= 1


def test_repeats_of_an_item_are_not_drawn_alike():
    """Twenty copies of one image, mirrored and cut alike, would teach less than one weight."""
    one = plan(balance="oversample")
    keys = [key for part in one.epoch(0) for key in part]
    assert len(set(keys)) == len(keys)


def test_undersampling_shows_every_class_as_often_as_the_smallest():
    one = plan(balance="undersample", epochs=12)
    shown = set()
    for epoch in range(12):
        items = [item for part in one.epoch(epoch) for item in items_of(part)]
        assert Counter(TARGETS[items]) == {0: 3, 1: 3, 2: 3}
        assert len(set(items)) == 9
        shown |= set(items)
    assert len(shown) > 25  # others every epoch


@pytest.mark.parametrize("balance", ["oversample", "undersample"])
def test_classes_without_an_item_are_passed_over(balance):
    one = plan(np.array([0, 0, 0, 2, 2]), balance=balance)
    items = [item for part in one.epoch(0) for item in items_of(part)]
    wanted = 3 if balance == "oversample" else 2
    assert Counter(np.array([0, 0, 0, 2, 2])[items]) == {0: wanted, 2: wanted}


# --- the images ---------------------------------------------------------------------------------


@pytest.fixture
def inputs(tmp_path: Path) -> InputImages:
    return inputs_of(tmp_path, different=True)


def inputs_of(folder: Path, *, different: bool) -> InputImages:
    names = tuple(f"{i:02}.png" for i in range(len(TARGETS)))
    for number, name in enumerate(names):
        rng = np.random.default_rng(number if different else 0)
        pixels = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((40, 40)).save(folder / name)
    splits = np.full(len(names), "")
    data = Dataset(folder, names, Classes(("a", "b", "c"), TARGETS), splits)
    return InputImages(data, Preprocess(36, geometry="square"))


def made(inputs: InputImages, one: Plan, *, workers: int, step: int = 0, policy: str = "standard"):
    augment = Augment(policy, Preprocess(32, geometry="square"))
    return list(batches(inputs, augment, one.since(step), workers=workers))


@pytest.mark.parametrize("workers", [1, 2])
def test_the_same_images_whatever_the_number_of_workers(inputs, workers):
    one = plan(epochs=2)
    expected, found = made(inputs, one, workers=0), made(inputs, one, workers=workers)
    assert len(found) == len(expected) == len(one.since(0))
    for a, b, keys in zip(expected, found, one.since(0), strict=True):
        np.testing.assert_array_equal(a.items, items_of(keys))
        np.testing.assert_array_equal(b.items, a.items)
        assert a.images.dtype == torch.uint8
        assert a.images.shape == (len(keys), 32, 32, 3)
        assert torch.equal(a.images, b.images)


@pytest.mark.parametrize("workers", [0, 1])
def test_the_same_images_after_a_stop(inputs, workers):
    one = plan(epochs=2)
    whole = made(inputs, one, workers=0)
    for step in (1, one.per_epoch, one.per_epoch + 2):
        rest = made(inputs, one, workers=workers, step=step)
        assert len(rest) == len(whole) - step
        for a, b in zip(whole[step:], rest, strict=True):
            assert torch.equal(a.images, b.images)


def test_items_are_drawn_anew_every_epoch(inputs):
    one = plan(epochs=2, batch=len(TARGETS))
    first, second = made(inputs, one, workers=0)
    order = np.argsort(first.items), np.argsort(second.items)
    same = [torch.equal(first.images[i], second.images[j]) for i, j in zip(*order, strict=True)]
    assert sum(same) < 3


def test_items_are_drawn_apart(tmp_path: Path):
    (batch,) = made(
        inputs_of(tmp_path, different=False), plan(epochs=1, batch=len(TARGETS)), workers=0
    )
    assert len({image.numpy().tobytes() for image in batch.images}) > 25


def test_without_augmentation_they_are_the_images_themselves(inputs):
    one = plan(epochs=1)
    for batch in made(inputs, one, workers=0, policy="none"):
        for item, image in zip(batch.items, batch.images.numpy(), strict=True):
            expected = Image.fromarray(inputs[int(item)]).resize((32, 32), Image.BILINEAR)
            np.testing.assert_array_equal(image, np.asarray(expected))


@pytest.mark.parametrize("workers", [0, 1])
def test_the_state_of_chance_outside_is_left_alone(inputs, workers):
    one = plan(epochs=1)
    expected = made(inputs, one, workers=0)
    torch.manual_seed(77)
    found = []
    for batch in batches(
        inputs, Augment("standard", Preprocess(32, geometry="square")), one.since(0),
        workers=workers,
    ):  # fmt: skip
        torch.rand(3)  # dropout draws between two batches
        found.append(batch)
    for a, b in zip(expected, found, strict=True):
        assert torch.equal(a.images, b.images)


def test_images_draw_nothing_from_outside(inputs):
    stream = batches(
        inputs, Augment("standard", Preprocess(32, geometry="square")), plan().since(0), workers=0
    )
    next(stream)  # torch's loader itself draws a number, once
    state = torch.get_rng_state()
    next(stream)
    assert torch.equal(torch.get_rng_state(), state)


def test_stopping_early_leaves_no_worker_behind(inputs):
    import multiprocessing

    before = set(multiprocessing.active_children())
    stream = batches(
        inputs, Augment("light", Preprocess(32, geometry="square")), plan().since(0), workers=2
    )
    next(stream)
    stream.close()
    assert set(multiprocessing.active_children()) <= before


class Left:
    """Garbage that tells which processes collect it, as a session of ONNX Runtime would hang."""

    def __init__(self, log: Path) -> None:
        self.itself, self.log = self, log

    def __del__(self) -> None:
        with self.log.open("a") as log:
            log.write(f"{os.getpid()}\n")


def collects(items: np.ndarray, places: list) -> torch.Tensor:
    return torch.full((len(items),), gc.collect())


def test_what_waits_to_be_collected_is_left_to_the_process_that_made_it(inputs, tmp_path):
    log = tmp_path / "log"
    gc.disable()
    try:
        Left(log)
        augment = Augment("none", Preprocess(32, geometry="square"))
        keys = plan(epochs=1).since(0)
        assert list(batches(inputs, augment, keys, targets=Targets(collects), workers=1))
        assert not gc.isenabled()  # it was not before
        assert not log.exists()
    finally:
        gc.enable()
    gc.collect()
    assert log.read_text() == f"{os.getpid()}\n"


# --- some images each of some people ------------------------------------------------------------


def identity_plan(targets: np.ndarray = TARGETS, **options) -> IdentityPlan:
    given = {"identities": 2, "each": 4, "epochs": 3, "seed": 0, **options}
    return IdentityPlan(targets, **given)


def test_every_batch_has_so_many_people_with_so_many_images():
    one = identity_plan()
    for part in one.since(0):
        counts = Counter(TARGETS[items_of(part)].tolist())
        assert len(counts) == 2
        assert set(counts.values()) == {4}


def test_people_come_equally_often_and_images_before_any_comes_again():
    targets = np.repeat(np.arange(6), 8)
    one = identity_plan(targets, identities=3, each=4, epochs=1)
    shown = [item for part in one.epoch(0) for item in items_of(part)]
    assert len(shown) == one.per_epoch * 12 == 48
    counts = Counter(targets[shown].tolist())
    assert max(counts.values()) - min(counts.values()) <= 4
    assert max(Counter(shown).values()) - 1 <= 1


def test_a_person_with_one_image_is_shown_it_anew():
    one = identity_plan(np.array([0, 1, 1, 1, 1]), each=3)
    for part in one.since(0):
        keys = [key for key in part if key[0] == 0]
        assert len({key[2] for key in keys}) == len(keys) == 3


def test_fewer_people_than_asked_for():
    assert all(len(part) == 12 for part in identity_plan(identities=99).since(0))


def test_batches_of_people_follow_from_seed_and_step():
    one = identity_plan()
    assert list(one.since(4)) == list(identity_plan().since(0))[4:]
    assert list(one.since(0)) != list(identity_plan(seed=1).since(0))
    assert one.epoch(0) != one.epoch(1)
