"""OpenVINO: the graph that is kept, proven anew each time, and ONNX files."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.nets.pools import SIZE, bounds_of, engine_of, inputs, make_pool, plain, plain_of, run_all

from headstart.errors import BackboneError
from headstart.nets.engines import on_openvino as engine_openvino
from headstart.nets.engines.engine import verify_parity
from headstart.nets.pretrained.backbone import Backbone, open_backbone

pytestmark = pytest.mark.usefixtures("one_thread")


def test_transformer_in_openvino(tmp_path):
    pool = make_pool("test_vit", img_size=SIZE)
    bounds = bounds_of(pool)
    engine_openvino.convert_graph(pool, tmp_path, size=SIZE)
    engine = engine_openvino.load_converted(tmp_path, size=SIZE, bounds=bounds)
    images = inputs(5)
    reference = plain(pool, images)
    verify_parity(run_all(engine, images), reference, precision=engine.precision, bounds=bounds)


def graph_of(backbone: Backbone) -> Path:
    engine_of(backbone)
    [graph] = backbone.home.glob("*/openvino-*")
    return graph


@pytest.fixture(scope="module")
def kept(timm_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which the backbone is converted."""
    cache = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(cache))
        graph_of(open_backbone(str(timm_folder)))
    return cache


@pytest.fixture
def converted(kept: Path, isolated_cache: Path, backbone: Backbone) -> Path:
    """The graph's folder in this test's own cache."""
    shutil.copytree(kept, isolated_cache, dirs_exist_ok=True)
    [graph] = backbone.home.glob("*/openvino-*")
    return graph


def cut(content: bytearray) -> bytes:
    return bytes(content[: len(content) // 2])


def flip(content: bytearray) -> bytes:
    content[len(content) // 2] ^= 0x40
    return bytes(content)


def clear(content: bytearray) -> bytes:
    return b""


@pytest.mark.parametrize("file", ["graph.bin", "proof.npz"])
@pytest.mark.parametrize("damage", [cut, flip, clear])
def test_damaged_graph_is_not_used_but_made_again(backbone, converted, monkeypatch, file, damage):
    good = (converted / file).read_bytes()
    # A new file: OpenVINO may still have the old one mapped, and a map that loses its end kills.
    (converted / file).unlink()
    (converted / file).write_bytes(damage(bytearray(good)))
    assert engine_of(backbone, images=1).summary.startswith("torch")
    again = engine_of(backbone)
    assert again.summary.startswith("OpenVINO")
    assert (converted / "graph.bin").is_file()
    images = inputs(2)
    reference = plain_of(backbone, images)
    bounds = backbone.info.bounds
    verify_parity(run_all(again, images), reference, precision=again.precision, bounds=bounds)


def test_damaged_description_of_the_graph(backbone, converted):
    (converted / "graph.xml").write_bytes(b"<xml>" + bytes(50))
    assert engine_of(backbone).summary.startswith("OpenVINO")
    assert (converted / "graph.xml").read_bytes()[:50] != b"<xml>" + bytes(45)


def test_proof_of_another_network_is_no_proof(backbone, converted):
    proof = dict(np.load(converted / "proof.npz"))
    proof["vectors"][:, -1] += 1
    np.savez(converted / "proof.npz", **proof)
    assert engine_of(backbone, images=1).summary.startswith("torch")
    assert not converted.exists()


def test_graph_of_another_version_is_converted_anew(backbone, converted):
    converted.rename(converted.with_name(f"openvino-1999.0-{SIZE}"))
    assert engine_of(backbone).summary.startswith("OpenVINO")
    assert converted.is_dir()


def test_half_removed_graph_is_replaced(backbone, converted):
    (converted / "proof.npz").unlink()
    assert engine_of(backbone).summary.startswith("OpenVINO")


def test_when_the_graph_cannot_be_kept_torch_runs(backbone, monkeypatch):
    import openvino

    def full(*args: object, **options: object) -> None:
        raise RuntimeError("no space left")

    monkeypatch.setattr(openvino, "save_model", full)
    assert engine_of(backbone).summary.startswith("torch")
    assert not list(backbone.home.glob("*/openvino-*"))
    assert not list(backbone.home.glob("*/.building-*"))


def test_when_the_network_cannot_be_converted_torch_runs(backbone, monkeypatch):
    monkeypatch.setattr(torch.jit, "trace", lambda *args, **options: 1 / 0)
    assert engine_of(backbone).summary.startswith("torch")


WARM = """
import json, socket, sys
tried = []
real = socket.socket.connect
socket.socket.connect = lambda self, address: tried.append(str(address)) or real(self, address)
socket.socket.connect_ex = lambda self, address: tried.append(str(address)) or 1
getaddrinfo = socket.getaddrinfo
socket.getaddrinfo = lambda *args, **more: tried.append(str(args)) or getaddrinfo(*args, **more)
import numpy as np
from headstart.nets.pretrained.backbone import open_backbone
backbone = open_backbone(sys.argv[1])
proof = np.zeros((1, 64, 64, 3), np.uint8)
images = int(sys.argv[2])
engine = backbone.engine(backbone.preprocess, images=images, proof=proof, device="cpu")
engine.start(0, proof)
vectors = engine.finish(0)
heavy = sorted({"torch", "timm", "openvino_telemetry"} & {k for k, v in sys.modules.items() if v})
summary = dict(summary=engine.summary, heavy=heavy, tried=tried, width=vectors.shape[1])
import time; time.sleep(0.2)  # telemetry sends from a thread
print(json.dumps(summary))
"""


def elsewhere(folder: Path, images: int) -> dict:
    environment = {**os.environ, "CI": ""}
    done = subprocess.run(
        [sys.executable, "-c", WARM, str(folder), str(images)],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_kept_graph_needs_no_torch(timm_folder, backbone, converted):
    found = elsewhere(timm_folder, 1)
    assert found["summary"].startswith("OpenVINO")
    assert found["heavy"] == []
    assert found["tried"] == []
    assert found["width"] == backbone.info.bounds[-1]


def test_converting_reaches_for_no_network(timm_folder):
    found = elsewhere(timm_folder, 1000)
    assert found["summary"].startswith("OpenVINO")
    assert "openvino_telemetry" not in found["heavy"]
    assert found["tried"] == []


SIGNAL = """
import os, signal, sys
import numpy as np
from headstart.nets.pretrained.backbone import open_backbone
backbone = open_backbone(sys.argv[1])
proof = np.zeros((1, 64, 64, 3), np.uint8)
def engine():
    return backbone.engine(backbone.preprocess, images=1000, proof=proof, device="cpu")
engines = [engine(), engine()]
assert engines[0].summary.startswith("OpenVINO"), engines[0].summary
while engines:
    engines.pop(0)
signal.signal(signal.SIGUSR1, lambda *given: print("heard"))
os.kill(os.getpid(), signal.SIGUSR1)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signal here")
def test_a_signal_is_survived_after_engines_went_oldest_first(timm_folder):
    done = subprocess.run(
        [sys.executable, "-c", SIGNAL, str(timm_folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr


def write_onnx(file: Path, *, pooled: bool, inputs: int = 1, channels: int = 3) -> Path:
    """Writes a convolution, ReLU and, if pooled, the mean over space."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(0)
    weight = rng.normal(size=(6, channels, 3, 3)).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["image", "weight"], ["conv"], strides=[2, 2]),
        helper.make_node("Relu", ["conv"], ["map"]),
    ]
    last = "map"
    if pooled:
        nodes.append(helper.make_node("GlobalAveragePool", ["map"], ["mean"]))
        nodes.append(helper.make_node("Flatten", ["mean"], ["vector"]))
        last = "vector"
    shape = ["N", channels, SIZE, SIZE]
    names = ["image", *(f"more{i}" for i in range(1, inputs))]
    given = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in names]
    result = helper.make_tensor_value_info(last, TensorProto.FLOAT, None)
    graph = helper.make_graph(
        nodes, "tiny", given, [result], [numpy_helper.from_array(weight, "weight")]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, file)
    return file


def settings_beside(file: Path) -> Path:
    """Writes the preprocessing beside the file."""
    settings = {"input_size": [3, SIZE, SIZE], "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.25, 0.3]}
    file.with_suffix(".json").write_text(json.dumps(settings))
    return file


@pytest.mark.parametrize("pooled", [True, False])
def test_onnx_gives_the_vectors_of_onnxruntime(tmp_path, pooled):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    file = settings_beside(write_onnx(tmp_path / "tiny.onnx", pooled=pooled))
    backbone = open_backbone(str(file))
    assert backbone.info.stages == (("last", 6),)
    assert not backbone.takes_any_size()
    preprocess = backbone.preprocess
    assert (preprocess.size, preprocess.mean) == (SIZE, (0.4, 0.5, 0.6))
    engine = engine_of(backbone, images=3)
    images = inputs(engine.batch + 3)
    vectors = run_all(engine, images)
    session = runtime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    [expected] = session.run(None, {"image": preprocess.normalise(images)})
    expected = expected if pooled else expected.mean((2, 3))
    np.testing.assert_allclose(vectors, expected, rtol=1e-3, atol=1e-4)


def test_onnx_cannot_be_trained(tmp_path):
    pytest.importorskip("onnx")
    backbone = open_backbone(str(settings_beside(write_onnx(tmp_path / "a.onnx", pooled=True))))
    with pytest.raises(BackboneError, match="frozen"):
        _ = backbone.network


@pytest.mark.parametrize("bad", ["two inputs", "five channels", "not onnx"])
def test_onnx_that_is_no_image_network(tmp_path, bad):
    pytest.importorskip("onnx")
    file = tmp_path / "bad.onnx"
    if bad == "not onnx":
        file.write_bytes(b"nothing of the kind")
    else:
        inputs, channels = (2, 3) if bad == "two inputs" else (1, 5)
        write_onnx(file, pooled=True, inputs=inputs, channels=channels)
    settings_beside(file)
    with pytest.raises(BackboneError, match=r"bad\.onnx cannot be used"):
        _ = open_backbone(str(file)).info
