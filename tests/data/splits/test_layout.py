"""Which folders are splits, and where that can be read in two ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from headstart.data.classes.folders import open_folders
from headstart.data.files.scan import Tree
from headstart.data.open import open_dataset
from headstart.data.splits.layout import numbered_parts, split_folders, splits_inside_classes
from headstart.errors import DataError, OptionError


def tree(*names: str) -> Tree:
    return Tree(Path("root"), tuple(sorted(names)))


def classes(*tops: str, below: tuple[str, ...] = ("cat", "dog"), inner: bool = False) -> list[str]:
    return [
        f"{top}/{top + '/' if inner else ''}{name}/{top}{name}.jpg"
        for top in tops
        for name in below
    ]


@pytest.mark.parametrize("inner", [False, True])
@pytest.mark.parametrize(
    "tops", [("training_set", "test_set"), ("seg_train", "seg_test"), ("train", "test1"),
             ("TrainImages", "valImages"), ("train_2019", "train_2020", "test_2020")],
)  # fmt: skip
def test_words_in_the_names_say_it(tops, inner):
    found = open_folders(tree(*classes(*tops, inner=inner)))
    assert found.labels.names == ("cat", "dog")
    assert set(found.splits) <= {"train", "val", "test"}
    assert len(set(found.splits)) == 2
    assert all(f"{top}/ (" in found.reading["splits"] for top in tops)


def test_images_to_predict_are_set_aside():
    names = [*classes("seg_train", "seg_test", inner=True), "seg_pred/seg_pred/1.jpg"]
    found = open_folders(tree(*names))
    assert len(found) == 4
    assert dict(found.set_aside)["seg_pred/seg_pred"] == "1 image to predict, without labels"


@pytest.mark.parametrize("names", [("training_set/1.jpg", "test_set/2.jpg"),
                                   ("train_station/a/1.jpg", "test_tube/b/1.jpg")])  # fmt: skip
def test_two_readings_are_refused_with_both_and_the_flag(names):
    with pytest.raises(
        DataError, match=r"called like splits, and could be classes.*--label folder:1"
    ):
        open_folders(tree(*names))
    assert len(open_folders(tree(*names), level=1).labels.names) == 2


@pytest.mark.parametrize(
    "tops", [("fold1", "fold2", "fold3"), ("2019", "2020"), ("site_1", "site_2")]
)
def test_numbered_folders_of_the_same_folders_are_refused(tops):
    names = classes(*tops)
    with pytest.raises(DataError, match=r"numbered and hold the same folders \(cat, dog\)"):
        open_folders(tree(*names))
    assert open_folders(tree(*names), level=2).labels.names == ("cat", "dog")
    assert open_folders(tree(*names), level=1).labels.names == tuple(sorted(tops))


@pytest.mark.parametrize("tops", [("hydrated", "dehydrated"), ("grade 1", "grade 2"), ("a", "b")])
def test_people_in_each_class_are_no_classes(tops):
    found = open_folders(tree(*classes(*tops, below=("anna", "ben"))))
    assert found.labels.names == tuple(sorted(tops))


def test_splits_in_the_classes():
    assert splits_inside_classes(tree("a/train_set/1.jpg", "a/test_set/2.jpg")) == ["test", "train"]
    assert splits_inside_classes(tree("a/train/1.jpg", "a/2.jpg")) is None
    assert split_folders(tree("a/1.jpg", "b/2.jpg")) == {}


def test_a_level_takes_the_splits_above_it():
    found = open_folders(tree(*classes("train_x", "test_y")), level=2)
    assert found.labels.names == ("cat", "dog")
    assert set(found.splits) == {"train", "test"}
    with pytest.raises(DataError, match="lies 5 folders deep"):
        open_folders(tree("a/1.jpg"), level=5)


def test_a_table_has_no_folders_to_take_labels_from(tmp_path):
    (tmp_path / "t.csv").write_text("file,label\n1.jpg,a\n")
    with pytest.raises(DataError, match=r"--label folder:2: .*t\.csv is a table"):
        open_dataset(tmp_path / "t.csv", label="folder:2")
    with pytest.raises(OptionError, match="folder:1 is the first folder"):
        open_dataset(tmp_path, label="folder:-1")


def test_parts_are_numbered_and_called_so():
    assert numbered_parts(tree("images_001/a.jpg", "images_002/b.jpg"))
    assert not numbered_parts(tree("site_1/a.jpg", "site_2/b.jpg"))
    assert not numbered_parts(tree("images_001/x/a.jpg", "images_002/x/b.jpg"))


def test_words_of_two_splits_beside_other_folders_are_two_readings(tmp_path):
    names = [f"{top}/0002_c1.jpg" for top in ("bounding_box_train", "bounding_box_test", "query")]
    with pytest.raises(DataError, match=r"bounding_box_test, bounding_box_train .* like splits"):
        split_folders(Tree(tmp_path, tuple(names)))
    assert split_folders(Tree(tmp_path, ("train/1.jpg", "bus/2.jpg", "ship/3.jpg"))) == {}
