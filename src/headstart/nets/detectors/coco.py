"""COCO's detectors as backbones: a folder in timm's layout with an architecture of ours.

config.json         architecture, pretrained_cfg, box_head: {plan, names}
model.safetensors   the network of `nets.detectors.nanodet` or `nets.detectors.yolox`;
                    ``box_head.``: its last layers

Importing this module is cheap. `nets.detectors.convert` writes such folders.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headstart.errors import BackboneError
from headstart.lists import some_of
from headstart.nets.boxes.head import BoxHead, BoxPlan
from headstart.nets.files.layout import CONFIG, WEIGHTS, read_config, safetensors_keys

if TYPE_CHECKING:
    from headstart.nets.detectors.level_net import LevelNet

__all__ = [
    "BOX_HEAD",
    "COCO_CLASSES",
    "DETECTORS",
    "detector_head",
    "detector_plan",
    "load_detector",
    "new_detector",
]

BOX_HEAD = "box_head"
"""Key of config.json, and what the names of the last layers' weights begin with."""

DETECTORS: dict[str, BoxPlan] = {
    "nanodet_plus_m": BoxPlan(
        "levels", (96,) * 4, (8, 16, 32, 64), (0, 1, 2, 3), 80, bins=8, offset=0.0
    ),
    "yolox_nano": BoxPlan(
        "levels", (128,) * 3, (8, 16, 32), (0, 1, 2), 80, objectness=True, offset=0.0
    ),
}
"""Architecture -> its last layers, of COCO's 80 classes."""

# As COCO orders them; an underscore is a space.
_NAMES = """
person bicycle car motorcycle airplane bus train truck boat traffic_light fire_hydrant stop_sign
parking_meter bench bird cat dog horse sheep cow elephant bear zebra giraffe backpack umbrella
handbag tie suitcase frisbee skis snowboard sports_ball kite baseball_bat baseball_glove
skateboard surfboard tennis_racket bottle wine_glass cup fork knife spoon bowl banana apple
sandwich orange broccoli carrot hot_dog pizza donut cake chair couch potted_plant bed
dining_table toilet tv laptop mouse remote keyboard cell_phone microwave oven toaster sink
refrigerator book clock vase scissors teddy_bear hair_drier toothbrush
"""
COCO_CLASSES: tuple[str, ...] = tuple(each.replace("_", " ") for each in _NAMES.split())

_ANEW = "convert the published file anew with 'headstart convert'"
_NEEDED = ("input_size", "mean", "std", "fixed_input_size")


def new_detector(architecture: str) -> LevelNet:
    """Returns a detector without its last layers, with random weights.

    Args:
        architecture: One of `DETECTORS`.
    """
    if architecture == "nanodet_plus_m":
        from headstart.nets.detectors.nanodet import NanoDetPlus

        return NanoDetPlus()
    from headstart.nets.detectors.yolox import YoloxNano

    return YoloxNano()


def load_detector(folder: Path, config: dict[str, Any], *, pretrained: bool = True) -> LevelNet:
    """Builds a detector in evaluation mode, every tensor checked, without its last layers.

    Args:
        folder: Holds both files.
        config: Of the folder; its architecture is one of `DETECTORS`.
        pretrained: False gives random weights.

    Raises:
        BackboneError: If weights are missing, too many or damaged, or the configuration is.
    """
    where, cfg = folder / CONFIG, config.get("pretrained_cfg", config)
    if config.get("model_args"):
        raise BackboneError(f'{where}: {config["architecture"]} takes no "model_args"; {_ANEW}')
    if missing := [name for name in _NEEDED if name not in cfg]:
        raise BackboneError(f"{where}: there is no {', '.join(missing)} in it; {_ANEW}")
    network = new_detector(config["architecture"])
    network.pretrained_cfg = cfg
    if pretrained:
        plan = detector_plan(config, where)
        last = {} if plan is None else plan[0].shapes()
        shapes = {name: tuple(each.shape) for name, each in network.state_dict().items()}
        shapes |= {f"{BOX_HEAD}.{name}": shape for name, shape in last.items()}
        network.load_state_dict(_checked(folder / WEIGHTS, shapes, last=False))
    return network.eval()


def detector_plan(config: dict[str, Any], where: Path) -> tuple[BoxPlan, tuple[str, ...]] | None:
    """Returns what a configuration says of the last layers, and the names of their classes.

    Args:
        config: Of a folder.
        where: Its file, for people.

    Returns:
        None where it has none, as a network that was trained further.

    Raises:
        BackboneError: If they cannot be those of the architecture.
    """
    about = config.get(BOX_HEAD)
    if about is None:
        return None
    try:
        plan, names = BoxPlan.from_json(about["plan"]), tuple(about["names"])
        fault = None
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise BackboneError(f"{where}: its {BOX_HEAD} is damaged ({error}); {_ANEW}") from None
    known = DETECTORS[config["architecture"]]
    if (plan.channels, plan.strides, plan.kind) != (known.channels, known.strides, known.kind):
        fault = f"its levels are not those of {config['architecture']}"
    elif len(names) != plan.n_classes or not all(isinstance(each, str) for each in names):
        fault = f"it names {len(names)} classes and has {plan.n_classes}"
    if fault:
        raise BackboneError(f"{where}: its {BOX_HEAD} is damaged ({fault}); {_ANEW}")
    return plan, names


def detector_head(folder: Path) -> tuple[BoxHead, tuple[str, ...]] | None:
    """Returns the last layers of a detector's folder, and the names of their classes.

    Args:
        folder: Of a backbone.

    Returns:
        None where it is another network, or has no last layers any more.

    Raises:
        BackboneError: If the files do not fit each other.
    """
    config = read_config(folder)
    if config["architecture"] not in DETECTORS:
        return None
    if (found := detector_plan(config, folder / CONFIG)) is None:
        return None
    plan, names = found
    shapes = {f"{BOX_HEAD}.{name}": shape for name, shape in plan.shapes().items()}
    tensors = _checked(folder / WEIGHTS, shapes, last=True)
    arrays = {
        name.removeprefix(f"{BOX_HEAD}."): each.float().numpy() for name, each in tensors.items()
    }
    return BoxHead(plan, arrays), names


def _checked(weights: Path, shapes: dict[str, tuple[int, ...]], *, last: bool) -> dict[str, Any]:
    """Reads the network's tensors of a file, or those of its last layers.

    Args:
        weights: A safetensors file.
        shapes: What must be in it: of all tensors, or of the last layers.
        last: Read the last layers.

    Raises:
        BackboneError: If a tensor is missing, is too many or of another shape, or is no number.
    """
    from safetensors import safe_open

    known = safetensors_keys(weights)
    if last:
        known = {name for name in known if name.startswith(f"{BOX_HEAD}.")}
    faults = [f"{len(each)} {said} ({some_of(sorted(each), 3)})" for each, said in
              ((set(shapes) - known, "missing"), (known - set(shapes), "not in the network"))
              if each]  # fmt: skip
    if faults:
        raise BackboneError(f"{weights}: the weights do not fit: {'; '.join(faults)}")
    found = {}
    with safe_open(weights, framework="pt") as stream:
        for name, shape in sorted(shapes.items()):
            if not last and name.startswith(f"{BOX_HEAD}."):
                continue
            tensor = stream.get_tensor(name)
            if tuple(tensor.shape) != shape:
                raise BackboneError(
                    f"{weights}: the weights do not fit: {name} is {list(tensor.shape)} instead of "
                    f"{list(shape)}"
                )
            if not tensor.is_floating_point() or not np.isfinite(tensor.float().numpy()).all():
                raise BackboneError(
                    f"{weights}: not-a-number or infinite values in {name}; the file is damaged"
                )
            found[name] = tensor
    return found
