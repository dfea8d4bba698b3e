"""Files that say what values are called, in the ways that tools write them."""

from __future__ import annotations

import pytest

from headstart.data.masks.value_names import find_names
from headstart.errors import DataError

CVAT = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncar:255,0,0::\n"


@pytest.mark.parametrize(
    ("name", "text", "field", "found"),
    [
        ("classes.txt", "0 background\n128 cytoplasm\n255 nucleus\n", "by_value",
         {0: "background", 128: "cytoplasm", 255: "nucleus"}),
        ("classes.txt", "background, 0\ncell = 255", "by_value", {0: "background", 255: "cell"}),
        ("classes.txt", "background\ncell\n\n", "in_order", ("background", "cell")),
        ("classes.txt", "cell 1\ncell 2", "in_order", ("cell 1", "cell 2")),
        ("classes.txt", "0 sky\n1 tree\n2 tree", "by_value", {0: "sky", 1: "tree", 2: "tree"}),
        ("labelmap.txt", CVAT, "by_colour", {0: "background", 0xFF0000: "car"}),
        ("label_colors.txt", "64 128 64\tAnimal\n0 0 192\tSidewalk", "by_colour",
         {0x408040: "Animal", 0x0000C0: "Sidewalk"}),
        ("colors.txt", "#ff0000 car\n#000000 road", "by_colour", {0xFF0000: "car", 0: "road"}),
        ("data.yaml", "train: x\nnames: [a, 'b c']\nnc: 2", "in_order", ("a", "b c")),
        ("data.yaml", "names:\n  0: a\n  1: b\nnc: 2", "by_value", {0: "a", 1: "b"}),
        ("data.yaml", "names:\n- a\n- b\n", "in_order", ("a", "b")),
        ("data.yaml", "names: {0: a, 1: b}", "by_value", {0: "a", 1: "b"}),
        ("class_dict.csv", "name,r,g,b\nsky,0,0,0\ncar,255,0,0\n", "by_colour",
         {0: "sky", 0xFF0000: "car"}),
        ("_classes.csv", "Pixel Value, Class\n0, background\n1, car\n", "by_value",
         {0: "background", 1: "car"}),
        ("dataset.json", '{"channel_names": {}, "labels": {"background": 0, "cat": 1}}', "by_value",
         {0: "background", 1: "cat"}),
        ("dataset.json", '{"modality": {}, "labels": {"0": "background", "1": "cat"}}', "by_value",
         {0: "background", 1: "cat"}),
        ("classes.csv", "value,name\n0,sky\n7,car\n", "by_value", {0: "sky", 7: "car"}),
    ],
)  # fmt: skip
def test_names_are_read(tmp_path, name, text, field, found):
    (tmp_path / name).write_text(text, encoding="utf-8")
    names = find_names([tmp_path])
    assert names is not None
    assert getattr(names, field) == found
    assert names.path.name == name


def test_a_yaml_file_without_names_says_nothing(tmp_path):
    (tmp_path / "data.yaml").write_text("train: images\n")
    assert find_names([tmp_path, tmp_path / "not there"]) is None


def test_two_names_of_one_value_are_refused(tmp_path):
    (tmp_path / "classes.txt").write_text("0 sky\n0 car\n")
    with pytest.raises(DataError, match="calls one value both 'sky' and 'car'"):
        find_names([tmp_path])


def test_the_list_of_ade20k(tmp_path):
    rows = ["Idx\tRatio\tTrain\tVal\tStuff\tName", "1\t0.1\t9\t9\t1\twall", "2\t0.1\t9\t9\t1\tsky"]
    (tmp_path / "objectInfo150.txt").write_text("\n".join(rows) + "\n")
    found = find_names([tmp_path])
    assert found is not None
    assert found.by_value == {1: "wall", 2: "sky"}


def test_of_nnunet_regions_are_refused_and_other_files_of_the_name_say_nothing(tmp_path):
    path = tmp_path / "dataset.json"
    path.write_text('{"channel_names": {}, "labels": {"background": 0, "whole": [1, 2]}}')
    with pytest.raises(DataError, match="regions of several values"):
        find_names([tmp_path])
    path.write_text('{"channel_names": {}, "labels": {"cat": 1.5}}')
    with pytest.raises(DataError, match="no value with a name"):
        find_names([tmp_path])
    path.write_text('{"labels": ["cat"]}')
    assert find_names([tmp_path]) is None
