"""A model of faces at work: one answer for every face on a photo, drawn on it if wanted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from headstart.compute import Progress
from headstart.data.files.paths import NO_FILE, missing_paths
from headstart.errors import ImageError, OutputError
from headstart.images.given import ImageLike, bytes_of, is_path, names_of
from headstart.images.photo import DecodedPhoto, every_face_of
from headstart.images.threads import ordered_map
from headstart.predictions import Predictions
from headstart.stacking import concatenate
from headstart.tasks.predictor import Predictor, in_batches, spread

__all__ = ["draw_faces", "name_faces"]

_BATCH = 16
_COLOURS = {True: (20, 110, 60), False: (110, 100, 90)}


def name_faces(
    model: Predictor,
    photos: Sequence[ImageLike],
    *,
    out: Path | None = None,
    workers: int | None = None,
    progress: Progress,
) -> Predictions:
    """Names every face on some photos.

    Args:
        model: With `preprocess.faces`.
        photos: Files, and whatever else may be an image.
        out: Folder for the photos with boxes and answers drawn on them; None for none.
        workers: Threads that decode and find faces; by default one a processor.
        progress: Called as photos are done.

    Returns:
        One row a face, named as its photo, and from the second face on with its number; boxes in
        pixels of the photo. Photos that cannot be read or show no face are rows without an answer
        and with a reason in `errors`.

    Raises:
        OutputError: If `out` cannot be written.
    """
    parts: list[Predictions] = []
    drawn: set[str] = set()
    waiting: list[tuple[str, DecodedPhoto | ImageError]] = []

    names = names_of(list(photos))
    missing = missing_paths(name for name, each in zip(names, photos) if is_path(each))

    def read(photo: ImageLike) -> DecodedPhoto | ImageError:
        try:
            return every_face_of(model.preprocess, model.tta, bytes_of(photo))
        except ImageError as error:
            return error

    def answer() -> None:
        """Names all faces of the photos that wait."""
        parts.append(_answers(model, waiting))
        if out is not None:
            _draw_all(parts[-1], waiting, out, drawn)
        waiting.clear()

    for done, result in enumerate(ordered_map(read, photos, workers=workers)):
        gone = names[done] in missing
        waiting.append((names[done], ImageError(NO_FILE) if gone else result))
        # Engines work by full batches, and a photo has a face or two.
        if len(waiting) == _BATCH:
            answer()
        progress("predicting", done + 1, len(photos))
    if waiting or not parts:
        answer()
    found: Predictions = concatenate(parts)
    return found


def _answers(model: Predictor, photos: list[tuple[str, DecodedPhoto | ImageError]]) -> Predictions:
    """Returns a row a face, and one for each photo without."""
    names: list[str] = []
    boxes: list[np.ndarray] = []
    inputs: list[np.ndarray] = []
    places: list[int] = []
    errors: dict[str, str] = {}
    for photo, result in photos:
        if isinstance(result, ImageError):
            names.append(photo)
            boxes.append(np.full(4, np.nan))
            errors[photo] = str(result)
            continue
        for number, (face, views) in enumerate(result.faces):
            places.append(len(names))
            names.append(photo if not number else f"{photo} (face {number + 1})")
            boxes.append(result.ratio * face.box)
            inputs.append(views)
    if inputs:
        found = in_batches(model.outputs, np.stack(inputs), _BATCH)
        outputs = spread(places, [found], len(names), lambda: found)
    else:
        outputs = model.nothing(len(names))
    where = np.array(boxes, np.float32).reshape(-1, 4)
    return model.decode(outputs, names, errors=errors, boxes=where)


def _draw_all(
    found: Predictions,
    photos: list[tuple[str, DecodedPhoto | ImageError]],
    out: Path,
    drawn: set[str],
) -> None:
    """Writes the photos with their answers; rows are in the order of `_answers`."""
    row = 0
    for photo, result in photos:
        if isinstance(result, ImageError):
            row += 1
            continue
        shown = []
        for face, _ in result.faces:
            sure = bool(found.record(row).get("sure", True))
            shown.append((face.box, found.text(row), sure))
            row += 1
        _save(draw_faces(result.pixels, shown), photo, out, drawn)


def draw_faces(pixels: np.ndarray, answers: list[tuple[np.ndarray, str, bool]]) -> np.ndarray:
    """Draws boxes and answers on a photo.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        answers: (box, words, whether they are sure) of each face.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    image = Image.fromarray(pixels)
    pen = ImageDraw.Draw(image)
    size = max(11, round(min(image.size) / 28))
    font = ImageFont.load_default(size)
    for box, text, sure in answers:
        left, top, right, bottom = box[0], box[1], box[0] + box[2], box[1] + box[3]
        pen.rectangle((left, top, right, bottom), outline=_COLOURS[sure], width=max(2, size // 7))
        # Above the box, or inside of it where the photo ends; and never beyond the right edge.
        size_of = pen.textbbox((0, 0), text, font=font)
        high = size_of[3] + size // 3
        x = float(np.clip(left, 0, max(0, image.width - size_of[2] - size // 2)))
        y = float(top - high if top >= high else max(top, 0))
        pen.rectangle((x, y, x + size_of[2] + size // 2, y + high), fill=_COLOURS[sure])
        pen.text((x + size // 4, y + size // 8), text, fill="white", font=font)
    return np.asarray(image)


def _save(pixels: np.ndarray, photo: str, out: Path, drawn: set[str]) -> None:
    """Writes a photo that was drawn on; two of one name do not overwrite each other."""
    stem, number = Path(photo).stem, 2
    name = f"{stem}.png"
    while name in drawn:
        name, number = f"{stem}-{number}.png", number + 1
    drawn.add(name)
    try:
        out.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(out / name)
    except OSError as error:
        raise OutputError(f"{out / name} cannot be written: {error.strerror or error}") from None
