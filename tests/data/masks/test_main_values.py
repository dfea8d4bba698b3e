"""Values that stand for something, told from those that lie along edges."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headstart.data.masks.main_values import Totals, covered, left_over, main_values, snapped
from headstart.data.masks.value_names import ValueNames


def totals(rows, *, colours=False, jpeg=False) -> Totals:
    """Of (value, pixels, share of them inside areas, share between two others)."""
    rows = [(*row, 0.0)[:4] for row in rows]
    value, pixels, solid, between = (np.array(each) for each in zip(*rows, strict=True))
    solid, between = ((pixels * share).astype(int) for share in (solid, between))
    return Totals(value, pixels, solid, between, np.ones(len(rows), int), colours, jpeg)


def chosen(found: Totals) -> list[int]:
    return found.values[main_values(found, None)].tolist()


def test_small_numbers_are_classes_however_rare():
    assert chosen(totals([(0, 9000, 0.9), (1, 900, 0.9), (2, 3, 0.0)])) == [0, 1, 2]


def test_small_numbers_beside_a_large_255_are_strays_of_0():
    rows = [(0, 90_000, 0.9), (1, 40, 0.0), (2, 10, 0.0), (255, 9000, 0.9)]
    assert chosen(totals(rows)) == [0, 255]


def test_a_border_of_one_value_between_two_is_a_class():
    assert chosen(totals([(0, 9000, 0.9), (128, 300, 0.0), (255, 900, 0.9)])) == [0, 128, 255]


def test_many_values_between_two_are_what_smoothing_leaves():
    rows = [(0, 9000, 0.9), *((v, 100, 0.0) for v in range(40, 240, 40)), (255, 900, 0.9)]
    assert chosen(totals(rows)) == [0, 255]


def test_two_values_between_two_are_what_scaling_leaves():
    rows = [(0, 9000, 0.9), (48, 100, 0.0, 0.8), (207, 100, 0.0, 0.8), (255, 900, 0.9)]
    assert chosen(totals(rows)) == [0, 255]
    lines = [(0, 9000, 0.9), (48, 100, 0.0, 0.1), (207, 100, 0.0, 0.1), (255, 900, 0.9)]
    assert chosen(totals(lines)) == [0, 48, 207, 255], "lines of two kinds on one ground"


def test_where_nothing_fills_an_area_nothing_is_a_class():
    assert chosen(totals([(v, 10, 0.0) for v in range(100)])) == []


def test_clouds_of_values_in_jpeg_files_are_one_class_each():
    rows = [(v, 800 if v in (2, 127, 250) else 90, 0.2) for v in
            (0, 1, 2, 3, 125, 126, 127, 128, 250, 251, 255)]  # fmt: skip
    found = totals(rows, jpeg=True)
    assert chosen(found) == [2, 127, 250]
    assert covered(found, main_values(found, None)) == found.pixels.sum()


def test_nothing_is_covered_by_nothing():
    found = totals([(0, 5, 0.0)])
    assert covered(found, np.zeros(0, int)) == 0


def test_small_areas_in_jpeg_files_are_classes_and_noise_of_as_many_pixels_is_none():
    rows = [(0, 100_000, 0.9), (128, 300, 0.5), (254, 9000, 0.9)]
    assert chosen(totals(rows, jpeg=True)) == [0, 128, 254]
    rows[1] = (128, 300, 0.1)
    assert chosen(totals(rows, jpeg=True)) == [0, 254]


def test_what_jpeg_files_nearly_hold_of_named_colours_is_these():
    named = ValueNames(Path(), by_colour={0: "ground", 0xFF0000: "cat", 0x00FF00: "dog"})
    rows = [(0, 9000, 0.9), (0x0000FE, 300, 0.9), (0x00FF01, 90, 0.5), (0xFE0000, 80, 0.5)]
    found = totals(rows, colours=True, jpeg=True)
    near = snapped(found, named)
    assert near.values.tolist() == [0, 0x0000FE, 0x00FF00, 0xFF0000]
    assert near.pixels.sum() == found.pixels.sum()
    kept = near.values[main_values(near, named)].tolist()
    assert kept == near.values.tolist(), "and what fills an area and was not named is another class"
    assert snapped(totals(rows, colours=True), named).values.tolist() == [r[0] for r in rows]


def test_exact_values_are_classes_however_near_each_other():
    label_map = [(1, 90_000, 0.9), (5, 2000, 0.8), (150, 6000, 0.9)]
    assert chosen(totals(label_map)) == [1, 5, 150], "as ADE20K and COCO-Stuff number theirs"
    smoothed = [*label_map, *((v, 100, 0.0) for v in range(60, 100, 10))]
    assert chosen(totals(smoothed)) == [1, 150], "beside strays 5 may be one of 1"


def test_what_is_near_no_class_is_told_the_most_first():
    rows = [(0, 5000, 1.0), (3, 40, 0), (90, 20, 0), (94, 9, 0), (170, 7, 0), (255, 900, 1.0)]
    found = totals(rows)
    mains = np.array([0, 5])
    assert left_over(found, mains) == [(90, 29), (170, 7)]
    assert left_over(found, np.arange(6)) == []
