import numpy as np

from headstart.probe.frozen import Frozen, feature_sets


def test_sets_of_stages_and_parts_of_items():
    vectors = np.arange(24.0).reshape(4, 6)
    frozen = Frozen.of_stages(vectors, {"stage1": slice(0, 2), "last": slice(2, 6)})
    assert {name: columns.tolist() for name, columns in frozen.sets.items()} == {
        "stage1": [0, 1], "last": [2, 3, 4, 5], "all": list(range(6)),
    }  # fmt: skip
    assert frozen.take(np.ones(4, bool)) is frozen
    part = frozen.take(np.array([False, True, False, True]))
    assert part.vectors.tolist() == vectors[[1, 3]].tolist()
    assert part.sets is frozen.sets


def test_looks_side_by_side():
    one = Frozen.of_stages(np.arange(12.0).reshape(2, 6), {"low": slice(0, 2), "last": slice(2, 6)})
    other = Frozen.of_stages(-one.vectors, {"low": slice(0, 2), "last": slice(2, 6)})
    both = Frozen.side_by_side([one, other], ["square", "squash"])
    assert both.vectors.shape == (2, 12)
    assert both.sets["last (squash)"].tolist() == [8, 9, 10, 11]
    assert both.look_of["last (squash)"] == 1
    assert both.look_of["all (square)"] == 0
    assert np.array_equal(both.vectors[:, both.sets["low (squash)"]], -one.vectors[:, :2])


def test_a_small_image_is_no_set_of_one_look_and_one_of_several():
    slices = {"pixels": slice(0, 3), "stage1": slice(3, 5), "last": slice(5, 6)}
    one = Frozen.of_stages(np.arange(12.0).reshape(2, 6), slices)
    assert one.sets["all"].tolist() == [3, 4, 5]
    assert set(one.sets) == {"stage1", "last", "all"}
    assert one.take(np.array([True, False])).pixels.tolist() == [0, 1, 2]
    both = Frozen.side_by_side([one, one], ["a", "b"])
    assert both.sets["pixels (b)"].tolist() == [6, 7, 8]
    assert both.look_of["pixels (b)"] == 1


def test_regions_are_a_set_of_their_own():
    """They tell where something is; what they would add to the stages they add by an average."""
    slices = {"pixels": slice(0, 2), "regions": slice(2, 6)}
    slices |= {f"stage{i}": slice(3 + 3 * i, 6 + 3 * i) for i in (1, 2, 3)} | {
        "last": slice(15, 20)
    }
    sets = feature_sets(slices)
    assert sets["regions"].tolist() == [2, 3, 4, 5]
    assert sets["upper"].tolist() == list(range(9, 20))
    assert sets["all"].tolist() == list(range(6, 20))
