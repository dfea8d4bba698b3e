"""One table for each split is one data set with that split."""

from __future__ import annotations

import pytest
from tests.data.drawn_sets import noise, write
from tests.data.listed_sets import tabled

from headstart.data.open import open_dataset
from headstart.data.tables.split_tables import tables_by_split
from headstart.errors import DataError


def two(root, train="path,label", test="path,label", *, more=()):
    tabled(root, [train, "im0.jpg,a", "im1.jpg,b", "im2.jpg,a", *more], name="train.csv")
    return tabled(root, [test, "im3.jpg,a", "im4.jpg,b"], name="test.csv")


def test_tables_called_like_splits(tmp_path):
    dataset = open_dataset(two(tmp_path))
    assert dataset.splits.tolist() == ["train"] * 3 + ["test"] * 2
    assert [dataset.labels.text(i) for i in range(5)] == list("abaab")
    assert dataset.reading["labels"] == "column label of test.csv, train.csv"
    assert dataset.reading["splits"] == "a table each (test.csv, train.csv)"


def test_tables_in_the_folders_of_the_splits(tmp_path):
    for split in ("train", "test"):
        rows = ["file_name,label", "im0.jpg,a", "im1.jpg,b"]
        tabled(tmp_path, rows, name=f"{split}/metadata.csv", files=split)
    dataset = open_dataset(tmp_path)
    assert dataset.names == ("test/im0.jpg", "test/im1.jpg", "train/im0.jpg", "train/im1.jpg")
    assert dataset.splits.tolist() == ["test", "test", "train", "train"]


def test_an_image_in_two_tables_is_of_the_test_and_told(tmp_path):
    dataset = open_dataset(two(tmp_path, more=("im3.jpg,b",)))
    assert dataset.splits.tolist() == ["train"] * 3 + ["test"] * 2
    assert ("images/im3.jpg" in dict(dataset.set_aside)) or ("im3.jpg" in dict(dataset.set_aside))
    assert any("used as in test.csv" in why for _, why in dataset.set_aside)


def test_columns_of_other_names_are_refused(tmp_path):
    with pytest.raises(DataError, match="hold their labels differently"):
        open_dataset(two(tmp_path, test="path,species"))


def test_a_column_of_splits_beside_that_is_refused(tmp_path):
    rows = ["path,label,split", "im3.jpg,a,train", "im4.jpg,b,val"]
    two(tmp_path)
    tabled(tmp_path, rows, name="test.csv")
    with pytest.raises(DataError, match="a column of them is one too"):
        open_dataset(tmp_path)


def test_tables_of_other_names_are_not_splits(tmp_path):
    assert tables_by_split([tmp_path / "train.csv", tmp_path / "more.csv"]) == {}
    assert tables_by_split([tmp_path / "train.csv", tmp_path / "train_2.csv"]) == {}
    assert set(tables_by_split([tmp_path / "val.csv", tmp_path / "train.csv"])) == {"val", "train"}


def test_metadata_of_hugging_face_in_the_folder_of_each_split(tmp_path):
    for split, count in (("train", 4), ("test", 2)):
        for n in range(count):
            write(tmp_path / split / f"{n}.jpg", noise(n))
        lines = "".join(f'{{"file_name": "{n}.jpg", "label": {n % 2}}}\n' for n in range(count))
        (tmp_path / split / "metadata.jsonl").write_text(lines)
    dataset = open_dataset(tmp_path, task="auto")
    assert dataset.labels.names == ("0", "1")
    assert dataset.splits.tolist() == ["test"] * 2 + ["train"] * 4


def signs(root, labels="0101"):
    """GTSRB as Kaggle has it: class folders to train on, one folder to test on, tables of both."""
    train = [f"Train/{k}/{n}.png" for k in "01" for n in range(2)]
    test = [f"Test/{n}.png" for n in range(4)]
    for row, name in enumerate([*train, *test, "Meta/0.png"]):
        write(root / name, noise(row))
    told = [f"40,{name.split('/')[1]},{name}" for name in train]
    (root / "Train.csv").write_text("\n".join(["Width,ClassId,Path", *told]))
    told = [f"40,{label},{name}" for label, name in zip(labels, test, strict=False)]
    (root / "Test.csv").write_text("\n".join(["Width,ClassId,Path", *told]))
    (root / "Meta.csv").write_text("Path,ClassId\nMeta/0.png,0\n")
    return root


def test_a_table_says_what_one_folder_of_the_test_does_not(tmp_path):
    dataset = open_dataset(signs(tmp_path))
    assert dataset.splits.tolist() == ["test"] * 4 + ["train"] * 4
    assert [dataset.labels.text(i) for i in range(8)] == list("01010011")
    assert dataset.reading["labels"].endswith("as the folders have them")


def test_tables_that_say_otherwise_than_the_folders_are_not_read(tmp_path):
    text = (signs(tmp_path) / "Train.csv").read_text().replace("40,0,", "40,7,")
    (tmp_path / "Train.csv").write_text(text)
    dataset = open_dataset(tmp_path)
    assert len(dataset) == 4
    assert "is not read" in dataset.reading["labels"] or "are not read" in dataset.reading["labels"]
