"""Small models that nobody trained, and the files they are exported as."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from headstart.deploy.runtime import About, OnnxPredictor, put_about
from headstart.exporting.graph import write_graph
from headstart.images.views import Look
from headstart.nets.heads.head import Head
from headstart.nets.masks.head import DenseHead, DensePlan
from headstart.nets.masks.net import build_dense, head_of
from headstart.nets.model import Model
from headstart.nets.pretrained.backbone import open_backbone
from headstart.nets.pretrained.maps import map_layout
from headstart.records import OutputSpec

CLASSES = OutputSpec("classification", ("ant", "bee", "cat", "dog"))
NUMBERS = OutputSpec(
    "regression",
    ("0 to 2", "2 to 4", "4 to 8", "8 to 16"),
    {"edges": [0.0, 2.0, 4.0, 8.0, 16.0], "quantity": "age"},
)

MASKS = OutputSpec(
    "segmentation",
    ("ground", "disc", "square"),
    {"palette": [[0, 0, 0], [220, 40, 40], [40, 40, 220]], "size": 64, "stride": 4},
)


def random_model(
    spec: OutputSpec = CLASSES, *, tta: int = 1, size: int = 48, beside: tuple[Look, ...] = ()
) -> Model:
    """A linear head with random weights on the packaged backbone, and on all of its looks."""
    if spec.task == "segmentation":
        return random_mask_model(spec)
    backbone = open_backbone("starter")
    bounds = backbone.info.bounds
    looks = np.arange(1 + len(beside))[:, None]
    columns = (looks * bounds[-1] + np.arange(bounds[-2], bounds[-1])).ravel()
    rng = np.random.default_rng(5)
    count = len(spec.names)
    arrays = {
        "weights": rng.normal(0, 0.4, (count, len(columns))).astype(np.float32),
        "bias": rng.normal(0, 0.1, count).astype(np.float32),
    }
    preprocess = replace(backbone.preprocess, size=size, geometry="square", beside=beside)
    return Model(backbone, Head("linear", columns, arrays, count), spec, preprocess, tta, 1.3)


def random_mask_model(
    spec: OutputSpec = MASKS, *, kind: str = "pyramid", tta: int = 1, filters: bool = False
) -> Model:
    """A dense head with random weights on the packaged backbone; whole images on 64 pixels."""
    backbone = open_backbone("starter")
    preprocess = replace(backbone.preprocess, size=spec.settings["size"], geometry="pad")
    layout = map_layout(backbone, preprocess)
    channels = tuple(shape[0] for shape in layout.shapes)
    first = layout.strides.index(spec.settings["stride"])
    stages = tuple(range(first, len(channels)))
    plan = DensePlan(kind, channels, layout.strides, stages, len(spec.names), 8, filters)
    spec = replace(spec, settings=spec.settings | {"stride": plan.stride})
    head = head_of(build_dense(plan, seed=3))
    rng = np.random.default_rng(3)
    arrays = dict(head.arrays)
    for name, array in arrays.items():
        if kind == "linear" or name.startswith("last.1"):
            arrays[name] = rng.normal(0, 0.4, array.shape).astype(np.float32)
    return Model(backbone, DenseHead(plan, arrays), spec, preprocess, tta, 1.3)


def tiled_mask_model(*, tta: int = 1) -> Model:
    """The same on 160 pixels, of which the network sees 64 at once."""
    model = random_mask_model(tta=tta)
    spec = replace(model.spec, settings=model.spec.settings | {"size": 160})
    return replace(model, preprocess=replace(model.preprocess, size=160, tile=64), spec=spec)


def exported_file(model: Model, path: Path, *, threshold: float = 0.3) -> OnnxPredictor:
    """The same as an `.onnx` file, opened."""
    write_graph(model, path)
    about = About(model.spec, model.preprocess, model.tta, threshold, "fp32", {"opset": 17})
    put_about(path, about)
    return OnnxPredictor(path, threads=1)


def write_photos(folder: Path, count: int = 5, size: int = 60) -> list[Path]:
    """Noisy PNGs, each of its own tint."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number in range(count):
        rng = np.random.default_rng(number)
        pixels = rng.integers(0, 90, (size, size + 7, 3), np.uint8)
        pixels[..., number % 3] += 30 + 20 * (number % 6)
        paths.append(folder / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths
