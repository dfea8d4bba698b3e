"""What comes before any training: what is usable, how large it is seen, and who tests."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from tests.strategies.problems import data_of

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.data.masks.masks import Masks
from headstart.errors import DataError
from headstart.images.deep import EIGHT_BITS
from headstart.images.pixels import measure
from headstart.images.preprocess import Preprocess
from headstart.images.stats import ImageStats
from headstart.strategies.prepare import (
    check_and_split,
    choose_preprocess,
    drop_unlabelled,
    face_flags,
)

SEEN = Preprocess(224)


def different(n: int) -> ImageStats:
    """Statistics of n images that are nothing alike."""
    rng = np.random.default_rng(0)
    stats = ImageStats.empty(n)
    stats.keys[:] = rng.integers(0, 256, stats.keys.shape)
    stats.dhashes[:] = rng.integers(0, 256, stats.dhashes.shape)
    stats.thumbnails[:] = rng.integers(0, 256, stats.thumbnails.shape)
    stats.widths[:], stats.heights[:], stats.contrast[:] = 60, 50, 40
    return stats


def test_items_without_a_label_cannot_train():
    kept = drop_unlabelled(data_of([0, -1, 1, -1]))
    assert kept.names == ("000.png", "002.png")
    whole = data_of([0, 1])
    assert drop_unlabelled(whole) is whole
    with pytest.raises(DataError, match="no labels"):
        drop_unlabelled(data_of([-1, -1]))
    with pytest.raises(DataError, match=r"one class only \(bee\)"):
        drop_unlabelled(data_of([1, 1, -1]))


@pytest.mark.parametrize(
    ("pixels", "asked", "any_size", "found"),
    [
        (64, "auto", True, 128), (64, "auto", False, 224), (300, "auto", True, 224),
        (64, 96, True, 96), (300, 96, False, 96),
    ],
)  # fmt: skip
def test_small_images_are_not_enlarged_for_nothing(tmp_path, pixels, asked, any_size, found):
    for number in range(3):
        Image.new("RGB", (pixels, 2 * pixels)).save(tmp_path / f"{number:03}.png")
    (tmp_path / "001.png").write_bytes(b"torn")
    data = replace(data_of([0, 1, 2]), root=tmp_path)
    network = SimpleNamespace(preprocess=SEEN, takes_any_size=lambda: any_size)
    seen = choose_preprocess(data, network, asked, "pad", levels=EIGHT_BITS)
    assert (seen.size, seen.geometry, seen.faces) == (found, "pad", None)


def test_flags_of_faces():
    assert face_flags(None) == []
    assert face_flags("yunet") == ["--faces"]
    assert face_flags("own.onnx") == ["--faces", "--detector", "own.onnx"]


def test_what_leaks_into_a_given_test_is_dropped_if_asked():
    targets, splits = np.arange(20) % 2, np.array((["train"] * 4 + ["test"]) * 4)
    stats = different(20)
    stats.keys[0], stats.dhashes[0] = stats.keys[4], stats.dhashes[4]
    stats.thumbnails[0] = stats.thumbnails[4]
    stats.errors[7] = "torn"
    for asked in (True, False):
        findings, kept, own = check_and_split(
            data_of(targets, splits), stats, seed=0, drop_leaks=asked
        )
        assert np.flatnonzero(~kept).tolist() == [7]
        assert len(own.dataset) == len(own.stats.widths) == len(own.clusters) == 19
        assert own.clusters[0] == own.clusters[4]
        assert np.flatnonzero(own.dropped).tolist() == ([0] if asked else [])
        assert findings


def test_one_readable_class_is_not_enough():
    stats = different(4)
    stats.errors.update({2: "torn", 3: "torn"})
    with pytest.raises(DataError, match="fewer than two classes"):
        check_and_split(data_of([0, 0, 1, 1]), stats, seed=0, drop_leaks=True)


def test_versions_of_one_image_are_split_together():
    rng = np.random.default_rng(0)
    sources = np.arange(200) // 5
    vectors = rng.normal(size=(40, 64))[sources] + 2 + 0.3 * rng.normal(size=(200, 64))
    findings, _, joined = check_and_split(
        data_of(sources % 3), different(200), seed=0, drop_leaks=True, last=vectors
    )
    assert "nearer_than_chance" in [each.check for each in findings]
    test = joined.splits == "test"
    assert test.any()
    assert not set(sources[test]) & set(sources[~test])


def test_photographs_of_different_things_are_left_as_they_are():
    vectors = np.random.default_rng(0).normal(size=(200, 64)) + 2
    data, stats = data_of(np.arange(200) % 3), different(200)
    findings, _, same = check_and_split(data, stats, seed=0, drop_leaks=True, last=vectors)
    assert "nearer_than_chance" not in [each.check for each in findings]
    assert len(np.unique(same.clusters)) == 200


class Everywhere:
    """A mask of one class all over."""

    def read(self) -> np.ndarray:
        return np.zeros((4, 4), np.uint8)


def slices(root: Path, count: int, **more) -> Dataset:
    """Images that change slowly, with masks."""
    rng = np.random.default_rng(0)
    field = rng.normal(size=(8, 8))
    for number in range(count):
        field = 0.93 * field + 0.37 * rng.normal(size=(8, 8))
        pixels = (128 + 40 * field).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).resize((96, 96), 3).save(root / f"slice_{number}.png")
    labels = Masks(
        ("a", "b"), (Everywhere(),) * count, np.full((count, 2), 8), np.full((count, 2), 4),
        np.zeros((2, 3), np.uint8),
    )  # fmt: skip
    names = tuple(f"slice_{number}.png" for number in range(count))
    return Dataset(root, names, labels, np.full(count, ""), task="segmentation", **more)


def test_whole_blocks_of_slices_are_held_out(tmp_path):
    dataset = slices(tmp_path, 30)
    stats = measure(dataset)
    findings, _, prepared = check_and_split(dataset, stats, seed=0, drop_leaks=True)
    assert "sequence" in {each.check for each in findings}
    clusters, changes = prepared.clusters, np.diff(prepared.clusters) != 0
    assert 6 <= len(np.unique(clusters)) == changes.sum() + 1  # each is a row of neighbours
    test = prepared.splits == "test"
    assert 0 < test.sum() < 15
    assert (np.diff(test.astype(int)) != 0).sum() <= 4


def test_groups_and_splits_that_are_given_are_not_joined_to_blocks(tmp_path):
    dataset = slices(tmp_path, 30, groups=np.array([f"g{n % 15}" for n in range(30)]))
    clusters = check_and_split(dataset, measure(dataset), seed=0, drop_leaks=True)[2].clusters
    assert clusters[0] == clusters[15] != clusters[1]


def test_several_labels_are_refused_unless_classes_were_asked_for():
    names = ("cat", "cat|dog", "dog", "dog|bird")
    several = replace(data_of([0, 1, 2, 3]), labels=Classes(names, np.arange(4)))
    with pytest.raises(DataError, match="learn one label at a time"):
        drop_unlabelled(several)
    assert drop_unlabelled(several, asked="classification") is several
