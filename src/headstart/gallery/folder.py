"""`Gallery`: a folder that knows people.

GALLERY/
gallery.json    what the vectors mean: backbone and preprocessing; written once
index.sqlite    who is enrolled, with vectors and calibration; all that changes
backbone/       the network, so that the folder stands on its own
detector.onnx   of galleries of faces: what finds them
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from headstart.errors import ModelError, OptionError, OutputError
from headstart.fingerprint import fingerprint_json
from headstart.gallery.calibrate import Calibration
from headstart.gallery.database import create, damaged
from headstart.gallery.index import IndexStore
from headstart.gallery.rows import Mark
from headstart.gallery.search import Index
from headstart.images.preprocess import Preprocess
from headstart.nets.pretrained.backbone import Backbone, open_backbone
from headstart.nets.pretrained.face_detector import resolve_detector, save_detector
from headstart.nets.pretrained.weights import save_source
from headstart.output import new_folder, read_json

__all__ = ["MARKER", "Gallery", "GalleryReader"]

MARKER = "gallery.json"
_FORMAT = 2


@dataclass(frozen=True)
class Gallery:
    """A gallery's folder.

    Attributes:
        folder: Where it is.
        backbone: The network that made its vectors.
        preprocess: How photos are fitted to it.
        origin: Name and fingerprint of the network that `backbone` is a copy of.
    """

    folder: Path
    backbone: Backbone
    preprocess: Preprocess
    origin: tuple[str, str]

    @staticmethod
    def is_one(folder: Path) -> bool:
        """Tells whether a folder holds a gallery."""
        return (folder / MARKER).is_file()

    @classmethod
    def create(
        cls,
        folder: Path,
        backbone: Backbone,
        preprocess: Preprocess,
        *,
        dimension: int,
        settings: dict[str, Any],
    ) -> Gallery:
        """Makes an empty gallery; where another process was faster, opens that one.

        Args:
            folder: Not there yet, or empty.
            backbone: Is copied.
            preprocess: How photos are fitted to it.
            dimension: D of its vectors.
            settings: See `headstart.gallery.rows.Changes`.

        Raises:
            OutputError: If the folder is something else or cannot be written.
            OptionError: If the faster one has another backbone.
        """
        try:
            with new_folder(folder, overwrite=False, holds=MARKER, what="gallery") as building:
                save_source(backbone.source, building / "backbone")
                value = {
                    "format": _FORMAT,
                    "headstart": version("headstart"),
                    "backbone": {
                        "name": backbone.name,
                        "fingerprint": _open_saved(building).fingerprint,
                        "origin": backbone.fingerprint,
                        "licence": backbone.source.licence,
                    },
                    "preprocess": asdict(save_detector(preprocess, building)),
                }
                create(building / "index.sqlite", dimension=dimension, settings=settings)
                value = json.loads(json.dumps(value))
                value["fingerprint"] = fingerprint_json(value)
                text = json.dumps(value, indent=2, ensure_ascii=False)
                (building / MARKER).write_text(text, encoding="utf-8")
        except OutputError:
            if not cls.is_one(folder):
                raise
            other = cls.open(folder)
            other.require_compatible(backbone, preprocess)
            return other
        return cls.open(folder)

    @classmethod
    def open(cls, folder: str | Path) -> Gallery:
        """Opens a gallery.

        Raises:
            ModelError: If there is none, or it is damaged or from a later version.
        """
        folder = Path(folder)
        if not cls.is_one(folder):
            raise ModelError(
                f"{folder} is not a gallery: it has no {MARKER}; make one with "
                f"'headstart enroll GALLERY PHOTOS'"
            )
        value = read_json(folder / MARKER, remedy="copy the gallery's folder anew")
        try:
            if value["format"] < _FORMAT:
                raise ModelError(
                    f"{folder} was written by an earlier headstart ({value['headstart']}): enroll "
                    f"the photos into a new gallery"
                )
            if value["format"] > _FORMAT:
                raise ModelError(
                    f"{folder} was written by headstart {value['headstart']}, which is newer "
                    f"than this one: upgrade headstart"
                )
            known = value.pop("fingerprint", None)
            if known != fingerprint_json(value):
                raise ModelError(
                    f"{folder / MARKER} is not what was written with this gallery: it was damaged "
                    f"or changed; copy the gallery's folder anew"
                )
            backbone = _open_saved(folder)
            if backbone.fingerprint != value["backbone"]["fingerprint"]:
                raise ModelError(
                    f"{folder / 'backbone'} is not the backbone that this gallery's vectors came "
                    f"from: copy the gallery's folder anew"
                )
            origin = str(value["backbone"]["name"]), str(value["backbone"]["origin"])
            preprocess = resolve_detector(Preprocess.from_json(value["preprocess"]), folder)
            return cls(folder, backbone, preprocess, origin)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"{folder / MARKER} is damaged ({error!r}): copy the gallery's folder anew"
            ) from None

    @property
    def index(self) -> Path:
        """`index.sqlite`."""
        return self.folder / "index.sqlite"

    def require_compatible(self, backbone: Backbone, preprocess: Preprocess | None = None) -> None:
        """Refuses another network: its vectors mean something else.

        Raises:
            OptionError: If backbone or preprocessing differ from the gallery's.
        """
        same = backbone.fingerprint in (self.backbone.fingerprint, self.origin[1])
        if not same or (preprocess is not None and preprocess.fields != self.preprocess.fields):
            what = "backbone" if not same else "preprocessing"
            raise OptionError(
                f"{self.folder} holds vectors of {self.origin[0]}, and another {what} was "
                f"asked for: leave it out, or enroll into another folder"
            )

    def store(self, *, write: bool = False) -> IndexStore:
        """Opens the index.

        Raises:
            ModelError: If it is damaged.
            OutputError: If it may not be written.
        """
        return IndexStore(self.index, write=write)


class GalleryReader:
    """The people of a gallery in memory, kept up to date while others enroll.

    Args:
        gallery: Any.

    Attributes:
        index: For searches.
        calibration: None where none could be made yet.
        stale: Whether somebody came or went since the calibration.
        settings: Method, k and false-accept rate.
    """

    def __init__(self, gallery: Gallery) -> None:
        self._store = gallery.store()
        self._mark: Mark | None = None
        self.index = Index(self._store.dimension)
        self.calibration: Calibration | None = None
        self.stale = True
        self.settings: dict[str, Any] = {}
        self.refresh()

    def refresh(self) -> bool:
        """Takes in what was committed since; tells whether anything was.

        Raises:
            ModelError: If the index is damaged.
        """
        if not self._store.changed() and self._mark is not None:
            return False
        changes = self._store.changes(self._mark)
        how = {key: changes.settings[key] for key in ("method", "k")}
        if how != {key: self.settings.get(key) for key in how}:
            self.index = Index(self._store.dimension, **how)
            if self._mark is not None:
                changes = self._store.changes(None)
        self.index.apply(changes)
        self._mark, self.settings, self.stale = changes.mark, changes.settings, changes.stale
        self.calibration = self._calibration(changes.calibration)
        return True

    def _calibration(self, saved: dict[str, Any] | None) -> Calibration | None:
        try:
            return Calibration.from_json(saved) if saved else None
        except (AttributeError, KeyError, TypeError, ValueError, OverflowError) as error:
            raise damaged(self._store.file, f"its calibration: {error!r}") from None

    def close(self) -> None:
        """Lets go of the file."""
        self._store.close()


def _open_saved(folder: Path) -> Backbone:
    """Opens the backbone inside a gallery's folder."""
    onnx = folder / "backbone" / "network.onnx"
    return open_backbone(str(onnx if onnx.is_file() else folder / "backbone"), known=False)
