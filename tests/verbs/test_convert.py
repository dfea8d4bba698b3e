"""`headstart convert`: published weights in, a backbone folder out."""

from __future__ import annotations

import json

import pytest
from tests.published_files import checkpoint, onnx_file

from headstart.cli import main
from headstart.errors import BackboneError, OutputError
from headstart.nets.pretrained.backbone import open_backbone
from headstart.verbs.convert import convert


def test_a_folder_is_written_once(tmp_path):
    file, out = tmp_path / "a.pth", tmp_path / "deep" / "yolox"
    checkpoint(file, "yolox_nano")
    found = convert(file, out=out)
    assert found.folder == out
    assert open_backbone(str(out)).box_head is not None
    with pytest.raises(OutputError, match="already holds a backbone"):
        convert(file, out=out)
    before = (out / "model.safetensors").read_bytes()
    checkpoint(file, "yolox_nano", seed=1)
    convert(file, out=out, overwrite=True)
    assert (out / "model.safetensors").read_bytes() != before


def test_names_come_from_a_file(tmp_path):
    checkpoint(tmp_path / "a.pth", "nanodet_plus_m", classes=2)
    (tmp_path / "names.txt").write_text("Katze\n\nHund \n", encoding="utf-8")
    found = convert(tmp_path / "a.pth", out=tmp_path / "b", class_names=tmp_path / "names.txt")
    assert found.classes == ("Katze", "Hund")
    with pytest.raises(BackboneError, match="class names"):
        convert(tmp_path / "a.pth", out=tmp_path / "c", class_names=tmp_path / "none.txt")
    assert not (tmp_path / "c").exists()


def test_the_command_line_says_what_was_proven(tmp_path, capsys):
    onnx_file(tmp_path / "a.onnx", "yolox_nano")
    assert main(["convert", str(tmp_path / "a.onnx"), "-o", str(tmp_path / "b")]) == 0
    said = capsys.readouterr().out
    assert "yolox_nano, 80 classes, from an ONNX file" in said
    assert "answers as the file does" in said
    assert f"wrote {tmp_path / 'b'}" in said
    arguments = ["convert", str(tmp_path / "a.onnx"), "-o", str(tmp_path / "c"), "--json"]
    assert main(arguments) == 0
    assert json.loads(capsys.readouterr().out)["architecture"] == "yolox_nano"
    assert main(["convert", str(tmp_path / "none.onnx"), "-o", str(tmp_path / "d")]) == 2
    assert "no such file" in capsys.readouterr().err
