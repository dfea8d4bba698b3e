"""`ImageAnswer`: what is said of one image of a request, or why nothing is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headstart.errors import HeadstartError, ImageError
from headstart.tasks import task_of
from headstart.tasks.predictor import Predictor
from headstart.tasks.protocol import Outputs

__all__ = ["ImageAnswer", "answer_of", "finite"]


@dataclass(frozen=True)
class ImageAnswer:
    """What is said of one image.

    Attributes:
        record: `name`, and the answer or an `error`.
        status: Of HTTP, where no image of the request has a better one: 200, 422 where the image
            is to blame, 500 where the model is, 503 where there was no time.
    """

    record: dict[str, Any]
    status: int = 200

    @classmethod
    def failed(cls, name: str, status: int, why: object) -> ImageAnswer:
        """Returns an error's answer."""
        return cls({"name": name, "error": str(why)}, status)


def answer_of(
    model: Predictor,
    name: str,
    found: Sequence[Outputs],
    boxes: Sequence[np.ndarray],
    *,
    form: str = "none",
) -> ImageAnswer:
    """Returns the answer to an image, and to every face on it where those are what is seen.

    What the model gave no number for is an error: whichever class stands first is none.

    Args:
        model: What answers.
        name: Of the image.
        found: Outputs of what was seen on it, each (1, ...).
        boxes: Where that was, each (4,) in pixels.
        form: How masks are sent, of a task that has them.
    """
    outputs = {key: np.concatenate([each[key] for each in found]) for key in found[0]}
    outputs |= model.places([(int(box[2]), int(box[3])) for box in boxes])
    faces = model.preprocess.faces is not None
    try:
        predictions = model.decode(
            outputs, [name] * len(found), boxes=np.stack(boxes) if faces else None
        )
    except HeadstartError as error:
        return ImageAnswer.failed(name, 500, error)
    if predictions.errors:  # it could be read, so the model is to blame
        return ImageAnswer.failed(name, 500, next(iter(predictions.errors.values())))
    served = getattr(task_of(model.spec.task), "served", None)
    if served is not None:
        try:
            return ImageAnswer(served(predictions, 0, form))
        except ImageError as error:
            return ImageAnswer.failed(name, 422, error)
    records = [predictions.record(i) for i in range(len(predictions))]
    if not faces:
        return ImageAnswer(records[0])
    whole = {key: value for key, value in records[0].items() if key != "box"}
    each = [{k: v for k, v in one.items() if k != "name"} for one in records]
    return ImageAnswer(whole | {"faces": each})


def finite(value: Any) -> Any:
    """Returns a JSON value with None for every number that JSON does not have."""
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
