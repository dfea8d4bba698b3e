"""From files to vectors of length 1: the only place where a gallery looks at pixels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.pixels import Progress, silent
from headstart.data.preprocess import Preprocess
from headstart.features.extract import extract
from headstart.gallery.search import unit
from headstart.nets.backbone import Backbone, Device

__all__ = ["Embedded", "embed_photos"]


@dataclass(frozen=True)
class Embedded:
    """Vectors of the photos that could be used.

    Attributes:
        rows: (M,) int places in the data set.
        names: M names, as the data set has them.
        vectors: (M, D) float32 of length 1, of the network's last stage.
        fingerprints: M times 16 bytes of the files' content.
        errors: Name -> reason, of photos that could not be used.
    """

    rows: np.ndarray
    names: tuple[str, ...]
    vectors: np.ndarray
    fingerprints: tuple[bytes, ...]
    errors: dict[str, str]


def embed_photos(
    dataset: Dataset,
    backbone: Backbone,
    *,
    preprocess: Preprocess,
    device: Device = "auto",
    workers: int | None = None,
    progress: Progress = silent,
) -> Embedded:
    """Embeds photos; those that cannot be used are set aside by name, never fatal.

    Args:
        dataset: N photos.
        backbone: The network of the gallery.
        preprocess: The preprocessing of the gallery.
        device: Where the network runs.
        workers: Decoding threads.
        progress: Called as photos are done.

    Raises:
        BackboneError: If the network cannot be loaded.
    """
    features = extract(
        dataset, backbone, preprocess=preprocess, device=device, workers=workers,
        progress=progress, allow_none=True,
    )  # fmt: skip
    facts = features.facts
    errors = {dataset.names[at]: reason for at, reason in facts.errors.items()}
    rows = np.flatnonzero(facts.readable)
    if not len(rows):
        return Embedded(rows, (), np.empty((0, 0), np.float32), (), errors)
    last = features.vectors[rows][:, features.slices["last"]]
    # A network that answers nothing (all zero, or no number) has no direction to compare.
    sound = np.isfinite(last).all(axis=1) & (np.abs(last).max(axis=1) > 0)
    for at in rows[~sound].tolist():
        errors[dataset.names[at]] = "the network gives no vector for it"
    rows, last = rows[sound], last[sound]
    return Embedded(
        rows=rows,
        names=tuple(dataset.names[at] for at in rows),
        vectors=unit(last),
        fingerprints=tuple(facts.keys[at].tobytes() for at in rows),
        errors=errors,
    )
