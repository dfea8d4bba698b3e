"""From the files of a backbone to its network, and back into files.

Importing this module is cheap: torch and timm are imported by the functions that need them.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from headstart.errors import BackboneError
from headstart.lists import some_of
from headstart.nets.detectors.coco import BOX_HEAD, DETECTORS, load_detector
from headstart.nets.files.layout import (
    CONFIG,
    WEIGHTS,
    explain_misfit,
    find_weights,
    read_config,
    safetensors_keys,
)
from headstart.nets.files.strict import check_arguments, check_loaded
from headstart.nets.imports import import_timm
from headstart.nets.pretrained.source import Source, fetch, hub_folder

if TYPE_CHECKING:
    import torch

__all__ = ["load_network", "save_network", "save_source"]

_ONNX, _SETTINGS = "network.onnx", "network.json"


def load_network(
    source: Source, *, pretrained: bool = True, drop_path: float = 0.0
) -> torch.nn.Module:
    """Builds the network in evaluation mode, without its classifier (``num_classes=0``).

    Args:
        source: From `resolve`; any kind but ``"onnx"``.
        pretrained: False gives the same network with random weights (from-scratch controls).
        drop_path: Stochastic depth while it trains (Huang et al., 2016), in networks that have
            it.

    Returns:
        A timm model; its ``pretrained_cfg`` holds the preprocessing of its weights.

    Raises:
        BackboneError: If weights are missing, unreachable, damaged or do not fit.
    """
    if source.kind == "onnx":
        raise BackboneError(
            f"{source.path}: an ONNX file serves as a frozen backbone only; to train or build the "
            f"network, give its folder ({CONFIG} + {WEIGHTS}) or a timm name"
        )
    if source.kind == "timm":
        weights = fetch(source, source.file) if pretrained else None
        return _build(
            source.name, weights, classifier=_timm_classifier(source.name), drop_path=drop_path
        )
    folder = hub_folder(source) if source.kind == "hub" else source.path
    assert folder is not None
    config = read_config(folder)
    cfg = config.get("pretrained_cfg", config)
    if config["architecture"] in DETECTORS:
        if drop_path:
            raise BackboneError(f"{folder}: {config['architecture']} has no stochastic depth")
        find_weights(folder)
        return load_detector(folder, config, pretrained=pretrained)
    check_arguments(config, folder / CONFIG)
    return _build(
        f"local-dir:{folder}",
        folder / WEIGHTS if pretrained else None,
        classifier=cfg.get("classifier"),
        where=folder / CONFIG,
        drop_path=drop_path,
    )


def _timm_classifier(name: str) -> str | tuple[str, ...] | None:
    from timm.models import get_pretrained_cfg

    return get_pretrained_cfg(name).classifier


def _build(
    name: str,
    weights: Path | None,
    *,
    classifier: str | tuple[str, ...] | None,
    where: Path | None = None,
    drop_path: float = 0.0,
) -> torch.nn.Module:
    """Builds a timm model strictly.

    timm ignores missing weights as soon as the number of classes differs from the pretrained
    one. So the network is built with the classifier that its weights have, which makes timm
    check every key and shape, and the classifier is taken off afterwards.
    """
    timm = import_timm()
    import torch

    what = where or name
    overlay: dict[str, Any] = {}
    options: dict[str, Any] = {"drop_path_rate": drop_path} if drop_path else {}
    heads = [classifier] if isinstance(classifier, str) else list(classifier or ())
    if weights is not None:
        keys = safetensors_keys(weights)
        if not any(f"{head}.weight" in keys for head in heads):
            overlay["num_classes"] = options["num_classes"] = 0
        if where is None:  # a local-dir: name brings its own file
            overlay["file"] = str(weights)
    else:
        options["num_classes"] = 0
    try:
        network = timm.create_model(
            name, pretrained=weights is not None, pretrained_cfg_overlay=overlay or None, **options
        )
    except Exception as error:  # whatever a wrong configuration makes timm or torch raise
        text = str(error)
        if "loading state_dict" in text:
            raise BackboneError(
                f"{weights}: the weights do not fit: {explain_misfit(text)}"
            ) from error
        raise BackboneError(
            f"{what}: timm {timm.__version__} cannot build this network "
            f"({type(error).__name__}: {text.splitlines()[0] if text else 'no reason given'})"
        ) from error
    if (channels := network.pretrained_cfg["input_size"][0]) != 3:
        raise BackboneError(f"{what}: the network takes {channels} channels; 3 (RGB) are needed")
    broken = [k for k, v in network.state_dict().items() if not bool(torch.isfinite(v).all())]
    if broken:
        raise BackboneError(
            f"{weights or what}: not-a-number or infinite values in {some_of(broken, 1)}; the file "
            f"is damaged"
        )
    if weights is not None:
        check_loaded(network, weights, heads)
    if network.num_classes:
        network.reset_classifier(0)
    return network.eval()


def save_network(network: torch.nn.Module, source: Source, folder: Path) -> None:
    """Writes a network that was trained further, in timm's layout without a classifier.

    Args:
        network: Built by `load_network` from the same source.
        source: Where it came from.
        folder: Made.

    Raises:
        OSError: If the folder cannot be written.
    """
    from safetensors.torch import save

    folder.mkdir(parents=True)
    config = _config(source) | {"num_classes": 0}
    for last in ("label_names", BOX_HEAD):
        config.pop(last, None)
    (folder / CONFIG).write_text(json.dumps(config, indent=1), encoding="utf-8")
    tensors = {name: each.detach().cpu() for name, each in network.state_dict().items()}
    tensors = {name: each.contiguous().clone() for name, each in tensors.items()}
    # As bytes: safetensors' own files may be read by nobody but their owner.
    (folder / WEIGHTS).write_bytes(save(tensors))


def _config(source: Source) -> dict[str, Any]:
    """Returns the content of config.json of any backbone that is not an ONNX file."""
    if source.kind == "timm":
        from timm.models import get_pretrained_cfg

        cfg = get_pretrained_cfg(source.name).to_dict()
        return {
            "architecture": source.name.partition(".")[0],
            "num_classes": cfg["num_classes"],
            "pretrained_cfg": {key: cfg[key] for key in cfg if cfg[key] is not None},
        }
    home = hub_folder(source) if source.kind == "hub" else source.path
    assert home is not None
    return read_config(home)


def save_source(source: Source, folder: Path) -> None:
    """Copies a backbone's weights and configuration, so that a model stands on its own.

    Args:
        source: Any backbone.
        folder: Made; gets ``config.json`` and ``model.safetensors``, or ``network.onnx`` with
            the files of its weights and, where settings were given, ``network.json``.

    Raises:
        BackboneError: If the weights cannot be had any more.
        OSError: If the folder cannot be written.
    """
    folder.mkdir(parents=True)
    if source.kind == "onnx":
        assert source.path is not None
        for name in source.data:  # under their own names, which the graph knows
            if str(PurePosixPath(name)) in (_ONNX, _SETTINGS):
                raise BackboneError(
                    f"{source.path}: its weights lie in a file called {name}, a name that a model "
                    f"needs itself: write it anew with onnx.save under another location"
                )
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source.path.parent / name, folder / name)
        shutil.copyfile(source.path, folder / _ONNX)
        if source.settings:
            (folder / _SETTINGS).write_text(json.dumps(source.settings), encoding="utf-8")
        return
    if source.kind == "timm":
        (folder / CONFIG).write_text(json.dumps(_config(source), indent=1), encoding="utf-8")
        shutil.copyfile(fetch(source, source.file), folder / WEIGHTS)
        return
    home = hub_folder(source) if source.kind == "hub" else source.path
    assert home is not None
    shutil.copyfile(home / CONFIG, folder / CONFIG)
    shutil.copyfile(find_weights(home), folder / WEIGHTS)
