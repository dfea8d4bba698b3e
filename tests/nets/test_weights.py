"""Names of backbones, strict loading, and a real hub on the loopback interface."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from headstart.errors import BackboneError
from headstart.nets.source import PRESETS, fingerprint, resolve
from headstart.nets.weights import load_network

ARCHITECTURE = "test_efficientnet"  # timm's own tiny networks: 0.4 M parameters
TIMM_NAME = f"{ARCHITECTURE}.r160_in1k"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A backbone in timm's layout, with a classifier of five classes and weights from a seed."""
    return write_folder(tmp_path / "backbone", ARCHITECTURE, num_classes=5)


def write_folder(place: Path, architecture: str, **options) -> Path:
    import timm
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    network = timm.create_model(architecture, **options)
    place.mkdir(parents=True)
    save_file(network.state_dict(), place / "model.safetensors")
    config = {
        "architecture": architecture,
        "num_classes": network.num_classes,
        "pretrained_cfg": {
            key: network.pretrained_cfg[key]
            for key in ("input_size", "mean", "std", "interpolation", "crop_pct", "classifier")
        }
        | {"num_classes": network.num_classes, "license": "apache-2.0"},
    }
    (place / "config.json").write_text(json.dumps(config))
    return place


def change_config(folder: Path, **changes) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def change_weights(folder: Path, change) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    save_file(change(weights) or weights, folder / "model.safetensors")


# --- names --------------------------------------------------------------------------------------


def test_module_is_cheap_to_import():
    code = (
        "import sys, headstart.nets.source, headstart.nets.weights\n"
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


# --- loading ------------------------------------------------------------------------------------


def test_load_network_gives_the_saved_weights_without_the_classifier(folder):
    import torch
    from safetensors.torch import load_file

    network = load_network(resolve(str(folder)))
    saved = load_file(folder / "model.safetensors")
    state = network.state_dict()
    assert set(saved) - set(state) == {"classifier.weight", "classifier.bias"}
    assert all(torch.equal(state[key], saved[key]) for key in state)
    assert not network.training
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, 64, 64)).shape == (1, network.num_features)
    assert network.pretrained_cfg["crop_pct"] == pytest.approx(0.95)


def test_weights_without_a_classifier_load_too(folder):
    change_weights(folder, lambda w: {k: v for k, v in w.items() if "classifier" not in k})
    load_network(resolve(str(folder)))


def test_random_weights_on_request(folder):
    import torch

    source = resolve(str(folder))
    one, two = load_network(source), load_network(source, pretrained=False)
    assert one.state_dict().keys() == two.state_dict().keys()
    assert not torch.equal(one.conv_stem.weight, two.conv_stem.weight)


def test_starter():
    try:
        source = resolve("starter")
    except BackboneError:
        pytest.skip("the starter weights are not in this checkout")
    assert source.kind == "starter"
    assert fingerprint(source) == source.fingerprint
    load_network(source)


def test_real_weights(real_weights):
    network = load_network(resolve(str(real_weights("mobilenetv2_100"))))
    assert network.num_features == 1280


def _drop(weights):
    del weights["conv_stem.weight"]


def _add(weights):
    weights["stranger.weight"] = weights["conv_stem.weight"].clone()


def _reshape(weights):
    weights["conv_stem.weight"] = weights["conv_stem.weight"][:, :, :1].contiguous()


def _poison(weights):
    weights["conv_stem.weight"][0] = float("nan")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_drop, ["1 missing (conv_stem.weight)"]),
        (_add, ["1 not in the network (stranger.weight)"]),
        (
            _reshape,
            ["1 of another shape (conv_stem.weight: [24, 3, 1, 3] instead of"],
        ),
        (_poison, ["not-a-number", "conv_stem.weight"]),
    ],
)
def test_wrong_weights_are_named(folder, change, words):
    change_weights(folder, change)
    with pytest.raises(BackboneError) as caught:
        load_network(resolve(str(folder)))
    for word in [*words, "model.safetensors"]:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_truncated_weights(folder):
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(BackboneError, match=r"model\.safetensors: not a whole safetensors"):
        load_network(resolve(str(folder)))


def test_a_pickle_is_refused_with_the_reason(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(BackboneError, match=r"pytorch_model\.bin: a pickle"):
        resolve(str(folder))


@pytest.mark.parametrize(
    ("config", "word"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "not an object"),
        ('{"model_type": "vit"}', "transformers"),
        ('{"architecture": "resnet18", "pretrained_cfg": 3}', "pretrained_cfg"),
    ],
)
def test_wrong_configuration(folder, config, word):
    (folder / "config.json").write_text(config)
    with pytest.raises(BackboneError, match=word) as caught:
        resolve(str(folder))
    assert "config.json" in str(caught.value)


@pytest.mark.parametrize(
    "changes", [{"architecture": "no_such_network"}, {"model_args": {"no_such_argument": 1}}]
)
def test_configuration_that_timm_cannot_build(folder, changes):
    change_config(folder, **changes)
    with pytest.raises(BackboneError, match="cannot build") as caught:
        load_network(resolve(str(folder)))
    assert "config.json" in str(caught.value)


# --- the hub ------------------------------------------------------------------------------------


class Hub:
    """The part of the Hugging Face hub's protocol that downloads files, from a folder."""

    def __init__(self, root: Path) -> None:
        requests = self.requests = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_HEAD(self, body: bool = False) -> None:
                requests.append(f"{self.command} {self.path}")
                parts = self.path.strip("/").split("/")
                file = root.joinpath(*parts[:2], *parts[4:])
                known = (root / parts[0] / parts[1]).is_dir()
                if len(parts) < 5 or parts[2] != "resolve" or not file.is_file():
                    self.send_response(404)
                    self.send_header("X-Error-Code", "EntryNotFound" if known else "RepoNotFound")
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                content = file.read_bytes()
                self.send_response(200)
                self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
                self.send_header("X-Repo-Commit", "0123456789abcdef0123456789abcdef01234567")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if body:
                    self.wfile.write(content)

            def do_GET(self) -> None:
                self.do_HEAD(body=True)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


PROBE = """
import json, sys, time
from headstart.errors import BackboneError
from headstart.nets.source import fingerprint, resolve
from headstart.nets.weights import load_network
import timm, torch, huggingface_hub.file_download
results = {}
for name in sys.argv[1:]:
    begun = time.monotonic()
    try:
        source = resolve(name)
        network = load_network(source)
        result = {
            "sum": sum(p.double().sum().item() for p in network.parameters()),
            "before": source.fingerprint,
            "fingerprint": fingerprint(resolve(name)),
            "licence": resolve(name).licence,
        }
    except BackboneError as error:
        result = {"error": str(error)}
    results[name] = result | {"seconds": time.monotonic() - begun}
print(json.dumps(results))
"""


def probe(home: Path, endpoint: str, *names: str, **environment: str) -> dict:
    """Loads backbones by name in a process of its own; the hub reads its settings on import."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *names],
        env=keep | {"HF_HOME": str(home), "HF_ENDPOINT": endpoint, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_hub_there_then_gone_then_cached(tmp_path):
    ours = write_folder(tmp_path / "hub" / "org" / "tiny", ARCHITECTURE, num_classes=5)
    write_folder(tmp_path / "hub" / "timm" / TIMM_NAME, ARCHITECTURE)
    pickled = write_folder(tmp_path / "hub" / "org" / "pickled", ARCHITECTURE, num_classes=5)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    hub = Hub(tmp_path / "hub")
    home = tmp_path / "home"
    names = ("hf-hub:org/tiny", TIMM_NAME)
    online = probe(home, hub.url, *names, "hf-hub:org/pickled", "hf-hub:org/unknown")
    hub.close()

    local = load_network(resolve(str(ours)))
    assert online[names[0]]["sum"] == pytest.approx(
        sum(p.double().sum().item() for p in local.parameters())
    )
    assert online[names[0]]["before"] == ""  # nothing is downloaded by resolve alone
    assert online[names[0]]["licence"] == "apache-2.0"
    assert all(len(online[name]["fingerprint"]) == 32 for name in names)
    assert "no such file" in online["hf-hub:org/pickled"]["error"]
    assert not any(r.startswith("GET") and r.endswith(".bin") for r in hub.requests)
    assert "no such repository" in online["hf-hub:org/unknown"]["error"]

    # The hub is gone: what is cached still loads, the rest fails soon and says what to do.
    gone = probe(home, hub.url, *names, "hf-hub:org/another")
    for name in names:
        assert gone[name]["sum"] == online[name]["sum"]
        assert gone[name]["before"] == online[name]["fingerprint"]
    failed = gone["hf-hub:org/another"]
    assert failed["seconds"] < 15
    for word in ("config.json of org/another", "hf download", "--local-dir", "HF_HOME", "starter"):
        assert word in failed["error"]
    assert "\n" not in failed["error"]

    # HF_HUB_OFFLINE: likewise, without asking.
    offline = probe(home, hub.url, *names, "fast", HF_HUB_OFFLINE="1")
    assert offline[names[0]]["sum"] == online[names[0]]["sum"]
    assert "HF_HUB_OFFLINE" in offline["fast"]["error"]
    assert f"model.safetensors of timm/{PRESETS['fast']}" in offline["fast"]["error"]
