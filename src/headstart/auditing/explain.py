"""Where a model looks: heat maps over the image, drawn beside it.

Of a run's model by Grad-CAM (Selvaraju et al., ICCV 2017; Captum's `LayerGradCam`) on the last
feature map; of an exported model, and of networks without feature maps, by occlusion (Zeiler and
Fergus, ECCV 2014): how much the probability of the answer falls when a patch is covered.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from headstart.compute import Progress
from headstart.errors import OutputError
from headstart.images.given import inputs_of
from headstart.predictions import Predictions
from headstart.tasks.predictor import Predictor

if TYPE_CHECKING:
    from torch import nn

    from headstart.nets.model import Model

__all__ = ["explain_images", "grad_cam", "occlusion", "overlay", "write_heat"]

_PATCHES = 7
_BATCH = 16
_GREY = 128

Answer = Callable[[np.ndarray], np.ndarray]
"""(N, V, size, size, 3) uint8 to (N, C) scores; the largest is what is explained."""


def explain_images(
    found: Predictions,
    predictor: Predictor,
    model: Model | None,
    folder: Path,
    progress: Progress,
) -> None:
    """Writes a heat map for every image that has an answer.

    Args:
        found: Answers to image files.
        predictor: Whose answers these are.
        model: What it runs, where that is the model of a run.
        folder: To write to.
        progress: Called as images are done.

    Raises:
        OutputError: If it cannot be written.
    """
    total = len(found.names)
    progress("drawing heat maps", 0, total)
    by_gradient = None
    if model is not None and model.backbone.source.kind != "onnx":
        by_gradient = grad_cam(model)

    def answer(inputs: np.ndarray) -> np.ndarray:
        first = next(iter(predictor.outputs(inputs).values()))
        return first.reshape(len(inputs), -1)

    answered = found.answered
    for number, name in enumerate(found.names):
        if answered[number]:
            inputs = inputs_of(Path(name), predictor.preprocess, predictor.tta)
            heat = by_gradient(inputs) if by_gradient else None
            if heat is None:
                heat = occlusion(answer, inputs)
            write_heat(folder, number, name, inputs[0], heat)
        progress("drawing heat maps", number + 1, total)


def occlusion(answer: Answer, inputs: np.ndarray) -> np.ndarray:
    """Returns (size, size) float, 0 to 1: how much each place matters for the answer.

    Args:
        answer: The model.
        inputs: (V, size, size, 3) uint8 of one image.
    """
    size = inputs.shape[1]
    edges = np.linspace(0, size, _PATCHES + 1).astype(int)
    half = max(1, (edges[1] - edges[0]) // 2)
    covered, places = [], []
    for top in range(_PATCHES):
        for left in range(_PATCHES):
            place = (
                slice(max(0, edges[top] - half), edges[top + 1] + half),
                slice(max(0, edges[left] - half), edges[left + 1] + half),
            )
            copy = inputs.copy()
            copy[:, place[0], place[1]] = _GREY
            covered.append(copy)
            places.append(place)
    scores = answer(inputs[None])[0]
    target = int(scores.argmax())
    whole = float(scores[target])
    found = np.concatenate(
        [
            answer(np.stack(covered[start : start + _BATCH]))
            for start in range(0, len(covered), _BATCH)
        ]
    )
    heat, seen = np.zeros((size, size)), np.zeros((size, size))
    for (rows, columns), row in zip(places, found, strict=True):
        heat[rows, columns] += whole - float(row[target])
        seen[rows, columns] += 1
    return _scaled(heat / np.maximum(seen, 1))


def grad_cam(model: Model) -> Callable[[np.ndarray], np.ndarray | None]:
    """Returns a function of (V, size, size, 3) uint8 to (size, size) float, 0 to 1.

    It gives None where the network has no feature map with places, as plain transformers.

    Args:
        model: With a timm backbone.
    """
    import torch
    from captum.attr import LayerGradCam

    from headstart.exporting.graph import Deployed

    net = Deployed(model, scores=True).eval()
    layer = _last_map(net, model.preprocess.size, model.preprocess.count(model.tta))

    def heat(inputs: np.ndarray) -> np.ndarray | None:
        if layer is None:
            return None
        images = torch.from_numpy(np.ascontiguousarray(inputs[None]))
        with torch.inference_mode():
            target = int(net(images).argmax())
        maps = LayerGradCam(net, layer).attribute(images, target=target, relu_attributions=True)
        # Of several views the first is drawn: it is not mirrored.
        small = maps[0, 0].detach().numpy()
        size = model.preprocess.size
        picture = Image.fromarray(small.astype(np.float32), "F")
        return _scaled(np.asarray(picture.resize((size, size), Image.Resampling.BICUBIC)))

    return heat


def _last_map(net: nn.Module, size: int, count: int) -> nn.Module | None:
    """Finds the last module that gives a feature map with more than one place."""
    import torch

    found: list[nn.Module] = []

    def see(module: nn.Module, inputs: object, out: object) -> None:
        if isinstance(out, torch.Tensor) and out.ndim == 4 and min(out.shape[2:]) > 1:
            found.append(module)

    leaves = [each for each in net.modules() if not list(each.children())]
    hooks = [each.register_forward_hook(see) for each in leaves]
    with torch.inference_mode():
        net(torch.zeros((1, count, size, size, 3), dtype=torch.uint8))
    for hook in hooks:
        hook.remove()
    return found[-1] if found else None


def _scaled(heat: np.ndarray) -> np.ndarray:
    heat = np.maximum(heat, 0)
    top = heat.max()
    return heat / top if top > 0 else heat


def overlay(square: np.ndarray, heat: np.ndarray) -> Image.Image:
    """Returns the image, and beside it the image under its heat map.

    Args:
        square: (size, size, 3) uint8 as the network saw it.
        heat: (size, size) float, 0 to 1.
    """
    # Black, red, yellow, white: readable without telling red from green.
    stops = np.array([[0, 0, 0], [190, 30, 20], [250, 200, 60], [255, 255, 240]], float)
    place = np.clip(heat, 0, 1) * (len(stops) - 1)
    low = np.minimum(place.astype(int), len(stops) - 2)
    share = (place - low)[..., None]
    colour = stops[low] * (1 - share) + stops[low + 1] * share
    grey = square.mean(axis=2, keepdims=True)
    weight = 0.25 + 0.5 * np.clip(heat, 0, 1)[..., None]
    mixed = (grey * (1 - weight) + colour * weight).astype(np.uint8)
    return Image.fromarray(np.concatenate([square, mixed], axis=1))


def write_heat(folder: Path, number: int, name: str, square: np.ndarray, heat: np.ndarray) -> Path:
    """Writes one heat map as a PNG and returns its path.

    Raises:
        OutputError: If it cannot be written.
    """
    stem = "".join(c if c.isalnum() or c in "-_" else "_" for c in Path(name).stem)[:60]
    path = folder / f"{number:04}-{stem or 'image'}.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        overlay(square, heat).save(path)
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from None
    return path
