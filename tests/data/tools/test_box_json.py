"""Label Studio and Labelme: skipped tasks, turned boxes, outlines, odd names of images."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.data.boxed_sets import label_studio, labelme

from headstart.data.open import open_dataset
from headstart.data.tools.box_json import is_label_studio, read_label_studio
from headstart.errors import DataError


def tasks_of(root):
    return json.loads((root / "export.json").read_text())


def reread(root, tasks):
    (root / "export.json").write_text(json.dumps(tasks))
    return open_dataset(root, task="detection")


def test_skipped_tasks_are_not_annotated_and_empty_ones_are(tmp_path):
    tasks = tasks_of(label_studio(tmp_path))
    tasks[0]["annotations"][0]["was_cancelled"] = True
    tasks[1]["annotations"] = []
    dataset = reread(tmp_path, tasks)
    assert dataset.labelled.tolist() == [False, False, True, True]
    assert dataset.labels.text(2) == "no object"


def test_of_two_annotators_the_first_is_taken_and_that_is_said(tmp_path):
    tasks = tasks_of(label_studio(tmp_path))
    tasks[0]["annotations"].append({"result": []})
    dataset = reread(tmp_path, tasks)
    assert dataset.labels.text(0) == "cat 1, dog 1"
    assert "2 people annotated it" in dataset.set_aside[0][1]


def test_the_short_form_and_other_names_are_read(tmp_path):
    tasks = tasks_of(label_studio(tmp_path))
    short = []
    for task in tasks:
        label = [
            each["value"] | {"original_width": 64, "original_height": 48}
            for each in task["annotations"][0]["result"]
        ]
        name = task["data"]["image"].rpartition("-")[2]
        short.append({"image": f"/data/local-files/?d=some%20place/{name}", "label": label})
    dataset = reread(tmp_path, short)
    assert [dataset.labels.text(i) for i in (0, 3)] == ["cat 1, dog 1", "dog 2, cat 1"]
    assert np.allclose(dataset.labels.corners[0], [4, 6, 24, 26])


def test_a_turned_box_becomes_the_one_around_it(tmp_path):
    tasks = tasks_of(label_studio(tmp_path))
    tasks[1]["annotations"][0]["result"][0]["value"]["rotation"] = 90
    labels = reread(tmp_path, tasks).labels
    assert np.allclose(labels.corners[2], [1 - 20, 2, 1, 12])
    assert "turned box" in labels.flaws[1]


def test_regions_that_are_no_boxes_are_said(tmp_path):
    tasks = tasks_of(label_studio(tmp_path))
    brush = {"type": "brushlabels", "value": {"rle": [1], "brushlabels": ["cat"]}}
    tasks[1]["annotations"][0]["result"] = [brush]
    dataset = reread(tmp_path, tasks)
    assert not dataset.labelled[1], "something is there, and it is not known where"
    assert dataset.set_aside == (("b.jpg", "1 region of export.json that are no boxes"),)
    (tmp_path / "export.json").write_text("[]")
    with pytest.raises(DataError, match="no export of Label Studio"):
        read_label_studio(tmp_path / "export.json", ())
    assert not is_label_studio([{"image": 3}])


def test_points_and_lines_of_labelme_are_no_boxes(tmp_path):
    labelme(tmp_path)
    path = tmp_path / "images/b.json"
    content = json.loads(path.read_text())
    content["shapes"][0] |= {"shape_type": "point", "points": [[3, 4]]}
    path.write_text(json.dumps(content))
    path = tmp_path / "images/d.json"
    content = json.loads(path.read_text())
    content["shapes"][0] |= {"shape_type": "circle", "points": [[20, 20], [20, 26]],
                             "flags": {"difficult": True}}  # fmt: skip
    path.write_text(json.dumps(content))
    dataset = open_dataset(tmp_path, task="detection")
    assert not dataset.labelled[1]
    assert "1 shape without an area" in dict(dataset.set_aside)["b.json"]
    assert [14, 14, 26, 26] in dataset.labels.corners.tolist()
    assert dataset.labels.difficult.sum() == 1


def test_a_file_of_labelme_that_cannot_be_read_is_named(tmp_path):
    labelme(tmp_path)
    torn, odd = (tmp_path / f"images/{stem}.json" for stem in "ab")
    torn.write_text(torn.read_text()[:5])
    content = json.loads(odd.read_text())
    odd.write_text(json.dumps(content | {"shapes": [*content["shapes"], "oops"]}))
    dataset = open_dataset(tmp_path, task="detection")
    assert {name for name, why in dataset.set_aside if "Labelme" in why} == {"a.json", "b.json"}
    assert not dataset.labels.annotated[:2].any()


def test_an_odd_entry_of_label_studio_is_refused_in_plain_words(tmp_path):
    label_studio(tmp_path)
    tasks = json.loads((tmp_path / "export.json").read_text())
    tasks[0]["annotations"][0]["result"].append("oops")
    (tmp_path / "export.json").write_text(json.dumps(tasks))
    with pytest.raises(DataError, match=r"export\.json: .*not the record, the list or the text"):
        open_dataset(tmp_path, task="detection")
