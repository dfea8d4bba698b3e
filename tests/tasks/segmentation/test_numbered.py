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


def test_things_that_are_numbered_in_each_mask_are_told(tmp_path):
    finding = found(made(tmp_path, 9, painted((30, 33, 28), (1, 2, 3))))["numbered_things"]
    assert finding.severity == "warning"
    assert "The values 1 to 3" in finding.claim
    assert finding.evidence[2] == "3: 784 pixels, on 3 masks"
    assert "--masks binary" in finding.remedy


@pytest.mark.parametrize(
    ("sizes", "tops"),
    [((40, 12), (1, 2)), ((30, 30), (2, 2))],
    ids=["an organ and a smaller lesion", "both in every mask"],
)
def test_classes_are_none(tmp_path, sizes, tops):
    assert "numbered_things" not in found(made(tmp_path, 8, painted(sizes, tops)))


def test_one_without_those_before_it_or_with_a_name_is_a_class(tmp_path):
    def second(number, image, mask):
        image, values = painted((30, 30), (1, 2))(number, image, mask)
        return image, np.where(values == 1, 2, values) if number == 4 else values

    assert "numbered_things" not in found(made(tmp_path / "a", 8, second))
    named = made(tmp_path / "b", 8, painted((30, 30), (1, 2)))
    (named / "classes.txt").write_text("0 ground\n1 nucleus\n2 cell\n")
    assert "numbered_things" not in found(named)
