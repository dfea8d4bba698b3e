import dataclasses

import numpy as np
import pytest

from headstart.data.classes.corrections import apply_corrections
from headstart.data.dataset import Dataset
from headstart.data.open import open_dataset
from headstart.errors import DataError


@pytest.fixture
def sheet(tmp_path):
    def write(*rows, head="file,label,suggested,corrected"):
        file = tmp_path / "sheet.csv"
        file.write_text("\n".join([head, *rows]) + "\n")
        return file

    return write


def test_what_is_filled_in_is_corrected_and_recorded(images, sheet):
    data = open_dataset(images)
    file = sheet(
        "class_a/00.png,class_a,class_b,class_b", "class_a/01.png,class_a,class_c,",
        "class_b/00.png,class_b,class_c,class_b",
    )  # fmt: skip
    found = apply_corrections(data, file)
    assert found.labels.text(0) == "class_b"
    assert found.labels.text(1) == "class_a"
    assert data.labels.text(0) == "class_a", "the data given stay as they are"
    assert found.reading["corrections"] == f"1 label changed by {file}"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("class_a/99.png,class_a,,class_b", "line 2: class_a/99.png is not among the images"),
        ("class_a/00.png,class_c,,class_b", "made for other labels"),
        ("class_a/00.png,class_a,,clas_b", "there is no class clas_b; choose of class_a"),
    ],
)
def test_what_does_not_fit_is_refused_by_its_line(images, sheet, row, why):
    with pytest.raises(DataError, match=why):
        apply_corrections(open_dataset(images), sheet(row))


def test_files_that_are_none(images, sheet, tmp_path):
    data = open_dataset(images)
    with pytest.raises(DataError, match="cannot read"):
        apply_corrections(data, tmp_path / "none.csv")
    with pytest.raises(DataError, match="needs the columns file, label, corrected"):
        apply_corrections(data, sheet("a,b", head="file,label"))
    with pytest.raises(DataError, match="needs the columns"):
        apply_corrections(data, sheet())


def test_numbers_are_not_corrected(sheet):
    import numpy as np

    from headstart.data.labels import Numbers

    ages = Dataset(None, ("a",), Numbers("age", np.array([3.0])), np.array([""]))
    with pytest.raises(DataError, match="classes are corrected"):
        apply_corrections(ages, sheet("a,3,,4"))


def test_what_a_spreadsheet_made_of_it_is_read(images, tmp_path):
    file = tmp_path / "sheet.csv"
    rows = ["file;label;suggested;corrected", "class_a/00.png;class_a;class_b;class_b"]
    file.write_bytes("\r\n".join(rows).encode("utf-8-sig"))
    assert apply_corrections(open_dataset(images), file).labels.text(0) == "class_b"
    file.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="its columns are a, b"):
        apply_corrections(open_dataset(images), file)


def test_labels_of_the_test_that_change_are_told(images, sheet, caplog):
    data = open_dataset(images)
    data = dataclasses.replace(data, splits=np.where(np.arange(len(data)) % 2, "train", "test"))
    file = sheet("class_a/00.png,class_a,class_b,class_b", "class_a/01.png,class_a,class_b,class_b")
    with caplog.at_level("INFO", "headstart.data"):
        apply_corrections(data, file)
    assert f"2 labels changed by {file}, 1 of them of the test" in caplog.text
