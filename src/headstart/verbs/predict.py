"""`predict` and `load`: a trained model on new images."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headstart.choices import Device
from headstart.data.dataset import Dataset
from headstart.data.paths import expand_paths
from headstart.deploy.runtime import OnnxClassifier
from headstart.errors import ImageError, OptionError
from headstart.images.pixels import Progress, silent
from headstart.images.video import is_video
from headstart.nets.model import Model
from headstart.options.command import command
from headstart.options.predict import PredictOptions
from headstart.records import Predictions

if TYPE_CHECKING:
    from headstart.deploy.predictor import Predictor
    from headstart.nets.engine import Engine

__all__ = ["Classifier", "load", "predict"]

# Frames are many: converting the network pays.
_MANY = 1000


@dataclass(frozen=True)
class Classifier:
    """A loaded model with scikit-learn's methods.

    Attributes:
        model: What was loaded.
    """

    model: Model

    def __repr__(self) -> str:
        return f"Classifier({', '.join(self.model.classes)}; {self.model.backbone.name})"

    @property
    def classes_(self) -> np.ndarray:
        """(C,) str class names, in the order of `predict_proba`'s columns."""
        return np.array(self.model.classes)

    def predict_proba(self, images: str | Path | Iterable[str | Path]) -> np.ndarray:
        """Returns (N, C) calibrated probabilities of image files, or of one.

        Raises:
            ImageError: If one of them cannot be read; `headstart.predict` goes on instead.
        """
        given = [images] if isinstance(images, str | Path) else images
        predictions = _run(self.model, [os.fspath(image) for image in given])
        for name, reason in predictions.errors.items():
            raise ImageError(f"{name}: {reason}")
        return predictions.probabilities

    def predict(self, images: str | Path | Iterable[str | Path]) -> np.ndarray:
        """Returns (N,) str class names of images, or (N,) numbers; raises as `predict_proba`."""
        found = self.predict_proba(images)
        if self.model.bins is not None:
            return self.model.bins.numbers(found)[:, 0]
        return self.classes_[found.argmax(axis=1)]


def load(path: str | Path) -> Classifier | OnnxClassifier:
    """Loads a model; an exported one needs numpy, Pillow and ONNX Runtime only.

    Args:
        path: A run, a model's folder, or an `.onnx` file that `export` wrote.

    Raises:
        ModelError: If there is none, or it is damaged.
    """
    if _exported(path):
        return OnnxClassifier(path)
    return Classifier(Model.load(path))


class _Frames:
    """The model of a run as what names frames (`video.predict_video.Predictor`)."""

    threshold = 0.5

    def __init__(self, model: Model) -> None:
        self.model = model
        self._engine: Engine | None = None
        self.classes, self.preprocess, self.tta = model.classes, model.preprocess, model.tta
        self.bins = model.bins

    def probabilities(self, inputs: np.ndarray) -> np.ndarray:
        from headstart.nets.engine import stream

        images = inputs.reshape(-1, *inputs.shape[2:])
        engine = self._engine
        if engine is None:
            engine = self._engine = self.model.backbone.engine(
                self.preprocess, images=_MANY, proof=images[:1]
            )
        parts = ((i, images[i : i + engine.batch]) for i in range(0, len(images), engine.batch))
        vectors = np.concatenate([each for _, each in stream(engine, parts)])
        return self.model.probabilities(vectors.reshape(len(inputs), self.tta, -1).mean(axis=1))


def _exported(path: str | Path) -> bool:
    return os.fspath(path).lower().endswith(".onnx")


@command(PredictOptions)
def predict(options: PredictOptions, progress: Progress = silent) -> Predictions:
    """Names what is on images, on a video or before a camera, with calibrated probabilities.

    Returns:
        `Predictions`; unreadable inputs are rows of NaN with a reason in `errors`. A model of faces
        gives a row for every face on a photo, and for every face that was followed on a video.

    Raises:
        DataError: If no image is named at all, or a video cannot be opened.
        OptionError: If `out` makes no sense.
        ModelError: If there is no model, or it is damaged.
    """
    given = [options.images] if isinstance(options.images, str | Path) else list(options.images)
    place = Path(options.out) if options.out is not None else None
    looks: OnnxClassifier | _Frames
    if any(is_video(each) for each in given):
        if len(given) > 1:
            raise OptionError("one video or camera at a time, and no images beside it")
        if options.explain is not None:
            raise OptionError("--explain is for images: save frames of the video first")
        from headstart.video.predict_video import predict_video

        looks = (
            OnnxClassifier(options.model)
            if _exported(options.model)
            else _Frames(Model.load(options.model))
        )
        return predict_video(
            looks, os.fspath(given[0]), fps=options.fps, out=place, progress=progress
        )
    looks = (
        OnnxClassifier(options.model)
        if _exported(options.model)
        else _Frames(Model.load(options.model))
    )
    names = expand_paths([os.fspath(each) for each in given])
    if looks.preprocess.faces is not None and options.explain is None:
        from headstart.video.people import name_faces

        return name_faces(looks, names, out=place, workers=options.workers, progress=progress)
    if options.out is not None:
        raise OptionError("-o is for videos and cameras; of images use --format csv or --json")
    if isinstance(looks, OnnxClassifier):
        found = looks.predictions(names, workers=options.workers, progress=progress)
    else:
        found = _run(
            looks.model, names, device=options.device, workers=options.workers, progress=progress
        )
    if options.explain is not None:
        whole = None if isinstance(looks, OnnxClassifier) else looks.model
        _explain(found, looks, whole, Path(options.explain), progress)
    return found


def _explain(
    found: Predictions, answers: Predictor, model: Model | None, folder: Path, progress: Progress
) -> None:
    """Writes a heat map for every image that could be read."""
    from headstart.auditing.explain import grad_cam, occlusion, write_heat
    from headstart.deploy.runtime import inputs_of
    from headstart.images.decode import read_bytes

    by_gradient = None
    if model is not None and model.backbone.source.kind != "onnx":
        by_gradient = grad_cam(model)
    for number, (name, label) in enumerate(zip(found.names, found.labels, strict=True)):
        if label >= 0:
            inputs = inputs_of(read_bytes(Path(name)), answers.preprocess, answers.tta)
            heat = by_gradient(inputs, int(label)) if by_gradient else None
            if heat is None:
                heat = occlusion(answers.probabilities, inputs, int(label))
            write_heat(folder, number, name, inputs[0], heat)
        progress("explaining", number + 1, len(found.names))


def _run(
    model: Model,
    names: list[str],
    *,
    device: Device = "auto",
    workers: int | None = None,
    progress: Progress = silent,
) -> Predictions:
    from headstart.features.extract import extract

    n = len(names)
    blank = np.full(n, -1), np.full(n, "")
    dataset = Dataset(Path(), tuple(names), model.classes, *blank, source="unlabelled")
    probabilities = np.full((n, len(model.classes)), np.nan, np.float32)
    if not n:
        return Predictions(probabilities, model.classes, (), bins=model.bins)
    features = extract(
        dataset, model.backbone, preprocess=model.preprocess, tta=model.tta, device=device,
        workers=workers, progress=progress, allow_none=True,
    )  # fmt: skip
    readable = features.stats.readable
    if readable.any():
        probabilities[readable] = model.probabilities(features.vectors[readable])
    errors = {names[index]: reason for index, reason in features.stats.errors.items()}
    return Predictions(probabilities, model.classes, tuple(names), None, errors, bins=model.bins)
