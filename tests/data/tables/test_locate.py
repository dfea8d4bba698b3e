"""Where the files of a table are: one folder, several, or refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from headstart.data.tables.locate import locate
from headstart.errors import DataError


def make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def found(root: Path, table: str, *cells: str) -> list[str]:
    located = locate(root / table, list(cells))
    return [n if t else "" for n, t in zip(located.names, located.there, strict=True)]


@pytest.mark.parametrize("split", ["train", "val"])
def test_the_name_of_the_table_decides_between_equals(tmp_path, split):
    make(tmp_path, *(f"{folder}/{n}.jpg" for folder in ("train", "val", "test") for n in (1, 2)))
    assert found(tmp_path, f"{split}.csv", "1.jpg", "2.jpg") == [f"{split}/1.jpg", f"{split}/2.jpg"]
    assert locate(tmp_path / f"{split}_labels.csv", ["1.jpg"]).said == f"in {split}/"
    with pytest.raises(DataError, match=r"names 1\.jpg, and .*/ and .*/ both hold such a file"):
        locate(tmp_path / "labels.csv", ["1.jpg"])


def test_a_name_that_speaks_against_the_files_is_refused(tmp_path):
    make(tmp_path, "train/1.jpg", "train/2.jpg", "val/1.jpg")
    with pytest.raises(DataError, match="both hold such a file"):
        locate(tmp_path / "val.csv", ["1.jpg", "2.jpg"])
    # Nobody speaks for val, and train alone has them all.
    assert found(tmp_path, "all.csv", "1.jpg", "2.jpg") == ["train/1.jpg", "train/2.jpg"]


def test_files_may_be_spread_over_folders(tmp_path):
    make(tmp_path, "part_1/a.jpg", "part_2/b.jpg", "deep/er/c.jpg")
    located = locate(tmp_path / "t.csv", ["a.jpg", "b.jpg", "c.jpg"])
    assert located.names == ["part_1/a.jpg", "part_2/b.jpg", "deep/er/c.jpg"]
    assert located.said == "in deep/er/, part_1/, part_2/"


def test_the_own_folder_comes_first_and_masks_last(tmp_path):
    make(tmp_path, "1.jpg", "thumbs/1.jpg", "set/images/2.jpg", "set/masks/2.jpg")
    assert found(tmp_path, "t.csv", "1.jpg") == ["1.jpg"]
    assert found(tmp_path, "set/t.csv", "2.jpg") == ["set/images/2.jpg"[4:]]


def test_names_may_lack_their_ending(tmp_path):
    make(tmp_path, "images/ISIC_1.jpg", "images/x.1.png", "images/two.jpg", "images/two.png")
    located = locate(tmp_path / "t.csv", ["ISIC_1", "x.1", "two", "ISIC_1.png"])
    assert located.names[:2] == ["images/ISIC_1.jpg", "images/x.1.png"]
    assert located.doubtful == {2: "several files fit: two.jpg, two.png"}
    assert located.there[3] is False, "another ending is another file"


@pytest.mark.parametrize(("disk", "cell"), [("e\u0301", "\u00e9"), ("\u00e9", "e\u0301")])
def test_letters_composed_in_two_ways_are_one_name(tmp_path, disk, cell):
    make(tmp_path, f"{disk}/{disk}.jpg", f"{disk}.jpg")
    assert found(tmp_path, "t.csv", f"{cell}/{cell}.jpg", f"{cell}.jpg", f"{cell}") == [
        f"{disk}/{disk}.jpg", f"{disk}.jpg", f"{disk}.jpg",
    ]  # fmt: skip


def test_absolute_paths_and_those_above(tmp_path):
    make(tmp_path, "a/1.jpg", "b/2.jpg")
    located = locate(tmp_path / "a" / "t.csv", ["1.jpg", "../b/2.jpg", str(tmp_path / "b/2.jpg")])
    assert located.names == ["a/1.jpg", "b/2.jpg", "b/2.jpg"]
    assert located.root == tmp_path


def test_two_files_whose_names_look_the_same_are_doubtful(tmp_path):
    make(tmp_path, "e\u0301.jpg", "\u00e9.jpg", "b.jpg")
    located = locate(tmp_path / "t.csv", ["\u00e9.jpg", "b.jpg"])
    assert list(located.doubtful) == [0]
    assert located.names[1] == "b.jpg"


def _laid(tmp_path, *names):
    for name in names:
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("x")
    return tmp_path / "t.csv"


def test_other_case_is_read_and_said(tmp_path):
    table = _laid(tmp_path, "images/img_1.jpg", "images/img_2.jpg")
    found = locate(table, ["Images\\IMG_1.JPG", "Images\\img_2.jpg"])
    assert found.names == ["images/img_1.jpg", "images/img_2.jpg"]
    assert all(found.there)
    assert "2 names with letters of other case" in found.said


def test_the_very_name_goes_before_other_case_and_two_that_fit_are_doubtful(tmp_path):
    table = _laid(tmp_path, "a.jpg", "A.jpg", "b.jpg", "B.jpg")
    found = locate(table, ["a.jpg", "B.JPG"])
    assert found.names[0] == "a.jpg"
    assert found.doubtful == {1: "several files fit: B.jpg, b.jpg"}


def test_numbers_that_lost_their_zeros_are_found_and_said(tmp_path):
    table = _laid(tmp_path, *(f"{i:05}.jpg" for i in range(12)))
    found = locate(table, ["0", "7", "11"])
    assert found.names == ["00000.jpg", "00007.jpg", "00011.jpg"]
    assert "3 names without their zeros" in found.said
    two = locate(_laid(tmp_path, *(f"{i:03}.jpg" for i in range(12))), ["7"])
    assert list(two.doubtful.values()) == ["several files fit: 00007.jpg, 007.jpg"]


def test_zeros_are_no_way_out_where_files_are_missing(tmp_path):
    table = _laid(tmp_path, "1.jpg", "2.jpg", "0003.jpg")
    found = locate(table, ["1.jpg", "2.jpg", "3.jpg", "4.5"])
    assert found.there == [True, True, False, False]


@pytest.mark.parametrize(
    "place", ["C:\\Users\\me\\data\\images\\", "/home/me/images/", "https://x.org/a/"]
)
def test_paths_of_another_place_are_cut_to_what_is_here(tmp_path, place):
    make(tmp_path, "images/1.jpg", "images/2.JPG")
    cells = [f"{place}1.jpg", f"{place}2.jpg"]
    assert found(tmp_path, "t.csv", *cells) == ["images/1.jpg", "images/2.JPG"]
    assert "paths of another place without" in locate(tmp_path / "t.csv", cells).said


def test_names_of_an_upload_are_those_before_it(tmp_path):
    make(tmp_path, "images/1.jpg", "images/2.jpg")
    cells = [f"/data/upload/3/0a1b2c3d-{n}.jpg" for n in (1, 2)]
    assert found(tmp_path, "t.csv", *cells) == ["images/1.jpg", "images/2.jpg"]
    assert locate(tmp_path / "t.csv", cells).said.endswith("names as they were before an upload")


def test_what_is_nowhere_stays_as_it_is_written(tmp_path):
    make(tmp_path, "images/1.jpg")
    located = locate(tmp_path / "t.csv", ["x/7.jpg", "x/8.jpg"])
    assert (located.names, located.there) == (["x/7.jpg", "x/8.jpg"], [False, False])


def test_names_as_addresses_write_them(tmp_path):
    make(tmp_path, "my images/pic 1.jpg", "my images/pic 2.jpg")
    cells = ["my%20images/pic%201.jpg", "my%20images/pic%202.jpg"]
    located = locate(tmp_path / "t.csv", cells)
    assert located.names == ["my images/pic 1.jpg", "my images/pic 2.jpg"]
    assert "as addresses write them" in located.said
    make(tmp_path, "50%20.jpg", "50 .jpg")
    assert found(tmp_path, "t.csv", "50%20.jpg") == ["50%20.jpg"], "as it is, where it is there"
