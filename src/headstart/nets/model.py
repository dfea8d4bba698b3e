"""`Model`: everything needed to predict, in one folder of safetensors and JSON.

model/
model.json          classes, preprocessing, tta, temperature, head, backbone; fingerprints of all
head.safetensors    the head's arrays
backbone/           the network in timm's layout, or network.onnx
detector.onnx       of models that look at faces: what finds them
unlike.safetensors  what training images look like, where that is known
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import numpy as np

from headstart.choices import Views
from headstart.errors import ModelError, OutputError
from headstart.fingerprint import fingerprint_bytes, fingerprint_file, fingerprint_json
from headstart.images.preprocess import Preprocess
from headstart.nets.boxes.head import BoxHead
from headstart.nets.heads.head import Head, softmax
from headstart.nets.heads.map_head import MapHead
from headstart.nets.heads.unlike import Unlike
from headstart.nets.masks.head import DenseHead
from headstart.nets.pretrained.backbone import Backbone, open_backbone
from headstart.nets.pretrained.face_detector import resolve_detector, save_detector
from headstart.nets.pretrained.weights import save_source
from headstart.nets.smp.head import SmpHead
from headstart.nets.torchvision.head import TorchvisionHead
from headstart.output import read_json
from headstart.records import OutputSpec, is_number, to_json

__all__ = ["Model"]

_FORMAT = 5
_ANEW = "copy the model's folder anew, or train again"
_HEAD, _DESCRIPTION = "head.safetensors", "model.json"
_UNLIKE = "unlike.safetensors"
_MAP_HEADS: tuple[type[MapHead], ...] = (BoxHead, DenseHead, SmpHead, TorchvisionHead)


@dataclass(frozen=True)
class Model:
    """A backbone, a head, and what lies between pixels and calibrated probabilities.

    Attributes:
        backbone: The frozen network.
        head: The classifier of its vectors; or of its maps, which answers with places.
        spec: What the columns of the scores mean, and whose task it is to say so.
        preprocess: How images are fitted and normalised.
        tta: How many views of an image are averaged.
        temperature: Divides the scores before the softmax.
        unlike: Tells how far an image is from all that it was trained on, or None.
    """

    backbone: Backbone
    head: Head | MapHead
    spec: OutputSpec
    preprocess: Preprocess
    tta: int
    temperature: float
    unlike: Unlike | None = None

    def outputs(self, vectors: np.ndarray) -> dict[str, np.ndarray]:
        """Returns ``probabilities``, (N, C) and calibrated, of (N, D) pooled vectors.

        Where that is known there is ``unlike`` too, (N,): how far each is from what was trained on.

        Raises:
            ModelError: If the head answers with a place, and so reads maps.
        """
        scores = self.vector_head.scores(vectors) / np.float32(self.temperature)
        found = {"probabilities": softmax(scores)}
        return found if self.unlike is None else found | {"unlike": self.unlike.distances(vectors)}

    @property
    def vector_head(self) -> Head:
        """The head, where it reads pooled vectors.

        Raises:
            ModelError: If it answers with a place, and so reads maps.
        """
        if not isinstance(self.head, Head):
            raise ModelError(
                f"a model of {self.head.answers} reads maps, and pooled vectors have none"
            )
        return self.head

    def save(self, folder: Path) -> None:
        """Writes the model.

        Raises:
            OutputError: If the folder cannot be written.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import save

        try:
            folder.mkdir(parents=True)
            save_source(self.backbone.source, folder / "backbone")
            preprocess = save_detector(self.preprocess, folder)
            saved = _open_saved(folder)
            kept = self.head.tensors()
            arrays = {name: np.ascontiguousarray(array) for name, array in kept.items()}
            # As bytes: safetensors' own files may be read by nobody but their owner.
            content = save(arrays)
            (folder / _HEAD).write_bytes(content)
            value = {
                "format": _FORMAT,
                "headstart": version("headstart"),
                "output": self.spec,
                "preprocess": asdict(preprocess),
                "tta": self.tta,
                "temperature": self.temperature,
                "head": self.head.meta(),
                "backbone": {
                    "name": self.backbone.name,
                    "fingerprint": saved.fingerprint,
                    "licence": self.backbone.source.licence,
                },
            }
            value = json.loads(to_json(value))
            prints = {
                "head": fingerprint_bytes(content).hex(), "description": fingerprint_json(value),
            }  # fmt: skip
            if self.unlike is not None:
                content = save(self.unlike.arrays)
                (folder / _UNLIKE).write_bytes(content)
                prints["unlike"] = fingerprint_bytes(content).hex()
            value["fingerprints"] = prints
            (folder / _DESCRIPTION).write_text(to_json(value), encoding="utf-8")
        except (OSError, SafetensorError) as error:  # a full disk is either, by who wrote
            reason = getattr(error, "strerror", None) or error
            raise OutputError(f"cannot write the model in {folder} ({reason})") from None

    @classmethod
    def load(cls, folder: str | Path) -> Model:
        """Reads a model, or the model inside a run.

        Raises:
            ModelError: If there is none, or it is damaged, was changed since it was written, or is
                from a later version.
        """
        folder = Path(folder)
        if (folder / "model" / "model.json").is_file():
            folder = folder / "model"
        if not (folder / "model.json").is_file():
            raise ModelError(
                f"{folder} is neither a model nor a run: it has no model.json; "
                f"give the folder that 'headstart train … -o RUN' wrote"
            )
        file = folder / _DESCRIPTION
        value = read_json(file)
        try:
            _check_version(value, folder)
            model = cls(
                backbone=_open_saved(folder),
                head=_read_head(value["head"], folder / _HEAD),
                spec=OutputSpec.from_json(value["output"]),
                preprocess=resolve_detector(Preprocess.from_json(value["preprocess"]), folder),
                tta=value["tta"],
                temperature=value["temperature"],
                unlike=_read_unlike(value, folder),
            )
            if fault := model.head.fault():
                raise ModelError(f"{folder / _HEAD} is damaged ({fault}): {_ANEW}")
            if fault := model._fault():
                raise ModelError(f"{file} is damaged ({fault}): {_ANEW}")
            _check_fingerprints(value, folder)
            if model.backbone.fingerprint != value["backbone"]["fingerprint"]:
                raise ModelError(
                    f"{folder / 'backbone'} is not the backbone that this model was trained with: "
                    f"{_ANEW}"
                )
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError, OSError) as error:
            raise ModelError(f"{file} is damaged ({error}): {_ANEW}") from None
        if not isinstance(model.head, Head):
            return model
        width = model.backbone.info.bounds[-1] * len(model.preprocess.looks)
        read = {_HEAD: model.head.columns}
        if model.unlike is not None:
            read[_UNLIKE] = model.unlike.columns
        for name, columns in read.items():
            if columns.max() >= width:
                raise ModelError(
                    f"{folder / name}: it reads column {columns.max()} of vectors that have "
                    f"{width}; {_ANEW}"
                )
        return model

    def _fault(self) -> str | None:
        """Says which number cannot be; None where all can."""
        if self.tta not in get_args(Views) or isinstance(self.tta, bool | float):
            return f"tta must be 1, 2, 3, 6 or 8, got {self.tta!r}"
        if not is_number(self.temperature) or self.temperature <= 0:
            return f"temperature must be a number above 0, got {self.temperature!r}"
        if self.tta not in self.head.views:
            return f"{self.head.answers} are not told of {self.tta} views of an image"
        if self.head.answers_with_place and len(self.preprocess.looks) > 1:
            return f"{self.head.answers} are told of one look at an image, and it has several"
        if len(self.spec.names) != self.head.n_classes:
            return f"it names {len(self.spec.names)} answers, and its head {self.head.n_classes}"
        return None


def _check_version(value: dict[str, Any], folder: Path) -> None:
    if value["format"] < _FORMAT:
        raise ModelError(
            f"{folder} was written by an earlier headstart ({value['headstart']}), whose "
            f"models this one does not read: train again"
        )
    if value["format"] > _FORMAT:
        raise ModelError(
            f"{folder} was written by headstart {value['headstart']}, which is newer "
            f"than this one: upgrade headstart"
        )


def _read_head(about: dict[str, Any], file: Path) -> Head | MapHead:
    """Reads a head of any kind.

    Raises:
        ModelError: If the file is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        arrays = load_file(file)
        for kind in _MAP_HEADS:
            if kind.kept_as in about:
                return kind.from_json(about, arrays)
        columns = arrays.pop("columns")
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        raise ModelError(f"{file} is damaged ({error}): {_ANEW}") from None
    return Head(columns=columns, arrays=arrays, **about)


def _read_unlike(value: dict[str, Any], folder: Path) -> Unlike | None:
    """Reads what training images look like; None of models that were not told.

    Raises:
        ModelError: If the file is missing or damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    if "unlike" not in value["fingerprints"]:
        return None
    file = folder / _UNLIKE
    try:
        return Unlike.from_arrays(load_file(file))
    except (OSError, KeyError, TypeError, ValueError, SafetensorError) as error:
        raise ModelError(f"{file} is damaged ({error}): {_ANEW}") from None


def _check_fingerprints(value: dict[str, Any], folder: Path) -> None:
    """Compares head and description with what was written.

    Raises:
        ModelError: If one of the two was changed.
    """
    known = value.pop("fingerprints")
    found = {
        _DESCRIPTION: (known["description"], fingerprint_json(value)),
        _HEAD: (known["head"], fingerprint_file(folder / _HEAD).hex()),
    }
    if "unlike" in known:
        found[_UNLIKE] = (known["unlike"], fingerprint_file(folder / _UNLIKE).hex())
    for name, (wanted, now) in found.items():
        if wanted != now:
            raise ModelError(
                f"{folder / name} is not what was written with this model: it was damaged or "
                f"changed; {_ANEW}"
            )


def _open_saved(folder: Path) -> Backbone:
    """Opens the backbone inside a model's folder."""
    onnx = folder / "backbone" / "network.onnx"
    place = onnx if onnx.is_file() else folder / "backbone"
    return open_backbone(os.fspath(place), known=False)
