"""The work of `enroll`: from photos to rows of the index, a few hundred at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.errors import OptionError
from headstart.fingerprint import fingerprint_file
from headstart.gallery.embed import PhotoEmbeddings, embed_photos
from headstart.gallery.folder import Gallery
from headstart.gallery.index import IndexStore
from headstart.gallery.rows import Photo
from headstart.images.preprocess import Preprocess
from headstart.nets.backbone import Backbone, open_backbone
from headstart.nets.detector import faces_for

__all__ = ["Enrolling", "gallery_preprocess"]

_BACKBONE = "balanced"
_SETTINGS: dict[str, Any] = {"method": "knn", "k": 2, "far": 0.001}
# So many are embedded before they are committed: what a kill can cost.
_CHUNK = 1000


def gallery_preprocess(backbone: Backbone, detector: str | None) -> Preprocess:
    """Returns how the photos of a new gallery are fitted to its network.

    Args:
        backbone: The network.
        detector: Of faces, which then take the place of the photos; None for whole photos.

    Raises:
        BackboneError: If the detector cannot be had.
    """
    preprocess = replace(backbone.preprocess, geometry="square")
    if detector is None:
        return preprocess

    return replace(preprocess, faces=faces_for(backbone, detector))


class Enrolling:
    """One enrolment under way.

    Args:
        folder: Of the gallery.
        wanted: Settings that were asked for: method, k, far.
        compute: Where the network runs, how many threads decode, and who is told.

    Attributes:
        made: Whether the gallery is there.
        enrolled: Person -> photos added.
        errors: Photo -> why it was set aside.
        known: How many photos were enrolled already.
    """

    def __init__(self, folder: Path, wanted: dict[str, Any], compute: Compute) -> None:
        self.folder, self.wanted = folder, wanted
        self._compute = compute
        self.made = Gallery.is_one(folder)
        self.enrolled: Counter[str] = Counter()
        self.errors: dict[str, str] = {}
        self.known = 0

    def open_or_prepare(self, backbone: str | None, detector: str | None) -> None:
        """Opens the gallery, or the network of the one that will be made.

        Args:
            backbone: As asked for, or None.
            detector: Of faces; None for whole photos, or as the gallery has it.

        Raises:
            OptionError: If the gallery is of whole photos and faces are asked for.
        """
        if self.made:
            self.gallery = Gallery.open(self.folder)
            if detector is not None and self.gallery.preprocess.faces is None:
                raise OptionError(
                    f"{self.folder} holds vectors of whole photos, not of faces: leave --faces "
                    f"out, or enroll into another folder"
                )
            if backbone is not None:
                self.gallery.require_compatible(open_backbone(backbone))
            self.backbone, self.preprocess = self.gallery.backbone, self.gallery.preprocess
        else:
            self.backbone = open_backbone(backbone or _BACKBONE)
            self.preprocess = gallery_preprocess(self.backbone, detector)

    def enroll(self, dataset: Dataset) -> None:
        """Embeds and commits, person by person; a gallery is made once there is something in it."""
        self.errors |= dict(dataset.set_aside)
        for chunk in _chunks(dataset):
            fresh = self._unknown(chunk)
            if not len(fresh):
                continue
            found = embed_photos(
                fresh, self.backbone, preprocess=self.preprocess, compute=self._compute
            )
            self.errors |= found.errors
            if not len(found.names):
                continue
            if not self.made:
                self.gallery = Gallery.create(
                    self.folder, self.backbone, self.preprocess,
                    dimension=found.vectors.shape[1], settings=_SETTINGS | self.wanted,
                )  # fmt: skip
                self.made = True
            with self.gallery.store(write=True) as store:
                self._commit(fresh, found, store)

    def _unknown(self, dataset: Dataset) -> Dataset:
        """Leaves out what the gallery has already: no need to look at those again."""
        if not self.made:
            return dataset
        prints: dict[int, bytes] = {}
        for index in range(len(dataset)):
            try:
                prints[index] = fingerprint_file(dataset.path(index))
            except OSError:
                continue  # the embedding says why, and sets it aside
        with self.gallery.store() as store:
            owners = store.owner_of(list(prints.values()))
        fresh = np.ones(len(dataset), bool)
        for index, each in prints.items():
            if each in owners:
                fresh[index] = False
                person = dataset.labels.text(index)
                self._passed_over(dataset.names[index], owners[each], person)
        return dataset.take(fresh)

    def _passed_over(self, photo: str, owner: str, person: str) -> None:
        if owner == person:
            self.known += 1
        else:
            self.errors[photo] = f"the same photo is enrolled as {owner}"

    def _commit(self, dataset: Dataset, found: PhotoEmbeddings, store: IndexStore) -> None:
        targets = dataset.labels.strata[found.rows]
        for target in np.unique(targets).tolist():
            person = dataset.labels.kinds[target]
            photos = [
                Photo(
                    found.names[at],
                    found.fingerprints[at],
                    found.vectors[at],
                    {
                        column: str(values[found.rows[at]])
                        for column, values in dataset.attributes.items()
                        if values[found.rows[at]]
                    },
                )
                for at in np.flatnonzero(targets == target)
            ]
            done = store.enroll(person, photos)
            if done.added:
                self.enrolled[person] += len(done.added)
            self.known += len(done.known)
            for photo, owner in done.elsewhere.items():
                self._passed_over(photo, owner, person)


def _chunks(dataset: Dataset) -> Iterator[Dataset]:
    """Yields whole people, about `_CHUNK` photos at once."""
    order = np.argsort(dataset.labels.strata, kind="stable")
    targets = dataset.labels.strata[order]
    begin = 0
    while begin < len(order):
        end = min(begin + _CHUNK, len(order))
        while end < len(order) and targets[end] == targets[end - 1]:
            end += 1
        yield dataset.take(order[begin:end])
        begin = end
