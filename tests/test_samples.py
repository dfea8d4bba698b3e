"""The digits of scikit-learn as a folder of images."""

from __future__ import annotations

import pytest

from headstart.data.open import open_dataset
from headstart.errors import OutputError
from headstart.images.decode import decode, read_bytes
from headstart.samples import write_digits


def test_write_digits(tmp_path):
    folder = write_digits(tmp_path / "new" / "digits")
    dataset = open_dataset(folder)
    assert len(dataset) == 1797
    assert dataset.labels.names == tuple("0123456789")
    assert dataset.labels.counts.min() > 170
    decoded = decode(read_bytes(dataset.path(0)))
    assert (decoded.width, decoded.height, decoded.mode) == (32, 32, "L")
    assert decoded.pixels[0, 0].min() > 200
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == ["digits"]


def test_nothing_is_overwritten(tmp_path):
    (tmp_path / "digits").mkdir()
    (tmp_path / "digits" / "mine.txt").write_text("x")
    with pytest.raises(OutputError, match="already"):
        write_digits(tmp_path / "digits")
    assert [p.name for p in tmp_path.iterdir()] == ["digits"]


def test_an_empty_folder_may_be_filled_and_a_file_is_in_the_way(tmp_path):
    (tmp_path / "digits").mkdir()
    assert write_digits(tmp_path / "digits").is_dir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot write"):
        write_digits(tmp_path / "file" / "digits")
