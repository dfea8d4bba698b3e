"""A column that numbers folds is no class and no split, and is said."""

from __future__ import annotations

import pytest
from tests.data.listed_sets import tabled

from headstart.data.open import open_dataset
from headstart.data.tables.fold_column import fold_column
from headstart.data.tables.tables import Table
from headstart.errors import DataError


def table(path, **columns):
    return Table(path, columns)


@pytest.mark.parametrize(
    "name", ["fold", "Fold", "kfold", "k-fold", "folds", "fold_id", "cv_fold", "skfold", "cv"]
)
@pytest.mark.parametrize("cells", [["0", "1", "4"], ["1.0", "10.0"], ["fold1", "fold_2"]])
def test_folds_are_known_by_name_and_numbers(tmp_path, name, cells):
    assert fold_column(table(tmp_path, file=["a"], **{name: cells}), {"file"}) == name


@pytest.mark.parametrize(
    "columns",
    [{"fold": ["train", "test"]}, {"fold": ["0", "0"]}, {"fold": ["0.5", "1.5"]},
     {"manifold": ["0", "1"]}, {"folder": ["0", "1"]}, {"cvd": ["0", "1"]}],
)  # fmt: skip
def test_other_columns_are_none(tmp_path, columns):
    assert fold_column(table(tmp_path, **columns), set()) is None


def test_folds_are_said_and_never_classes(tmp_path):
    rows = [f"im{n}.jpg,{n % 2}" for n in range(6)]
    dataset = open_dataset(tabled(tmp_path, ["image,fold", *rows]), task="auto")
    assert not dataset.labelled.any()
    assert "--group fold keeps each whole" in dataset.reading["splits"]
    assert dataset.attributes["fold"].tolist() == ["0", "1"] * 3
    asked = open_dataset(tmp_path, group="fold")
    assert asked.groups.tolist() == ["0", "1"] * 3
    assert asked.reading["splits"] == "none"


def test_folds_beside_classes_written_as_columns(tmp_path):
    rows = [
        f"im{n}.jpg,{n % 2}," + ",".join(str(int(n % 3 == k)) for k in range(3)) for n in range(6)
    ]
    dataset = open_dataset(tabled(tmp_path, ["image,kfold,a,b,c", *rows]))
    assert dataset.labels.names == ("a", "b", "c")


def test_folds_of_boxes_and_beside_class_folders(tmp_path):
    rows = [f"im{n}.jpg,1,2,20,20,cat,{n % 3}" for n in range(6)]
    tabled(tmp_path / "boxes", ["image,xmin,ymin,xmax,ymax,label,fold", *rows])
    dataset = open_dataset(tmp_path / "boxes", task="auto")
    assert dataset.task == "detection"
    assert "column fold numbers folds" in dataset.reading["files"]
    for name in "ab":
        tabled(tmp_path / "c", ["file,fold", *(f"im{n}.jpg,{n}" for n in range(6))], files=name)
    (tmp_path / "c/t.csv").unlink()
    text = "\n".join(["file,fold", *(f"{c}/im{n}.jpg,{n}" for c in "ab" for n in range(6))])
    (tmp_path / "c/attributes.csv").write_text(text)
    assert "numbers folds" in open_dataset(tmp_path / "c").reading["splits"]


def test_folds_as_a_split_are_refused(tmp_path):
    rows = [f"im{n}.jpg,{'ab'[n % 2]},{n % 3}" for n in range(6)]
    with pytest.raises(DataError, match="unknown split"):
        open_dataset(tabled(tmp_path, ["image,label,fold", *rows]), split="fold")
