"""The work of `enroll`: from photos to rows of the index, a few hundred at once."""

from __future__ import annotations

import contextlib
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
from headstart.gallery.embed import Crowd, PhotoEmbeddings, crowds_on, embed_photos
from headstart.gallery.folder import Gallery
from headstart.gallery.index import IndexStore
from headstart.gallery.rows import Photo
from headstart.images.preprocess import Preprocess
from headstart.lists import some_of
from headstart.nets.pretrained.backbone import Backbone, open_backbone
from headstart.nets.pretrained.face_detector import faces_for

__all__ = ["Enrolling", "gallery_preprocess", "remove_photo", "unaligned"]

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


def unaligned(backbone: Backbone, preprocess: Preprocess, name: str) -> str | None:
    """Says that a network does not tell how faces must lie, where that is to be expected of it.

    Args:
        backbone: That embeds faces.
        preprocess: With or without faces.
        name: Of the network that was given.
    """
    asked = preprocess.faces is not None and backbone.source.kind == "onnx"
    if not asked or backbone.face_template is not None:
        return None
    beside = Path(name).with_suffix(".json").name
    return (
        f'{name} does not say how faces must lie (no "alignment" in {beside} beside it), so they '
        f"are cut with a margin: a face embedder then knows few people again, or nobody. Put that "
        f"file there (docs/faces.md) and enroll into a new gallery."
    )


class Enrolling:
    """One enrolment under way.

    Args:
        folder: Of the gallery.
        wanted: Settings that were asked for: method, k, far.
        compute: Where the network runs, how many threads decode, and who is told.
        move: Photos that are enrolled as another person are moved to the one that is given.

    Attributes:
        made: Whether the gallery is there.
        enrolled: Person -> photos added.
        errors: Photo -> why it was set aside.
        known: How many photos were enrolled already.
        moved: Person -> photos that were another's.
        crowds: Photo -> the faces on it, where there are several.
    """

    def __init__(
        self, folder: Path, wanted: dict[str, Any], compute: Compute, *, move: bool = False
    ) -> None:
        self.folder, self.wanted = folder, wanted
        self._compute, self._move = compute, move
        self.made = Gallery.is_one(folder)
        self.enrolled: Counter[str] = Counter()
        self.errors: dict[str, str] = {}
        self.known = 0
        self.moved: Counter[str] = Counter()
        self.crowds: dict[str, Crowd] = {}
        # Fingerprint -> whose the photo is by what was given now.
        self._placed: dict[bytes, str] = {}

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
            self.crowds |= crowds_on(fresh.take(found.rows), self.preprocess, self._compute)
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
                self._known_photo(dataset.names[index], each, owners[each], person)
        return dataset.take(fresh)

    def _known_photo(self, photo: str, fingerprint: bytes, owner: str, person: str) -> None:
        """Passes over a photo that is enrolled, or moves it to whose it is said to be now."""
        placed = self._placed.setdefault(fingerprint, person)
        if placed != person:
            self.errors[photo] = f"the same photo is given as {placed} too"
        elif self._move and owner != person:
            with self.gallery.store(write=True) as store:
                store.give(store.find("", fingerprint), person)
            self.moved[person] += 1
        else:
            self._passed_over(photo, owner, person)

    def _passed_over(self, photo: str, owner: str, person: str) -> None:
        if owner == person:
            self.known += 1
        else:
            self.errors[photo] = (
                f"the same photo is enrolled as {owner} (--move gives it to {person}, "
                f"--remove-photo takes it out)"
            )

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
            placed = {
                each.name: self._placed.setdefault(each.fingerprint, person) for each in photos
            }
            done = store.enroll(person, photos)
            if done.added:
                self.enrolled[person] += len(done.added)
            self.known += len(done.known)
            for photo, owner in done.elsewhere.items():
                if placed[photo] != person:
                    self.errors[photo] = f"the same photo is given as {placed[photo]} too"
                else:
                    self._passed_over(photo, owner, person)


def remove_photo(gallery: Gallery, photo: str) -> str:
    """Takes one photo out of a gallery, and overwrites what it held on the disk.

    Args:
        gallery: Any.
        photo: Its file, or its name as it was enrolled.

    Returns:
        Whose it was.

    Raises:
        OptionError: If there is none, or several are meant.
        OutputError: If the gallery cannot be written.
    """
    fingerprint = None
    with contextlib.suppress(OSError):
        fingerprint = fingerprint_file(Path(photo))
    with gallery.store(write=True) as store:
        found = store.find(photo, fingerprint)
        if len(found) != 1:
            names = some_of(f"{each.name} ({each.person})" for each in found)
            raise OptionError(
                f"--remove-photo {photo}: "
                + (f"{len(found):,} photos are called so: {names}" if found
                   else f"no such photo is enrolled in {gallery.folder}")
            )  # fmt: skip
        store.give(found, None)
    return found[0].person


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
