"""People made of numbers: each a direction, each photo that direction with noise."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from headstart.gallery.database import create
from headstart.gallery.index import IndexStore
from headstart.gallery.rows import Photo
from headstart.gallery.search import unit

SETTINGS = {"method": "knn", "k": 1, "far": 0.01}


def vectors_of(person: str, count: int, *, dimension: int = 16, noise: float = 0.5) -> np.ndarray:
    """(count, D) float32 of length 1; the same in every process."""
    seed = int.from_bytes(hashlib.blake2b(person.encode(), digest_size=4).digest(), "little")
    rng = np.random.default_rng(seed)
    centre = unit(rng.standard_normal((1, dimension)))
    return unit(centre + noise * rng.standard_normal((count, dimension)) / dimension**0.5)


def photos_of(person: str, count: int = 3, *, dimension: int = 16, **attributes: str) -> list:
    """Photos to enrol, each with a fingerprint of its own."""
    return [
        Photo(f"{person}/{at}.jpg", f"{person:>12.12}{at:04}".encode(), vector, attributes)
        for at, vector in enumerate(vectors_of(person, count, dimension=dimension))
    ]


def new_store(folder: Path, *, dimension: int = 16, write: bool = True) -> IndexStore:
    """An empty index in a folder."""
    create(folder / "index.sqlite", dimension=dimension, settings=SETTINGS)
    return IndexStore(folder / "index.sqlite", write=write)


def crowd(people: int, photos: int, *, dimension: int = 16, noise: float = 0.8) -> tuple:
    """(N, D) vectors and (N,) owners."""
    parts = [vectors_of(f"p{at}", photos, dimension=dimension, noise=noise) for at in range(people)]
    return np.concatenate(parts), np.repeat(np.arange(people), photos)
