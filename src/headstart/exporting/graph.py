"""`Deployed`: a model as one graph, from uint8 images to calibrated probabilities."""

from __future__ import annotations

import copy
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from headstart.errors import ModelError
from headstart.exporting.doubt import DoubtModule, output_names
from headstart.exporting.head import HeadModule
from headstart.exporting.map_graph import MapsDeployed
from headstart.exporting.paddings import fix_paddings
from headstart.nets.heads.head import Head
from headstart.nets.model import Model
from headstart.nets.stages import one_thread

__all__ = ["OPSET", "Deployed", "write_graph"]

OPSET = 17


class Deployed(nn.Module):
    """Backbone, head and calibration of a model.

    Args:
        model: With a timm backbone, and a head of pooled vectors.
        scores: Give scores before the calibrated softmax instead of probabilities.
    """

    def __init__(self, model: Model, *, scores: bool = False) -> None:
        from timm.utils.model import reparameterize_model

        super().__init__()
        pool = copy.deepcopy(model.backbone.pool(model.preprocess))
        pool.network = reparameterize_model(pool.network)
        fix_paddings(pool)
        width = sum(each for _, each in pool.layout)
        last = pool.layout[-1][1]
        assert isinstance(model.head, Head), "maps are read by `MapsDeployed`"
        # Where the head reads the last layer only, the other stages need not be pooled.
        look, column = np.divmod(model.head.columns, width)
        self._last_only = bool((column >= width - last).all())
        head, far = model.head, None if model.unlike is None else model.unlike.columns
        if self._last_only:
            head = replace(head, columns=look * last + column - (width - last))
            if far is not None:  # of the last layer always
                far = far // width * last + far % width - (width - last)
        self.pool = pool
        self.head = HeadModule(head)
        self.doubt = DoubtModule(model, far)
        self._temperature = float(model.temperature)
        self._scores = scores
        self._tta, self._width = model.tta, last if self._last_only else width
        self._looks = len(model.preprocess.looks)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor | tuple[torch.Tensor, ...]:
        """Returns (N, C) scores, or (N, C) probabilities and what tells when to doubt them.

        Args:
            inputs: (N, V, size, size, 3) uint8 RGB.
        """
        # Sizes as plain numbers, or the graph would compute its paddings anew for every image.
        images = inputs.reshape(-1, self.pool.size, self.pool.size, 3)
        vectors = self.pool.last(images) if self._last_only else self.pool(images)
        if self._tta > 1:
            vectors = vectors.reshape(-1, self._tta, self._width).mean(1)
        if self._looks > 1:
            vectors = vectors.reshape(-1, self._looks * self._width)
        vectors = vectors.float()
        scores = self.head(vectors) / self._temperature
        return scores if self._scores else self.doubt(torch.softmax(scores, dim=1), vectors)


def write_graph(model: Model, path: Path) -> None:
    """Writes a model as an ONNX file with inputs ``inputs`` and the outputs of its head.

    Beside these there may be ``unlike``, (N,): how far each image is from what was trained on, and
    ``possible``, (N, C) uint8: the classes that hold the true one nine times in ten.

    Args:
        model: Its network comes from timm, or is an ONNX file.
        path: To write.

    Raises:
        ModelError: If the network cannot be exported.
    """
    if model.backbone.source.kind == "onnx":
        from headstart.exporting.merge_onnx import merge_onnx

        return merge_onnx(model, path)
    deployed = (MapsDeployed if model.head.answers_with_place else Deployed)(model)
    outputs = output_names(model)
    size = model.preprocess.seen.size
    count = model.preprocess.count(model.tta)
    example = torch.zeros((2, count, size, size, 3), dtype=torch.uint8)
    axes = {name: {0: "images"} for name in ("inputs", *outputs)}
    try:
        with warnings.catch_warnings(), one_thread(), torch.no_grad():
            # The newer exporter needs another package and ten times as long; this one gives the
            # same graph for networks without control flow, and what it wrote is proven below.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                deployed.eval(), (example,), path, dynamo=False, opset_version=OPSET,
                input_names=["inputs"], output_names=outputs, dynamic_axes=axes,
            )  # fmt: skip
    except Exception as error:  # whatever an operator without an ONNX form makes torch raise
        text = str(error).splitlines()
        raise ModelError(
            f"{model.backbone.name} cannot be written as ONNX: {text[0] if text else error}"
        ) from error
    if isinstance(deployed, MapsDeployed):
        _tell_shapes(path, deployed.shapes)


def _tell_shapes(path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
    """Writes into a graph what its outputs have of each image: torch leaves it open."""
    import onnx

    graph = onnx.load(path)
    for output in graph.graph.output:
        sides = output.type.tensor_type.shape.dim[1:]
        for side, length in zip(sides, shapes[output.name], strict=True):
            side.dim_value = length
    onnx.save(graph, path)
