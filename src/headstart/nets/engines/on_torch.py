"""torch as an engine: channels-last, BatchNorm folded into the convolutions, bf16 or CUDA.

It needs no conversion, so it wins for up to a thousand images, and it is what CUDA runs.
"""

from __future__ import annotations

import copy
import itertools
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from threading import Barrier

import numpy as np
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from headstart.errors import BackboneError
from headstart.nets.engines.engine import verify_parity
from headstart.nets.engines.fused import can_fuse, fuse_convolutions, hanging
from headstart.nets.stages import StagePool, one_thread

__all__ = ["TorchEngine", "conv_norm_pairs", "fold_batchnorm"]


class TorchEngine:
    """A network run eagerly; see `engine.Engine`."""

    def __init__(
        self,
        pool: StagePool,
        *,
        device: str,
        precision: str,
        fold: bool = True,
        fuse: bool = False,
        few: bool = False,
        streams: int = 1,
    ) -> None:
        self._few, self._streams = few, streams
        self.precision = precision
        # Threads with a batch each neither wait for one another nor for a decoder beside them.
        self._workers = _lone_threads(streams) if streams > 1 else None
        self.depth = streams
        self.batch = 64 if device == "cuda" else 16
        self._device = torch.device(device)
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self._pool = copy.deepcopy(pool).to(self._device)
        if fold:
            fold_batchnorm(self._pool)
        # Weights in bf16, but the normalisation's constants follow, so keep their scale small.
        self._pool = self._pool.to(dtype=dtype, memory_format=torch.channels_last)
        if fuse:
            # oneDNN lays weights out for a number of threads; for another it would do so again
            # at every call.
            with one_thread() if few or streams > 1 else nullcontext():
                fuse_convolutions(self._pool)
        self._results: dict[int, torch.Tensor | Future[torch.Tensor]] = {}
        place = torch.cuda.get_device_name() if device == "cuda" else device
        how = "fused, channels-last" if fuse else "channels-last"
        self.summary = f"torch {torch.__version__.split('+')[0]}, {precision}, {how}, {place}"

    def start(self, slot: int, images: np.ndarray) -> None:
        """Runs one batch; on CUDA, and in streams, it returns before the batch is done."""
        if self._workers is not None:
            self._results[slot] = self._workers.submit(self._run, images)
            return
        with one_thread() if self._few else nullcontext():
            self._results[slot] = self._run(images)

    def _run(self, images: np.ndarray) -> torch.Tensor:
        with torch.inference_mode():
            pixels = torch.from_numpy(np.ascontiguousarray(images)).to(self._device)
            found: torch.Tensor = self._pool(pixels)
            return found

    def finish(self, slot: int) -> np.ndarray:
        """Returns the (n, D) float32 vectors."""
        result = self._results.pop(slot)
        found = result.result() if isinstance(result, Future) else result
        return found.float().cpu().numpy()


def _lone_threads(count: int) -> ThreadPoolExecutor:
    """Returns threads that torch's operations do not share out to others.

    A thread asks once how many helpers it has, when it first meets torch: here it has none.
    """
    workers, all_there = ThreadPoolExecutor(count), Barrier(count)

    def meet(_: int) -> None:
        torch.get_num_threads()
        all_there.wait()

    with one_thread():
        list(workers.map(meet, range(count)))
    return workers


def conv_norm_pairs(pool: StagePool) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Finds every BatchNorm that directly follows a convolution.

    The pairs are found by running one image and watching which tensor goes where, because
    timm's networks join them in ways that tracing by name would miss (`BatchNormAct2d`).

    Returns:
        Pairs whose convolution is run once and followed by one BatchNorm only.
    """
    made_by: dict[int, nn.Conv2d] = {}
    pairs: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []
    alive: list[torch.Tensor] = []  # keeps ids unique while the image runs
    hooks = []

    def watch_conv(module: nn.Module, inputs: tuple[torch.Tensor, ...], out: torch.Tensor) -> None:
        assert isinstance(module, nn.Conv2d)
        made_by[id(out)] = module
        alive.append(out)

    def watch_norm(module: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
        conv = made_by.get(id(inputs[0]))
        if conv is not None:
            assert isinstance(module, nn.BatchNorm2d)
            pairs.append((conv, module))

    for module in pool.modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(watch_conv))
        elif isinstance(module, nn.BatchNorm2d):
            hooks.append(module.register_forward_pre_hook(watch_norm))
    device = next(pool.parameters()).device
    try:
        with torch.inference_mode():
            image = torch.full((1, pool.size, pool.size, 3), 128, dtype=torch.uint8, device=device)
            pool(image)
    finally:
        for hook in hooks:
            hook.remove()
    uses = [id(conv) for conv, _ in pairs]
    return [(conv, norm) for conv, norm in pairs if uses.count(id(conv)) == 1]


def fold_batchnorm(pool: StagePool) -> None:
    """Folds every BatchNorm that directly follows a convolution into it, in place.

    Multi-branch blocks (RepVGG, MobileOne) are first merged by timm itself.
    """
    from headstart.nets.imports import import_timm

    import_timm()  # without torch's compiler; for detectors nothing has imported timm yet
    from timm.utils.model import reparameterize_model

    pool.network = reparameterize_model(pool.network)
    for conv, norm in conv_norm_pairs(pool):
        if norm.running_mean is None or norm.running_var is None:
            continue
        conv.weight, bias = fuse_conv_bn_weights(
            conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps,
            norm.weight, norm.bias,
        )  # fmt: skip
        conv.bias = bias
        for name, child in hanging(pool, norm):
            # timm's BatchNormAct2d also holds the activation, which must stay.
            rest = [getattr(norm, part) for part in ("drop", "act") if hasattr(norm, part)]
            setattr(child, name, nn.Sequential(*rest) if rest else nn.Identity())


def torch_engine(
    pool: StagePool,
    *,
    device: str,
    proof: np.ndarray,
    bounds: tuple[int, ...],
    few: bool = False,
    streams: int = 1,
) -> TorchEngine:
    """Returns the fastest torch engine whose vectors agree with plain fp32.

    Args:
        pool: The network on the CPU, in eval mode and fp32.
        device: ``"cpu"``, ``"cuda"`` or ``"mps"``.
        proof: (n, size, size, 3) uint8 images to verify with.
        bounds: Where the stages begin, then D.
        few: Few images are to come, so decoding still goes on beside them: run on one thread.
        streams: Batches that run side by side, on a thread each.

    Raises:
        BackboneError: If not even fp32 agrees.
    """
    with torch.inference_mode(), one_thread():
        reference = pool(torch.from_numpy(np.ascontiguousarray(proof))).numpy()
    capable = torch.cuda.is_bf16_supported() if device == "cuda" else _cpu_has_bf16()
    problem = BackboneError("no precision was tried")
    precisions = ("bf16", "fp32") if capable else ("fp32",)
    # Folding goes wrong where a convolution's output is also used elsewhere (GhostNet).
    ways = [(each, fold, False) for each, fold in itertools.product(precisions, (True, False))]
    if device == "cpu" and can_fuse():
        ways.insert(ways.index(("fp32", True, False)), ("fp32", True, True))
    for precision, fold, fuse in ways:
        try:
            engine = TorchEngine(
                pool, device=device, precision=precision, fold=fold, fuse=fuse, few=few,
                streams=streams,
            )  # fmt: skip
            engine.start(0, proof)
            verify_parity(engine.finish(0), reference, precision=precision, bounds=bounds)
        except BackboneError as error:
            problem = error
            continue
        except RuntimeError:  # oneDNN does not know such a convolution
            if not fuse:
                raise
            continue
        return engine
    raise problem


def _cpu_has_bf16() -> bool:
    """Tells whether bf16 is native here; where it is emulated it is slower than fp32."""
    flags = torch.backends.cpu.get_cpu_capability()
    # torch has no public test for the instructions themselves, hence the two private ones.
    has_bf16 = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    has_amx = getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    return "AVX512" in flags and bool(has_bf16() or has_amx())
