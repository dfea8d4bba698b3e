"""Pascal VOC: flags, pixels counted from 1, files that are hostile or of other images."""

from __future__ import annotations

import numpy as np
import pytest
from tests.data.boxed_sets import BOXES, picture, voc, voc_text

from headstart.data.files.scan import scan
from headstart.data.open import open_dataset
from headstart.data.tools.voc import list_splits, parse_xml, voc_files
from headstart.errors import DataError


def read(root):
    return open_dataset(root, task="detection")


def test_flags_are_kept_and_vocs_own_files_count_from_one(tmp_path):
    voc(tmp_path)
    path = tmp_path / "Annotations/a.xml"
    text = path.read_text().replace("<difficult>0", "<difficult>1", 1)
    text = text.replace("<truncated>0</truncated><difficult>0", "<truncated>1</truncated>"
                        "<difficult>0", 1)  # fmt: skip
    path.write_text(text)
    labels = read(tmp_path).labels
    assert labels.difficult.tolist() == [True, *[False] * 5]
    assert labels.truncated.tolist() == [False, True, *[False] * 4]
    assert labels.corners[0].tolist() == [4, 6, 24, 26]
    source = "<source><database>The VOC2007 Database</database></source><size>"
    path.write_text(text.replace("<size>", source))
    assert read(tmp_path).labels.corners[0].tolist() == [3, 5, 24, 26]


@pytest.mark.parametrize(
    "bad",
    [
        '<!DOCTYPE a [<!ENTITY x "xxxxxxxxxx">]><annotation>&x;</annotation>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><annotation></annotation>',
        "<annotation><object>", "<annotation>\0</annotation>",
    ],
)  # fmt: skip
@pytest.mark.parametrize("code", ["utf-8", "utf-16"])
def test_entities_and_torn_files_are_set_aside_by_name(tmp_path, bad, code):
    voc(tmp_path)
    (tmp_path / "Annotations/b.xml").write_bytes(bad.encode(code))
    with pytest.raises(DataError, match=r"b\.xml: (it declares|no readable XML)"):
        parse_xml(tmp_path / "Annotations/b.xml")
    dataset = read(tmp_path)
    assert [name for name, _ in dataset.set_aside] == ["Annotations/b.xml"]
    assert not dataset.labelled[dataset.names.index("JPEGImages/b.jpg")]


def test_other_encodings_are_read(tmp_path):
    text = voc_text(BOXES["b"]).replace("cat", "Kätzchen")
    for number, (code, head) in enumerate(
        [("utf-16", '<?xml version="1.0" encoding="utf-16"?>'), ("utf-8-sig", ""),
         ("latin-1", '<?xml version="1.0" encoding="iso-8859-1"?>')]
    ):  # fmt: skip
        path = tmp_path / f"{number}.xml"
        path.write_bytes((head + text).encode(code))
        assert parse_xml(path).findtext("object/name") == "Kätzchen"


def test_a_file_called_otherwise_says_which_image_it_is_of(tmp_path):
    voc(tmp_path)
    (tmp_path / "Annotations/d.xml").rename(tmp_path / "Annotations/0004.xml")
    dataset = read(tmp_path)
    assert dataset.labels.text(3) == "dog 2, cat 1"
    assert not dataset.set_aside


def test_a_file_that_names_another_image_is_said(tmp_path):
    voc(tmp_path)
    path = tmp_path / "Annotations/b.xml"
    path.write_text(path.read_text().replace("b.jpg", "a.jpg"))
    dataset = read(tmp_path)
    ((name, why),) = dataset.set_aside
    assert name == "Annotations/b.xml"
    assert "says it is of a.jpg, and was taken for JPEGImages/b.jpg" in why


def test_blanks_around_labels_are_taken_off_and_said(tmp_path):
    voc(tmp_path, BOXES | {"b": [("cat ", 1, 2, 11, 22)]})
    labels = read(tmp_path).labels
    assert labels.names == ("cat", "dog")
    assert "'cat '" in labels.flaws[1]
    assert labels.flaws[0] == ""


def test_who_is_on_two_lists_is_tested_and_said(tmp_path):
    voc(tmp_path)
    main = tmp_path / "ImageSets/Main"
    main.mkdir(parents=True)
    (main / "train.txt").write_text("a\nb\nc\n")
    (main / "test.txt").write_text("c\nd\n")
    (main / "cat_train.txt").write_text("d  1\n")
    splits, said, twice = list_splits(scan(tmp_path))
    assert splits == {"a": "train", "b": "train", "c": "test", "d": "test"}
    assert "Main/test.txt" in said
    assert twice[0][0] == "c"
    assert read(tmp_path).set_aside == (("c", twice[0][1]),)


def test_boxes_of_photos_that_exif_turns_are_turned_with_them(tmp_path):
    """The same box, annotated on the photo as stored, and on the upright one."""
    voc(tmp_path, {s: [] for s in "abc"} | {"d": BOXES["d"]})
    box = [("cat", 4, 6, 24, 26)]
    for stem, size in (("a", (64, 48)), ("b", (48, 64))):
        picture(tmp_path / f"JPEGImages/{stem}.jpg", turn=6)
        (tmp_path / f"Annotations/{stem}.xml").write_text(voc_text(box, size))
    picture(tmp_path / "JPEGImages/c.jpg", turn=3)
    (tmp_path / "Annotations/c.xml").write_text(voc_text(box))
    labels = read(tmp_path).labels
    assert labels.turned.tolist() == [1, 2, 3, 0]
    assert labels.sizes[:3].tolist() == [[48, 64], [48, 64], [64, 48]]
    assert labels.corners[0].tolist() == [22, 4, 42, 24], "a quarter to the right"
    assert labels.corners[1].tolist() == [4, 6, 24, 26]
    assert labels.corners[2].tolist() == [4, 6, 24, 26]
    assert np.array_equal(labels.stated[0], [64, 48])


def test_xml_of_something_else_is_none_of_ours(tmp_path):
    voc(tmp_path)
    (tmp_path / "Annotations/plan.xml").write_text("<mindmap/>")
    assert len(voc_files(scan(tmp_path))) == 4


def test_turned_boxes_become_those_around_them_and_that_is_told(tmp_path):
    voc(tmp_path)
    turned = "<cx>30</cx><cy>20</cy><w>20</w><h>10</h><angle>1.5707963</angle>"
    text = voc_text([("cat", 0, 0, 1, 1)])
    start, end = text.index("<bndbox>"), text.index("</bndbox>") + len("</bndbox>")
    text = f"{text[:start]}<robndbox>{turned}</robndbox>{text[end:]}"
    (tmp_path / "Annotations/a.xml").write_text(text)
    labels = read(tmp_path).labels
    np.testing.assert_allclose(labels.corners[0], [25, 10, 35, 30], atol=1e-4)
    assert labels.flaws[0] == "a turned box became the upright one around it"


def test_an_empty_file_is_named(tmp_path):
    voc(tmp_path)
    (tmp_path / "Annotations/a.xml").write_text("")
    dataset = read(tmp_path)
    assert dataset.labelled.tolist() == [False, True, True, True]
    assert ("Annotations/a.xml", "an empty file") in [(n, w[:13]) for n, w in dataset.set_aside]
