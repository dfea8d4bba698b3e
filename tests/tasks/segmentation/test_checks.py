"""What masks can have wrong: classes, empty ones, stray values, files."""

from __future__ import annotations

import numpy as np
from tests.tasks.segmentation.scenes import found, made

from headstart.data.open import open_dataset
from headstart.tasks.segmentation.checks import masks_of


def test_sound_masks_have_nothing_wrong(tmp_path):
    assert found(made(tmp_path, 20)) == {}


def test_masks_that_are_all_empty_are_serious(tmp_path):
    finding = found(made(tmp_path, 6, lambda n, image, mask: (image, mask * 0)))["one_class"]
    assert finding.severity == "serious"
    assert "all 6 masks is background" in finding.claim


def test_255_everywhere_is_serious(tmp_path):
    every = made(tmp_path, 6, lambda n, image, mask: (image, np.full_like(mask, 255)))
    assert "all 6 masks is 255" in found(every)["one_class"].claim


def test_empty_and_full_masks_are_told_apart_by_name(tmp_path):
    def some(number, image, mask):
        return image, mask * 0 if number == 2 else np.full_like(mask, 255) if number == 5 else mask

    findings = found(made(tmp_path, 8, some))
    assert findings["empty_masks"].evidence == ("images/002.png",)
    assert findings["empty_masks"].severity == "note"
    assert findings["full_masks"].evidence == ("images/005.png",)
    assert findings["full_masks"].severity == "warning"


def test_a_mask_that_is_ignored_all_over_is_named(tmp_path):
    def index(number, image, mask):
        mask = (mask > 0).astype(np.uint8)
        mask[:40, 130:] = 2
        return image, np.full_like(mask, 255) if number == 3 else mask

    assert found(made(tmp_path, 8, index))["ignored_masks"].evidence == ("images/003.png",)


def test_a_class_on_few_images_is_a_warning(tmp_path):
    def rare(number, image, mask):
        mask = (mask > 0).astype(np.uint8)
        if number == 4:
            mask[100:110, 100:120] = 2
        return image, mask

    assert found(made(tmp_path, 12, rare))["small_classes"].evidence == ("2: 1 image",)


def test_classes_that_a_split_lacks(tmp_path):
    def rare(number, image, mask):
        mask = (mask > 0).astype(np.uint8)
        mask[100:110, 100:120] = 2 if number % 2 else 0
        return image, mask

    made(tmp_path / "train", 8)
    made(tmp_path / "test", 8, rare)
    made(tmp_path / "train", 8, lambda n, image, mask: (image, (mask > 0).astype(np.uint8)))
    findings = found(tmp_path)
    assert findings["classes_missing_from_train"].severity == "serious"
    assert findings["classes_missing_from_train"].evidence == (
        "2: test/images/001.png, test/images/003.png, test/images/005.png",
    )
    (tmp_path / "test").rename(tmp_path / "x")
    (tmp_path / "train").rename(tmp_path / "test")
    (tmp_path / "x").rename(tmp_path / "train")
    assert found(tmp_path)["classes_missing_from_test"].evidence == (
        "2: train/images/001.png, train/images/003.png, train/images/005.png",
    )


def test_a_test_of_empty_masks_is_serious(tmp_path):
    made(tmp_path / "train", 6)
    made(tmp_path / "test", 4, lambda n, image, mask: (image, mask * 0))
    finding = found(tmp_path)["one_class_tested"]
    assert finding.severity == "serious"
    assert "background and nothing else" in finding.claim
    assert finding.evidence[0] == "test/images/000.png"


def test_the_labels_are_masks(tmp_path):
    dataset = open_dataset(made(tmp_path, 2), task="segmentation")
    assert masks_of(dataset) is dataset.labels
