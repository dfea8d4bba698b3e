"""Weights of COCO's detectors as their authors publish them: checkpoints, ONNX and ncnn.

A checkpoint has names, and its BatchNorm is folded into the convolutions here. A graph has its
convolutions in the order in which they run, BatchNorm folded already. Either becomes tensors by
the authors' names of convolutions, ``NAME.weight`` and ``NAME.bias``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from headstart.errors import BackboneError
from headstart.nets.detectors.coco import DETECTORS, new_detector
from headstart.nets.detectors.level_net import ActConv, LevelNet
from headstart.nets.files.external import external_files

__all__ = ["Tensors", "from_checkpoint", "from_order", "onnx_convolutions", "running_order"]

Tensors = dict[str, torch.Tensor]
"""By the authors' names."""

# What a convolution's last name becomes for its BatchNorm; else the next place of a sequence.
_NORMS = {"conv": "bn", "depthwise": "dwnorm", "pointwise": "pwnorm"}
_EPSILON = {"nanodet_plus_m": 1e-5, "yolox_nano": 1e-3}
# A tensor that only one of the two has.
_TELLING = {
    "nanodet_plus_m": "backbone.stage2.0.branch1.0.weight",
    "yolox_nano": "backbone.backbone.stem.conv.conv.weight",
}
_KNOWN = " and ".join(DETECTORS)


def from_checkpoint(file: Path) -> tuple[str, Tensors, str]:
    """Reads an authors' checkpoint, without running anything that is in it.

    Args:
        file: As torch saves it.

    Returns:
        The architecture, the tensors of its convolutions, and which of several sets was taken.

    Raises:
        BackboneError: If it holds more than tensors, or is of another network.
    """
    try:
        value = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever bytes that are no checkpoint make torch raise
        raise BackboneError(
            f"{file}: cannot be read without running what is in it "
            f"({str(error).splitlines()[0] if str(error) else type(error).__name__}); where it was "
            f"made and is trusted: torch.save({{'state_dict': torch.load(file, "
            f"weights_only=False)['state_dict']}}, 'plain.pth'), and convert that"
        ) from None
    for key in ("state_dict", "model"):
        if isinstance(value, dict) and isinstance(value.get(key), dict):
            value = value[key]
    if not isinstance(value, dict):
        raise BackboneError(f"{file}: there are no named weights in it")
    named = {name: each for name, each in value.items() if isinstance(each, torch.Tensor)}
    said = "its weights"
    for prefix, what in (
        ("avg_model.", "the averaged weights"),
        ("model.", said),
        ("module.", said),
    ):
        own = {k.removeprefix(prefix): v for k, v in named.items() if k.startswith(prefix)}
        if own:
            named, said = own, what
    for architecture, telling in _TELLING.items():
        if telling in named:
            return architecture, _folded(file, architecture, named), said
    raise BackboneError(f"{file}: its weights are not those of {_KNOWN}")


def _folded(file: Path, architecture: str, named: Tensors) -> Tensors:
    """Returns the tensors of all convolutions with their BatchNorm in them.

    Raises:
        BackboneError: If one is missing.
    """
    network = new_detector(architecture)
    found: Tensors = {}
    for name in running_order(network):
        weight, bias = named.get(f"{name}.weight"), named.get(f"{name}.bias")
        if weight is None:
            raise BackboneError(
                f"{file}: there is no {name}.weight in it: it is not {architecture}, but perhaps "
                f"another size of it"
            )
        norm = _norm_of(name, named)
        if norm is not None:
            parts = [named[f"{norm}.{each}"] for each in ("weight", "bias", "running_mean")]
            gain, shift, mean = (each.double() for each in parts)
            scale = gain / (named[f"{norm}.running_var"].double() + _EPSILON[architecture]).sqrt()
            before = 0.0 if bias is None else bias.double()
            weight = (weight.double() * scale.view(-1, 1, 1, 1)).float()
            bias = (shift + (before - mean) * scale).float()
        if bias is None:
            raise BackboneError(f"{file}: {name} has neither a bias nor a BatchNorm")
        found |= {f"{name}.weight": weight, f"{name}.bias": bias}
    return found


def _norm_of(name: str, named: Tensors) -> str | None:
    """Returns the name of a convolution's BatchNorm; None where it has none."""
    home, _, last = name.rpartition(".")
    norm = str(int(last) + 1) if last.isdigit() else _NORMS.get(last)
    found = f"{home}.{norm}"
    needed = ("weight", "bias", "running_mean", "running_var")
    return found if all(f"{found}.{each}" in named for each in needed) else None


def running_order(network: LevelNet) -> list[str]:
    """Returns the authors' names of a detector's convolutions, last layers too, as they run."""
    ran: list[str] = []
    hooks = [
        module.register_forward_hook(lambda *_, name=name: ran.append(name))
        for name, module in network.named_modules()
        if isinstance(module, ActConv)
    ]
    with torch.inference_mode():
        network.forward_intermediates(torch.zeros(1, 3, 64, 64), intermediates_only=True)
    for hook in hooks:
        hook.remove()
    after = {
        name.format(i=level): [each.format(i=level) for each in last]
        for name, last in network.followed.items()
        for level in range(network.n_levels)
    }
    return [each for name in ran for each in (name, *after.get(name, []))]


def from_order(
    file: Path, convolutions: Sequence[tuple[np.ndarray, np.ndarray | None]]
) -> tuple[str, Tensors]:
    """Gives the convolutions of a graph their names, by the order in which they run.

    Args:
        file: For people.
        convolutions: (O, I, k, k) weights and (O,) bias of each.

    Returns:
        The architecture, and the tensors by the authors' names.

    Raises:
        BackboneError: If they are those of no network that is known.
    """
    reasons = []
    for architecture in DETECTORS:
        network = new_detector(architecture)
        order, modules = running_order(network), dict(network.named_modules())
        if len(order) != len(convolutions):
            reasons.append(f"{architecture} has {len(order)}")
            continue
        found: Tensors = {}
        for name, (weight, bias) in zip(order, convolutions, strict=True):
            wanted = modules[name].weight.shape if name in modules else None
            if bias is None or (wanted is not None and tuple(wanted) != weight.shape):
                reasons.append(f"of {architecture}, {name} is not {list(weight.shape)}")
                break
            found[f"{name}.weight"] = torch.from_numpy(weight.copy())
            found[f"{name}.bias"] = torch.from_numpy(bias.copy())
        else:
            return architecture, found
    raise BackboneError(
        f"{file}: its {len(convolutions)} convolutions are those of no detector that is known here "
        f"({'; '.join(reasons)}), or of another size of one"
    )


def onnx_convolutions(file: Path) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """Returns the weights and biases of an ONNX file's convolutions, in order.

    Raises:
        BackboneError: If it is no ONNX file, or its convolutions have no constant weights.
    """
    external_files(file)
    import onnx
    from onnx import numpy_helper

    try:
        graph = onnx.load(file).graph
    except Exception as error:  # the parser's own
        raise BackboneError(f"{file} is not an ONNX file, or is damaged ({error})") from None
    known: dict[str, Any] = {each.name: each for each in graph.initializer}
    found = []
    for node in graph.node:
        if node.op_type == "BatchNormalization":
            raise BackboneError(
                f"{file}: its BatchNorm is not folded: write it from the network in evaluation mode"
            )
        if node.op_type == "Conv":
            if not all(name in known for name in node.input[1:]):
                raise BackboneError(f"{file}: {node.name or 'a convolution'} has no fixed weights")
            arrays = [numpy_helper.to_array(known[name]) for name in node.input[1:]]
            floats = [each.astype(np.float32) for each in arrays]
            found.append((floats[0], floats[1] if len(floats) > 1 else None))
    return found
