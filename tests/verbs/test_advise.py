"""Advice end to end with the packaged network: measured, answered, with the command to run."""

from __future__ import annotations

import shutil

import pytest
from tests.crowds import crowd

from headstart.errors import BackboneError, DataError
from headstart.verbs.advise import advise

QUICK = {"backbone": "starter", "budget": 0.01, "folds": 2, "image_size": 32, "workers": 1}


def test_of_classes(images):
    told = []
    found = advise(images, **QUICK, progress=lambda *each: told.append(each))
    assert found.data == str(images)
    assert [(each.backbone, each.image_size) for each in found.candidates] == [("starter", 32)]
    assert found.command.startswith(f"headstart train {images} ")
    assert "--backbone starter" in found.command
    assert "--image-size 32" in found.command
    assert found.facts["images"] == 36
    assert 0.8 < found.expected.value <= found.expected.high
    # Drawn images of one class are as near as versions of one photograph.
    assert {each.check for each in found.findings} <= {"nearer_than_chance"}
    assert found.skipped == {}
    assert found.seconds > 0
    assert {total for _, _, total in told} >= {36}


def test_what_the_data_have_wrong_comes_with_it(make_images):
    data = make_images(splits=("train", "test"), per_class=10)
    shutil.copy(data / "train" / "class_a" / "00.png", data / "test" / "class_a" / "copy.png")
    found = advise(data, **QUICK)
    assert found.findings[0].check == "duplicates_across_splits"
    assert {each.check for each in found.findings[1:]} <= {"nearer_than_chance"}
    # Of the thirty that train, the one that is tested too is left out.
    assert found.candidates[0].accuracy.n == 29


def test_columns_are_those_of_a_table_and_of_the_command(images, tmp_path):
    rows = ["path,kind,who,part"]
    rows += [
        f"images/class_{kind}/{at:02}.png,{kind},{kind}{at // 2},train"
        for kind in "abc"
        for at in range(12)
    ]
    (tmp_path / "table.csv").write_text("\n".join(rows))
    found = advise(tmp_path / "table.csv", label="kind", group="who", split="part", **QUICK)
    for flag in ("--label kind", "--group who", "--split part"):
        assert flag in found.command
    assert found.facts["images"] == 36
    assert found.facts["independent"] == "18 (copies and groups count once)"


@pytest.mark.parametrize("faces", [False, True])
def test_of_people(tmp_path, faces):
    data = crowd(tmp_path / "people", people=6, each=4)
    found = advise(data, task="identity", faces=faces, **QUICK)
    assert (found.facts.identities, found.facts.images, found.facts.backbone) == (6, 24, "starter")
    # No detector can be had here: that they are faces is then taken from whoever says so.
    assert found.facts.faces == (1.0 if faces else None)
    assert list(found.rows) == ["starter"]
    assert found.command.startswith(f"headstart train {data} ")
    assert "--task identity" in found.command


def test_what_nobody_can_advise_on(images, make_images):
    with pytest.raises(DataError, match="one class only"):
        advise(make_images("alone", classes=1), **QUICK)
    with pytest.raises(DataError, match="no labels"):
        advise(images / "class_a", **QUICK)
    with pytest.raises(BackboneError):
        advise(images, **QUICK | {"backbone": "starter,no_such_network_at_all"})
