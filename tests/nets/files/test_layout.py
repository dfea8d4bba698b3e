"""Backbones on disk: every way in which their files can be wrong is one line with the file."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from headstart.errors import BackboneError
from headstart.nets.files import layout
from headstart.nets.files.layout import (
    explain_misfit,
    find_weights,
    known_embedder,
    read_config,
    read_onnx_settings,
    safetensors_keys,
)
from headstart.nets.pretrained.source import resolve

POINTS = [[38, 51], [73, 51], [56, 71], [41, 92], [70, 92]]


def write(folder: Path, content: str | bytes, name: str = "config.json") -> Path:
    data = content.encode() if isinstance(content, str) else content
    (folder / name).write_bytes(data)
    return folder / name


def settings(folder: Path, **given: object) -> dict:
    return read_onnx_settings(write(folder, json.dumps(given), "net.json"))


def test_a_configuration_comes_as_it_is(tmp_path):
    config = {"architecture": "resnet18", "pretrained_cfg": {"license": "mit"}, "größe": 1}
    write(tmp_path, json.dumps(config))
    assert read_config(tmp_path) == config


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "cannot be read as JSON"),
        ("{", "cannot be read as JSON"),
        (b"\xff\xfe\x00", "cannot be read as JSON"),
        ("[]", "the JSON in it is not an object"),
        ("null", "the JSON in it is not an object"),
        ("{}", 'no "architecture" in it'),
        ('{"architecture": 3}', 'no "architecture" in it'),
        ('{"model_type": "vit"}', "it looks like transformers' layout"),
        ('{"architecture": "x", "pretrained_cfg": []}', '"pretrained_cfg" is not an object'),
    ],
)
def test_configurations_that_are_none(tmp_path, content, words):
    write(tmp_path, content)
    with pytest.raises(BackboneError, match=words) as caught:
        read_config(tmp_path)
    assert str(tmp_path / "config.json") in str(caught.value)


def test_a_configuration_that_is_missing(tmp_path):
    with pytest.raises(BackboneError, match=r"config\.json: no such file; timm's layout needs it"):
        read_config(tmp_path)


def test_weights_are_safetensors_only(tmp_path):
    with pytest.raises(BackboneError, match=r"there is no model\.safetensors; save the weights"):
        find_weights(tmp_path)
    for name in ("b.pth", "a.bin", "c.pt", "d.txt"):
        write(tmp_path, "x", name)
    with pytest.raises(BackboneError, match=r"\(only a\.bin, b\.pth, c\.pt: a pickle, which can"):
        find_weights(tmp_path)
    wanted = write(tmp_path, "x", "model.safetensors")
    assert find_weights(tmp_path) == wanted


def test_settings_of_every_kind(tmp_path):
    given = {
        "input_size": [3, 112, 96],
        "mean": [0, 0.5, 1],
        "std": [1, 1, 1],
        "interpolation": "bicubic",
        "crop_pct": 1,
        "crop_mode": "center",
        "licence": "MIT",
        "alignment": POINTS,
    }
    assert settings(tmp_path, **given) == given
    assert settings(tmp_path) == {}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"means": [1, 1, 1], "crop": 1}, "unknown settings crop, means; known are alignment"),
        ({"mean": [1, 1]}, "mean must be three numbers"),
        ({"std": "1"}, "std must be three numbers, got '1'"),
        ({"input_size": [3, "a", 4]}, "input_size must be three numbers"),
        ({"mean": None}, "mean must be three numbers, got None"),
        ({"crop_pct": 0}, r"crop_pct must be in \(0, 1\], got 0"),
        ({"crop_pct": 1.01}, r"crop_pct must be in \(0, 1\]"),
        ({"crop_pct": "all"}, r"crop_pct must be in \(0, 1\], got 'all'"),
        ({"alignment": POINTS[:4]}, "alignment must be five points"),
        ({"alignment": [*POINTS[:4], [1]]}, "alignment must be five points"),
        ({"alignment": [*POINTS[:4], [1, "x"]]}, "alignment must be five points"),
        ({"alignment": {"eye": 1}}, "alignment must be five points"),
    ],
)
def test_settings_that_cannot_be(tmp_path, given, words):
    with pytest.raises(BackboneError, match=words) as caught:
        settings(tmp_path, **given)
    assert "net.json" in str(caught.value)


def test_settings_that_cannot_be_read(tmp_path):
    with pytest.raises(BackboneError, match=r"gone\.json: no such file"):
        read_onnx_settings(tmp_path / "gone.json")
    with pytest.raises(BackboneError, match="cannot be read as JSON"):
        read_onnx_settings(tmp_path)


def test_keys_are_read_from_the_header(tmp_path):
    import torch
    from safetensors.torch import save_file

    file = tmp_path / "model.safetensors"
    save_file({"a.weight": torch.zeros(2), "ü": torch.zeros(1)}, file)
    assert safetensors_keys(file) == {"a.weight", "ü"}
    save_file({}, file)
    assert safetensors_keys(file) == set()


@pytest.mark.parametrize("content", [b"", b"\x80\x04pickle", bytes(100), None])
def test_what_is_no_whole_file_of_weights(tmp_path, content):
    import torch
    from safetensors.torch import save_file

    file = tmp_path / "model.safetensors"
    if content is None:
        save_file({"a": torch.zeros(500)}, file)
        content = file.read_bytes()[:-1]
    file.write_bytes(content)
    with pytest.raises(BackboneError, match=r"model\.safetensors: not a whole safetensors file"):
        safetensors_keys(file)


def complaint(net, weights) -> str:
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(weights)
    return explain_misfit(str(caught.value))


def test_pages_of_keys_become_one_line():
    import torch
    from torch import nn

    net = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 5), nn.Linear(5, 6))
    whole = net.state_dict()
    without = {key: value for key, value in whole.items() if key != "1.bias"}
    assert complaint(net, without) == "1 missing (1.bias)"
    assert complaint(net, {}) == "6 missing (0.weight, 0.bias, 1.weight and 3 more)"
    more = whole | {"x": torch.zeros(1), "y": torch.zeros(1)}
    assert complaint(net, more) == "2 not in the network (x, y)"
    other = whole | {"0.weight": torch.zeros(9, 3), "2.bias": torch.zeros(1)}
    assert complaint(net, other) == "2 of another shape (0.weight: [9, 3] instead of [4, 3])"
    both = complaint(net, {**without, "z": torch.zeros(1)})
    assert both == "1 missing (1.bias); 1 not in the network (z)"


def test_another_complaint_is_shortened():
    assert explain_misfit("odd\n  thing") == "odd thing"
    assert len(explain_misfit("x" * 5000)) == 300


def test_a_known_embedder_is_known_by_its_content(real_weights, tmp_path):
    """Its author gives the file alone, and without alignment it recognises nobody."""
    file = tmp_path / "any-name.onnx"
    shutil.copyfile(real_weights("mobilefacenet.onnx"), file)
    settings = known_embedder(file)
    assert (settings["input_size"], len(settings["alignment"])) == ([3, 112, 96], 5)
    assert resolve(str(file)).settings == settings
    assert resolve(str(file), known=False).settings == {}
    file.with_suffix(".json").write_text('{"crop_pct": 0.5}')
    assert resolve(str(file)).settings == {"crop_pct": 0.5}
    other = tmp_path / "other.onnx"
    other.write_bytes(file.read_bytes() + b" ")
    assert known_embedder(other) == {}


def test_settings_of_known_embedders_are_settings(tmp_path):
    known = json.loads((Path(layout.__file__).parent / "embedders.json").read_text())
    for settings in known.values():
        (tmp_path / "x.json").write_text(json.dumps(settings))
        assert read_onnx_settings(tmp_path / "x.json")["alignment"]
