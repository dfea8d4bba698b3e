"""Values that count things are told from values that are classes, where both are few."""

from __future__ import annotations

import numpy as np
import pytest
from tests.tasks.segmentation.scenes import found, made


def painted(sizes, tops):
    """Discs of some sides, the first `tops[number]` of them in each mask."""

    def change(number, image, mask):
        values = np.zeros_like(mask)
        for at in range(tops[number % len(tops)]):
            values[20 : 20 + sizes[at], 5 + 50 * at : 5 + 50 * at + sizes[at]] = at + 1
        return image, values

    return change


def scattered(count, *, colours=None, step=1, away=(), inside=False):
    """`count` discs anywhere, each in a cell of its own; colours by number, where they have any."""

    def change(number, image, mask):
        rng = np.random.default_rng(number)
        values, most = np.zeros(mask.shape, np.uint16), count(number)
        cells = rng.permutation(6)[:most]
        y, x = np.mgrid[: mask.shape[0], : mask.shape[1]]
        for at, cell in enumerate(cells.tolist()):
            middle = 26 + 60 * (cell % 2) + rng.integers(-4, 5), 26 + 50 * (cell // 2)
            radius = rng.integers(12, 18)
            if inside and at:
                middle, radius = (26 + 60 * (cells[0] % 2), 26 + 50 * (cells[0] // 2)), 9
            here = (y - middle[0]) ** 2 + (x - middle[1]) ** 2 <= radius**2
            values[here] = (at + 1) * step
            if colours:
                image[here] = colours[at]
        if number in away:
            values[values == step] = 0
        return image, values

    return change


def up_to_three(number):
    return 1 + number % 3


def test_things_that_are_numbered_in_each_mask_are_told(tmp_path):
    finding = found(made(tmp_path, 9, scattered(up_to_three)))["numbered_things"]
    assert finding.severity == "warning"
    assert "The values 1 to 3" in finding.claim
    assert finding.evidence[2].endswith("pixels, on 3 masks")
    assert "--masks binary" in finding.remedy


@pytest.mark.parametrize(
    "change",
    [
        scattered(up_to_three, step=1000),
        scattered(lambda number: 1 + number % 2),
        scattered(lambda _: 3),
        scattered(up_to_three, away=(5,)),
    ],
    ids=["in steps of 1000", "one or two", "always three", "one was lost"],
)
def test_things_are_told_whatever_their_steps_and_number(tmp_path, change):
    assert "numbered_things" in found(made(tmp_path, 18, change, (160, 120)))


def test_values_that_each_mask_spreads_over_one_range_are_told(tmp_path):
    def spread(number, image, mask):
        image, values = scattered(up_to_three)(number, image, mask)
        return image, (values * (255 // values.max())).astype(np.uint8)

    claim = found(made(tmp_path, 12, spread))["numbered_things"].claim
    assert "spread over the same range" in claim


@pytest.mark.parametrize(
    "change",
    [
        scattered(up_to_three, colours=((200, 60, 60), (60, 60, 200), (60, 200, 60))),
        scattered(lambda number: 1 + number % 2, inside=True),
        scattered(lambda _: 2, colours=((200, 60, 60), (60, 60, 200))),
    ],
    ids=["of three colours", "one within the other", "always two, of two colours"],
)
def test_what_colour_or_place_tells_apart_is_a_class(tmp_path, change):
    assert "numbered_things" not in found(made(tmp_path, 18, change, (160, 120)))


@pytest.mark.parametrize(
    ("sizes", "tops"),
    [((40, 12), (1, 2)), ((30, 30), (2, 2))],
    ids=["an organ and a smaller lesion", "both in every mask"],
)
def test_classes_are_none(tmp_path, sizes, tops):
    assert "numbered_things" not in found(made(tmp_path, 14, painted(sizes, tops)))


def test_one_without_those_before_it_or_with_a_name_is_a_class(tmp_path):
    def second(number, image, mask):
        image, values = painted((30, 30), (1, 2))(number, image, mask)
        return image, np.where(values == 1, 2, values) if number == 4 else values

    assert "numbered_things" not in found(made(tmp_path / "a", 14, second))
    named = made(tmp_path / "b", 14, painted((30, 30), (1, 2)))
    (named / "classes.txt").write_text("0 ground\n1 nucleus\n2 cell\n")
    assert "numbered_things" not in found(named)


def test_few_masks_cannot_tell_and_that_is_said(tmp_path):
    finding = found(made(tmp_path, 4, scattered(lambda _: 3)))["numbered_things"]
    assert finding.severity == "note"
    assert "on 4 masks with several of them" in finding.claim


def test_organs_are_told_by_their_places_on_few_masks_too(tmp_path):
    def organs(number, image, mask):
        rng, values = np.random.default_rng(number), np.zeros_like(mask)
        for at, (x, y) in enumerate(((20, 60), (110, 60), (70, 15))):
            x, y = x + rng.integers(-2, 3), y + rng.integers(-2, 3)
            values[y : y + 20 + rng.integers(0, 3), x : x + 22] = at + 1
        return image, values

    assert "numbered_things" not in found(made(tmp_path, 4, organs))
