"""Tables with a column of masks."""

from __future__ import annotations

import numpy as np
import pytest
from tests.data.drawn_sets import blocks, noise, write

from headstart.data.masks.table import holds_masks, open_mask_table
from headstart.data.open import open_dataset
from headstart.data.tables.roles import Columns
from headstart.errors import DataError


def table(root, head="image,mask", row="a/{n}.jpg,b/{n}.png", count=4, values=(0, 255)):
    rows = [head]
    for n in range(count):
        write(root / f"a/{n}.jpg", noise(n))
        write(root / f"b/{n}.png", blocks(n, values))
        rows.append(row.format(n=n, kind="uv"[n % 2], split=("train", "test")[n % 2]))
    (root / "t.csv").write_text("\n".join(rows))
    return root / "t.csv"


@pytest.mark.parametrize("task", ["segmentation", "auto"])
def test_a_table_of_images_and_masks(tmp_path, task):
    path = table(tmp_path, "image,mask,split,site", "a/{n}.jpg,b/{n}.png,{split},s{n}")
    dataset = open_dataset(path, task=task, group="site")
    assert dataset.task == "segmentation"
    assert dataset.names == tuple(f"a/{n}.jpg" for n in range(4))
    assert dataset.splits.tolist() == ["train", "test"] * 2
    assert dataset.groups is not None
    assert dataset.reading["labels"] == "column mask, masks of 4: 0 background, 255 foreground"
    assert set(np.unique(dataset.labels.read(2))) == {0, 1}


def test_a_row_without_a_mask_is_not_annotated(tmp_path):
    path = table(tmp_path)
    path.write_text(path.read_text().replace("a/1.jpg,b/1.png", "a/1.jpg,"))
    assert open_mask_table(path, Columns()).labelled.tolist() == [True, False, True, True]


def test_a_column_says_what_masks_show_only_when_that_is_said(tmp_path):
    path = table(tmp_path, "image,mask,class", "a/{n}.jpg,b/{n}.png,{kind}")
    with pytest.raises(DataError, match=r"--label class if .*--label none if"):
        open_dataset(path, task="segmentation")
    named = open_dataset(path, task="segmentation", label="class")
    assert named.labels.names == ("background", "u", "v")
    assert "column class says, as asked" in named.reading["labels"]
    plain = open_dataset(path, task="segmentation", label="none")
    assert plain.labels.names == ("background", "foreground")
    assert open_dataset(path, task="auto").task == "classification"


def test_masks_of_several_values_say_themselves_what_they_show(tmp_path):
    path = table(tmp_path, "image,mask,class", "a/{n}.jpg,b/{n}.png,{kind}", values=(0, 1, 2))
    dataset = open_dataset(path, task="segmentation")
    assert dataset.labels.names == ("background", "1", "2")


def test_several_masks_of_an_image_are_its_parts(tmp_path):
    path = table(tmp_path)
    path.write_text(
        "image,mask,part\na/0.jpg,b/0.png,crack\na/0.jpg,b/1.png,dent\na/1.jpg,b/2.png,dent\n"
    )
    dataset = open_dataset(path, task="segmentation", label="part")
    assert dataset.labels.names == ("background", "crack", "dent")
    assert set(np.unique(dataset.labels.read(0))) == {0, 1, 2}
    dataset = open_dataset(path, task="segmentation")
    assert dataset.labelled.tolist() == [False, True]
    assert "several rows with different masks" in dict(dataset.set_aside)["a/0.jpg"]


def test_missing_files_are_named_or_refused(tmp_path):
    path = table(tmp_path)
    (tmp_path / "b/1.png").unlink()
    dataset = open_mask_table(path, Columns())
    assert ("b/1.png", "a mask named in the table, but not there") in dataset.set_aside
    assert dataset.labelled.tolist() == [True, False, True, True]
    for n in (0, 2):
        (tmp_path / f"b/{n}.png").unlink()
    with pytest.raises(DataError, match="3 of 4 masks named in"):
        open_mask_table(path, Columns())


def test_a_table_without_a_column_of_masks_is_refused(tmp_path):
    path = table(tmp_path, "image,shape")
    assert not holds_masks(path, Columns())
    with pytest.raises(DataError, match=r"no column of .* is called mask"):
        open_dataset(path, task="segmentation")


def test_a_column_called_mask_that_names_no_files_is_none(tmp_path):
    path = table(tmp_path, row="a/{n}.jpg,yes")
    assert not holds_masks(path, Columns())
    assert open_dataset(path, task="auto").task == "classification"
