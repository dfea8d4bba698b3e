"""From the published file of a COCO detector to a backbone folder, proven where it can be run."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from headstart.errors import BackboneError, OutputError
from headstart.nets.boxes.head import BoxHead
from headstart.nets.boxes.net import box_corners, box_net_of, box_parts
from headstart.nets.detectors.coco import BOX_HEAD, COCO_CLASSES, DETECTORS, new_detector
from headstart.nets.detectors.level_net import LevelNet
from headstart.nets.detectors.ncnn import NcnnGraph
from headstart.nets.detectors.published import (
    Tensors,
    from_checkpoint,
    from_order,
    onnx_convolutions,
)
from headstart.nets.files.layout import CONFIG, WEIGHTS

__all__ = ["Converted", "convert_detector"]

Graph = Callable[[np.ndarray], np.ndarray]
"""(1, 3, H, W) float32 as the authors feed it, to (1, A, K) as they get it."""

# Per architecture, as the authors feed images: mean and deviation of blue, green, red, 0 to 255.
_FED: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    "nanodet_plus_m": ((103.53, 116.28, 123.675), (57.375, 57.12, 58.395)),
    "yolox_nano": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
_FIRST = {
    "nanodet_plus_m": "backbone.conv1.0.weight",
    "yolox_nano": "backbone.backbone.stem.conv.conv.weight",
}
# Inputs are so much smaller, and the first weights larger by it, than published: where those are
# a few steps of AdamW large, fine-tuning loses in its first steps what was pretrained.
_SHRUNK = {"nanodet_plus_m": 16.0, "yolox_nano": 255.0}
_SIZE = 416
_HALF_WIDTH = 64  # of the channels of a level of YOLOX, those for classes
_ALIKE = 1e-3


@dataclass(frozen=True)
class Converted:
    """A backbone folder that was made of a published file.

    Attributes:
        folder: Where it lies.
        architecture: Such as ``"yolox_nano"``.
        classes: Names of what its own last layers find.
        taken: What was read, for people.
        difference: Largest difference from the file's own answer on an image of noise, in shares
            of the largest number there; None of a checkpoint, which cannot be run by itself.
    """

    folder: Path
    architecture: str
    classes: tuple[str, ...]
    taken: str
    difference: float | None


def convert_detector(
    files: Sequence[str | Path], folder: str | Path, *, names: Sequence[str] | None = None
) -> Converted:
    """Writes a backbone folder of a published detector.

    Args:
        files: The .param and .bin of ncnn, an .onnx, or a .pth or .ckpt of torch: of NanoDet-Plus-m
            or YOLOX-nano.
        folder: To write; there must be nothing.
        names: Of its classes, in order; None for COCO's.

    Raises:
        BackboneError: If a file cannot be read, is of another network, or answers otherwise than
            what was made of it.
        OutputError: If the folder cannot be written.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} exists already: give another -o, or take it away")
    architecture, tensors, graph, taken = _read([Path(each) for each in files])
    network, head = _parts(architecture, tensors)
    if names is None and head.n_classes != len(COCO_CLASSES):
        raise BackboneError(
            f"{files[0]}: it finds {head.n_classes} classes, and COCO has {len(COCO_CLASSES)}: "
            f"give their names in order, as a file with one a line"
        )
    classes = COCO_CLASSES if names is None else tuple(names)
    if len(set(classes)) != head.n_classes:
        raise BackboneError(
            f"{files[0]}: it finds {head.n_classes} classes, and {len(set(classes))} different "
            f"names were given"
        )
    difference = None if graph is None else _difference(architecture, network, head, graph)
    if difference is not None and not difference <= _ALIKE:
        raise BackboneError(
            f"{files[0]}: what was made of it answers otherwise ({difference:.2g} of the largest "
            f"number): it is not {architecture} as its authors publish it"
        )
    _write(folder, architecture, network, head, classes)
    return Converted(folder, architecture, classes, taken, difference)


def _read(files: list[Path]) -> tuple[str, Tensors, Graph | None, str]:
    """Returns architecture, tensors by the authors' names, what runs the file, and what it is."""
    for file in files:
        if file.is_dir():
            raise BackboneError(
                f"{file}: a folder; name the file in it (.param, .onnx, .pth or .ckpt)"
            )
        if not file.is_file():
            raise BackboneError(f"{file}: there is no such file")
    if [file.suffix.lower() for file in files] == [".param"]:
        files = [*files, files[0].with_suffix(".bin")]
        if not files[1].is_file():
            raise BackboneError(f"{files[0]}: give the .bin file that belongs to it too")
    by_end = {file.suffix.lower(): file for file in files}
    if set(by_end) == {".param", ".bin"}:
        pair = NcnnGraph(by_end[".param"], by_end[".bin"])
        architecture, tensors = from_order(by_end[".param"], pair.convolutions)

        def run(images: np.ndarray) -> np.ndarray:
            with torch.inference_mode():
                return pair.run(torch.from_numpy(images)).numpy()

        return architecture, tensors, run, "ncnn's two files"
    if len(files) != 1:
        raise BackboneError(
            f"{', '.join(map(str, files))}: give ncnn's .param and .bin together, or one .onnx, "
            f".pth or .ckpt"
        )
    (end, file), *_ = by_end.items()
    if end == ".onnx":
        architecture, tensors = from_order(file, onnx_convolutions(file))
        return architecture, tensors, _onnx_graph(file), "an ONNX file"
    if end in (".pth", ".pt", ".ckpt"):
        architecture, tensors, said = from_checkpoint(file)
        return architecture, tensors, None, f"{said} of a checkpoint, BatchNorm folded"
    raise BackboneError(
        f"{file}: give the authors' .param and .bin of ncnn, an .onnx, or a .pth or .ckpt of torch"
    )


def _onnx_graph(file: Path) -> Graph:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (given, *_), (told, *_) = session.get_inputs(), session.get_outputs()
    size = tuple(side if isinstance(side, int) else _SIZE for side in given.shape[2:])

    def run(images: np.ndarray) -> np.ndarray:
        if images.shape[2:] != size:
            raise BackboneError(f"{file}: it takes images of {size[0]} x {size[1]} px only")
        return session.run([told.name], {given.name: images})[0]

    return run


def _parts(architecture: str, tensors: Tensors) -> tuple[LevelNet, BoxHead]:
    """Returns the network and its last layers, for RGB."""
    network, plan = new_detector(architecture), DETECTORS[architecture]
    network.load_state_dict({name: tensors[name] for name in network.state_dict()})
    first = network.state_dict()[_FIRST[architecture]]
    # In groups of three channels: YOLOX reads four pixels side by side.
    first.copy_(first.unflatten(1, (-1, 3)).flip(2).flatten(1, 2) * _SHRUNK[architecture])
    arrays: dict[str, np.ndarray] = {}

    def put(name: str, level: int, weight: torch.Tensor, bias: torch.Tensor) -> None:
        arrays[f"{name}.{level}.weight"] = weight.numpy().copy()
        arrays[f"{name}.{level}.bias"] = bias.numpy().copy()

    n_classes = 0
    for level in range(network.n_levels):
        if architecture == "nanodet_plus_m":
            both = [tensors[f"head.gfl_cls.{level}.{each}"] for each in ("weight", "bias")]
            n_classes = len(both[1]) - plan.n_sides
            put("classes", level, both[0][:n_classes], both[1][:n_classes])
            put("sides", level, both[0][n_classes:], both[1][n_classes:])
            continue
        for name, theirs in (("classes", "cls"), ("objectness", "obj"), ("sides", "reg")):
            weight = tensors[f"head.{theirs}_preds.{level}.weight"]
            bias = tensors[f"head.{theirs}_preds.{level}.bias"]
            # Classes and boxes have towers of their own, side by side in the map of a level.
            room = (0, _HALF_WIDTH) if name == "classes" else (_HALF_WIDTH, 0)
            put(name, level, torch.nn.functional.pad(weight, (0, 0, 0, 0, *room)), bias)
            n_classes = len(bias) if name == "classes" else n_classes
    if n_classes < 1:
        raise BackboneError(f"its last layers are not those of {architecture}: it has no classes")
    head = BoxHead(replace(plan, n_classes=n_classes), arrays)
    if fault := head.fault():
        raise BackboneError(f"its last layers are not those of {architecture}: {fault}")
    return network.eval(), head


def _normalisation(architecture: str) -> dict[str, list[float]]:
    """Returns mean and deviation of red, green, blue on the scale 0 to 1."""
    mean, std = _FED[architecture]
    scale = _SHRUNK[architecture] / 255
    return {"mean": [x / 255 for x in mean[::-1]], "std": [x * scale for x in std[::-1]]}


def _difference(architecture: str, network: LevelNet, head: BoxHead, graph: Graph) -> float:
    """Returns how much ours differs from the file's own graph, in shares of the largest number."""
    image = np.random.default_rng(0).integers(0, 256, (1, 3, _SIZE, _SIZE)).astype(np.float32)
    mean, std = (np.array(each, np.float32).reshape(1, 3, 1, 1) for each in _FED[architecture])
    theirs = torch.from_numpy(graph((image[:, ::-1] - mean) / std).copy())
    own = _normalisation(architecture)
    mean, std = (np.array(own[each], np.float32).reshape(1, 3, 1, 1) for each in ("mean", "std"))
    net, plan = box_net_of(head), head.plan
    with torch.inference_mode():
        maps = network.forward_intermediates(
            torch.from_numpy((image / 255 - mean) / std), intermediates_only=True
        )
        raw = net.raw(maps)
        classes, objectness, sides = box_parts(plan, raw)
        if objectness is None:
            found = [torch.cat([classes.sigmoid(), sides], dim=2)]
        else:
            # Some files of YOLOX hold the last step, to boxes in pixels, and some do not.
            corners = box_corners(plan, raw, net.cells(maps))
            size = corners[..., 2:] - corners[..., :2]
            boxes = torch.cat([(corners[..., :2] + corners[..., 2:]) / 2, size], dim=2)
            scores = [objectness.sigmoid(), classes.sigmoid()]
            found = [torch.cat([each, *scores], dim=2) for each in (sides, boxes)]
    if any(each.shape != theirs.shape for each in found):
        return float("inf")
    largest = float(theirs.abs().max().clamp_min(1))
    return min(float((each - theirs).abs().max()) / largest for each in found)


def _write(
    folder: Path, architecture: str, network: LevelNet, head: BoxHead, classes: tuple[str, ...]
) -> None:
    """Writes both files.

    Raises:
        OutputError: If the folder cannot be written.
    """
    from safetensors.torch import save

    config: dict[str, Any] = {
        "architecture": architecture,
        "num_classes": head.n_classes,
        "pretrained_cfg": {
            "input_size": [3, _SIZE, _SIZE],
            "fixed_input_size": False,
            "crop_pct": 1.0,
            "interpolation": "bilinear",
            **_normalisation(architecture),
            "num_classes": head.n_classes,
            "license": "apache-2.0",
        },
        BOX_HEAD: {"plan": head.plan.meta(), "names": list(classes)},
    }
    tensors = dict(network.state_dict())
    tensors |= {f"{BOX_HEAD}.{name}": torch.from_numpy(a) for name, a in head.arrays.items()}
    content = save({name: each.detach().contiguous().clone() for name, each in tensors.items()})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG).write_text(json.dumps(config, indent=1), encoding="utf-8")
        # As bytes: safetensors' own files may be read by nobody but their owner.
        (folder / WEIGHTS).write_bytes(content)
    except OSError as error:
        raise OutputError(f"cannot write {folder} ({error.strerror or error})") from None
