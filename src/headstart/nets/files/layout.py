"""Backbones on disk: timm's folder layout, and the JSON beside an ONNX file.

Every way in which such files can be wrong ends in one line that names the file.
"""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

from headstart.errors import BackboneError
from headstart.lists import some_of

__all__ = [
    "CONFIG",
    "WEIGHTS",
    "explain_misfit",
    "find_weights",
    "known_embedder",
    "read_config",
    "read_onnx_settings",
    "safetensors_keys",
]

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
# SHA-256 of an ONNX file -> what its author says of its inputs: such files come without a JSON.
_KNOWN = Path(__file__).parent / "embedders.json"
_ONNX_SETTINGS = {
    "input_size",
    "mean",
    "std",
    "interpolation",
    "crop_pct",
    "crop_mode",
    "alignment",
    "licence",
}


def read_config(folder: Path) -> dict[str, Any]:
    """Reads a folder's config.json in timm's layout.

    Returns:
        The JSON object; ``config.get("pretrained_cfg", config)`` holds the preprocessing.

    Raises:
        BackboneError: If the file is missing, not JSON, or in another layout.
    """
    file = folder / CONFIG
    config = _read_json(file, missing=f"{file}: no such file; timm's layout needs it")
    if not isinstance(config.get("architecture"), str):
        hint = " (it looks like transformers' layout)" if "model_type" in config else ""
        raise BackboneError(
            f'{file}: no "architecture" in it, so it is not in timm\'s layout{hint}; write it with '
            f"timm.models.save_for_hf(model, folder)"
        )
    if not isinstance(config.get("pretrained_cfg", {}), dict):
        raise BackboneError(f'{file}: "pretrained_cfg" is not an object')
    return config


def find_weights(folder: Path) -> Path:
    """Returns a folder's weights file.

    Raises:
        BackboneError: If there is none, or only a pickle.
    """
    weights = folder / WEIGHTS
    if weights.is_file():
        return weights
    pickles = sorted(p.name for p in folder.iterdir() if p.suffix in {".bin", ".pth", ".pt"})
    reason = f"there is no {WEIGHTS}"
    if pickles:
        reason += f" (only {', '.join(pickles)}: a pickle, which can run code when loaded)"
    raise BackboneError(
        f"{folder}: {reason}; save the weights with safetensors.torch.save_file, for instance "
        f"by timm.models.save_for_hf(model, folder)"
    )


def read_onnx_settings(file: Path) -> dict[str, Any]:
    """Reads the JSON beside an ONNX file: how its inputs are prepared.

    Returns:
        Some of ``input_size`` (channels, height, width), ``mean`` and ``std`` on the scale 0-1,
        ``interpolation``, ``crop_pct``, ``crop_mode``, ``licence``; and ``alignment`` of a face
        embedder: five [x, y] in pixels of its input where eyes, nose and mouth corners lie, left
        to right as seen.

    Raises:
        BackboneError: If it is not JSON, or a setting is unknown or has a wrong form.
    """
    settings = _read_json(file, missing=f"{file}: no such file")
    if unknown := sorted(set(settings) - _ONNX_SETTINGS):
        raise BackboneError(
            f"{file}: unknown settings {', '.join(unknown)}; "
            f"known are {', '.join(sorted(_ONNX_SETTINGS))}"
        )
    for key in ("input_size", "mean", "std"):
        value = settings.get(key, [1, 1, 1])
        if not (isinstance(value, list) and len(value) == 3) or any(
            not isinstance(x, int | float) for x in value
        ):
            raise BackboneError(f"{file}: {key} must be three numbers, got {value!r}")
    crop = settings.get("crop_pct", 1.0)
    if not isinstance(crop, int | float) or not 0 < crop <= 1:
        raise BackboneError(f"{file}: crop_pct must be in (0, 1], got {crop!r}")
    points = settings.get("alignment")
    good = isinstance(points, list) and len(points) == 5
    good = good and all(isinstance(each, list) and len(each) == 2 for each in points or [])
    if points is not None and not (
        good and all(isinstance(x, int | float) for each in points for x in each)
    ):
        raise BackboneError(
            f"{file}: alignment must be five points [x, y]: eyes, nose and mouth corners, left to "
            f"right as seen, in pixels of the input; got {points!r}"
        )
    return settings


def known_embedder(file: Path) -> dict[str, Any]:
    """Returns the settings of a face embedder that is known by its content; {} of any other.

    Raises:
        OSError: If the file cannot be read.
    """
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    known: dict[str, dict[str, Any]] = json.loads(_KNOWN.read_text(encoding="utf-8"))
    return known.get(digest, {})


def safetensors_keys(weights: Path) -> set[str]:
    """Returns the names of the tensors in a safetensors file, reading its header only.

    Raises:
        BackboneError: If the file is truncated or is no safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, framework="pt") as stream:
            return set(stream.keys())
    except (SafetensorError, OSError) as error:
        raise BackboneError(
            f"{weights}: not a whole safetensors file ({error}); copy or download it again"
        ) from error


def explain_misfit(text: str) -> str:
    """Shortens the pages of keys in `load_state_dict`'s error to one line.

    Args:
        text: The message of torch's RuntimeError.
    """
    parts = []
    for title, label in (("Missing key", "missing"), ("Unexpected key", "not in the network")):
        if match := re.search(rf"{title}\(s\) in state_dict: (.*?)\.\s*(?:\n|$)", text):
            keys = re.findall(r'"([^"]+)"', match.group(1))
            parts.append(f"{len(keys)} {label} ({some_of(keys, 3)})")
    shapes = re.findall(
        r"size mismatch for (\S+): .*?shape (.*?) from checkpoint.*? (?:is|shape) "
        r"(torch\.Size\(.*?\))",
        text,
    )
    if shapes:
        key, found, wanted = shapes[0]
        sizes = [s.removeprefix("torch.Size(").rstrip(")") for s in (found, wanted)]
        parts.append(f"{len(shapes)} of another shape ({key}: {sizes[0]} instead of {sizes[1]})")
    return "; ".join(parts) or " ".join(text.split())[:300]


def _read_json(file: Path, *, missing: str) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BackboneError(missing) from None
    except (OSError, ValueError, RecursionError) as error:
        raise BackboneError(f"{file}: cannot be read as JSON ({error})") from error
    if not isinstance(value, dict):
        raise BackboneError(f"{file}: the JSON in it is not an object")
    return value
