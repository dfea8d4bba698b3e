"""The table beside class folders: which rows belong to which image, and which do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.data.tables.roles import Columns
from headstart.data.tables.sidecar import add_sidecar, find_sidecar
from headstart.errors import DataError

NAMES = ("a/1.jpg", "a/2.jpg", "b/3.jpg")


def folders(root: Path, names: tuple[str, ...] = NAMES) -> Dataset:
    """What class folders say."""
    kinds = sorted({name.partition("/")[0] for name in names})
    targets = np.array([kinds.index(name.partition("/")[0]) for name in names])
    return Dataset(root, names, Classes(tuple(kinds), targets), np.array([""] * len(names), "U5"))


def table(root: Path, text: str, name: str = "attributes.csv") -> Path:
    (root / name).write_text(text, encoding="utf-8")
    return root / name


def column(dataset: Dataset, name: str) -> list[str]:
    return dataset.attributes[name].tolist()


def test_none_is_found(tmp_path):
    assert find_sidecar(tmp_path) is None
    data = folders(tmp_path)
    assert add_sidecar(data) is data


@pytest.mark.parametrize("name", ["attributes.csv", "metadata.csv", "attributes.tsv"])
def test_names_it_goes_by(tmp_path, name):
    assert find_sidecar(tmp_path) is None
    path = table(tmp_path, "file\n", name)
    assert find_sidecar(tmp_path) == path
    (tmp_path / "set").mkdir()
    assert find_sidecar(tmp_path / "set") == path


def test_the_nearer_one_and_attributes_go_first(tmp_path):
    (tmp_path / "set").mkdir()
    table(tmp_path, "file\n")
    near = table(tmp_path / "set", "file\n", "metadata.csv")
    assert find_sidecar(tmp_path / "set") == near
    nearest = table(tmp_path / "set", "file\n", "attributes.csv")
    assert find_sidecar(tmp_path / "set") == nearest


def test_a_folder_of_that_name_is_no_table(tmp_path):
    (tmp_path / "attributes.csv").mkdir()
    assert find_sidecar(tmp_path) is None


def test_columns_become_attributes_in_the_order_of_the_images(tmp_path):
    table(tmp_path, "file,who,age\nb/3.jpg,zoë,3\na/1.jpg,ann,1\na/2.jpg,bob,\n")
    got = add_sidecar(folders(tmp_path))
    assert column(got, "who") == ["ann", "bob", "zoë"]
    assert column(got, "age") == ["1", "", "3"]
    assert "file" not in got.attributes
    assert (got.groups, got.set_aside) == (None, ())


@pytest.mark.parametrize(
    "names",
    [
        ("a/1.jpg", "a/2.jpg", "b/3.jpg"),
        ("./a/1.jpg", "./a/2.jpg", "./b/3.jpg"),
        ("a\\1.jpg", "a\\2.jpg", "b\\3.jpg"),
        ("1.jpg", "2.jpg", "3.jpg"),
        ("elsewhere/1.jpg", "elsewhere/2.jpg", "other/3.jpg"),
        ("set/a/1.jpg", "set/a/2.jpg", "set/b/3.jpg"),
    ],
)
def test_ways_to_name_an_image(tmp_path, names):
    (tmp_path / "set").mkdir()
    table(tmp_path, "path,n\n" + "".join(f"{name},{at}\n" for at, name in enumerate(names)))
    assert column(add_sidecar(folders(tmp_path / "set")), "n") == ["0", "1", "2"]


def test_bare_names_that_are_not_unique_name_nothing(tmp_path):
    data = folders(tmp_path, ("a/1.jpg", "b/1.jpg"))
    table(tmp_path, "file,n\n1.jpg,x\n")
    got = add_sidecar(data)
    assert got.attributes == {}
    assert got.set_aside == (("attributes.csv", "it names none of the images"),)


def test_of_two_rows_the_first_counts(tmp_path):
    table(tmp_path, "file,n\na/1.jpg,first\na/1.jpg,second\n")
    assert column(add_sidecar(folders(tmp_path)), "n") == ["first", "", ""]


def test_what_has_no_row_is_counted(tmp_path):
    table(tmp_path, "file,n\na/1.jpg,x\n")
    got = add_sidecar(folders(tmp_path))
    assert got.set_aside == (("attributes.csv", "it has no row for 2 of 3 images"),)


def test_rows_of_no_image_do_not_matter(tmp_path):
    rows = "".join(f"gone/{at}.jpg,no\n" for at in range(5))
    table(tmp_path, f"file,n\n{rows}a/1.jpg,x\na/2.jpg,y\nb/3.jpg,z\n")
    got = add_sidecar(folders(tmp_path))
    assert column(got, "n") == ["x", "y", "z"]
    assert got.set_aside == ()


def test_label_group_and_split_take_their_columns(tmp_path):
    text = "file,kind,who,part\na/1.jpg,old,p1,train\na/2.jpg,,p2,\nb/3.jpg,new,,TEST\n"
    table(tmp_path, text)
    got = add_sidecar(folders(tmp_path), Columns(label="kind", group="who", split="part"))
    assert got.labels.names == ("new", "old")
    assert got.labels.targets.tolist() == [1, -1, 0]
    assert got.groups.tolist() == ["p1", "p2", ""]
    assert got.splits.tolist() == ["train", "", "test"]
    assert sorted(got.attributes) == ["kind", "part", "who"]


def test_earlier_attributes_stay(tmp_path):
    import dataclasses

    data = folders(tmp_path)
    data = dataclasses.replace(data, attributes={"before": np.array(["x", "y", "z"])})
    table(tmp_path, "file,n\na/1.jpg,1\na/2.jpg,2\nb/3.jpg,3\n")
    assert sorted(add_sidecar(data).attributes) == ["before", "n"]


def test_the_column_of_paths_may_be_said(tmp_path):
    table(tmp_path, "photo,n\na/1.jpg,1\na/2.jpg,2\nb/3.jpg,3\n")
    assert add_sidecar(folders(tmp_path)).attributes == {}
    assert column(add_sidecar(folders(tmp_path), Columns(image="photo")), "n") == ["1", "2", "3"]


@pytest.mark.parametrize("asked", ["label", "group", "split"])
def test_without_a_table_it_says_what_to_write(tmp_path, asked):
    with pytest.raises(DataError, match=r"no column 'who'.*attributes\.csv.*columns file, who"):
        add_sidecar(folders(tmp_path), Columns(**{asked: "who"}))


def test_deep_folders_hint_at_groups_by_folder(tmp_path):
    deep = folders(tmp_path, ("a/ann/1.jpg", "b/bob/2.jpg"))
    with pytest.raises(DataError, match="--group folder:N"):
        add_sidecar(deep, Columns(group="who"))
    with pytest.raises(DataError) as caught:
        add_sidecar(deep, Columns(label="who"))
    assert "folder:N" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("file,n\na/1.jpg,1\n", {"group": "who"}, r"no column 'who' in .*its columns are: file, n"),
        ("file,n\nx.jpg,1\n", {"group": "n"}, r"names none of the images below"),
        ("who,n\nann,1\n", {"group": "n"}, r"has no column that names files"),
        ("file,n\na/1.jpg,maybe\n", {"split": "n"}, r"maybe"),
    ],
)
def test_what_was_asked_for_must_be_there(tmp_path, text, options, words):
    table(tmp_path, text)
    with pytest.raises(DataError, match=words):
        add_sidecar(folders(tmp_path), Columns(**options))


def test_a_table_above_that_fits_nothing_is_anothers(tmp_path):
    (tmp_path / "set").mkdir()
    table(tmp_path, "file,n\nother.jpg,1\n")
    data = folders(tmp_path / "set")
    assert add_sidecar(data) is data


def test_a_damaged_table_is_named(tmp_path):
    table(tmp_path, "")
    with pytest.raises(DataError, match=r"attributes\.csv is empty"):
        add_sidecar(folders(tmp_path))
