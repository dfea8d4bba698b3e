"""Detectors with random weights, in the files that their authors would publish."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from headstart.nets.detectors.coco import DETECTORS, new_detector
from headstart.nets.detectors.level_net import LevelNet
from headstart.nets.detectors.published import running_order

EPSILON = {"nanodet_plus_m": 1e-5, "yolox_nano": 1e-3}
NORMS = {"conv": "bn", "depthwise": "dwnorm", "pointwise": "pwnorm"}


def folded(architecture: str, *, classes: int = 80, seed: int = 0) -> dict[str, torch.Tensor]:
    """Weights of all convolutions by the authors' names, as they are with BatchNorm in them."""
    torch.manual_seed(seed)
    network = new_detector(architecture)
    _enliven(network)
    state = network.state_dict()
    outputs = {"gfl_cls": classes + 32, "cls_preds": classes, "reg_preds": 4, "obj_preds": 1}
    wide = 96 if architecture == "nanodet_plus_m" else 64
    for name in running_order(network):
        if f"{name}.weight" not in state:
            count = outputs[name.split(".")[1]]
            state[f"{name}.weight"] = 0.1 * torch.randn(count, wide, 1, 1)
            state[f"{name}.bias"] = torch.randn(count)
    return state


def _enliven(network: LevelNet) -> None:
    """Scales every layer, or nothing of an image would arrive at the last maps."""

    def scale(module: nn.Conv2d, _: object, found: torch.Tensor) -> torch.Tensor:
        size = found.std()
        module.weight.data /= size
        module.bias.data /= size
        return found / size

    hooks = [
        each.register_forward_hook(scale)
        for each in network.modules()
        if isinstance(each, nn.Conv2d)
    ]
    with torch.no_grad():
        for _ in range(3):  # more than once, where the activation is no straight line
            network.forward_intermediates(torch.randn(2, 3, 96, 96))
    for hook in hooks:
        hook.remove()


def checkpoint(
    file: Path, architecture: str, *, classes: int = 80, seed: int = 0
) -> dict[str, torch.Tensor]:
    """Writes what the authors' training would, with BatchNorm apart; returns it folded."""
    state, named = folded(architecture, classes=classes, seed=seed), {}
    for name in running_order(new_detector(architecture)):
        weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
        if "_preds" in name or "gfl" in name:
            named |= {f"{name}.weight": weight, f"{name}.bias": bias}
            continue
        home, _, last = name.rpartition(".")
        norm = f"{home}.{int(last) + 1}" if last.isdigit() else f"{home}.{NORMS[last]}"
        gain, mean = 0.5 + torch.rand(len(bias)), torch.randn(len(bias))
        spread = 0.5 + torch.rand(len(bias))
        scale = gain / (spread + EPSILON[architecture]).sqrt()
        named[f"{name}.weight"] = weight / scale.view(-1, 1, 1, 1)
        named |= {f"{norm}.weight": gain, f"{norm}.running_mean": mean}
        named |= {f"{norm}.bias": bias + mean * scale, f"{norm}.running_var": spread}
        named[f"{norm}.num_batches_tracked"] = torch.tensor(7)
    if architecture == "yolox_nano":
        torch.save({"model": named, "start_epoch": 300}, file)
        return state
    other = {f"model.{name}": torch.zeros_like(each) for name, each in named.items()}
    other["model.aux_head.gfl_cls.weight"] = torch.zeros(3)
    averaged = {f"avg_model.{name}": each for name, each in named.items()}
    torch.save({"state_dict": other | averaged, "epoch": 3}, file)
    return state


class Published(nn.Module):
    """A detector with its last layers, as its authors export it: BGR in, one row a cell out."""

    def __init__(self, architecture: str, state: dict[str, torch.Tensor]) -> None:
        super().__init__()
        self.network: LevelNet = new_detector(architecture)
        self.network.load_state_dict({k: state[k] for k in self.network.state_dict()})
        self.last = nn.ModuleDict()
        for name in running_order(self.network):
            if "_preds" in name or "gfl" in name:
                layer = nn.Conv2d(state[f"{name}.weight"].shape[1], len(state[f"{name}.bias"]), 1)
                layer.load_state_dict({k: state[f"{name}.{k}"] for k in ("weight", "bias")})
                self.last[name.replace(".", "_")] = layer
        self.plan = DETECTORS[architecture]

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        head = self.network.head
        if self.plan.bins:
            found = []
            for at, maps in enumerate(self.network.fpn(self.network.trunk(images))):
                row = self.last[f"head_gfl_cls_{at}"](head.cls_convs[at](maps))
                classes, sides = row[:, :-32], row[:, -32:]
                found.append(torch.cat([classes.sigmoid(), sides], 1).flatten(2))
            return torch.cat(found, 2).transpose(1, 2)
        found = []
        for at, maps in enumerate(self.network.backbone(self.network.trunk(images))):
            read = head.stems[at](maps)
            classes = self.last[f"head_cls_preds_{at}"](head.cls_convs[at](read)).sigmoid()
            read = head.reg_convs[at](read)
            sides = self.last[f"head_reg_preds_{at}"](read)
            objectness = self.last[f"head_obj_preds_{at}"](read).sigmoid()
            found.append(torch.cat([sides, objectness, classes], 1).flatten(2))
        return torch.cat(found, 2).transpose(1, 2)


def onnx_file(file: Path, architecture: str, *, classes: int = 80) -> Published:
    """Writes an ONNX file of a fixed size; returns what it is of."""
    module = Published(architecture, folded(architecture, classes=classes)).eval()
    torch.onnx.export(
        module, (torch.zeros(1, 3, 416, 416),), file, dynamo=False, input_names=["images"]
    )
    return module
