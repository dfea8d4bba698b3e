"""Masks that lie mirrored, shifted or on another image are seen, and sound ones are not."""

from __future__ import annotations

import numpy as np
import pytest
from tests.tasks.segmentation.scenes import found, made, scene

from headstart.data.open import open_dataset
from headstart.tasks.segmentation.alignment import check_alignment

KINDS = {
    "masks_turned", "masks_shifted", "masks_off_edges", "masks_exchanged", "some_masks_turned",
    "masks_moved_on",
}  # fmt: skip


def test_sound_masks_are_left_alone(tmp_path):
    assert not KINDS & set(found(made(tmp_path, 20)))


@pytest.mark.parametrize(
    ("turn", "how"),
    [
        (lambda mask: mask[:, ::-1], "mirrored left to right"),
        (lambda mask: mask[::-1], "upside down"),
        (lambda mask: mask[::-1, ::-1], "turned by 180 degrees"),
    ],
)
def test_masks_that_all_lie_the_wrong_way_are_serious(tmp_path, turn, how):
    finding = found(made(tmp_path, 12, lambda n, image, mask: (image, turn(mask))))["masks_turned"]
    assert finding.severity == "serious"
    assert how in finding.claim


def test_shifted_masks_are_serious_and_say_how_far(tmp_path):
    def shift(number, image, mask):
        return image, np.roll(mask, (9, -16), (0, 1))  # down and to the left

    finding = found(made(tmp_path, 12, shift))["masks_shifted"]
    assert finding.severity == "serious"
    assert "10% of the width to the left" in finding.claim
    assert "too low" in finding.claim


def test_masks_of_other_images_follow_no_edges(tmp_path):
    def other(number, image, mask):
        return image, scene(5000 + number)[1]

    assert "masks_off_edges" in found(made(tmp_path, 24, other))


@pytest.mark.parametrize(("step", "which"), [(1, "next"), (-1, "one before")])
def test_masks_that_are_one_image_off_are_serious(tmp_path, step, which):
    made(tmp_path, 24)
    files = sorted((tmp_path / "masks").iterdir())
    kept = [file.read_bytes() for file in files]
    for number, file in enumerate(files):
        file.write_bytes(kept[(number - step) % 24])
    finding = found(tmp_path)["masks_moved_on"]
    assert finding.severity == "serious"
    assert f"the mask of the {which} fits" in finding.claim


def test_two_masks_that_were_exchanged_are_named(tmp_path):
    made(tmp_path, 24)
    one, other = tmp_path / "masks/003.png", tmp_path / "masks/017.png"
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)
    finding = found(tmp_path)["masks_exchanged"]
    assert finding.evidence == ("images/003.png = images/017.png",)


def test_a_mask_that_was_mirrored_alone_is_named(tmp_path):
    def one(number, image, mask):
        return image, mask[:, ::-1] if number == 7 else mask

    finding = found(made(tmp_path, 24, one))["some_masks_turned"]
    assert finding.evidence == ("images/007.png: mirrored left to right",)


def test_few_or_empty_masks_say_nothing(tmp_path):
    few = open_dataset(made(tmp_path / "few", 4), task="segmentation")
    assert list(check_alignment(few)) == []
    empty = made(tmp_path / "empty", 8, lambda n, image, mask: (image, mask * 0))
    assert list(check_alignment(open_dataset(empty, task="segmentation"))) == []


def test_an_image_that_cannot_be_read_is_passed_over(tmp_path):
    made(tmp_path, 12)
    (tmp_path / "images/003.png").write_bytes(b"oops")
    assert list(check_alignment(open_dataset(tmp_path, task="segmentation"))) == []


@pytest.mark.parametrize("seed", range(3))
def test_masks_of_nothing_in_particular_are_not_called_shifted_or_turned(tmp_path, seed):
    def blind(number, image, mask):
        rng = np.random.default_rng(1000 * seed + number)
        return rng.integers(0, 255, image.shape, np.uint8), mask

    wrong = KINDS - {"masks_off_edges"}
    assert not wrong & set(found(made(tmp_path, 8 + 4 * seed, blind)))
