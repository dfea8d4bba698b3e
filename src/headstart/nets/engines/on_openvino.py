"""OpenVINO: the fastest engine for a frozen network on a CPU.

Converting costs seconds and torch, so the converted graph is kept in the cache with the
vectors that fp32 torch gave for a fixed batch: a later process verifies and runs it
without importing torch at all.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.errors import BackboneError
from headstart.fingerprint import fingerprint_file
from headstart.images.pixels import cpu_count
from headstart.images.preprocess import Preprocess
from headstart.nets.engines.engine import stream, verify_parity

if TYPE_CHECKING:
    from headstart.nets.stages import StagePool

__all__ = ["OpenVinoEngine", "convert_graph", "is_converted", "load_converted", "load_onnx"]

_BATCH = 16
_PROOF = 4


def _openvino() -> ModuleType:
    """Imports OpenVINO with its telemetry replaced by the stub it has for that."""
    # `None` makes `import openvino_telemetry` fail, upon which OpenVINO uses its own stub.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


@functools.cache
def _core() -> Any:
    """The one `openvino.Core` of this process, never let go.

    Its CPU plugin gives the calling thread an alternate signal stack and, when it goes, puts
    back the one it found: of two cores the older must go last, or the thread is left with a
    stack that is unmapped and the next signal (an interrupt, a child's end) kills the process.
    """
    return _openvino().Core()


class OpenVinoEngine:
    """A compiled graph with one request per stream; see `engine.Engine`."""

    def __init__(self, model: Any, *, size: int, precision: str, batch: int = _BATCH) -> None:
        ov = _openvino()
        self.batch = batch
        self.precision = precision
        model.reshape([batch, size, size, 3])
        streams = max(1, cpu_count() // 2) if cpu_count() > 4 else cpu_count()
        compiled = _core().compile_model(
            model,
            "CPU",
            {
                "PERFORMANCE_HINT": "THROUGHPUT",
                "NUM_STREAMS": streams,
                "INFERENCE_NUM_THREADS": cpu_count(),
                "INFERENCE_PRECISION_HINT": "bf16" if precision == "bf16" else "f32",
            },
        )
        # One request more than streams: the next batch waits inside, never the processor.
        self._requests = [compiled.create_infer_request() for _ in range(streams + 1)]
        self._counts = [0] * len(self._requests)
        self.depth = len(self._requests)
        version = ov.__version__.split("-")[0]
        self.summary = f"OpenVINO {version}, {precision}, {streams} streams"

    def start(self, slot: int, images: np.ndarray) -> None:
        """Begins one batch; a short one is filled up, its surplus rows dropped later."""
        self._counts[slot] = len(images)
        if len(images) < self.batch:
            missing = np.zeros((self.batch - len(images), *images.shape[1:]), np.uint8)
            images = np.concatenate((images, missing))
        self._requests[slot].start_async([images])

    def finish(self, slot: int) -> np.ndarray:
        """Waits for a slot and returns its (n, D) float32 vectors."""
        request = self._requests[slot]
        request.wait()
        vectors = request.get_output_tensor(0).data[: self._counts[slot]]
        return np.array(vectors.reshape(len(vectors), -1), np.float32)


def _folder(home: Path, size: int) -> Path:
    ov = _openvino()
    return home / f"openvino-{ov.__version__.split('-')[0]}-{size}"


def _weights(folder: Path) -> np.ndarray:
    """Returns the (16,) uint8 fingerprint of a converted graph's weights."""
    return np.frombuffer(fingerprint_file(folder / "graph.bin"), np.uint8)


def _proof_images(size: int) -> np.ndarray:
    """Returns a fixed smooth batch, (4, size, size, 3) uint8, to prove a loaded graph with."""
    from PIL import Image

    cells = np.random.default_rng(0).integers(0, 256, (_PROOF, 8, 8, 3), dtype=np.uint8)
    square = (size, size)
    return np.stack([np.asarray(Image.fromarray(each).resize(square)) for each in cells])


def is_converted(home: Path, *, size: int) -> bool:
    """Tells whether `load_converted` may find a graph, without importing OpenVINO.

    Args:
        home: The backbone's folder in the cache.
        size: Side of the input in pixels.
    """
    return any(home.glob(f"openvino-*-{size}/proof.npz"))


def convert_graph(pool: StagePool, home: Path, *, size: int) -> None:
    """Converts a network and keeps the graph with the proof that torch gives.

    Args:
        pool: The network on the CPU, in eval mode and fp32.
        home: The backbone's folder in the cache.
        size: Side of the input in pixels.

    Raises:
        BackboneError: If OpenVINO cannot convert the network.
    """
    import torch

    from headstart.nets.stages import one_thread

    ov = _openvino()
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder

    images = torch.from_numpy(_proof_images(size))
    try:
        with warnings.catch_warnings(), one_thread(), torch.no_grad(), _quiet():
            # torch says that jit.trace will go; it is the quickest way in that OpenVINO has.
            warnings.simplefilter("ignore")
            # A function: of a module, every layer would become one of the compiler's first.
            traced = torch.jit.trace(lambda x: pool(x), images[:1], check_trace=False)
            # The frontend itself: `convert_model` around it doubles the time.
            frontend = ov.frontend.FrontEndManager().load_by_framework("pytorch")
            decoder = TorchScriptPythonDecoder(traced, example_input=images[:1])  # must outlive it
            model = frontend.convert(frontend.load(decoder))
            reference = pool(images).numpy()
    except Exception as error:
        raise BackboneError(f"OpenVINO cannot convert the network: {error}") from error
    home.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(dir=home, prefix=".building-"))
    folder = _folder(home, size)
    try:
        ov.save_model(model, building / "graph.xml", compress_to_fp16=False)
        np.savez(building / "proof.npz", vectors=reference, weights=_weights(building))
        if not (folder / "proof.npz").is_file():
            shutil.rmtree(folder, ignore_errors=True)  # the rest of one that was half removed
        with contextlib.suppress(OSError):  # another process was first: theirs serves as well
            os.replace(building, folder)
    except RuntimeError as error:  # OpenVINO's way to say that the disk is full
        raise BackboneError(f"OpenVINO cannot keep the network: {error}") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


@contextlib.contextmanager
def _quiet() -> Any:
    """Silences what the converter prints on standard output."""
    with contextlib.redirect_stdout(None):
        yield


def load_converted(
    home: Path, *, size: int, bounds: tuple[int, ...], batch: int = _BATCH
) -> OpenVinoEngine | None:
    """Loads a converted graph, bf16 where the processor has it, and verifies it.

    Args:
        home: The backbone's folder in the cache.
        size: Side of the input in pixels.
        bounds: Where the stages begin, then D.
        batch: Images in a call; fewer where they give much.

    Returns:
        The engine, or None when there is no graph or it does not give torch's vectors.
    """
    folder = _folder(home, size)
    if not (folder / "proof.npz").is_file():
        return None
    has_bf16 = "BF16" in _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    for precision in ("bf16", "fp32") if has_bf16 else ("fp32",):
        try:
            proof = np.load(folder / "proof.npz")
            if not np.array_equal(proof["weights"], _weights(folder)):
                raise BackboneError("the weights are damaged, if too little to show below")
            model = _core().read_model(folder / "graph.xml")
            engine = OpenVinoEngine(model, size=size, precision=precision, batch=batch)
            [(_, vectors)] = stream(engine, [(0, _proof_images(size))])
            verify_parity(vectors, proof["vectors"], precision=precision, bounds=bounds)
        except Exception:  # zipfile, numpy and OpenVINO each have their own for damaged files
            continue
        return engine
    shutil.rmtree(folder, ignore_errors=True)  # damaged: the next call converts again
    return None


def load_onnx(file: Path, preprocess: Preprocess, shape: tuple[int, int]) -> OpenVinoEngine:
    """Loads an ONNX network, with the normalisation put in front of it.

    Args:
        file: An ONNX file with one image input, (N, 3, H, W), and one output: (N, D) or
            (N, D, h, w), which is averaged.
        preprocess: Normalisation and size.
        shape: (height, width) that the network takes: the middle of the square.

    Raises:
        BackboneError: If the file is not such a network.
    """
    ov = _openvino()
    try:
        model = _core().read_model(file)
        if len(model.inputs) != 1 or len(model.inputs[0].partial_shape) != 4:
            raise ValueError("it needs exactly one input of shape (N, 3, H, W)")
        size = preprocess.size
        height, width = shape
        model.reshape([_BATCH, 3, height, width])
        steps = ov.preprocess.PrePostProcessor(model)
        steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
        steps.input().model().set_layout(ov.Layout("NCHW"))
        if (height, width) != (size, size):
            steps.input().tensor().set_shape([_BATCH, size, size, 3])
            top, left = (size - height) // 2, (size - width) // 2
            steps.input().preprocess().crop(
                [0, top, left, 0], [_BATCH, top + height, left + width, 3]
            )
        steps.input().preprocess().convert_element_type(ov.Type.f32)
        steps.input().preprocess().mean([255 * value for value in preprocess.mean])
        steps.input().preprocess().scale([255 * value for value in preprocess.std])
        model = steps.build()
        output = model.outputs[0]
        if len(output.partial_shape) == 4:
            ops = ov.opset13
            before = output.get_node().input_value(0)  # what the old result hung on
            pooled = ops.reduce_mean(before, ops.constant([2, 3]), keep_dims=False)
            model = ov.Model([pooled], model.get_parameters())
        return OpenVinoEngine(model, size=preprocess.size, precision="fp32")
    except (RuntimeError, ValueError, OSError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise BackboneError(f"{file} cannot be used as a frozen network: {reason}") from None
