"""`Model`: everything needed to predict, in one folder of safetensors and JSON.

model/
model.json          classes, preprocessing, tta, temperature, head, backbone
head.safetensors    the head's arrays
backbone/           the network in timm's layout, or network.onnx
detector.onnx       of models that look at faces: what finds them
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from headstart.errors import ModelError, OutputError
from headstart.images.preprocess import Preprocess
from headstart.nets.backbone import Backbone, open_backbone
from headstart.nets.detector import resolve_detector, save_detector
from headstart.nets.heads import Head, softmax
from headstart.nets.weights import save_source
from headstart.output import read_json
from headstart.records import OutputSpec, to_json

__all__ = ["Model"]

_FORMAT = 2


@dataclass(frozen=True)
class Model:
    """A backbone, a head, and what lies between pixels and calibrated probabilities.

    Attributes:
        backbone: The frozen network.
        head: The classifier of its vectors.
        spec: What the columns of the scores mean, and whose task it is to say so.
        preprocess: How images are fitted and normalised.
        tta: How many views of an image are averaged.
        temperature: Divides the scores before the softmax.
    """

    backbone: Backbone
    head: Head
    spec: OutputSpec
    preprocess: Preprocess
    tta: int
    temperature: float

    def outputs(self, vectors: np.ndarray) -> dict[str, np.ndarray]:
        """Returns ``probabilities``, (N, C) and calibrated, of (N, D) pooled vectors."""
        scores = self.head.scores(vectors) / np.float32(self.temperature)
        return {"probabilities": softmax(scores)}

    def save(self, folder: Path) -> None:
        """Writes the model.

        Raises:
            OutputError: If the folder cannot be written.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import save_file

        try:
            folder.mkdir(parents=True)
            save_source(self.backbone.source, folder / "backbone")
            preprocess = save_detector(self.preprocess, folder)
            saved = _open_saved(folder)
            arrays = {"columns": self.head.columns, **self.head.arrays}
            arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
            save_file(arrays, folder / "head.safetensors")
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
            text = to_json(value)
            (folder / "model.json").write_text(text, encoding="utf-8")
        except (OSError, SafetensorError) as error:  # a full disk is either, by who wrote
            reason = getattr(error, "strerror", None) or error
            raise OutputError(f"cannot write the model in {folder} ({reason})") from None

    @classmethod
    def load(cls, folder: str | Path) -> Model:
        """Reads a model, or the model inside a run.

        Raises:
            ModelError: If there is none, or it is damaged or from a later version.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        folder = Path(folder)
        if (folder / "model" / "model.json").is_file():
            folder = folder / "model"
        if not (folder / "model.json").is_file():
            raise ModelError(
                f"{folder} is neither a model nor a run: it has no model.json; "
                f"give the folder that 'headstart train … -o RUN' wrote"
            )
        value = read_json(folder / "model.json")
        try:
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
            arrays = load_file(folder / "head.safetensors")
            columns = arrays.pop("columns")
            head = Head(columns=columns, arrays=arrays, **value["head"])
            backbone = _open_saved(folder)
            if backbone.fingerprint != value["backbone"]["fingerprint"]:
                raise ModelError(
                    f"{folder / 'backbone'} is not the backbone that this model was trained with: "
                    f"copy the model's folder anew, or train again"
                )
            return cls(
                backbone=backbone,
                head=head,
                spec=OutputSpec.from_json(value["output"]),
                preprocess=resolve_detector(Preprocess.from_json(value["preprocess"]), folder),
                tta=int(value["tta"]),
                temperature=float(value["temperature"]),
            )
        except (KeyError, TypeError, ValueError, OSError, SafetensorError) as error:
            raise ModelError(
                f"{folder} is damaged ({error}): train again, or copy the folder anew"
            ) from None


def _open_saved(folder: Path) -> Backbone:
    """Opens the backbone inside a model's folder."""
    onnx = folder / "backbone" / "network.onnx"
    return open_backbone(os.fspath(onnx if onnx.is_file() else folder / "backbone"))
