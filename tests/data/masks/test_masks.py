"""Labels that are masks: what splits, tables and people ask of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from headstart.data.masks.masks import IGNORED, Masks, scale_nearest


@dataclass(frozen=True)
class Given:
    """A mask that is at hand."""

    rows: tuple[tuple[int, ...], ...]

    def read(self) -> np.ndarray:
        return np.array(self.rows, np.uint8)


def masks(*sources: Given | None, names=("background", "cell", "nucleus")) -> Masks:
    pixels = np.zeros((len(sources), len(names)), np.int64)
    sizes = np.zeros((len(sources), 2), np.int64)
    for row, source in enumerate(sources):
        if source is not None:
            mask = source.read()
            pixels[row] = np.bincount(mask.ravel(), minlength=256)[: len(names)]
            sizes[row] = mask.shape[1], mask.shape[0]
    return Masks(names, sources, pixels, sizes, np.zeros((len(names), 3), np.uint8))


EMPTY = Given(((0, 0), (0, 0)))
CELL = Given(((0, 1), (0, 1)))
BOTH = Given(((0, 1), (2, 1)))


def test_an_empty_mask_is_annotated_and_none_is_not():
    labels = masks(EMPTY, None, CELL)
    assert labels.known.tolist() == [True, False, True]
    assert labels.text(0) == "background 100%"
    assert labels.text(1) == ""


def test_the_stratum_is_the_rarest_class_present():
    labels = masks(EMPTY, CELL, CELL, BOTH, None)
    assert labels.strata.tolist() == [0, 1, 1, 2, -1]
    assert labels.kinds == ("background", "cell", "nucleus")


def test_items_are_taken_with_all_that_belongs_to_them():
    labels = masks(EMPTY, None, BOTH)
    taken = labels.take(np.array([2, 0]))
    assert taken.sources == (BOTH, EMPTY)
    assert taken.pixels.tolist() == [[1, 2, 1], [4, 0, 0]]
    assert len(labels.take(labels.known)) == 2


def test_the_classes_are_read_with_their_shares_the_largest_first():
    assert masks(BOTH).text(0) == "cell 50%, background 25%, nucleus 25%"
    assert masks(Given(((IGNORED,),))).text(0) == "ignored"


def test_small_shares_are_not_rounded_to_nothing():
    rows = tuple((0,) * 100 for _ in range(99))
    assert "cell <0.1%" in masks(Given((*rows, (0,) * 99 + (1,)))).text(0)


def test_copies_may_be_drawn_a_little_differently():
    rows = np.zeros((20, 20), int)
    rows[:10] = 1
    other = rows.copy()
    other[10, 3:7] = 1  # a hundredth
    far = rows.copy()
    far[10:12] = 1
    one, near, away = (Given(tuple(map(tuple, each.tolist()))) for each in (rows, other, far))
    labels = masks(one, near, away, None)
    assert not labels.conflict(0, 1)
    assert labels.conflict(0, 2)
    assert not labels.conflict(0, 2, near=True)
    assert not labels.conflict(0, 3)


def test_near_duplicates_conflict_by_area():
    assert masks(EMPTY, CELL).conflict(0, 1, near=True)


def test_a_mask_is_read_at_the_size_asked_for():
    labels = masks(BOTH)
    assert labels.read(0).tolist() == [[0, 1], [2, 1]]
    assert labels.read(0, (4, 2)).tolist() == [[0, 0, 1, 1], [2, 2, 1, 1]]
    with pytest.raises(ValueError, match="no mask"):
        masks(None).read(0)


def test_nearest_takes_the_middle_of_each_pixel():
    assert scale_nearest(np.arange(9).reshape(1, 9), (3, 1)).tolist() == [[1, 4, 7]]


def test_columns_must_fit():
    with pytest.raises(ValueError, match="pixels must be"):
        Masks(("a",), (None,), np.zeros((2, 1)), np.zeros((1, 2)), np.zeros((1, 3), np.uint8))
