"""Torchvision's own COCO weights, as a backbone folder in timm's layout with the rest beside it.

config.json, model.safetensors    its ResNet-50, which has timm's names
torchvision_head.safetensors      pyramid and detector, with plan and class names in its metadata

Torchvision fetches the file, checks its hash, and nothing in it is run (`weights_only`).
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import torch

from headstart.choices import BoxDetector
from headstart.errors import BackboneError
from headstart.images.store import cache_folder
from headstart.nets.files.layout import CONFIG, WEIGHTS
from headstart.nets.heads.head_net import arrays_of
from headstart.nets.torchvision.build import torchvision_net
from headstart.nets.torchvision.head import TorchvisionHead
from headstart.nets.torchvision.net import TorchvisionNet
from headstart.nets.torchvision.plan import TorchvisionPlan
from headstart.output import write_atomic

__all__ = ["COCO_HEAD", "adopt", "coco_head", "fetch_coco", "write_coco"]

COCO_HEAD = "torchvision_head.safetensors"
"""File beside a backbone that holds the detector it was trained with."""

_ENUMS = {
    "fasterrcnn": "FasterRCNN_ResNet50_FPN_Weights",
    "retinanet": "RetinaNet_ResNet50_FPN_Weights",
    "fcos": "FCOS_ResNet50_FPN_Weights",
}
# These were trained with a BatchNorm that divides by the bare deviation; timm's adds this.
_BARE, _EPSILON = ("fasterrcnn", "retinanet"), 1e-5
_CHANNELS, _STRIDES = (64, 256, 512, 1024, 2048), (2, 4, 8, 16, 32)
_BODY, _SIZE = "backbone.body.", 320
# Layers with rows for every class: its name in torchvision, and rows of a class. Of each box to
# begin from the classes lie side by side.
_ROWS = {
    "roi_heads.box_predictor.cls_score": 1,
    "roi_heads.box_predictor.bbox_pred": 4,
    "head.classification_head.cls_logits": 1,
}


def fetch_coco(kind: BoxDetector) -> Path:
    """Returns the backbone folder of a detector with COCO weights; torchvision fetches them once.

    Args:
        kind: Which.

    Raises:
        BackboneError: If there are none for it, or they cannot be fetched.
    """
    url, names = _published(kind)
    folder = cache_folder() / "torchvision" / Path(url).stem
    if not (folder / COCO_HEAD).is_file():
        try:
            state = torch.hub.load_state_dict_from_url(
                url, map_location="cpu", progress=False, check_hash=True, weights_only=True
            )
        except Exception as error:  # of urllib, of the disk, of a file that is no checkpoint
            said = (str(error).splitlines() or [type(error).__name__])[0]
            raise BackboneError(
                f"torchvision's COCO weights for {kind} cannot be had from {url} ({said}): put "
                f"that file into {torch.hub.get_dir()}/checkpoints, or train {kind} over a "
                f"backbone that is here, such as --backbone fast"
            ) from None
        write_coco(kind, state, names, folder)
    return folder


def _published(kind: BoxDetector) -> tuple[str, tuple[str, ...]]:
    """Returns where torchvision's weights lie, and the names of their classes from label 0 on."""
    from headstart.nets.imports import import_timm

    if kind not in _ENUMS:
        raise BackboneError(
            f"--backbone torchvision: its {kind} stands on a network that timm does not have; "
            f"choose --detector {', '.join(_ENUMS)}, or another backbone for {kind}"
        )
    import_timm()
    from torchvision.models import detection

    weights = getattr(detection, _ENUMS[kind]).DEFAULT
    return weights.url, tuple(weights.meta["categories"])


def write_coco(
    kind: BoxDetector, state: dict[str, torch.Tensor], names: tuple[str, ...], folder: Path
) -> None:
    """Writes a published checkpoint as a backbone folder.

    Args:
        kind: Which detector it is of.
        state: By torchvision's names.
        names: Of the classes, from label 0 on.
        folder: To fill.

    Raises:
        BackboneError: If the weights are of another network.
    """
    from safetensors.torch import save

    body = {name.removeprefix(_BODY): each for name, each in state.items()
            if name.startswith(_BODY)}  # fmt: skip
    rest = {name: each for name, each in state.items() if not name.startswith(_BODY)}
    classes = names[1:] if kind == "fasterrcnn" else names
    plan = replace(TorchvisionPlan.over(kind, _CHANNELS, _STRIDES, len(classes), _SIZE), least=32)
    net = torchvision_net(plan)
    try:
        net.model.load_state_dict(rest)
    except RuntimeError as error:
        told = str(error).splitlines()
        raise BackboneError(
            f"these are no weights of torchvision's {kind}: {' '.join(told[:2])}"
        ) from None
    if kind in _BARE:
        body = {
            name: each - _EPSILON if name.endswith("running_var") else each
            for name, each in body.items()
        }
    config = {
        "architecture": "resnet50", "num_classes": 0,
        "pretrained_cfg": {
            "input_size": [3, _SIZE, _SIZE], "fixed_input_size": False,
            "interpolation": "bilinear", "crop_pct": 1.0, "mean": [0.485, 0.456, 0.406],
            "std": [0.229, 0.224, 0.225], "num_classes": 0, "license": "bsd-3-clause",
        },
    }  # fmt: skip
    about = {"plan": json.dumps(plan.meta()), "names": json.dumps(classes)}
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(folder / CONFIG, json.dumps(config, indent=1))
    write_atomic(folder / WEIGHTS, save({k: v.contiguous() for k, v in body.items()}))
    head = {name: torch.from_numpy(each) for name, each in arrays_of(net).items()}
    write_atomic(folder / COCO_HEAD, save(head, metadata=about))


def coco_head(folder: Path) -> tuple[TorchvisionHead, tuple[str, ...]] | None:
    """Returns the detector that a backbone was trained with, and its class names; None for none.

    Args:
        folder: Of a backbone.

    Raises:
        BackboneError: If the file is damaged.
    """
    from safetensors import SafetensorError, safe_open

    file = folder / COCO_HEAD
    if not file.is_file():
        return None
    try:
        with safe_open(file, framework="numpy") as stream:
            about = stream.metadata()
            arrays = {name: stream.get_tensor(name) for name in stream.keys()}  # noqa: SIM118
        plan = TorchvisionPlan.from_json(json.loads(about["plan"]))
        head, names = TorchvisionHead(plan, arrays), tuple(json.loads(about["names"]))
        fault = head.fault()
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        fault = str(error)
    if fault:
        raise BackboneError(f"{file} is damaged ({fault}): delete {folder} to fetch it anew")
    return head, names


def adopt(
    net: TorchvisionNet, head: TorchvisionHead, given: tuple[str, ...], wanted: tuple[str, ...]
) -> None:
    """Lets a new detector begin as another one; classes that both know by name begin as there.

    Args:
        net: Changed in place.
        head: Of the same kind.
        given: Names of its classes.
        wanted: Names of the classes of the net.
    """
    known = {name.lower(): at for at, name in enumerate(given)}
    pairs = [(at, known[name.lower()]) for at, name in enumerate(wanted) if name.lower() in known]
    first = net.first_label
    if first:  # what is no object is none here too
        pairs = [(-1, -1), *pairs]
    state = net.state_dict()
    for name, array in head.arrays.items():
        mine, theirs = state[name], torch.from_numpy(array)
        per = _ROWS.get(name.removeprefix("model.").rpartition(".")[0])
        if per is None:
            mine.copy_(theirs)
            continue
        shape = mine.shape[1:]
        ours = mine.view(-1, len(wanted) + first, per, *shape)
        other = theirs.view(-1, len(given) + first, per, *shape)
        for to, of in pairs:
            ours[:, to + first] = other[:, of + first]
