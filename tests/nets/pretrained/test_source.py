"""Names of backbones: what each means, and what was meant where it is none."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.nets.saved import ARCHITECTURE, change_config, change_weights, write_folder

from headstart.errors import BackboneError
from headstart.nets.pretrained.source import PRESETS, Source, fingerprint, hub_folder, resolve
from headstart.nets.pretrained.weights import load_network


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A backbone in timm's layout, with a classifier of five classes and weights from a seed."""
    return write_folder(tmp_path / "backbone", ARCHITECTURE, num_classes=5)


def test_module_is_cheap_to_import():
    code = (
        "import sys, headstart.nets.pretrained.source, headstart.nets.pretrained.weights\n"
        "heavy = {'torch', 'timm', 'huggingface_hub', 'safetensors'} & set(sys.modules)\n"
        "sys.exit(', '.join(heavy) or 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_folder(folder):
    source = resolve(str(folder))
    assert (source.kind, source.path, source.licence) == ("folder", folder, "apache-2.0")
    assert len(source.fingerprint) == 32
    assert resolve(f"local-dir:{folder}").fingerprint == source.fingerprint
    before = source.fingerprint
    change_config(folder, num_features=7)
    assert resolve(str(folder)).fingerprint != before


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_exist_in_timm_and_are_free(preset):
    source = resolve(preset)
    assert source.kind == "timm"
    assert source.name == PRESETS[preset]
    assert source.licence == "apache-2.0"
    assert (source.repo, source.file) == (f"timm/{source.name}", "model.safetensors")


def test_timm_name_with_and_without_prefix_and_tag():
    full = resolve("mobilenetv3_small_100.lamb_in1k")
    assert full.repo == "timm/mobilenetv3_small_100.lamb_in1k"
    assert resolve("timm/mobilenetv3_small_100.lamb_in1k") == full
    assert resolve("mobilenetv3_small_100") == full


def test_a_folder_goes_before_a_timm_name(folder, monkeypatch):
    folder.rename(folder.with_name("resnet18"))
    monkeypatch.chdir(folder.parent)
    assert resolve("resnet18").kind == "folder"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", ["empty", "starter"]),
        ("resnet81", ["resnet81", "did you mean", "resnet18"]),
        ("convnext_nano.in12k_ft_in1", ["did you mean", "convnext_nano.in12k_ft_in1k"]),
        ("satrter", ["starter"]),
        ("cs3darknet_s", ["no pretrained weights"]),
        ("./nowhere", ["nowhere", "no such backbone", "config.json"]),
        ("nowhere/at/all", ["no such backbone"]),
        ("hf-hub:justaname", ["hf-hub:organisation/name"]),
        ("nowhere.onnx", ["nowhere.onnx", "ONNX"]),
    ],
)
def test_names_that_cannot_be(name, words):
    with pytest.raises(BackboneError) as caught:
        resolve(name)
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_onnx_with_settings_beside(tmp_path):
    file = tmp_path / "net.onnx"
    file.write_bytes(b"not looked into")
    assert resolve(str(file)).settings == {}
    beside = tmp_path / "net.json"
    beside.write_text('{"input_size": [3, 112, 96], "mean": [0.5, 0.5, 0.5]}')
    source = resolve(str(file))
    assert (source.kind, source.settings["input_size"]) == ("onnx", [3, 112, 96])
    with pytest.raises(BackboneError, match="frozen"):
        load_network(source)
    for wrong, word in [
        ('{"crop_pc": 1}', "crop_pc"),
        ('{"mean": [1, 2]}', "mean"),
        ('{"crop_pct": 0}', "crop_pct"),
        ("[]", "not an object"),
        ("{", "net.json"),
    ]:
        beside.write_text(wrong)
        with pytest.raises(BackboneError, match=word):
            resolve(str(file))


def test_spaces_around_a_name_do_not_matter(folder):
    assert resolve(f"  {folder}\n").fingerprint == resolve(str(folder)).fingerprint
    assert resolve(folder).path == folder


def test_the_fingerprint_is_of_weights_and_configuration(folder, tmp_path):
    first = resolve(str(folder)).fingerprint
    copy = write_folder(tmp_path / "copy ü", ARCHITECTURE, num_classes=5)
    assert resolve(str(copy)).fingerprint == first

    def nudge(weights: dict) -> None:
        weights["conv_stem.weight"] += 1e-3

    change_weights(copy, nudge)
    assert resolve(str(copy)).fingerprint != first


def test_a_folder_may_hold_its_configuration_flat(folder):
    config = json.loads((folder / "config.json").read_text())
    flat = {"architecture": ARCHITECTURE, **config["pretrained_cfg"]}
    (folder / "config.json").write_text(json.dumps(flat))
    assert resolve(str(folder)).licence == "apache-2.0"


def test_half_a_folder_is_named_for_what_it_lacks(folder):
    (folder / "config.json").rename(folder / "other.json")
    with pytest.raises(BackboneError, match=r"config\.json: no such file; timm's layout"):
        resolve(str(folder))
    (folder / "other.json").rename(folder / "config.json")
    (folder / "model.safetensors").unlink()
    with pytest.raises(BackboneError, match=r"there is no model\.safetensors"):
        resolve(str(folder))


@pytest.mark.parametrize("content", [None, b""])
def test_an_onnx_file_that_is_empty_or_a_folder(tmp_path, content):
    file = tmp_path / "net.ONNX"
    file.mkdir() if content is None else file.write_bytes(content)
    with pytest.raises(BackboneError, match=r"net\.ONNX: no such ONNX file, or it is empty"):
        resolve(str(file))


def test_settings_beside_an_onnx_file_are_part_of_it(tmp_path):
    file = tmp_path / "net.onnx"
    file.write_bytes(b"x")
    before = resolve(str(file))
    (tmp_path / "net.json").write_text('{"licence": "MIT", "crop_pct": 0.9}')
    after = resolve(str(file))
    assert (before.licence, after.licence) == (None, "MIT")
    assert before.fingerprint != after.fingerprint
    assert fingerprint(after) == after.fingerprint


@pytest.mark.parametrize(
    ("name", "repo"),
    [
        ("hf-hub:org/net", "org/net"),
        ("hf_hub:org/net", "org/net"),
        ("hf-hub:org/net.v1-x@main", "org/net.v1-x@main"),
        ("hf-hub:org/net@refs/pr/1", "org/net@refs/pr/1"),
    ],
)
def test_names_of_a_hub(name, repo):
    source = resolve(name)
    assert (source.kind, source.repo, source.name) == ("hub", repo, f"hf-hub:{repo}")
    assert (source.fingerprint, source.path) == ("", None)


@pytest.mark.parametrize("repo", ["", "net", "a/b/c", "a b/c", "/net", "org/", "org/net@"])
def test_names_that_no_hub_has(repo):
    with pytest.raises(BackboneError, match="has the form hf-hub:organisation/name"):
        resolve(f"hf-hub:{repo}")


def test_two_revisions_in_the_cache_do_not_mix(tmp_path, monkeypatch):
    places = {"config.json": tmp_path / "one", "model.safetensors": tmp_path / "two"}
    monkeypatch.setattr(
        "headstart.nets.pretrained.source.fetch", lambda source, file: places[file] / file
    )
    source = Source("hub", "hf-hub:org/net", repo="org/net")
    with pytest.raises(BackboneError, match=r"belong to different revisions\. What to do"):
        hub_folder(source)
    places["model.safetensors"] = places["config.json"]
    assert hub_folder(source) == tmp_path / "one"


def test_weights_that_vanish(folder):
    source = Source("folder", str(folder), folder)
    assert source.fingerprint == ""
    from headstart.nets.pretrained import source as module

    with pytest.raises(BackboneError, match=r"gone: cannot be read \(No such file"):
        module._fingerprint_parts(Path("gone"), {})


def test_the_starter_is_bundled():
    source = resolve("starter")
    assert (source.kind, source.name) == ("starter", "starter")
    assert (source.path / "config.json").is_file()
