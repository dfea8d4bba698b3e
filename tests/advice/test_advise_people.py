"""Advice about identities, from images to the command: on people that are drawn textures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from tests.crowds import crowd
from tests.nets.test_weights import write_folder

from headstart.cli import main
from headstart.data.open import open_dataset
from headstart.verbs.advise import advise


def stage(tmp_path: Path) -> Path:
    """Three people, many images, 80 pixels, split by image."""
    return crowd(tmp_path / "three", people=3, each=30, split="image", size=80)


def test_three_people_at_80_pixels_with_a_network_of_objects(tmp_path):
    folder = write_folder(tmp_path / "objects", "test_resnet", num_classes=1000)
    config = json.loads((folder / "config.json").read_text())
    config["pretrained_cfg"] |= {"num_classes": 1000, "input_size": [3, 224, 224]}
    (folder / "config.json").write_text(json.dumps(config))
    found = advise(stage(tmp_path), task="identity", faces=True, backbone=str(folder))
    assert [each.check for each in found.findings] == [
        "too_few_identities",
        "split_not_by_identity",
        "wrong_source_domain",
        "input_too_small",
    ]
    assert "unfreeze" in found.findings[2].remedy
    assert found.command.endswith("--strategy auto -o RUN")


def test_many_people_are_told_to_try(tmp_path, capsys):
    data = crowd(tmp_path / "data")
    found = advise(data, task="identity", backbone="starter")
    assert found.command.endswith("--task identity -o RUN")
    assert found.rows["starter"]["map_at_r"].value > 0.3
    assert len(open_dataset(data)) == found.facts.images
    assert main(["advise", str(data), "--task", "identity", "--backbone", "starter"]) == 0
    assert "people never seen" in capsys.readouterr().out


def test_real_faces_of_three_people(tmp_path, real_data, real_weights, monkeypatch):
    """The case itself, of real faces and a real network."""
    monkeypatch.syspath_prepend(str(Path(__file__).resolve().parents[2] / "benchmarks"))
    from embed import stage_three

    data = stage_three(real_data("lfw10"), tmp_path / "three", each=40)
    found = advise(data, task="identity", faces=True, backbone=str(real_weights("mobilenetv2_100")))
    assert {each.check for each in found.findings} == {
        "too_few_identities",
        "split_not_by_identity",
        "wrong_source_domain",
        "input_too_small",
    }
    shutil.rmtree(data)
