from pathlib import Path

import numpy as np
import pytest

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.errors import DataError


def made(splits, **more):
    n = len(splits)
    names = tuple(f"{k}.png" for k in range(n))
    labels = Classes(("a", "b"), np.arange(n) % 3 - 1)
    return Dataset(Path("root"), names, labels, np.array(splits, str), **more)


@pytest.mark.parametrize(
    ("splits", "tested", "name"),
    [
        (["train", "test", "train"], [1], "test"),
        (["train", "val", "test"], [2], "test"),  # val is for whoever trains
        (["train", "val", "train"], [1], "val"),  # as in many published sets
        (["", "test", ""], [1], "test"),
        (["train", "train", "train"], [], "val"),
        (["", "", ""], [], "val"),
        (["test", "test", "test"], [], "test"),  # nothing would be left to train on
        (["val", "val", "val"], [], "val"),
        (["val", "test", "test"], [1, 2], "test"),
        ([], [], "val"),
    ],
)
def test_the_test_that_data_bring_along(splits, tested, name):
    data = made(splits)
    assert np.flatnonzero(data.tested()).tolist() == tested
    assert data.tested().dtype == bool
    assert data.tested().shape == (len(splits),)
    assert data.test_name == name


def test_some_items_take_everything_along():
    data = made(
        ["train", "test", "train"], groups=np.array(["p", "q", "r"]),
        attributes={"age": np.array(["1", "2", "3"])}, task="classification", source="table",
        set_aside=(("gone.png", "missing"),),
    )  # fmt: skip
    for some in (data.take(np.array([2, 0])), data.take(np.array([True, False, True]))):
        assert set(some.names) == {"0.png", "2.png"}
        assert len(some) == 2
        assert some.set_aside == data.set_aside
        assert some.source == "table"
    some = data.take(np.array([2, 0]))
    assert some.names == ("2.png", "0.png")
    assert some.groups.tolist() == ["r", "p"]
    assert some.attributes["age"].tolist() == ["3", "1"]
    assert [some.labels.text(i) for i in range(2)] == ["b", ""]
    assert some.path(0) == Path("root/2.png")
    assert data.labelled.tolist() == [False, True, True]


def test_images_of_which_nothing_is_known():
    data = Dataset.unlabelled(["x.png", "y.png"], root=Path("z"))
    assert not data.labelled.any()
    assert not data.tested().any()
    assert data.path(1) == Path("z/y.png")
    assert data.source == "unlabelled"


def test_columns_of_another_length_are_refused():
    with pytest.raises(ValueError, match=r"column 'groups' must be \(2,\)"):
        made(["", ""], groups=np.array(["p"]))
    with pytest.raises(ValueError, match="column 'age'"):
        made(["", ""], attributes={"age": np.array(["1", "2", "3"])})
    with pytest.raises(ValueError, match="labels must be of 1 items, got 2"):
        Dataset(Path(), ("a",), Classes(("a",), np.zeros(2, int)), np.array([""]))


def test_it_says_how_the_data_were_understood_and_what_was_guessed():
    reading = {"labels": "column class", "groups": "column patient"}
    data = made(
        ["test", "train", "train", ""], attributes={"age": np.array(["1", "", "3", "4"])},
        reading=reading, guessed=frozenset(["groups"]), set_aside=(("x.png", "empty"),),
    )  # fmt: skip
    assert repr(data).splitlines() == [
        "Dataset of 4 images for classification (2 labelled) in root",
        "  images: train 2, test 1, in no split 1",
        "  labels: column class",
        "  groups: column patient (a guess)",
        "  attributes: age",
        "  set aside: 1",
    ]
    assert repr(made([""] * 3)).count("\n") == 0


def test_a_column_that_is_not_there_is_said_with_where_it_has_to_stand():
    given = made(["train", "test"], attributes={"age": np.array(["1", "2"])})
    given.require_columns(["age"], "--by")
    with pytest.raises(
        DataError, match=r"^--by sex: .* they have age\. .*\(file,sex\).* train again"
    ):
        given.require_columns(["age", "sex"], "--by")
