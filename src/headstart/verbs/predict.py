"""`predict` and `load`: a trained model on new images."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from headstart.choices import Device
from headstart.compute import Progress, silent
from headstart.errors import OptionError
from headstart.options.command import command
from headstart.options.predict import PredictOptions

if TYPE_CHECKING:
    from headstart.nets.model import Model
    from headstart.predictions import Predictions
    from headstart.tasks.predictor import Predictor

__all__ = ["load", "predict"]


def load(path: str | Path) -> Predictor:
    """Loads a model; an exported one needs numpy, Pillow and ONNX Runtime only.

    Args:
        path: A run, a model's folder, or an `.onnx` file that `export` wrote.

    Returns:
        A `Predictor`: `predict`, `predict_proba` and `predictions` of one image or many (paths,
        bytes, Pillow images, arrays).

    Raises:
        ModelError: If there is none, or it is damaged.
    """
    return _open(path)[0]


def _open(
    path: str | Path, *, device: Device = "auto", many: bool = False
) -> tuple[Predictor, Model | None]:
    """Returns what predicts, and the model inside it where it is that of a run."""
    if os.fspath(path).lower().endswith(".onnx"):
        from headstart.deploy.runtime import OnnxPredictor

        return OnnxPredictor(path), None
    from headstart.scoring.run_predictor import RunPredictor

    opened = RunPredictor(path, device=device, many=many)
    return opened, opened.model


@command(PredictOptions)
def predict(options: PredictOptions, progress: Progress = silent) -> Predictions:
    """Names what is on images, on a video or before a camera, with calibrated probabilities.

    Returns:
        `Predictions`; unreadable inputs are rows without an answer, with a reason in `errors`. A
        model of faces gives a row for every face on a photo, and for every face that was followed
        on a video.

    Raises:
        DataError: If no image is named at all, or a video cannot be opened.
        OptionError: If `out` makes no sense.
        ModelError: If there is no model, or it is damaged.
    """
    from headstart.data.paths import expand_paths
    from headstart.images.video import is_video

    given = options.images
    paths = [given] if isinstance(given, str | Path) else list(given)
    out, explain, workers = options.out, options.explain, options.workers
    place = Path(out) if out is not None else None
    moving = any(is_video(each) for each in paths)
    if moving and len(paths) > 1:
        raise OptionError("one video or camera at a time, and no images beside it")
    if moving and explain is not None:
        raise OptionError("--explain is for images: save frames of the video first")
    predictor, own = _open(options.model, device=options.device, many=moving)
    if options.abstain_below or not moving:
        predictor.threshold = options.abstain_below
    if moving:
        from headstart.video.predict_video import predict_video

        source = os.fspath(paths[0])
        return predict_video(predictor, source, fps=options.fps, out=place, progress=progress)
    names = expand_paths([os.fspath(each) for each in paths])
    if predictor.preprocess.faces is not None and explain is None:
        from headstart.video.people import name_faces

        return name_faces(predictor, names, out=place, workers=workers, progress=progress)
    if out is not None:
        raise OptionError("-o is for videos and cameras; of images use --format csv or --json")
    found = predictor.predictions(names, workers=workers, progress=progress)
    if explain is not None:
        from headstart.auditing.explain import explain_images

        explain_images(found, predictor, own, Path(explain), progress)
    return found
