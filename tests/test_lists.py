"""How names are listed in sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from headstart.lists import short_names, some_of

NAMES = [f"n{i}" for i in range(12)]


@pytest.mark.parametrize(
    ("count", "most", "told"),
    [
        (0, 5, ""),
        (1, 5, "n0"),
        (6, 5, "n0, n1, n2, n3, n4, n5"),
        (7, 5, "n0, n1, n2, n3, n4 and 2 more"),
        (12, 2, "n0, n1 and 10 more"),
    ],
)
def test_the_first_few_and_how_many_more(count, most, told):
    assert some_of(iter(NAMES[:count]), most) == told


def test_of_what_is_known_in_part_only():
    assert some_of(NAMES[:6], total=1_300) == "n0, n1, n2, n3, n4 and 1,295 more"
    assert some_of(NAMES[:3], total=3) == "n0, n1, n2"


def test_paths_that_end_alike_are_told_by_their_folders():
    paths = [Path("a/x.json"), Path("b/x.json"), Path("b/y.json")]
    assert short_names(paths) == ["a/x.json", "b/x.json", "y.json"]
