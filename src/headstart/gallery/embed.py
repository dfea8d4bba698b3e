"""From files to vectors of length 1: the only place where a gallery looks at pixels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headstart.choices import Device
from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.errors import ImageError
from headstart.features.extract import extract
from headstart.fingerprint import fingerprint_bytes
from headstart.gallery.search import unit
from headstart.images.decode import read_bytes
from headstart.images.photo import DecodedPhoto, every_face_of
from headstart.images.preprocess import Preprocess
from headstart.images.threads import ordered_map
from headstart.nets.engines.engine import Engine, stream
from headstart.nets.pretrained.backbone import Backbone

__all__ = [
    "Crowd",
    "PhotoEmbeddings",
    "crowds_on",
    "embed_every_face",
    "embed_photos",
    "square_embedder",
]

# A video has many looks: converting the network pays.
_MANY = 1000
_TOGETHER = 64


@dataclass(frozen=True)
class PhotoEmbeddings:
    """Vectors of the photos that could be used.

    Attributes:
        rows: (M,) int places in the data set.
        names: M names, as the data set has them.
        vectors: (M, D) float32 of length 1, of the network's last stage.
        fingerprints: M times 16 bytes of the files' content.
        errors: Name -> reason, of photos that could not be used.
        boxes: (M, 4) left, top, width, height in pixels of the photo, where all faces were wanted;
            several rows are then of one photo.
    """

    rows: np.ndarray
    names: tuple[str, ...]
    vectors: np.ndarray
    fingerprints: tuple[bytes, ...]
    errors: dict[str, str]
    boxes: np.ndarray | None = None


def embed_photos(
    dataset: Dataset,
    backbone: Backbone,
    *,
    preprocess: Preprocess,
    compute: Compute,
) -> PhotoEmbeddings:
    """Embeds photos; those that cannot be used are set aside by name, never fatal.

    Args:
        dataset: N photos.
        backbone: The network of the gallery.
        preprocess: The preprocessing of the gallery.
        compute: Where the network runs, how many threads decode, and who is told.

    Raises:
        BackboneError: If the network cannot be loaded.
    """
    features = extract(
        dataset, backbone, preprocess=preprocess, device=compute.device,
        workers=compute.workers, progress=compute.progress, allow_none=True,
    )  # fmt: skip
    stats = features.stats
    errors = {dataset.names[at]: reason for at, reason in stats.errors.items()}
    rows = np.flatnonzero(stats.readable)
    if not len(rows):
        return PhotoEmbeddings(rows, (), np.empty((0, 0), np.float32), (), errors)
    last = features.vectors[rows][:, features.slices["last"]]
    # A network that answers nothing (all zero, or no number) has no direction to compare.
    sound = np.isfinite(last).all(axis=1) & (np.abs(last).max(axis=1) > 0)
    for at in rows[~sound].tolist():
        errors[dataset.names[at]] = "the network gives no vector for it"
    rows, last = rows[sound], last[sound]
    return PhotoEmbeddings(
        rows=rows,
        names=tuple(dataset.names[at] for at in rows),
        vectors=unit(last),
        fingerprints=tuple(stats.keys[at].tobytes() for at in rows),
        errors=errors,
    )


def embed_every_face(
    dataset: Dataset,
    backbone: Backbone,
    *,
    preprocess: Preprocess,
    compute: Compute,
) -> PhotoEmbeddings:
    """Embeds all faces on some photos, where `embed_photos` takes the largest of each.

    Args:
        dataset: N photos.
        backbone: The network of the gallery.
        preprocess: The preprocessing of the gallery, with `faces`.
        compute: Where the network runs, how many threads decode, and who is told.

    Returns:
        A row a face, named as its photo, and from the second on with its number.

    Raises:
        BackboneError: If network or detector cannot be loaded.
    """
    inputs: list[np.ndarray] = []
    rows: list[int] = []
    names: list[str] = []
    prints: list[bytes] = []
    boxes: list[np.ndarray] = []
    errors: dict[str, str] = {}

    def look(row: int) -> tuple[bytes, DecodedPhoto] | ImageError:
        try:
            data = read_bytes(dataset.path(row))
            return fingerprint_bytes(data), every_face_of(preprocess, 1, data)
        except ImageError as error:
            return error

    for row, result in enumerate(ordered_map(look, range(len(dataset)), workers=compute.workers)):
        name = dataset.names[row]
        if isinstance(result, ImageError):
            errors[name] = str(result)
        else:
            key, photo = result
            for number, (face, views) in enumerate(photo.faces):
                inputs.append(views)
                rows.append(row)
                names.append(f"{name} (face {number + 1})" if number else name)
                prints.append(key)
                boxes.append(photo.ratio * face.box)
        compute.progress("finding faces", row + 1, len(dataset))
    if not inputs:
        empty = np.empty((0, 4), np.float32)
        return PhotoEmbeddings(
            np.empty(0, int), (), np.empty((0, 0), np.float32), (), errors, empty
        )
    compute.begin("loading the network")
    embed = square_embedder(backbone, preprocess, images=len(inputs), device=compute.device)
    starts = range(0, len(inputs), _TOGETHER)
    vectors = np.concatenate([embed(np.stack(inputs[i : i + _TOGETHER])) for i in starts])
    return PhotoEmbeddings(
        np.array(rows), tuple(names), vectors, tuple(prints), errors, np.array(boxes, np.float32)
    )


@dataclass(frozen=True)
class Crowd:
    """Several faces on a photo that stands for one person.

    Attributes:
        faces: How many.
        taken: Left, top, width and height in pixels of the one that was taken.
        choose: Why that one: ``"largest"`` or ``"centre"``.
    """

    faces: int
    taken: tuple[float, ...]
    choose: str

    def text(self, photo: str) -> str:
        """Says which face was taken."""
        left, top, width, height = (round(each) for each in self.taken)
        which = "the largest" if self.choose == "largest" else "the one nearest to the centre"
        return (
            f"{photo} shows {self.faces:,} faces; {which} was taken, {width} x {height} pixels at "
            f"{left}, {top}"
        )


def crowds_on(dataset: Dataset, preprocess: Preprocess, compute: Compute) -> dict[str, Crowd]:
    """Returns photo -> what is on it, of those on which more than one face is found.

    Args:
        dataset: Photos that were embedded.
        preprocess: The preprocessing of the gallery; of whole photos there is nothing to say.
        compute: How many threads decode, and who is told.
    """
    faces = preprocess.faces
    if faces is None:
        return {}

    def look(row: int) -> DecodedPhoto | ImageError:
        try:
            return every_face_of(preprocess, 1, read_bytes(dataset.path(row)))
        except ImageError as error:  # it was there a moment ago: nothing to say
            return error

    found = {}
    for row, result in enumerate(ordered_map(look, range(len(dataset)), workers=compute.workers)):
        if not isinstance(result, ImageError) and len(result.faces) > 1:
            box = (result.ratio * result.faces[0][0].box).tolist()
            taken = tuple(round(each, 1) for each in box)
            found[dataset.names[row]] = Crowd(len(result.faces), taken, faces.choose)
        compute.progress("counting faces", row + 1, len(dataset))
    return found


def square_embedder(
    backbone: Backbone, preprocess: Preprocess, *, images: int = _MANY, device: Device = "auto"
) -> Callable[[np.ndarray], np.ndarray]:
    """Returns a function for input images that come one after the other, as from a video.

    Args:
        backbone: The network of the gallery.
        preprocess: The preprocessing of the gallery.
        images: How many will come; converting the network pays from a few hundred.
        device: Where the network runs.

    Returns:
        (N, 1, size, size, 3) uint8 -> (N, D) float32 of length 1, or zero where the network gives
        no vector. Its first call raises `BackboneError` if the network cannot be loaded.
    """
    engines: list[Engine] = []

    def embed(inputs: np.ndarray) -> np.ndarray:
        looks = inputs[:, 0]
        if not engines:
            engines.append(
                backbone.engine(preprocess, images=images, proof=looks[:1], device=device)
            )
        batch = engines[0].batch
        parts = ((i, looks[i : i + batch]) for i in range(0, len(looks), batch))
        vectors = np.concatenate([found for _, found in stream(engines[0], parts)])
        last = vectors[:, backbone.info.slices["last"]]
        return unit(np.where(np.isfinite(last).all(axis=1, keepdims=True), last, 0))

    return embed
