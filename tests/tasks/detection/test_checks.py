"""What boxes have wrong, planted one by one, and from the shell with crops."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
from tests.data.boxed_sets import BOXES, picture, voc, voc_text
from tests.tasks.detection.planted import found, sound

from headstart.cli import main
from headstart.tasks.detection.checks import check_boxes


def findings_of(dataset, stats):
    return found(check_boxes(dataset, stats, np.arange(len(dataset))))


def relabelled(dataset, **changes):
    return dataclasses.replace(dataset, labels=dataclasses.replace(dataset.labels, **changes))


def test_sound_boxes_have_nothing_wrong():
    assert findings_of(*sound()) == {}


@pytest.mark.parametrize("other", ["Cat", "cat_", "c-a-t"])
def test_labels_that_differ_by_case_or_blanks_are_named_by_file(other):
    dataset, stats = sound()
    classes = dataset.labels.classes.copy()
    classes[12] = 2
    dataset = relabelled(dataset, names=("cat", "dog", other), classes=classes)
    finding = findings_of(dataset, stats)["similar_class_names"]
    assert finding.severity == "serious"
    assert finding.evidence == (f"{dataset.names[6]} ({other!r}, elsewhere 'cat')",)


def test_numbers_with_gaps_and_mended_labels_are_noted():
    dataset, stats = sound()
    assert "class_numbers" not in findings_of(relabelled(dataset, ids=(1, 2)), stats)
    flaws = ["", "label 'cat ' has blanks that were taken off", *[""] * 58]
    found_ = findings_of(relabelled(dataset, ids=(1, 5), flaws=tuple(flaws)), stats)
    assert "1, 5" in found_["class_numbers"].claim
    assert found_["mended_annotations"].evidence[0].startswith(f"{dataset.names[1]}: label 'cat '")


def test_images_without_annotation_and_empty_ones_are_two_things():
    dataset, stats = sound()
    kept = dataset.labels.keep(~np.isin(dataset.labels.items, [3, 8]))
    kept.annotated[8] = False
    aside = (("labels/lost.txt", "annotated, but there is no such image"), ("x", "torn"))
    found_ = findings_of(dataclasses.replace(dataset, labels=kept, set_aside=aside), stats)
    assert found_["images_without_annotation"].evidence == (dataset.names[8],)
    assert found_["empty_images"].evidence == (dataset.names[3],)
    assert found_["annotations_without_image"].evidence == ("labels/lost.txt",)


def test_classes_of_one_side_and_of_few_images():
    dataset, stats = sound()
    classes = dataset.labels.classes.copy()
    classes[[2, 119]] = 2, 3
    splits = np.where(np.arange(60) < 50, "train", "test")
    dataset = dataclasses.replace(dataset, splits=splits)
    dataset = relabelled(dataset, names=("cat", "dog", "owl", "yak"), classes=classes)
    found_ = findings_of(dataset, stats)
    assert found_["classes_missing_from_train"].severity == "serious"
    assert found_["classes_missing_from_train"].evidence == (f"yak: {dataset.names[59]}",)
    assert found_["classes_missing_from_test"].evidence == (f"owl: {dataset.names[1]}",)
    assert f"owl: 1 box on 1 image ({dataset.names[1]})" in found_["small_classes"].evidence


def test_a_test_without_objects_is_said():
    dataset, stats = sound()
    splits = np.where(np.arange(60) < 50, "train", "test")
    kept = dataset.labels.keep(dataset.labels.items < 50)
    dataset = dataclasses.replace(dataset, splits=splits, labels=kept)
    assert findings_of(dataset, stats)["nothing_to_test"].severity == "serious"


def test_copies_and_frames_across_the_split_are_found_too():
    dataset, stats = sound()
    rng = np.random.default_rng(3)
    walk = np.cumsum(rng.normal(0, 9, (60, 16, 16, 1)), axis=0) + 128
    stats.thumbnails[:] = np.clip(walk, 0, 255).astype(np.uint8)
    names = tuple(f"frame_{i:03}.jpg" for i in range(60))
    splits = np.where(np.arange(60) % 4 == 0, "test", "train")
    dataset = dataclasses.replace(dataset, names=names, splits=splits)
    finding = findings_of(dataset, stats)["sequence_across_splits"]
    assert "frame_004.jpg = frame_00" in " ".join(finding.evidence)


def test_from_the_shell_with_suspicious_boxes_as_crops(tmp_path, capsys):
    boxes = BOXES | {"b": [("cat", 10, 10, 10, 30)], "d": [("dog", 40, 30, 20, 8)]}
    voc(tmp_path / "data", boxes)
    picture(tmp_path / "data/JPEGImages/turned.jpg", turn=6)
    (tmp_path / "data/Annotations/turned.xml").write_text(voc_text(BOXES["b"]))
    page = tmp_path / "page.html"
    code = main(["check", str(tmp_path / "data"), "-o", str(page), "--json"])
    told = json.loads(capsys.readouterr().out)
    assert code == 1
    checks = {each["check"]: each for each in told["findings"]}
    assert checks["degenerate_boxes"]["evidence"] == ["JPEGImages/b.jpg (cat 10 10 to 10 30)"]
    assert checks["crossed_corners"]["evidence"] == ["JPEGImages/d.jpg (dog 40 30 to 20 8)"]
    assert checks["boxes_turned"]["evidence"] == ["JPEGImages/turned.jpg"]
    assert told["classes"] == {"cat": 3, "dog": 2, "no object": 1}
    text = page.read_text()
    assert "cat 10 10 to 10 30" in text
    assert "data:image/jpeg" in text
