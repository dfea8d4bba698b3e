"""A model on an ONNX backbone as one graph: what comes before, the file itself, the head."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import nn

from headstart.errors import ModelError
from headstart.exporting.doubt import DoubtModule, output_names
from headstart.exporting.head import HeadModule
from headstart.images.preprocess import Preprocess
from headstart.nets.model import Model
from headstart.nets.stages import one_thread

__all__ = ["merge_onnx"]

# What torch's exporter writes.
_OLDEST, _NEWEST = 11, 17


class _Before(nn.Module):
    """From (N, V, size, size, 3) uint8 to what the network takes, (N * V, 3, H, W) float32."""

    def __init__(self, preprocess: Preprocess, shape: tuple[int, int]) -> None:
        super().__init__()
        self._size, self._shape = preprocess.size, shape
        for name, values in (("mean", preprocess.mean), ("std", preprocess.std)):
            tensor = 255 * torch.tensor(values, dtype=torch.float32).reshape(1, 3, 1, 1)
            self.register_buffer(name, tensor)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        size, (height, width) = self._size, self._shape
        top, left = (size - height) // 2, (size - width) // 2
        images = inputs.reshape(-1, size, size, 3)
        images = images[:, top : top + height, left : left + width]
        return (images.permute(0, 3, 1, 2).float() - self.mean) / self.std


class _After(nn.Module):
    """From the network's output to (N, C) probabilities, and what tells when to doubt them."""

    def __init__(self, model: Model, maps: bool) -> None:
        super().__init__()
        self.head = HeadModule(model.vector_head)
        self.doubt = DoubtModule(model)
        self._looks = len(model.preprocess.looks)
        self._tta, self._temperature, self._maps = model.tta, float(model.temperature), maps
        self._width = model.backbone.info.bounds[-1]

    def forward(self, vectors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        if self._maps:
            vectors = vectors.mean((2, 3))
        vectors = vectors.reshape(-1, self._tta, self._width).mean(1)
        vectors = vectors.reshape(-1, self._looks * self._width)
        return self.doubt(torch.softmax(self.head(vectors) / self._temperature, dim=1), vectors)


def merge_onnx(model: Model, path: Path) -> None:
    """Writes a model whose backbone is an ONNX file, as `graph.write_graph` does for others.

    Args:
        model: With an ONNX backbone whose number of images is free.
        path: To write.

    Raises:
        ModelError: If the graphs cannot be joined.
    """
    import onnx
    from onnx import compose

    source = model.backbone.source
    assert source.path is not None
    middle = onnx.load(source.path)
    opset = max((each.version for each in middle.opset_import if not each.domain), default=0)
    if not _OLDEST <= opset <= _NEWEST:
        middle = _converted(middle, opset, model.backbone.name)
        opset = _NEWEST
    # Some exporters list the weights among the inputs.
    weights = {each.name for each in middle.graph.initializer}
    given = next(each for each in middle.graph.input if each.name not in weights)
    found = middle.graph.output[0]
    batch = given.type.tensor_type.shape.dim[0]
    if batch.dim_value > 0:
        raise ModelError(
            f"{model.backbone.name} takes {batch.dim_value} image{'s' * (batch.dim_value > 1)} at "
            f"a time and no other number: write it anew with a free first dimension to export "
            f"models on it"
        )
    rank = len(found.type.tensor_type.shape.dim) or 2
    size = model.preprocess.size
    shape = model.backbone.input_shape(size)
    width = model.backbone.info.bounds[-1]
    count = model.preprocess.count(model.tta)
    inputs = torch.zeros((2, count, size, size, 3), dtype=torch.uint8)
    vectors = torch.zeros((2 * count, width, 1, 1) if rank == 4 else (2 * count, width))
    names = output_names(model)
    before = _written(_Before(model.preprocess, shape), inputs, "inputs", ["images"], opset)
    after = _written(_After(model, rank == 4), vectors, "vectors", names, opset)
    for each in (before, middle, after):
        each.ir_version = max(before.ir_version, middle.ir_version)
    try:
        middle = compose.add_prefix(middle, "backbone/")
        whole = compose.merge_models(before, middle, io_map=[("images", f"backbone/{given.name}")])
        whole = compose.merge_models(
            whole, compose.add_prefix(after, "head/", rename_inputs=False, rename_outputs=False),
            io_map=[(f"backbone/{found.name}", "vectors")], outputs=names,
        )  # fmt: skip
        onnx.checker.check_model(whole)
        onnx.save(whole, path)
    except Exception as error:  # ValueErrors and the checker's own
        raise ModelError(
            f"{model.backbone.name} cannot be joined with its head: {str(error).splitlines()[0]}"
        ) from error


def _converted(graph: Any, opset: int, name: str) -> Any:
    from onnx import version_converter

    try:
        return version_converter.convert_version(graph, _NEWEST)
    except Exception as error:
        raise ModelError(
            f"{name} is written in ONNX opset {opset}, which cannot be brought to {_NEWEST} "
            f"({error})"
        ) from error


def _written(
    net: nn.Module, example: torch.Tensor, given: str, found: list[str], opset: int
) -> Any:
    """Returns a module as an ONNX model with a free number of images."""
    import onnx

    buffer = io.BytesIO()
    with warnings.catch_warnings(), one_thread(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            net.eval(), (example,), buffer, dynamo=False, opset_version=opset,
            input_names=[given], output_names=found,
            dynamic_axes={name: {0: "images"} for name in (given, *found)},
        )  # fmt: skip
    return onnx.load_model_from_string(buffer.getvalue())
