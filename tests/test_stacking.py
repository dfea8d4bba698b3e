from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from headstart.stacking import concatenate, take_rows


@dataclass(frozen=True)
class Maps:
    rows: ClassVar[tuple[str, ...]] = ("grids", "boxes")

    names: tuple[str, ...]
    grids: np.ndarray
    palette: np.ndarray
    errors: dict[str, str] = field(default_factory=dict)
    boxes: np.ndarray | None = None


def maps(names, side):
    grids = np.arange(len(names) * side * side, dtype=float).reshape(len(names), side, side)
    return Maps(tuple(names), grids, np.arange(2), {names[0]: "torn"})


def test_only_rows_are_taken_and_joined():
    both = concatenate([maps("ab", 3), maps("c", 3)])
    assert both.names == ("a", "b", "c")
    assert both.grids.shape == (3, 3, 3)
    assert both.palette.tolist() == [0, 1], "what is of all items alike stays as it is"
    assert both.errors == {"a": "torn", "c": "torn"}
    some = take_rows(both, np.array([2, 1]))
    assert some.names == ("c", "b")
    assert some.palette.tolist() == [0, 1]
    assert some.errors == {"c": "torn"}
    assert some.boxes is None


def test_rows_of_other_sizes_are_filled_up():
    both = concatenate([maps("a", 2), maps("b", 3)])
    assert both.grids.shape == (2, 3, 3)
    assert both.grids[0].tolist() == [[0, 1, 0], [2, 3, 0], [0, 0, 0]]


@dataclass(frozen=True)
class Plain:
    names: tuple[str, ...]
    values: np.ndarray
    errors: dict[str, str] = field(default_factory=dict)


def test_without_a_list_of_rows_every_array_is_one():
    both = concatenate([Plain(("a",), np.ones(1)), Plain(("b",), np.zeros(1))])
    assert both.values.tolist() == [1, 0]
