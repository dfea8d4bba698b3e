"""A model of faces at work: one answer for every face on a photo, drawn on it if wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from headstart.data.decode import MAX_PIXELS, decode, read_bytes
from headstart.data.detect import Face
from headstart.data.pixels import _FACTS_SIDE, cpu_count
from headstart.data.preprocess import Preprocess
from headstart.errors import ImageError, OutputError
from headstart.records import Predictions

if TYPE_CHECKING:
    from headstart.ship.watch import Watcher

__all__ = ["Photo", "draw", "every_face_of", "name_faces"]

_BATCH = 16
_AHEAD = 32
_COLOURS = {True: (20, 110, 60), False: (110, 100, 90)}


@dataclass(frozen=True)
class Photo:
    """A photo and the faces on it.

    Attributes:
        pixels: (H, W, 3) uint8 RGB; large JPEGs are decoded smaller.
        faces: Each with what a model sees of it, (V, size, size, 3) uint8.
        scale: Pixels of the file for one of `pixels`.
    """

    pixels: np.ndarray
    faces: list[tuple[Face, np.ndarray]]
    scale: float


def every_face_of(
    preprocess: Preprocess, views: int, data: bytes, *, max_pixels: int = MAX_PIXELS
) -> Photo:
    """Finds all faces on a photo.

    Args:
        preprocess: With `faces`.
        views: Of each.
        data: The file's bytes.
        max_pixels: Larger photos are refused by their header.

    Raises:
        ImageError: If it cannot be read, or shows no face.
    """
    side = max(_FACTS_SIDE, preprocess.short_side)
    decoded = decode(data, short_side=side, max_pixels=max_pixels)
    found = preprocess.every_face(decoded.pixels, views)
    if not found:
        raise ImageError("no face was found on it")
    return Photo(decoded.pixels, found, decoded.width / decoded.pixels.shape[1])


def name_faces(
    model: Watcher,
    photos: list[str],
    *,
    out: Path | None = None,
    workers: int | None = None,
    progress: Callable[[str, int, int], None],
) -> Predictions:
    """Names every face on some photos.

    Args:
        model: With `preprocess.faces`.
        photos: Files.
        out: Folder for the photos with boxes and answers drawn on them; None for none.
        workers: Threads that decode and find faces; by default one a processor.
        progress: Called as photos are done.

    Returns:
        One row a face, named as its photo, and from the second face on with its number; boxes in
        pixels of the photo. Photos that cannot be read or show no face are rows of NaN with a
        reason in `errors`.

    Raises:
        OutputError: If `out` cannot be written.
    """
    names: list[str] = []
    rows: list[np.ndarray] = []
    boxes: list[np.ndarray] = []
    errors: dict[str, str] = {}
    nothing = np.full(len(model.classes), np.nan)
    drawn: set[str] = set()
    for done, (photo, result) in enumerate(_read(model, photos, workers)):
        if isinstance(result, ImageError):
            names.append(photo)
            rows.append(nothing)
            boxes.append(np.full(4, np.nan))
            errors[photo] = str(result)
        else:
            found = [face for face, _ in result.faces]
            answers = _answers(model, np.stack([squares for _, squares in result.faces]))
            for number, (face, row) in enumerate(zip(found, answers, strict=True)):
                names.append(photo if not number else f"{photo} (face {number + 1})")
                rows.append(row)
                boxes.append(result.scale * face.box)
            if out is not None:
                shown = [(face.box, row, "") for face, row in zip(found, answers, strict=True)]
                _save(draw(result.pixels, shown, model), photo, out, drawn)
        progress("predicting", done + 1, len(photos))
    return Predictions(
        np.stack(rows).astype(np.float32), model.classes, tuple(names), None, errors,
        np.stack(boxes).astype(np.float32),
    )  # fmt: skip


def _answers(model: Watcher, squares: np.ndarray) -> np.ndarray:
    """Returns (F, C) probabilities; a crowd is more than one batch."""
    parts = range(0, len(squares), _BATCH)
    return np.concatenate([model.probabilities(squares[i : i + _BATCH]) for i in parts])


def _read(
    model: Watcher, photos: list[str], workers: int | None
) -> Iterator[tuple[str, Photo | ImageError]]:
    """Yields photos in order, decoded and searched a bounded distance ahead."""

    def read(photo: str) -> Photo | ImageError:
        try:
            return every_face_of(model.preprocess, model.views, read_bytes(Path(photo)))
        except ImageError as error:
            return error

    with ThreadPoolExecutor(workers or cpu_count(), "faces") as pool:
        queue = [pool.submit(read, photo) for photo in photos[:_AHEAD]]
        for number, photo in enumerate(photos):
            result = queue.pop(0).result()
            if number + _AHEAD < len(photos):
                queue.append(pool.submit(read, photos[number + _AHEAD]))
            yield photo, result


def draw(
    pixels: np.ndarray, answers: list[tuple[np.ndarray, np.ndarray, str]], model: Watcher
) -> np.ndarray:
    """Draws boxes and answers on a photo.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        answers: (box, (C,) probabilities, words before the answer) of each face.
        model: It names the classes.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    image = Image.fromarray(pixels)
    pen = ImageDraw.Draw(image)
    size = max(11, round(min(image.size) / 28))
    font = ImageFont.load_default(size)
    for box, row, lead in answers:
        best = int(row.argmax())
        sure = bool(row[best] >= model.threshold)
        text = f"{model.classes[best]} {100 * row[best]:.0f} %" if sure else "not sure"
        left, top, right, bottom = box[0], box[1], box[0] + box[2], box[1] + box[3]
        pen.rectangle((left, top, right, bottom), outline=_COLOURS[sure], width=max(2, size // 7))
        # Above the box, or inside of it where the photo ends; and never beyond the right edge.
        words = pen.textbbox((0, 0), lead + text, font=font)
        high = words[3] + size // 3
        x = float(np.clip(left, 0, max(0, image.width - words[2] - size // 2)))
        y = float(top - high if top >= high else max(top, 0))
        pen.rectangle((x, y, x + words[2] + size // 2, y + high), fill=_COLOURS[sure])
        pen.text((x + size // 4, y + size // 8), lead + text, fill="white", font=font)
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
