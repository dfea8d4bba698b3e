"""What only classes can have wrong, each by itself."""

from __future__ import annotations

import dataclasses

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.tasks.classification.checks import check_classes, classes_of


def data_of(counts: dict[str, int], splits: tuple[str, ...] | None = None) -> Dataset:
    """Items of some classes, in order; splits are given in turn."""
    targets = np.repeat(np.arange(len(counts)), list(counts.values()))
    n = len(targets)
    given = np.full(n, "") if splits is None else np.array((splits * n)[:n])
    return Dataset(None, tuple(map(str, range(n))), Classes(tuple(counts), targets), given)


def found(data: Dataset, clusters: np.ndarray | None = None) -> dict[str, tuple]:
    """Check -> (severity, evidence, count)."""
    own = np.arange(len(data)) if clusters is None else clusters
    return {
        each.check: (each.severity, each.evidence, each.count) for each in check_classes(data, own)
    }


def test_nothing_is_wrong_with_even_classes():
    assert found(data_of({"ant": 10, "bee": 12})) == {}
    assert classes_of(data_of({"ant": 2})).names == ("ant",)


def test_one_class_is_none():
    assert found(data_of({"ant": 9})) == {"one_class": ("serious", (), 1)}
    (alone,) = check_classes(data_of({"ant": 9}), np.arange(9))
    assert alone.claim == "There is only one class, 'ant': nothing can be told apart."


def test_copies_do_not_make_a_class_larger():
    data = data_of({"ant": 10, "bee": 10, "cat": 4})
    clusters = np.arange(24)
    assert found(data)["small_classes"] == ("warning", ("cat: 4",), 1)
    clusters[10:20] = 10
    few = found(data, clusters)
    assert few["classes_of_one"] == ("serious", ("bee: 1",), 1)
    assert few["small_classes"] == ("warning", ("cat: 4",), 1)


def test_imbalance_is_told_by_how_large_it_is():
    assert "imbalance" not in found(data_of({"ant": 20, "bee": 10}))
    assert found(data_of({"ant": 30, "bee": 10}))["imbalance"][:2] == (
        "note", ("ant: 30", "bee: 10"),
    )  # fmt: skip
    assert found(data_of({"ant": 100, "bee": 10}))["imbalance"][0] == "warning"


def test_two_classes_of_the_same_images():
    data = data_of({"ant": 10, "bee": 10, "cat": 10})
    clusters = np.arange(30)
    clusters[10:16] = np.arange(6)  # more than half of the bees are ants
    assert found(data, clusters)["identical_classes"] == ("serious", ("ant = bee",), 1)
    clusters[13:16] = np.arange(13, 16)
    assert "identical_classes" not in found(data, clusters)


def test_one_name_in_several_spellings():
    names = {"Sea Lion": 9, "ant": 9, "sea_lion": 9, "sealion": 9}
    assert found(data_of(names))["similar_class_names"] == (
        "warning", ("Sea Lion = sea_lion = sealion",), 1,
    )  # fmt: skip


def test_a_class_that_a_split_lacks():
    data = data_of({"ant": 8, "bee": 8})
    missing = np.array(["train"] * 8 + ["test"] * 8)
    missing[0] = "test"
    one = Dataset(None, data.names, data.labels, missing)
    assert found(one)["classes_missing_from_train"] == ("serious", ("bee",), 1)
    missing = np.array(["train"] * 8 + ["test", "train"] * 4)
    other = Dataset(None, data.names, data.labels, missing)
    assert found(other) == {"classes_missing_from_test": ("warning", ("ant",), 1)}
    whole = data_of({"ant": 8, "bee": 8}, ("train", "test"))
    assert found(whole) == {}


def test_items_without_a_label_count_nowhere():
    data = data_of({"ant": 10, "bee": 10})
    targets = data.labels.targets.copy()
    targets[10:17] = -1
    some = Dataset(None, data.names, Classes(data.labels.names, targets), data.splits)
    assert found(some)["small_classes"] == ("warning", ("bee: 3",), 1)


def split_of(**parts: dict[str, int]) -> Dataset:
    """Items of `train`, `val` and `test`, each with so many images of a class."""
    names = tuple(sorted({name for counts in parts.values() for name in counts}))
    rows = [
        (names.index(name), part)
        for part, counts in parts.items()
        for name, count in counts.items()
        for _ in range(count)
    ]
    targets, given = (np.array(column) for column in zip(*rows, strict=True))
    texts = tuple(map(str, range(len(rows))))
    return Dataset(None, texts, Classes(names, targets), given)


def test_classes_that_val_or_train_lacks():
    ten = {"ant": 10, "bee": 10, "cat": 10}
    assert found(split_of(train=ten, val=ten, test=ten)) == {}
    lacking = found(split_of(train=ten, val={"ant": 10, "bee": 10}, test=ten))
    assert lacking == {"classes_missing_from_val": ("warning", ("cat",), 1)}
    only = found(split_of(train={"ant": 10, "bee": 10}, val=ten, test=ten))
    assert only == {"classes_missing_from_train_val_only": ("warning", ("cat",), 1)}
    nowhere = found(split_of(train={"ant": 10, "bee": 10}, val={"ant": 5, "bee": 5}, test=ten))
    assert nowhere == {"classes_missing_from_train": ("serious", ("cat",), 1)}
    # Where nothing is called test, val is it.
    assert found(split_of(train=ten, val={"ant": 10, "bee": 10})) == {
        "classes_missing_from_val": ("warning", ("cat",), 1)
    }
    assert found(split_of(train={"ant": 10, "bee": 10}, val=ten)) == {
        "classes_missing_from_train": ("serious", ("cat",), 1)
    }


def test_columns_and_names_are_asked_what_they_tell():
    data = data_of({"ant": 60, "bee": 60})
    camera = np.array(["canon", "nikon"])[data.labels.targets]
    names = tuple(f"IMG_{4_000 + i}.jpg" for i in range(120))
    told = dataclasses.replace(data, attributes={"camera": camera}, names=names)
    assert set(found(told)) == {"column_tells_class", "names_tell_class"}
    grouped = dataclasses.replace(told, groups=np.array(["", *(f"g{i // 30}" for i in range(119))]))
    assert set(found(grouped)) <= {"column_tells_class"}


def test_cells_that_programs_write_for_nothing_are_no_classes_unasked():
    table = dataclasses.replace(data_of({"ant": 9, "nan": 8}), source="table")
    assert found(table)["classes_of_nothing"] == ("warning", ("nan: 8 images",), 8)
    folders = data_of({"ant": 9, "none": 8})
    assert "classes_of_nothing" not in found(folders)
