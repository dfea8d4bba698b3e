"""Masks of another size, of another shape, and those that EXIF forgot."""

from __future__ import annotations

import numpy as np
from PIL import Image
from tests.tasks.segmentation.scenes import found, made

SIZES = {"scaled_masks", "masks_of_another_shape", "masks_not_turned"}


def resized(mask, size):
    return np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))


def test_masks_of_the_size_of_their_images_are_left_alone(tmp_path):
    assert not SIZES & set(found(made(tmp_path, 4)))


def test_scaled_masks_are_a_note(tmp_path):
    def half(number, image, mask):
        return image, resized(mask, (80, 60) if number else (107, 80))

    finding = found(made(tmp_path, 4, half))["scaled_masks"]
    assert finding.severity == "note"
    assert (
        "4 of 4 masks are of another size than their images (all of them smaller)" in finding.claim
    )
    assert finding.evidence[0] == "images/000.png: 160 x 120, its mask 107 x 80"


def test_another_shape_is_serious_where_many_have_it(tmp_path):
    finding = found(made(tmp_path, 4, lambda n, image, mask: (image, mask[:, :100])))
    assert finding["masks_of_another_shape"].severity == "serious"
    assert "scaled_masks" not in finding
    few = made(tmp_path / "few", 24, lambda n, i, m: (i, m[:, :100] if n == 3 else m))
    assert found(few)["masks_of_another_shape"].severity == "warning"


def test_a_mask_that_exif_does_not_turn_is_serious(tmp_path):
    made(tmp_path, 4)
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(tmp_path / "images/001.png") as image:
        image.save(tmp_path / "images/001.png", exif=exif)
    finding = found(tmp_path)["masks_not_turned"]
    assert finding.severity == "serious"
    assert finding.evidence == ("images/001.png: 120 x 160, its mask 160 x 120",)


def test_a_mask_on_its_side_without_exif_has_another_shape(tmp_path):
    made(tmp_path, 4, lambda n, image, mask: (image, mask.T if n == 1 else mask))
    assert "masks_of_another_shape" in found(tmp_path)
