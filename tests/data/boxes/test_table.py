"""Tables of boxes: units over the whole file, empty rows, groups, files without a header."""

from __future__ import annotations

import numpy as np
import pytest
from tests.data.boxed_sets import BOXES, SIZE, pictures, table

from headstart.data.boxes.table import boxes_in
from headstart.data.open import open_dataset
from headstart.errors import DataError


def written(root, lines):
    pictures(root)
    (root / "boxes.csv").write_text("\n".join(lines) + "\n")
    return root


def read(root, **told):
    return open_dataset(root, **{"task": "detection"} | told)


def rows(shape) -> list[str]:
    return [
        ",".join([f"{stem}.jpg", *map(str, shape(*box)), label])
        for stem, each in BOXES.items() for label, *box in each
    ]  # fmt: skip


CORNERS = [list(map(float, box)) for each in BOXES.values() for _, *box in each]


def shares(x0, y0, x1, y1):
    return x0 / SIZE[0], y0 / SIZE[1], x1 / SIZE[0], y1 / SIZE[1]


def sizes(x0, y0, x1, y1):
    return x0, y0, x1 - x0, y1 - y0


@pytest.mark.parametrize(
    ("header", "shape", "said"),
    [
        ("file,xmin,ymin,xmax,ymax,class", shares, "shares of the image"),
        ("image,x,y,width,height,label", sizes, "left, top, width, height, in pixels"),
        ("image,x,y,w,h,name", lambda *box: sizes(*shares(*box)), "width, height, in shares"),
        ("image_id,x1,x2,y1,y2,label", lambda x0, y0, x1, y1: (x0, x1, y0, y1), "pixels"),
        ("file,cx,cy,w,h,class", lambda x0, y0, x1, y1: ((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0,
                                                         y1 - y0), "centre"),
    ],
)  # fmt: skip
def test_units_and_sides_are_told_over_the_whole_file(tmp_path, header, shape, said):
    dataset = read(written(tmp_path, [header, *rows(shape)]))
    assert np.allclose(dataset.labels.corners, CORNERS)
    assert said in dataset.reading["files"]
    assert dataset.labelled.tolist() == [True, True, False, True], "c is in no row"


def test_a_table_given_itself_is_about_the_images_that_it_names(tmp_path):
    table(tmp_path)
    pictures(tmp_path, "images", "xyz")
    dataset = read(tmp_path / "boxes.csv", task="auto")
    assert len(dataset) == 4
    assert dataset.labels.text(2) == "no object"
    lines = (tmp_path / "boxes.csv").read_text().replace("b.jpg", "../images/b.jpg").splitlines()
    (tmp_path / "csv").mkdir()
    text = "\n".join(
        line if line.startswith(("image", "..")) else f"../images/{line}" for line in lines
    )
    (tmp_path / "csv/boxes.csv").write_text(text)
    assert len(read(tmp_path / "csv/boxes.csv")) == 4


def test_without_a_header_the_numbers_decide(tmp_path):
    lines = [*rows(lambda *box: box), "c.jpg,,,,,"]
    dataset = read(written(tmp_path, lines))
    assert dataset.labels.corners.tolist() == CORNERS
    assert dataset.labels.names == ("cat", "dog")
    assert dataset.labelled.all()
    assert "files" in dataset.guessed
    assert read(written(tmp_path, rows(sizes))).labels.corners.tolist() == CORNERS


def test_half_shares_half_pixels_is_refused_by_row(tmp_path):
    lines = ["image,xmin,ymin,xmax,ymax,label", *rows(shares), "a.jpg,1,2,30,30,cat"]
    with pytest.raises(DataError, match=r"most boxes .*shares.*1 are not, such as row 8"):
        read(written(tmp_path, lines))


def test_flags_groups_and_labels_asked_for(tmp_path):
    lines = ["image,xmin,ymin,xmax,ymax,label,kind,difficult,isgroupof,patient"]
    lines += [f"{row},{row[-3:]}2,{int(row[0] == 'b')},{int(row[0] == 'a')},p{row[0]}"
              for row in rows(lambda *box: box)]  # fmt: skip
    dataset = read(written(tmp_path, lines), group="patient", label="kind")
    assert dataset.groups.tolist() == ["pa", "pb", "", "pd"]
    assert dataset.labels.names == ("cat2", "dog2")
    assert dataset.labels.difficult.tolist() == [False, False, True, False, False, False]
    assert dataset.labels.crowd.tolist() == [True, True, *[False] * 4]
    with pytest.raises(DataError, match="no column 'nothing'"):
        read(tmp_path, label="nothing")
    with pytest.raises(DataError, match="unknown split"):
        read(tmp_path, split="patient")


def test_a_table_without_classes_has_one(tmp_path):
    lines = ["image,xmin,ymin,xmax,ymax", *(row[:-4] for row in rows(lambda *box: box))]
    dataset = read(written(tmp_path, lines))
    assert dataset.labels.names == ("object",)
    assert "no column of classes: one, object" in dataset.reading["files"]


def test_columns_that_may_be_something_else_are_boxes_only_if_asked_or_repeated(tmp_path):
    single = ["image,x,y,width,height,label", "a.jpg,1,2,3,4,cat", "b.jpg,1,2,3,4,dog"]
    path = written(tmp_path, single) / "boxes.csv"
    assert not boxes_in(path, sure=False)
    assert boxes_in(path, sure=True)
    written(tmp_path, [*single, "a.jpg,4,5,6,7,dog"])
    assert boxes_in(path, sure=False)
    path.write_text("image,label\na.jpg,cat\n")
    assert not boxes_in(path, sure=True)
    with pytest.raises(DataError, match=r"has no columns of boxes, .*its columns are: image, lab"):
        read(path)


def test_several_tables_are_refused(tmp_path):
    table(tmp_path)
    (tmp_path / "other.csv").write_bytes((tmp_path / "boxes.csv").read_bytes())
    with pytest.raises(DataError, match=r"several tables of boxes \(boxes.csv, other.csv\)"):
        read(tmp_path)


def test_an_image_of_two_splits_is_said_and_tested(tmp_path):
    lines = [f"{row},{'train' if row.endswith('cat') else 'test'}" for row in rows(sizes)]
    written(tmp_path, ["image,x,y,width,height,label,split", *lines])
    dataset = read(tmp_path)
    assert dict(dataset.set_aside)["a.jpg"] == "its rows are of train, test; taken for test"
    assert dataset.splits.tolist() == ["test", "train", "", "test"]


def test_a_label_that_never_has_a_box_says_that_nothing_is_there(tmp_path):
    table(tmp_path)
    path = tmp_path / "boxes.csv"
    path.write_text(
        path.read_text().replace("c.jpg,,,,,", "c.jpg,,,,,No finding\nc.jpg,,,,,No finding")
    )
    labels = open_dataset(tmp_path, task="detection").labels
    assert labels.names == ("cat", "dog")
    assert labels.counts.tolist() == [2, 1, 0, 3]
    assert labels.annotated.all()
