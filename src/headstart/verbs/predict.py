"""`predict` and `load`: a trained model on new images."""

from __future__ import annotations

import numbers
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headstart.choices import Device
from headstart.compute import Progress, silent
from headstart.errors import DataError, OptionError, OutputError
from headstart.options.command import command
from headstart.options.idle import fps_of
from headstart.options.predict import PredictOptions

if TYPE_CHECKING:
    from headstart.nets.model import Model
    from headstart.predictions import Predictions
    from headstart.tasks.predictor import Predictor

__all__ = ["load", "predict"]

_FOLLOWED = 10.0  # frames a second, where objects are followed


def load(path: str | Path) -> Predictor:
    """Loads a model; an exported one needs numpy, Pillow and ONNX Runtime only.

    Args:
        path: A run, a model's folder, or what `export` wrote: its folder, or an `.onnx` file.

    Returns:
        A `Predictor`: `predict`, `predict_proba` and `predictions` of one image or many (paths,
        folders, bytes, Pillow images, arrays).

    Raises:
        ModelError: If there is none, or it is damaged.
    """
    return _open(path)[0]


def _open(
    path: str | Path, *, device: Device = "auto", many: bool = False
) -> tuple[Predictor, Model | None]:
    """Returns what predicts, and the model inside it where it is that of a run."""
    from headstart.deploy.runtime import OnnxPredictor, find_exported

    exported = find_exported(path)
    if exported is not None:
        return OnnxPredictor(exported), None
    from headstart.scoring.run_predictor import RunPredictor

    opened = RunPredictor(path, device=device, many=many)
    return opened, opened.model


def _several(images: Any) -> list[Any]:
    """Returns what was named as a list; numbers are cameras, and may be numpy's.

    Raises:
        ImageError: If it can be no image.
    """
    from headstart.images.given import listed

    if isinstance(images, numbers.Integral):
        return [int(images)]
    found = listed(images)
    return [int(each) if isinstance(each, numbers.Integral) else each for each in found]


def _are_moving(given: list[Any], options: PredictOptions) -> bool:
    """Tells whether what was named is a video or camera.

    Raises:
        OptionError: If it is among images, or what was asked for is of the other kind.
    """
    from headstart.images.video import is_video

    moving = any(isinstance(each, str | Path | int) and is_video(each) for each in given)
    if moving and len(given) > 1:
        raise OptionError("one video or camera at a time, and no images beside it")
    if moving and options.explain is not None:
        raise OptionError("--explain is for images: save frames of the video first")
    fps_of(options.fps, 1.0, moving=moving)
    return moving


def _refuse_unused(predictor: Predictor, options: PredictOptions, *, exported: bool) -> None:
    """Refuses what a model cannot use, rather than pass it over.

    Raises:
        OptionError: If something is of another kind of model.
    """
    from headstart.tasks import placed, told_apart

    task = predictor.spec.task
    if options.top > 1 and (placed(task) or told_apart(task) == "halves"):
        raise OptionError(
            f"--top {options.top} lists the likeliest classes of an image, and this model is of "
            f"{task}: leave --top out"
        )
    if options.abstain_below and told_apart(task) == "halves":
        raise OptionError(
            f"--abstain-below {options.abstain_below:g} is a probability, and a number has none: "
            f"leave it out; the interval of each answer says how sure it is"
        )
    if exported and options.device not in ("auto", "cpu"):
        raise OptionError(
            f"--device {options.device}: an exported model runs on the CPU: leave --device out, or "
            f"name the run"
        )


def _choose_threshold(predictor: Predictor, options: PredictOptions, *, moving: bool) -> None:
    """Sets from which probability on an answer is one.

    Raises:
        OptionError: If what was asked for is another kind of model's.
    """
    from headstart.tasks import has_objects, told_apart

    if has_objects(predictor.spec.task):
        if options.abstain_below:
            raise OptionError(
                f"--abstain-below {options.abstain_below:g}: objects are left out, not unsure; "
                f"say --min-score {options.abstain_below:g}"
            )
        if options.min_score is not None:
            predictor.threshold = options.min_score or 1e-9  # 0 would mean: as usual
        return
    if options.min_score is not None:
        numbers = told_apart(predictor.spec.task) == "halves"
        instead = "leave it out" if numbers else f"say --abstain-below {options.min_score:g}"
        raise OptionError(
            f"--min-score {options.min_score:g} is for models of boxes; this one is of "
            f"{predictor.spec.task}: {instead}"
        )
    if options.abstain_below or not moving:
        predictor.threshold = options.abstain_below


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
        OutputError: If `out` is there already or cannot be written.
        ModelError: If there is no model, or it is damaged.
    """
    from headstart.images.given import is_path
    from headstart.tasks import has_objects, placed, task_of
    from headstart.tasks.predictor import spelt_out

    given = _several(options.images)
    out, explain, workers = options.out, options.explain, options.workers
    place = Path(out) if out is not None else None
    moving = _are_moving(given, options)
    progress("opening the model", 0, 1)
    predictor, own = _open(options.model, device=options.device, many=moving)
    _refuse_unused(predictor, options, exported=own is None)
    _choose_threshold(predictor, options, moving=moving)
    if moving:
        from headstart.video.predict_video import predict_video

        usual = _FOLLOWED if has_objects(predictor.spec.task) else 1.0
        fps = fps_of(options.fps, usual, moving=True)
        return predict_video(predictor, given[0], fps=fps, out=place, progress=progress)
    images = spelt_out(given)
    if not images:
        raise DataError("no image was named: give files, folders or globs")
    if explain is not None and not all(is_path(each) for each in images):
        raise OptionError("--explain is for image files: save the images first")
    if predictor.preprocess.faces is not None and explain is None:
        from headstart.video.people import name_faces

        return name_faces(predictor, images, out=place, workers=workers, progress=progress)
    write = getattr(task_of(predictor.spec.task), "write_answers", None)
    if explain is not None and placed(predictor.spec.task):
        raise OptionError(
            f"--explain is for one answer an image; a model of {predictor.spec.task} says where by "
            f"itself: -o FOLDER draws it"
        )
    if place is not None and write is None:
        raise OptionError("-o is for videos and cameras; of images use --format csv or --json")
    if place is not None and place.exists():  # before the work, not after it
        raise OutputError(f"{place} is there already: choose another -o, or remove it")
    found = predictor.predictions(images, workers=workers, progress=progress)
    if place is not None and write is not None:
        write(found, images, place, progress)
    if explain is not None:
        from headstart.auditing.explain import explain_images

        explain_images(found, predictor, own, Path(explain), progress)
    return found
