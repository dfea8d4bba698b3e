"""Images packed into files of other kinds: told by their names or first bytes, with the cure."""

from __future__ import annotations

import pickle

import pytest

from headstart.data.files.packed_images import packed_images
from headstart.data.files.scan import Tree, scan
from headstart.data.open import open_dataset
from headstart.errors import DataError

FILES = {
    "train-images-idx3-ubyte": (b"\0\0\x08\x03" + bytes(60), r"MNIST \(idx\)"),
    "data_batch_1": (pickle.dumps({b"labels": [1, 2]}), "pickles are never opened"),
    "a/IM0001": (bytes(128) + b"DICM" + bytes(20), "save their slices or views"),
    "train": (b"\x1f\x8b" + bytes(9), "unpack them"),
    "data/train-00000-of-00001.parquet": (b"PAR1", "Tables with images in them"),
    "train/data-00000-of-00001.arrow": (b"ARROW1", "Tables with images in them"),
    "train_32x32.mat": (b"MATLAB", "write each image to a PNG file"),
    "x.tfrecord": (b"", "write each image to a PNG file"),
}


@pytest.mark.parametrize("name", FILES)
def test_each_kind_is_told_with_its_cure(tmp_path, name):
    content, said = FILES[name]
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=said):
        open_dataset(tmp_path, task="auto")


def test_a_table_of_such_files_does_not_hide_them(tmp_path):
    (tmp_path / "train").mkdir()
    (tmp_path / "train/p1.dcm").write_bytes(b"")
    (tmp_path / "labels.csv").write_text("patientId,Target\np1,1\n")
    for task in ("auto", "classification"):
        with pytest.raises(DataError, match="save their slices or views as PNG"):
            open_dataset(tmp_path, task=task)


def test_plain_notes_are_none(tmp_path):
    (tmp_path / "README").write_text("nothing here")
    assert packed_images(scan(tmp_path)) == ""
    assert packed_images(Tree(tmp_path, (), others=("gone",))) == ""
