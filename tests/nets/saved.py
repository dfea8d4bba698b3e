"""Backbones on disk in timm's layout, and changes to them."""

from __future__ import annotations

import json
from pathlib import Path

ARCHITECTURE = "test_efficientnet"  # timm's own tiny networks: 0.4 M parameters
TIMM_NAME = f"{ARCHITECTURE}.r160_in1k"


def write_folder(place: Path, architecture: str, **options) -> Path:
    import timm
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(0)
    network = timm.create_model(architecture, **options)
    place.mkdir(parents=True)
    save_file(network.state_dict(), place / "model.safetensors")
    config = {
        "architecture": architecture,
        "num_classes": network.num_classes,
        "pretrained_cfg": {
            key: network.pretrained_cfg[key]
            for key in ("input_size", "mean", "std", "interpolation", "crop_pct", "classifier")
        }
        | {"num_classes": network.num_classes, "license": "apache-2.0"},
    }
    (place / "config.json").write_text(json.dumps(config))
    return place


def change_config(folder: Path, **changes) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | changes))


def change_weights(folder: Path, change) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    save_file(change(weights) or weights, folder / "model.safetensors")
