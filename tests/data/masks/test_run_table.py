"""Tables of run lengths: classes, empty cells, down or along, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from tests.data.drawn_sets import noise, write

from headstart.data.masks.run_table import holds_runs, run_tables
from headstart.data.open import open_dataset
from headstart.errors import DataError

AREA = np.zeros((10, 16), bool)
AREA[2:8, 3:9] = True


def runs(area, down=True):
    flat = np.concatenate([[0], (area.T if down else area).ravel(), [0]]).astype(int)
    ends = np.flatnonzero(np.diff(flat)) + 1
    return " ".join(f"{a} {b - a}" for a, b in zip(ends[::2], ends[1::2], strict=True))


def kaggle(root, rows, header="ImageId,ClassId,EncodedPixels", size=(16, 10)):
    for name in "abc":
        write(root / f"train_images/{name}.png", noise(ord(name), size=size))
    write(root / "test_images/t.png", noise(9, size=size))
    (root / "train.csv").write_text("\n".join([header, *rows]))
    (root / "sample_submission.csv").write_text(f"{header}\nt.png,1,1 5\n")
    return root


def test_a_folder_of_kaggle_is_read_down_the_columns(tmp_path):
    rows = [f"a.png,1,{runs(AREA)}", "b.png,2,1 10", "c.png,1,"]
    dataset = open_dataset(kaggle(tmp_path, rows), task="auto")
    assert dataset.task == "segmentation"
    assert dataset.labels.names == ("background", "1", "2")
    masks = {name[-5:]: source for name, source in zip(dataset.names, dataset.labels.sources)}
    assert ((masks["a.png"].read() == 1) == AREA).all()
    assert masks["b.png"].read()[:, 0].tolist() == [2] * 10
    assert not masks["c.png"].read().any()
    assert masks["t.png"] is None  # to be predicted, not empty
    assert dataset.reading["files"] == "drawn by train.csv (run lengths down the columns)"


def test_runs_along_the_rows_are_seen_and_several_rows_join(tmp_path):
    other = np.roll(AREA, 7, axis=1)
    rows = [f"a,{runs(AREA, down=False)}", f"a,{runs(other, down=False)}", "b,", "c,-1"]
    dataset = open_dataset(kaggle(tmp_path, rows, "id,annotation") / "train.csv", task="auto")
    assert "run lengths along the rows" in dataset.reading["files"]
    at = [name[-5:] for name in dataset.names].index("a.png")
    assert ((dataset.labels.sources[at].read() == 1) == (AREA | other)).all()


def test_square_images_do_not_tell_and_that_is_said(tmp_path):
    kaggle(tmp_path, ["a.png,1,3 2"], size=(8, 8))
    said = open_dataset(tmp_path / "train.csv", task="auto").reading["files"]
    assert "which square images do not tell" in said


def test_image_and_class_in_one_cell(tmp_path):
    rows = [f"a.png_Fish,{runs(AREA)}", "a.png_Sugar,", "b.png_Fish,", "b.png_Sugar,1 2"]
    dataset = open_dataset(kaggle(tmp_path, rows, "Image_Label,EncodedPixels"), task="auto")
    assert dataset.labels.names == ("background", "Fish", "Sugar")


def test_a_run_outside_of_its_image_is_refused_by_row(tmp_path):
    with pytest.raises(DataError, match=r"train.csv, row 3: a run lies outside of its image of 16"):
        open_dataset(kaggle(tmp_path, ["a.png,1,1 5", "b.png,1,159 3"]), task="auto")


def test_other_tables_hold_none(tmp_path):
    kaggle(tmp_path, ["a.png,1,1 5"], "file,kind,segmentation")
    assert run_tables(tmp_path) == [tmp_path / "train.csv"]
    (tmp_path / "train.csv").write_text("file,segmentation\na.png,masks/a.png\n")
    assert not holds_runs(tmp_path / "train.csv")
    assert not holds_runs(tmp_path / "gone.csv")
