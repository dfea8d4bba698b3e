"""Batches: whatever form the targets have, parts and devices keep it."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest
import torch

from headstart.nets.batches.batch import Batch, Lookup, part_of

ROWS = torch.tensor([2, 0])


def test_a_part_has_the_rows_that_were_asked_for_in_their_order():
    numbers = torch.tensor([[1.0], [2.0], [3.0]])
    ragged = [torch.zeros(1), torch.ones(2), torch.full((3,), 2.0)]
    found = part_of({"numbers": numbers, "both": (numbers, ragged), "nothing": None}, ROWS)
    assert list(found) == ["numbers", "both", "nothing"]
    assert found["numbers"].tolist() == [[3.0], [1.0]]
    assert isinstance(found["both"], tuple)
    assert found["both"][0].tolist() == [[3.0], [1.0]]
    assert [each.tolist() for each in found["both"][1]] == [[2.0, 2.0, 2.0], [0.0]]
    assert found["nothing"] is None


def test_a_list_is_of_things_of_any_kind():
    assert part_of(["a", {"b": 1}, None], ROWS) == [None, "a"]
    assert part_of(["a"], torch.tensor([], dtype=torch.int64)) == []


def test_every_tensor_goes_to_the_device_and_all_else_stays():
    inside = {"boxes": [torch.zeros(2), torch.ones(1)], "names": ("a", torch.ones(3))}
    batch = Batch(torch.zeros(2, 4, 4, 3, dtype=torch.uint8), np.array([7, 5]), inside)
    moved = batch.to("meta")  # a device without numbers
    assert moved.images.device.type == "meta"
    assert [each.device.type for each in moved.targets["boxes"]] == ["meta", "meta"]
    assert isinstance(moved.targets["names"], tuple)
    assert moved.targets["names"][0] == "a"
    assert moved.targets["names"][1].device.type == "meta"
    assert moved.items.tolist() == [7, 5]
    assert batch.images.device.type == inside["boxes"][0].device.type == "cpu"


def test_without_targets_there_are_none_on_the_device_either():
    assert Batch(torch.zeros(1), np.array([0])).to("cpu").targets is None
    assert part_of(None, ROWS) is None


@pytest.mark.parametrize("values", [np.array([4, 5, 6]), np.eye(3, dtype=np.float32)])
def test_a_lookup_gives_the_rows_of_the_items_again_and_again(values):
    found = Lookup(values)(np.array([2, 0, 2]), [None] * 3)
    assert found.tolist() == values[[2, 0, 2]].tolist()
    found[0] = 0
    assert values[2].any(), "the data themselves are left alone"


def test_a_named_tuple_stays_one():
    pair = namedtuple("pair", "boxes names")
    batch = Batch(torch.zeros(2), np.arange(2), pair(torch.zeros(2, 4), ["a", "b"]))
    assert batch.to("meta").targets.boxes.device.type == "meta"
    part = part_of(batch.targets, torch.tensor([1]))
    assert (part.boxes.shape, part.names) == ((1, 4), ["b"])
