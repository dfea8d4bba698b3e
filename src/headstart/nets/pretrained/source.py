"""Pretrained weights by name: what a backbone is called and where it lies.

A name is one of: ``starter``; a preset (``fast``, ``balanced``, ``best``); a folder in timm's
layout (``config.json`` + ``model.safetensors``); an ``.onnx`` file; ``hf-hub:org/name``; or a
timm name such as ``mobilenetv3_small_100.lamb_in1k``. Importing this module is cheap: torch,
timm and huggingface_hub are imported by the functions that need them.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from headstart.errors import BackboneError
from headstart.fingerprint import fingerprint_file, fingerprint_json
from headstart.nets.detectors.coco import DETECTORS
from headstart.nets.files.external import external_files
from headstart.nets.files.hub import cached_file, fetch_file, ways_to_supply
from headstart.nets.files.layout import (
    CONFIG,
    WEIGHTS,
    find_weights,
    known_embedder,
    read_config,
    read_onnx_settings,
)
from headstart.nets.imports import import_timm

__all__ = ["PRESETS", "STARTER", "Source", "fetch", "fingerprint", "hub_folder", "resolve"]

# What detectors are published as, ONNX beside.
_PUBLISHED = (".pth", ".pt", ".ckpt", ".param", ".bin")
STARTER = Path(__file__).parent / "starter"

# Chosen from timm's published tables, all Apache-2.0: ImageNet-1k top-1 in results-imagenet.csv
# and the model cards, images/s at 224 px (batch 1, fp32, compiled, 14-core i9-10940X) in
# benchmark-infer-fp32-nchw-pt240-cpu-i9_10940x-dynamo.csv. Convolutions only, because frozen
# networks run best on CPUs that way, and ImageNet-12k before 1k where speed allows it: broad
# pretraining transfers best (Battle of the Backbones, Goldblum et al., 2023).
PRESETS: dict[str, str] = {
    # About 74 %, 247 images/s, 3.8 M parameters: no attention, no squeeze-excite, good for int8.
    "fast": "mobilenetv4_conv_small.e2400_r224_in1k",
    # About 83 % at 288 px, 62 images/s, 15.6 M parameters: quick as ResNet-50 (67), 2-3 % better.
    "balanced": "convnext_nano.in12k_ft_in1k",
    # 85.3 % at 288 px, 50.2 M parameters; above it accuracy costs far more than it brings.
    "best": "convnext_small.in12k_ft_in1k",
}


@dataclass(frozen=True)
class Source:
    """Where a backbone comes from.

    Attributes:
        kind: ``"timm"`` (a name in timm's registry), ``"hub"`` (``hf-hub:`` repository),
            ``"folder"`` (timm's layout), ``"onnx"`` or ``"starter"`` (bundled).
        name: The canonical name: what `resolve` accepts again.
        path: The folder or ONNX file; None for ``"timm"`` and ``"hub"``.
        fingerprint: Hexadecimal content fingerprint; ``""`` where weights are yet to download.
        licence: What the weights' own configuration states, or None.
        settings: For ``"onnx"``, the preprocessing given in the JSON file beside it, or that of a
            known embedder.
        data: For ``"onnx"``, the files beside it that hold its weights, relative to its folder.
        repo: Hub repository of ``"timm"`` and ``"hub"``, with ``@revision`` if given.
        file: Name of the weights file in `repo`.
    """

    kind: Literal["timm", "hub", "folder", "onnx", "starter"]
    name: str
    path: Path | None = None
    fingerprint: str = ""
    licence: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    data: tuple[str, ...] = ()
    repo: str | None = None
    file: str | None = None

    @property
    def place(self) -> str:
        """What `--backbone` opens again: folders of one name in two places stay apart."""
        return str(self.path) if self.kind == "folder" else self.name


def resolve(name: str, *, known: bool = True) -> Source:
    """Finds out what a backbone's name means, without downloading anything.

    Args:
        name: See the module's description. What exists on disk goes before timm's names.
        known: Whether an ONNX file without a JSON file beside it may be one of the known
            embedders; of a copy inside a model or gallery, what was saved with it counts.

    Raises:
        BackboneError: If the name is unknown, or the folder or file cannot be used.
    """
    name = os.fspath(name).strip()
    if not name:
        raise BackboneError(f"the backbone's name is empty; try one of: starter, {_presets()}")
    if name == "starter":
        return _folder(STARTER, kind="starter", name=name)
    if name.lower().endswith(".onnx"):
        return _onnx(Path(name), known=known)
    if name.startswith("local-dir:"):
        return _folder(Path(name.removeprefix("local-dir:")))
    if Path(name).suffix.lower() in _PUBLISHED and Path(name).is_file():
        raise BackboneError(
            f"{name}: a backbone is a folder with {CONFIG} and {WEIGHTS}; of a published "
            f"detector, 'headstart convert {name} -o FOLDER' makes one"
        )
    if re.match(r"hf[-_]hub:", name):
        return _hub(name.split(":", 1)[1])
    if (Path(name) / CONFIG).is_file() or (Path(name) / WEIGHTS).is_file():
        return _folder(Path(name))
    if re.fullmatch(r"(timm/)?[\w.-]+", name) and not name.startswith("."):
        return _timm(PRESETS.get(name, name.removeprefix("timm/")))
    return _folder(Path(name))


def fingerprint(source: Source) -> str:
    """Returns the hexadecimal fingerprint of a backbone's weights and configuration.

    The same weights under two names (hub and folder) may differ in their configuration, so
    both count. Weights of a hub are downloaded if they are not in its cache.

    Raises:
        BackboneError: If the weights cannot be had.
    """
    if source.fingerprint:
        return source.fingerprint
    if source.kind == "timm":
        weights = fetch(source, source.file)
        return _fingerprint_parts(weights, {"architecture": source.name})
    folder = hub_folder(source)
    return _fingerprint_parts(folder / WEIGHTS, read_config(folder))


def _presets() -> str:
    return ", ".join(PRESETS)


def _folder(
    folder: Path, *, kind: Literal["folder", "starter"] = "folder", name: str | None = None
) -> Source:
    if not folder.exists():
        raise BackboneError(
            f"{folder}: there is no such backbone; give a folder with {CONFIG} and {WEIGHTS}, an "
            f".onnx file, hf-hub:org/name, a timm name, or one of: starter, {_presets()}"
        )
    config = read_config(folder)
    weights = find_weights(folder)
    cfg = config.get("pretrained_cfg", config)
    return Source(
        kind=kind,
        name=name or str(folder),
        path=folder,
        fingerprint=_fingerprint_parts(weights, config),
        licence=cfg.get("license"),
    )


def _onnx(file: Path, *, known: bool) -> Source:
    if not file.is_file() or file.stat().st_size == 0:
        raise BackboneError(f"{file}: no such ONNX file, or it is empty")
    beside = file.with_suffix(".json")
    try:
        if beside.is_file():
            settings = read_onnx_settings(beside)
        else:
            settings = known_embedder(file) if known else {}
        data = external_files(file)
    except OSError as error:
        raise BackboneError(f"{file}: cannot be read ({error.strerror or error})") from error
    return Source(
        kind="onnx",
        name=str(file),
        path=file,
        fingerprint=_fingerprint_parts(file, settings, data),
        licence=settings.get("licence"),
        settings=settings,
        data=data,
    )


def _hub(repo: str) -> Source:
    if not re.fullmatch(r"[\w.-]+/[\w.-]+(@[\w./-]+)?", repo):
        raise BackboneError(f"hf-hub:{repo}: a hub's name has the form hf-hub:organisation/name")
    source = Source(kind="hub", name=f"hf-hub:{repo}", repo=repo, file=WEIGHTS)
    if cached_file(repo, CONFIG) and cached_file(repo, WEIGHTS):
        config = read_config(hub_folder(source))
        source = dataclasses.replace(
            source, licence=config.get("pretrained_cfg", config).get("license")
        )
        source = dataclasses.replace(source, fingerprint=fingerprint(source))
    return source


def _timm(name: str) -> Source:
    """Checks a name against timm's registry, and says what was meant if it is not there."""
    if name in DETECTORS:
        raise BackboneError(
            f"{name}: its weights are not in timm: 'headstart convert FILE -o FOLDER' makes a "
            f"backbone of what its authors publish; give that folder"
        )
    timm = import_timm()
    from timm.models import get_pretrained_cfg, is_model

    architecture, _, tag = name.partition(".")
    tags = timm.list_pretrained(f"{architecture}.*") if is_model(architecture) else []
    if not tags and is_model(architecture):
        raise BackboneError(
            f"{name}: timm {timm.__version__} knows this network but has no pretrained weights for "
            f"it; choose another, such as {_presets()} or starter"
        )
    if not tags or (tag and name not in tags):
        near = tags or difflib.get_close_matches(
            architecture, [*timm.list_models(), *PRESETS, "starter"], n=4
        )
        meant = f"did you mean {', '.join(near)}?" if near else f"try starter, {_presets()}"
        raise BackboneError(
            f"{name}: not a folder here, and timm {timm.__version__} has no such weights; {meant}"
        )
    cfg = get_pretrained_cfg(name)
    file = cfg.hf_hub_filename or WEIGHTS
    # Hubs keep a safetensors twin beside older pickles: open_clip_pytorch_model.bin and the like.
    file = re.sub(r"(_pytorch)?(_model)\.(bin|pth|pt)$", r"\2.safetensors", file)
    if not cfg.hf_hub_id or not file.endswith(".safetensors"):
        raise BackboneError(
            f"{name}: timm has these weights only as a pickle ({cfg.url or file}), which Headstart "
            f"does not load; choose another: {', '.join(t for t in tags if t != name) or 'starter'}"
        )
    source = Source(
        kind="timm",
        name=f"{architecture}.{cfg.tag}" if cfg.tag else name,
        licence=cfg.license,
        repo=cfg.hf_hub_id,
        file=file,
    )
    if cached_file(cfg.hf_hub_id, file):
        source = dataclasses.replace(source, fingerprint=fingerprint(source))
    return source


def _fingerprint_parts(weights: Path, config: dict[str, Any], data: tuple[str, ...] = ()) -> str:
    try:
        parts = {"weights": fingerprint_file(weights).hex(), "config": config}
        if data:
            parts["data"] = {name: fingerprint_file(weights.parent / name).hex() for name in data}
        return fingerprint_json(parts)
    except OSError as error:
        raise BackboneError(f"{weights}: cannot be read ({error.strerror or error})") from error


def fetch(source: Source, file: str | None) -> Path:
    """Returns a file of a hub's repository, downloaded if it is not in its cache."""
    assert source.repo is not None
    assert file is not None
    return fetch_file(source.repo, file)


def hub_folder(source: Source) -> Path:
    """Returns the folder of the hub's cache that holds both files, downloading what is missing."""
    config = fetch(source, CONFIG)
    weights = fetch(source, WEIGHTS)
    if config.parent != weights.parent:  # the repository changed between two downloads
        raise BackboneError(
            f"{source.name}: {CONFIG} and {WEIGHTS} in the hub's cache belong to different "
            f"revisions. {ways_to_supply(source.repo or '', WEIGHTS)}"
        )
    return config.parent
