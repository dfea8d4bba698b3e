"""Engines: whatever runs the network, and however fast, it is the same network."""

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
import timm
import torch
from timm.models import save_for_hf
from torch import nn

from headstart.errors import BackboneError, OptionError
from headstart.images.preprocess import Preprocess
from headstart.nets import backbone as backbones
from headstart.nets import engine_openvino, engine_torch
from headstart.nets.backbone import Backbone, open_backbone
from headstart.nets.engine import parity, stream, verify_parity
from headstart.nets.engine_torch import TorchEngine, fold_batchnorm, torch_engine
from headstart.nets.stages import StagePool

SIZE = 64


def inputs(count: int, size: int = SIZE, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def lived(network: nn.Module) -> nn.Module:
    """Gives BatchNorm statistics as training leaves them: with none, folding proves nothing."""
    generator = torch.Generator().manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            shape = module.running_mean.shape
            module.running_mean.copy_(0.1 * torch.randn(shape, generator=generator))
            module.running_var.copy_(0.5 + torch.rand(shape, generator=generator))
            module.weight.data.copy_(0.5 + torch.rand(shape, generator=generator))
            module.bias.data.copy_(0.2 * torch.randn(shape, generator=generator))
    return network.eval()


def make_pool(name: str, size: int = SIZE, **options: object) -> StagePool:
    torch.manual_seed(0)
    network = lived(timm.create_model(name, num_classes=0, **options))
    return StagePool(network, Preprocess(size)).eval().requires_grad_(False)


def bounds_of(pool: StagePool) -> tuple[int, ...]:
    return tuple(int(n) for n in np.cumsum([0, *(width for _, width in pool.layout)]))


def plain(pool: StagePool, images: np.ndarray, preprocess: Preprocess | None = None) -> np.ndarray:
    """What everything is compared with: fp32 torch, nothing folded, normalised by hand."""
    pixels = torch.from_numpy((preprocess or Preprocess()).normalise(images))
    with torch.inference_mode():
        network = pool.network
        if not pool.keep:
            return network.forward_head(network.forward_features(pixels), pre_logits=True).numpy()
        last = network.forward_head(network.forward_features(pixels), pre_logits=True)
        _, maps = network.forward_intermediates(pixels)
        stages = [part for i in pool.keep for part in (maps[i].mean((2, 3)), maps[i].amax((2, 3)))]
        return torch.cat([*stages, last], dim=1).numpy()


def plain_of(backbone: Backbone, images: np.ndarray) -> np.ndarray:
    return plain(backbone.pool(backbone.preprocess), images, backbone.preprocess)


def norms_of(module: nn.Module) -> int:
    return sum(isinstance(each, nn.BatchNorm2d) for each in module.modules())


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """On a busy machine torch's threads, which wait by spinning, are sixty times slower."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # for the processes that tests start
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny residual network with random weights in timm's layout."""
    torch.manual_seed(0)
    network = lived(timm.create_model("test_resnet", num_classes=3))
    network.pretrained_cfg["input_size"] = (3, SIZE, SIZE)
    place = tmp_path_factory.mktemp("backbone")
    save_for_hf(network, place, safe_serialization=True)
    return place


@pytest.fixture
def backbone(folder: Path) -> Backbone:
    return open_backbone(str(folder))


def engine_of(backbone: Backbone, *, images: int = 1000):
    preprocess = backbone.preprocess
    return backbone.engine(preprocess, images=images, proof=inputs(1), device="cpu")


def run_all(engine, images: np.ndarray) -> np.ndarray:
    """Streams images in batches whose last is not full."""
    starts = range(0, len(images), engine.batch)
    batches = ((start, images[start : start + engine.batch]) for start in starts)
    tags, vectors = zip(*stream(engine, batches), strict=True)
    assert list(tags) == list(starts)
    return np.concatenate(vectors)


# --- stages -------------------------------------------------------------------------------------


def test_stages_of_a_convolutional_network():
    pool = make_pool("test_resnet")
    assert [name for name, _ in pool.layout] == [f"stage{i}" for i in range(1, 6)] + ["last"]
    images = inputs(2)
    with torch.inference_mode():
        vectors = pool(torch.from_numpy(images)).numpy()
    assert vectors.shape == (2, bounds_of(pool)[-1])
    np.testing.assert_allclose(vectors, plain(pool, images), rtol=1e-3, atol=1e-4)


def test_stages_are_the_same_where_the_last_ones_end_at_one_pixel():
    network = make_pool("test_resnet").network
    layouts = [StagePool(network, Preprocess(size)).layout for size in (16, 32, 64, 96)]
    assert layouts[0] == layouts[1] == layouts[2] == layouts[3]


def test_stages_of_a_transformer_are_spread_over_its_blocks():
    pool = make_pool("test_vit", img_size=SIZE)
    depth = len(pool.network.blocks)
    assert len(pool.keep) == min(4, depth)
    assert pool.keep[-1] == depth - 1
    images = inputs(2)
    with torch.inference_mode():
        vectors = pool(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(vectors, plain(pool, images), rtol=1e-3, atol=1e-4)


class NoStages(nn.Module):
    """A network of the older kind, without `forward_intermediates`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 7, 3, bias=False)
        self.norm = nn.BatchNorm2d(7)

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(self.conv(x)).relu()

    def forward_head(self, x: torch.Tensor, pre_logits: bool = False) -> torch.Tensor:
        return x.mean((2, 3))


def test_network_without_stages_gives_its_last_layer():
    pool = StagePool(lived(NoStages()), Preprocess(SIZE)).eval().requires_grad_(False)
    assert pool.layout == (("last", 7),)
    engine = TorchEngine(pool, device="cpu", precision="fp32")
    images = inputs(3)
    engine.start(0, images)
    np.testing.assert_allclose(engine.finish(0), plain(pool, images), atol=1e-5)


def test_card_is_learnt_once_and_kept(backbone, monkeypatch):
    info = backbone.info
    assert info.bounds[-1] == sum(width for _, width in info.stages)
    assert info.slices["last"].stop == info.bounds[-1]
    assert info.parameters == sum(each.numel() for each in backbone.network.parameters())
    monkeypatch.setattr(Backbone, "_learn", lambda self: pytest.fail("learnt again"))
    assert open_backbone(str(backbone.source.path)).info == info


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"stages": 3}', '{"stages": [["a", 1]]}'])
def test_damaged_card_is_learnt_again(backbone, content):
    info = backbone.info
    (backbone.home / "info.json").write_text(content)
    again = open_backbone(str(backbone.source.path))
    assert again.info == info
    assert json.loads((backbone.home / "info.json").read_text())["parameters"] == info.parameters


def test_size_that_the_network_does_not_take(backbone):
    fixed = timm.create_model("test_vit", num_classes=0, img_size=SIZE, dynamic_img_size=False)
    backbone.__dict__["network"] = fixed
    with pytest.raises(OptionError, match=r"96 px.*leave --image-size out for its own 64 px"):
        backbone.pool(Preprocess(96))


def test_random_control_is_the_same_network_with_other_weights(backbone):
    control, again = backbone.randomised(3), backbone.randomised(3)
    before = torch.random.get_rng_state()
    weights = control.network.state_dict()
    assert torch.equal(torch.random.get_rng_state(), before)
    assert control.home != backbone.home
    for name, weight in again.network.state_dict().items():
        assert torch.equal(weight, weights[name])
    assert not torch.equal(weights["layer1.0.conv1.weight"],
                           backbone.network.state_dict()["layer1.0.conv1.weight"])  # fmt: skip
    assert control.info.bounds == backbone.info.bounds


# --- folding ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("test_resnet", 0),  # residual blocks
        ("test_efficientnet", 0),  # BatchNormAct2d, squeeze-and-excitation
        ("test_byobnet", 0),  # RepVGG and MobileOne blocks
        ("resnetv2_18", 9),  # normalised before the block: those have no convolution to go into
    ],
)
def test_folding_changes_nothing_but_speed(name, left):
    pool = make_pool(name)
    images = inputs(2)
    reference = plain(pool, images)
    assert norms_of(pool) > left
    fold_batchnorm(pool)
    assert norms_of(pool) == left
    with torch.inference_mode():
        vectors = pool(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(vectors, reference, rtol=1e-3, atol=1e-4)


def test_folding_where_the_size_is_fixed():
    pool = make_pool("test_vit", 96, img_size=96, dynamic_img_size=False)
    engine = TorchEngine(pool, device="cpu", precision="fp32")
    images = inputs(1, 96)
    engine.start(0, images)
    assert parity(engine.finish(0), plain(pool, images)) > 0.9999


class Shared(NoStages):
    """The convolution's output goes into its norm, and around it: it must not be folded."""

    def forward_features(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        return torch.cat((x, self.norm(x)), dim=1)


def test_where_folding_goes_wrong_the_network_runs_unfolded():
    pool = StagePool(lived(Shared()), Preprocess(SIZE)).eval().requires_grad_(False)
    images = inputs(4)
    folded = TorchEngine(pool, device="cpu", precision="fp32")
    folded.start(0, images)
    assert parity(folded.finish(0), plain(pool, images)) < 0.999
    engine = torch_engine(pool, device="cpu", proof=images[:1], bounds=bounds_of(pool))
    engine.start(0, images)
    needed = 0.9999 if engine.precision == "fp32" else 0.995
    assert parity(engine.finish(0), plain(pool, images)) >= needed


def test_the_pool_given_is_left_as_it_was():
    pool = make_pool("test_resnet")
    count, before = norms_of(pool), {k: v.clone() for k, v in pool.state_dict().items()}
    TorchEngine(pool, device="cpu", precision="fp32")
    assert norms_of(pool) == count
    assert all(torch.equal(value, before[name]) for name, value in pool.state_dict().items())


# --- parity ----------------------------------------------------------------------------------


def test_agreement_sees_direction_length_zeros_and_nan():
    vectors = np.random.default_rng(0).normal(size=(3, 50)).astype(np.float32)
    assert parity(vectors, vectors) == 1
    assert parity(1.1 * vectors, vectors) < 0.996
    other = vectors.copy()
    other[1, :10] *= -1
    cosine = other[1] @ vectors[1] / (vectors[1] @ vectors[1])
    assert parity(other, vectors) == pytest.approx(cosine, abs=1e-6)
    zeros = np.zeros_like(vectors)
    assert parity(zeros, zeros) == 1  # a stage that is dead is dead everywhere
    assert parity(vectors, zeros) < 0
    other[0, 0] = np.nan
    assert parity(other, vectors) == 0
    assert parity(vectors[:, :9], vectors) == 0


def test_every_stage_must_agree():
    reference = np.ones((2, 10), np.float32)
    reference[:, :8] *= 1000
    vectors = reference.copy()
    vectors[1, 9] = -1  # lost beside the first stage, were they compared as one
    assert parity(vectors, reference) > 0.9999
    verify_parity(vectors, reference, precision="fp32", bounds=(0, 8, 9))
    with pytest.raises(BackboneError, match="parity"):
        verify_parity(vectors, reference, precision="bf16", bounds=(0, 8, 10))


# --- all engines, one network -------------------------------------------------------------------


@pytest.mark.parametrize("images", [10, 1000])
def test_engine_gives_the_vectors_of_plain_torch(backbone, images):
    engine = engine_of(backbone, images=images)
    assert engine.summary.startswith("torch" if images < 200 else "OpenVINO")
    many = inputs(engine.batch * (engine.depth + 2) + 3)  # more than fit, the last not full
    vectors = run_all(engine, many)
    assert vectors.dtype == np.float32
    reference = plain_of(backbone, many)
    verify_parity(vectors, reference, precision=engine.precision, bounds=backbone.info.bounds)
    if engine.precision == "fp32":
        np.testing.assert_allclose(vectors, reference, rtol=1e-2, atol=1e-3)


def test_a_batch_of_one(backbone):
    engine = engine_of(backbone)
    images = inputs(3)
    together = run_all(engine, images)
    for number in range(3):
        alone = run_all(engine, images[number : number + 1])
        np.testing.assert_allclose(alone[0], together[number], rtol=1e-3, atol=1e-4)


def test_transformer_in_openvino(tmp_path):
    pool = make_pool("test_vit", img_size=SIZE)
    bounds = bounds_of(pool)
    engine_openvino.convert(pool, tmp_path, size=SIZE)
    engine = engine_openvino.load_converted(tmp_path, size=SIZE, bounds=bounds)
    images = inputs(5)
    reference = plain(pool, images)
    verify_parity(run_all(engine, images), reference, precision=engine.precision, bounds=bounds)


# --- the graph that is kept ---------------------------------------------------------------------


def graph_of(backbone: Backbone) -> Path:
    engine_of(backbone)
    [graph] = backbone.home.glob("*/openvino-*")
    return graph


@pytest.fixture(scope="module")
def kept(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache in which the backbone is converted."""
    cache = tmp_path_factory.mktemp("kept")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(cache))
        graph_of(open_backbone(str(folder)))
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
from headstart.nets.backbone import open_backbone
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


def test_kept_graph_needs_no_torch(folder, backbone, converted):
    found = elsewhere(folder, 1)
    assert found["summary"].startswith("OpenVINO")
    assert found["heavy"] == []
    assert found["tried"] == []
    assert found["width"] == backbone.info.bounds[-1]


def test_converting_reaches_for_no_network(folder):
    found = elsewhere(folder, 1000)
    assert found["summary"].startswith("OpenVINO")
    assert "openvino_telemetry" not in found["heavy"]
    assert found["tried"] == []


SIGNAL = """
import os, signal, sys
import numpy as np
from headstart.nets.backbone import open_backbone
backbone = open_backbone(sys.argv[1])
proof = np.zeros((1, 64, 64, 3), np.uint8)
def engine():
    return backbone.engine(backbone.preprocess, images=1000, proof=proof, device="cpu")
engines = [engine(), engine()]
assert engines[0].says.startswith("OpenVINO"), engines[0].says
while engines:
    engines.pop(0)
signal.signal(signal.SIGUSR1, lambda *given: print("heard"))
os.kill(os.getpid(), signal.SIGUSR1)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signal here")
def test_a_signal_is_survived_after_engines_went_oldest_first(folder):
    done = subprocess.run(
        [sys.executable, "-c", SIGNAL, str(folder)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr


# --- ONNX ---------------------------------------------------------------------------------------


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


# --- precision ----------------------------------------------------------------------------------


def test_precision_is_said_without_torch():
    code = (
        "import sys; from headstart.nets.backbone import native_precision as p; print(p('cpu'));"
        "sys.exit('torch' in sys.modules or 'openvino' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("bf16", "fp32")


def test_fp32_where_bf16_is_not_good_enough(monkeypatch):
    pool = make_pool("test_resnet")
    monkeypatch.setattr(engine_torch, "_cpu_has_bf16", lambda: True)
    real = engine_torch.verify_parity

    def strict(vectors, reference, *, precision, bounds):
        if precision == "bf16":
            raise BackboneError("not good enough")
        real(vectors, reference, precision=precision, bounds=bounds)

    monkeypatch.setattr(engine_torch, "verify_parity", strict)
    engine = torch_engine(pool, device="cpu", proof=inputs(1), bounds=bounds_of(pool))
    assert engine.precision == "fp32"


def test_device_asked_for_is_the_device(monkeypatch):
    assert backbones.pick_device("cpu") == "cpu"
    assert backbones.pick_device("cuda") == "cuda"
