"""Every file is an item, set aside by name, or counted; none is lost, and none is twice."""

from __future__ import annotations

import os
import random
import unicodedata
from pathlib import Path

import pytest

from headstart.data.open import open_dataset
from headstart.data.reading import reading_of
from headstart.errors import DataError

TOPS = [
    *("train", "test", "val", "training_set", "seg_test", "cat", "Dog", "é", "e\u0301", "x y"),
    *("fold1", "fold2", "images", "12", "pred_1"),
]
ENDINGS = [".jpg", ".JPG", ".png", ".txt", "", ".dcm", ".jpg.1", "_aug_1.jpg"]


def make_tree(root: Path, rng: random.Random) -> set[str]:
    made = set()
    for _ in range(rng.randrange(2, 40)):
        parts = [rng.choice(TOPS) for _ in range(rng.choice([0, 1, 1, 2, 2, 3]))]
        name = "/".join([*parts, f"{rng.randrange(12)}{rng.choice(ENDINGS)}"])
        path = root / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"\xff\xd8\xff" if rng.random() < 0.5 else b"text")
        except OSError:  # a file is where the folder should be
            continue
        made.add(path.relative_to(root).as_posix())
    return made


def where(root: Path, dataset) -> list[str]:
    return [(dataset.root / name).relative_to(root).as_posix() for name in dataset.names]


@pytest.mark.parametrize("seed", range(60))
def test_trees(tmp_path, seed):
    made = make_tree(tmp_path, random.Random(seed))
    try:
        dataset = open_dataset(tmp_path)
    except DataError as error:  # refused, and where
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert str(tmp_path) in refused
        return
    items = where(tmp_path, dataset)
    assert len(set(items)) == len(items)
    assert set(items) <= made
    aside = [name for name, _ in dataset.set_aside]
    lost = []
    for name in made - set(items):
        counted = any(
            (os.path.splitext(name)[1].lower() or "none") == each for each in dataset.others
        )
        named = (
            any(name.endswith(each) or f"/{each}/" in f"/{name}" for each in aside) or "." in aside
        )
        if not counted and not named:
            lost.append(name)
    assert not lost, (lost, aside)
    assert reading_of(dataset).startswith(f"read as: {len(items):,} image")


@pytest.mark.parametrize("seed", range(40))
def test_tables(tmp_path, seed):
    rng = random.Random(seed)
    make_tree(tmp_path, rng)
    files = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file())
    rows = []
    for _ in range(rng.randrange(1, 30)):
        cell = rng.choice([*files, "gone.jpg", ""])
        if rng.random() < 0.3:
            cell = cell.rpartition("/")[2]
        if rng.random() < 0.3:
            cell = os.path.splitext(cell)[0]
        cell = unicodedata.normalize(rng.choice(["NFC", "NFD"]), cell)
        rows.append(f'"{cell}",{rng.choice("ab")}')
    encoding = rng.choice(["utf-8", "utf-8-sig", "utf-16"])
    (tmp_path / "t.csv").write_text("\n".join(["file,label", *rows]), encoding=encoding)
    try:
        dataset = open_dataset(tmp_path / "t.csv")
    except DataError as error:
        refused = str(error)
    else:
        refused = ""
    if refused:
        assert "t.csv" in refused
        return
    assert len(set(dataset.names)) == len(dataset)
    assert all(dataset.path(i).is_file() for i in range(len(dataset)))
    assert len(dataset) + len(dataset.set_aside) <= len(rows)
    twice = sum("disagree" in why for _, why in dataset.set_aside)
    assert len(dataset) + len(dataset.set_aside) >= len(rows) - twice * len(rows)


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_listing_does_not_matter(tmp_path, seed, monkeypatch):
    make_tree(tmp_path, random.Random(seed))
    real = os.scandir

    class Listed:
        """A listing in another order."""

        def __init__(self, place):
            with real(place) as found:
                self.found = sorted(found, key=lambda each: each.name, reverse=True)

        def __enter__(self):
            return iter(self.found)

        def __exit__(self, *error):
            return None

        def __iter__(self):
            return iter(self.found)

    def read():
        try:
            found = open_dataset(tmp_path)
        except DataError as error:
            return str(error)
        return found.names, found.splits.tolist(), found.set_aside, found.reading, found.others

    first = read()
    monkeypatch.setattr(os, "scandir", Listed)
    assert read() == first
