from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import confusion_matrix

from headstart.data.masks.masks import Masks
from headstart.errors import DataError
from headstart.tasks.segmentation import counting as module
from headstart.tasks.segmentation.counting import columns_for, tally

from .masks_here import PALETTE, maps_of, masks_of, scene

SCENES = [scene(seed) for seed in range(4)]
SHIFTED = [np.roll(each, (2, 4), (0, 1)) for each in SCENES]


@pytest.fixture(autouse=True)
def _anew():
    module._known.clear()


def test_counts_are_those_of_scikit_learn():
    found = tally(maps_of(SHIFTED), masks_of(SCENES))
    for i in range(4):
        wanted = confusion_matrix(SCENES[i].ravel(), SHIFTED[i].ravel(), labels=range(3))
        assert (found.counts[i, :, 0] == np.diag(wanted)).all()
        assert (found.counts[i, :, 1] == wanted.sum(axis=1)).all()
        assert (found.counts[i, :, 2] == wanted.sum(axis=0)).all()
    every = np.stack(SCENES).ravel(), np.stack(SHIFTED).ravel()
    assert (found.confusion == confusion_matrix(*every)).all()
    assert found.bins[:, :, 0].sum() == len(every[0])
    assert found.bins[:, :, 2].sum() == (every[0] == every[1]).sum()
    sure = found.bins[:, :, 1].sum() / found.bins[:, :, 0].sum()
    assert sure == pytest.approx(0.9 + 0.1 / 3, abs=1e-3)


def test_what_nobody_knows_is_not_counted():
    ignored = [each.copy() for each in SCENES]
    ignored[0][:] = 255
    ignored[1][:30] = 255
    found = tally(maps_of(SHIFTED), masks_of(ignored))
    assert not found.counts[0].any()
    assert not found.boundaries[0].any()
    assert found.counts[1, :, 1].sum() == found.counts[1, :, 2].sum() == 30 * 90


def test_the_truth_is_read_at_the_images_own_size():
    half = [each[::2, ::2].copy() for each in SCENES]
    found = tally(maps_of(SCENES), masks_of(half))
    assert found.counts[:, :, 1].sum(axis=1).tolist() == [90 * 60] * 4


def test_classes_are_known_by_name_not_by_place():
    turned = np.array([2, 0, 1], np.uint8)  # ground, disc, bar -> their places in other names
    labels = masks_of([turned[each] for each in SCENES], names=("disc", "bar", "ground"))
    assert columns_for(("ground", "disc", "bar"), labels)[:4].tolist() == [1, 2, 0, 255]
    assert (
        tally(maps_of(SCENES), labels).counts == tally(maps_of(SCENES), masks_of(SCENES)).counts
    ).all()
    with pytest.raises(DataError, match="wing"):
        tally(maps_of(SCENES), masks_of(SCENES, names=("ground", "disc", "wing")))
    nothing = masks_of([np.minimum(each, 1) for each in SCENES], names=("ground", "disc", "wing"))
    assert tally(maps_of(SCENES), nothing).counts[:, 2, 1].sum() == 0, "no pixel has it"


def test_an_image_is_counted_once(monkeypatch):
    reads = []
    read = Masks.read
    monkeypatch.setattr(
        Masks, "read", lambda self, i, size=None: reads.append(i) or read(self, i, size)
    )
    labels = masks_of(SCENES)
    first = tally(maps_of(SHIFTED), labels)
    again = tally(maps_of(SHIFTED).take(np.array([2, 0])), labels.take(np.array([2, 0])))
    assert len(reads) == 4
    assert (again.counts == first.counts[[2, 0]]).all()
    other = maps_of(SHIFTED)
    other = dataclasses.replace(other, probabilities=other.probabilities[:, ::-1].copy())
    assert (tally(other, labels).counts != first.counts).any(), "other answers, other counts"
    assert len(reads) == 8


@dataclasses.dataclass(frozen=True)
class File:
    path: Path

    def read(self):
        return np.asarray(Image.open(self.path))


def test_a_mask_that_was_mended_is_counted_anew(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(SCENES[0]).save(path)
    pixels = np.bincount(SCENES[0].ravel(), minlength=3)[None]
    labels = Masks(("ground", "disc", "bar"), (File(path),), pixels, np.array([[90, 60]]), PALETTE)
    before = tally(maps_of(SCENES[:1]), labels)
    Image.fromarray(SCENES[1]).save(path)
    os.utime(path, ns=(1, 1))
    after = tally(maps_of(SCENES[:1]), labels)
    assert np.diag(before.confusion).sum() == 5400 > np.diag(after.confusion).sum()


def test_what_is_kept_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "_KEPT", 200)
    tally(maps_of(SCENES), masks_of(SCENES))
    assert len(module._known) == 2


@dataclasses.dataclass(frozen=True)
class Layers:
    """A mask of several files, as some data sets have them."""

    layers: tuple[tuple[File, int], ...]

    def read(self):
        return self.layers[0][0].read()


def test_a_file_of_several_is_looked_at_too(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(SCENES[0]).save(path)
    pixels = np.bincount(SCENES[0].ravel(), minlength=3)[None]
    source = Layers(((File(path), 1),))
    labels = Masks(("ground", "disc", "bar"), (source,), pixels, np.array([[90, 60]]), PALETTE)
    before = tally(maps_of(SCENES[:1]), labels)
    Image.fromarray(SCENES[1]).save(path)
    os.utime(path, ns=(1, 1))
    after = tally(maps_of(SCENES[:1]), labels)
    assert (before.confusion != after.confusion).any()


@dataclasses.dataclass
class Loose:
    """A source that cannot be hashed."""

    pixels: np.ndarray

    def read(self):
        return self.pixels


def test_whatever_can_be_read_is_a_source():
    pixels = np.array([np.bincount(each.ravel(), minlength=3) for each in SCENES])
    sizes = np.full((4, 2), (90, 60))
    labels = Masks(
        ("ground", "disc", "bar"), tuple(Loose(each) for each in SCENES), pixels, sizes, PALETTE
    )
    assert np.diag(tally(maps_of(SCENES), labels).confusion).sum() == 4 * 5400
