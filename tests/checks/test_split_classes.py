from pathlib import Path

import numpy as np

from headstart.checks.split_classes import check_split_classes
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes


def given(*splits):
    names = tuple(f"{i}.png" for i in range(len(splits)))
    nothing = Classes((), np.full(len(splits), -1))
    return Dataset(Path("nowhere"), names, nothing, np.array(splits))


def test_what_one_part_lacks_is_said_with_the_images_that_have_it():
    present = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 1], [0, 0, 1]], bool)
    data = given("train", "train", "test", "test")
    found = {each.check: each for each in check_split_classes(data, ("a", "b", "c"), present)}
    assert set(found) == {"classes_missing_from_train", "classes_missing_from_test"}
    learnt = found["classes_missing_from_train"]
    assert (learnt.severity, learnt.evidence) == ("serious", ("c: 2.png, 3.png",))
    assert found["classes_missing_from_test"].evidence == ("b: 0.png",)


def test_nothing_is_asked_without_a_test():
    data = given("", "")
    assert list(check_split_classes(data, ("a", "b"), np.eye(2, dtype=bool))) == []
