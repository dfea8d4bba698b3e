"""`NcnnGraph`: a network in ncnn's two files, a text of layers and the bytes of their weights.

Only the layers that small detectors are made of; any other is refused by name. It is read to take
the weights over, and run once to prove that what took them over answers the same.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from headstart.errors import BackboneError

__all__ = ["NcnnGraph", "NcnnLayer"]

_MAGIC = "7767517"
_HALF, _FULL = 0x01306B47, 0
_CONVOLUTIONS = ("Convolution", "ConvolutionDepthWise")
_LARGEST = 1 << 24


@dataclass(frozen=True)
class NcnnLayer:
    """One line of the text.

    Attributes:
        kind: Such as ``"Convolution"``.
        name: Of the layer.
        inputs: Names of what it reads.
        outputs: Names of what it makes.
        settings: Number of a setting -> its text.
        weight: (O, I, k, k) of a convolution.
        bias: (O,) of one that has it.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    settings: dict[int, str]
    weight: np.ndarray | None = None
    bias: np.ndarray | None = None

    def whole(self, number: int, default: int = 0) -> int:
        """Returns a setting that is a whole number."""
        return int(self.settings.get(number, default))

    def listed(self, number: int) -> list[float]:
        """Returns a setting that is a list: its length, then its numbers."""
        return [float(each) for each in self.settings[-23300 - number].split(",")[1:]]


class NcnnGraph:
    """A network as its files have it.

    Args:
        text: The .param file.
        weights: The .bin file.

    Raises:
        BackboneError: If they are not what ncnn writes, or do not fit each other.
    """

    def __init__(self, text: Path, weights: Path) -> None:
        self._text = text
        try:
            lines = [line.split() for line in text.read_text(encoding="utf-8").splitlines()]
            content = weights.read_bytes()
        except (OSError, UnicodeDecodeError) as error:
            raise BackboneError(f"{text}: cannot be read as ncnn's text ({error})") from None
        if not lines or lines[0] != [_MAGIC]:
            raise BackboneError(f"{text}: not a text of ncnn, which begins with {_MAGIC}")
        try:
            layers = [_layer(line) for line in lines[2:] if line]
            reader = _Reader(content)
            self.layers = [reader.filled(each) for each in layers]
        except (ValueError, IndexError, KeyError, struct.error) as error:
            raise BackboneError(
                f"{text}: does not fit {weights.name} ({error}); give the two files of one network"
            ) from None
        if reader.at != len(content):
            raise BackboneError(
                f"{weights}: {len(content) - reader.at:,} bytes are left over: it is not the file "
                f"of {text.name}"
            )

    @property
    def convolutions(self) -> list[tuple[np.ndarray, np.ndarray | None]]:
        """Weights and bias of every convolution, in order."""
        return [(each.weight, each.bias) for each in self.layers if each.weight is not None]

    def run(self, images: torch.Tensor) -> torch.Tensor:
        """Returns what the last layer gives.

        Args:
            images: (1, 3, H, W) float, as the network wants them.

        Raises:
            BackboneError: If there is a layer that is not known here.
        """
        known: dict[str, torch.Tensor] = {}
        for layer in self.layers:
            if layer.kind == "Input":
                found = (images,)
            else:
                read = [known[name] for name in layer.inputs]
                found = self._run(layer, read)
            known |= dict(zip(layer.outputs, found, strict=True))
        return found[0]

    def _run(self, layer: NcnnLayer, read: list[torch.Tensor]) -> tuple[torch.Tensor, ...]:
        first = read[0]
        match layer.kind:
            case "Convolution" | "ConvolutionDepthWise":
                return (_convolved(layer, first),)
            case "Split":
                return (first,) * len(layer.outputs)
            case "Concat":
                return (torch.cat(read, dim=1 + layer.whole(0)),)
            case "BinaryOp" if layer.whole(0) == 0:
                return (first + read[1],)
            case "ShuffleChannel":
                parts = first.unflatten(1, (layer.whole(0), -1))
                return (parts.transpose(1, 2).flatten(1, 2),)
            case "Crop":
                start, stop = int(layer.listed(9)[0]), int(layer.listed(10)[0])
                return (first[:, start:stop],)
            case "Slice":
                return first.split(_shares(layer, first.shape[1]), dim=1)
            case "Pooling" if layer.whole(0) == 0:
                pooled = nn.functional.max_pool2d(
                    first, layer.whole(1), layer.whole(2, 1), layer.whole(3)
                )
                return (pooled,)
            case "Interp" if layer.whole(0) in (1, 2):
                mode = ("nearest", "bilinear")[layer.whole(0) - 1]
                straight: dict[str, Any] = {"align_corners": False} if mode == "bilinear" else {}
                factor = float(layer.settings[1])
                larger = nn.functional.interpolate(
                    first, scale_factor=factor, mode=mode, **straight
                )
                return (larger,)
            case "Sigmoid":
                return (first.sigmoid(),)
            case "Reshape":
                return (first.flatten(2),)
            case "Permute":
                return (first.transpose(1, 2),)
        raise BackboneError(
            f"{self._text}: its layer {layer.name} is a {layer.kind}, which is not known here; "
            f"convert the authors' ONNX file or checkpoint of the network"
        )


class _Reader:
    """Takes the weights of one layer after the other."""

    def __init__(self, content: bytes) -> None:
        self.content, self.at = content, 0

    def filled(self, layer: NcnnLayer) -> NcnnLayer:
        if layer.kind not in _CONVOLUTIONS:
            return layer
        outputs, kernel, count = layer.whole(0), layer.whole(1), layer.whole(6)
        if not 0 < count <= _LARGEST:
            raise ValueError(f"{layer.name} has {count} weights")
        (tag,) = struct.unpack_from("<I", self.content, self.at)
        self.at += 4
        if tag not in (_HALF, _FULL):
            raise ValueError(f"the weights of {layer.name} are packed in an unknown way")
        weight = self._numbers(count, np.float16 if tag == _HALF else np.float32)
        self.at += -self.at % 4
        bias = self._numbers(outputs, np.float32) if layer.whole(5) else None
        shaped = weight.reshape(outputs, -1, kernel, kernel)
        return NcnnLayer(
            layer.kind, layer.name, layer.inputs, layer.outputs, layer.settings, shaped, bias
        )

    def _numbers(self, count: int, kind: Any) -> np.ndarray:
        found = np.frombuffer(self.content, kind, count, self.at)
        self.at += found.nbytes
        return found.astype(np.float32)


def _layer(words: list[str]) -> NcnnLayer:
    kind, name, reads, makes = words[0], words[1], int(words[2]), int(words[3])
    inputs, outputs = words[4 : 4 + reads], words[4 + reads : 4 + reads + makes]
    pairs = [each.split("=", 1) for each in words[4 + reads + makes :]]
    settings = {int(key): value for key, value in pairs}
    return NcnnLayer(kind, name, tuple(inputs), tuple(outputs), settings)


def _convolved(layer: NcnnLayer, maps: torch.Tensor) -> torch.Tensor:
    assert layer.weight is not None
    bias = None if layer.bias is None else torch.from_numpy(layer.bias)
    found = nn.functional.conv2d(
        maps, torch.from_numpy(layer.weight), bias, layer.whole(3, 1), layer.whole(4),
        layer.whole(2, 1), layer.whole(7, 1),
    )  # fmt: skip
    kind = layer.whole(9)
    if kind == 2:
        return nn.functional.leaky_relu(found, layer.listed(10)[0])
    if kind not in (0, 1):
        raise BackboneError(f"the activation {kind} of the layer {layer.name} is not known here")
    return found.relu() if kind else found


def _shares(layer: NcnnLayer, total: int) -> list[int]:
    """Returns the sizes of a Slice; -233 stands for what is left."""
    sizes = [int(each) for each in layer.listed(0)]
    left = total - sum(each for each in sizes if each >= 0)
    return [each if each >= 0 else left for each in sizes]
