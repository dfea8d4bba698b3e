"""What goes into the index of a gallery and comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Added", "Changes", "Mark", "Photo"]


@dataclass(frozen=True)
class Photo:
    """One photo to enrol.

    Attributes:
        name: Where it was, for people.
        fingerprint: 16 bytes of its content.
        vector: (D,) float32 of length 1.
        attributes: Column -> value, such as the age group.
    """

    name: str
    fingerprint: bytes
    vector: np.ndarray
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Added:
    """What became of some photos.

    Attributes:
        added: Names of those that are enrolled now.
        known: Names of those that this person had already.
        elsewhere: Name -> the other person under whom the same photo is enrolled.
    """

    added: tuple[str, ...]
    known: tuple[str, ...] = ()
    elsewhere: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Mark:
    """How much a reader has seen: the highest photo, person, removal, and the revision."""

    photo: int = 0
    person: int = 0
    removal: int = 0
    revision: int = -1


@dataclass(frozen=True)
class Changes:
    """What happened since a mark, in the order in which a reader applies it.

    Attributes:
        removed: Ids of people that are gone.
        people: New id -> name.
        owners: (N,) int64 id of the person of each new photo.
        vectors: (N, D) float32.
        calibration: As JSON, or None where there is none yet.
        stale: Whether people or photos changed since the calibration.
        settings: How scores are made (method, k) and the false-accept rate that is aimed at.
        mark: What has been seen now.
    """

    removed: tuple[int, ...]
    people: dict[int, str]
    owners: np.ndarray
    vectors: np.ndarray
    calibration: dict[str, Any] | None
    stale: bool
    settings: dict[str, Any]
    mark: Mark
