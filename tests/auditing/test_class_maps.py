import numpy as np

from headstart.auditing.class_maps import class_maps, map_pictures
from headstart.auditing.wording import said_of_maps


def noise(n=60, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(120, 40, (n, 24, 24, 3)).clip(0, 255).astype(np.uint8), np.arange(n) % 2


def test_a_mark_in_a_corner_is_where_the_map_has_its_peak():
    small, targets = noise()
    small[targets == 1, -2:, :2] = 250
    maps, heats, means = class_maps(small, targets, ("bees", "ants"))
    assert {each.kind for each in maps} == {"ants", "bees"}
    assert all(each.place == "the bottom left corner" for each in maps)
    assert maps[0].strongest > 2
    assert heats.shape == (2, 24, 24)
    assert means.shape == (2, 24, 24, 3)
    assert "at the bottom left corner" in said_of_maps(maps)
    assert len(map_pictures(heats, means)) == 2


def test_without_a_mark_nothing_is_said():
    small, targets = noise(400)
    maps, _, _ = class_maps(small, targets, ("bees", "ants"))
    assert maps[0].strongest < 0.5
    assert said_of_maps(maps) == ""
    assert said_of_maps(()) == ""


def test_places_have_names_and_small_classes_no_map():
    small, targets = noise()
    for row, column, words in ((12, 12, "the middle"), (0, 12, "the top edge"),
                               (12, 23, "the right edge")):  # fmt: skip
        changed = small.copy()
        changed[targets == 0, row, column] = 255
        assert class_maps(changed, targets, ("a", "b"))[0][0].place == words
    few = np.where(np.arange(60) < 3, 2, targets)
    assert {each.kind for each in class_maps(small, few, ("a", "b", "c"))[0]} == {"a", "b"}
    assert class_maps(small, np.zeros(60, int), ("a",))[0] == ()
    assert map_pictures(np.zeros((0, 24, 24)), np.zeros((0, 24, 24, 3))) == []
