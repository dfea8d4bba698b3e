"""Images of all sizes and ways up, from the file to the labels."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from PIL import Image, ImageOps

from headstart.compute import silent
from headstart.tasks.segmentation.files import write_answers

from .masks_here import Bright


def half_bright(width, height):
    """(H, W, 3) whose left half is dark and right half bright."""
    pixels = np.full((height, width, 3), 30, np.uint8)
    pixels[:, width // 2 :] = 230
    return pixels


@pytest.mark.parametrize("size", [(3, 5), (5, 3), (1, 1), (640, 480), (37, 800), (2000, 31)])
def test_labels_are_of_the_images_own_size(size, tmp_path):
    Image.fromarray(half_bright(*size)).save(tmp_path / "a.png")
    found = Bright().predictions([tmp_path / "a.png"])
    labels = found.labels(0)
    assert labels.shape == size[::-1]
    if min(size) > 100:
        assert (labels[:, : size[0] // 2 - size[0] // 12] == 0).all()
        assert (labels[:, size[0] // 2 + size[0] // 12 :] == 1).all()


@pytest.mark.parametrize("way", range(1, 9))
def test_an_image_is_answered_upright(way, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = way
    Image.fromarray(half_bright(400, 200)).save(tmp_path / "a.jpg", exif=exif, quality=95)
    found = Bright().predictions([tmp_path / "a.jpg"])
    upright = np.asarray(ImageOps.exif_transpose(
        Image.open(tmp_path / "a.jpg")
    ))  # fmt: skip
    wanted = upright.mean(axis=2) > 128
    labels = found.labels(0)
    assert labels.shape == wanted.shape
    assert (labels == wanted).mean() > 0.95


def test_a_huge_photo_takes_bounded_memory(tmp_path):
    size = (6000, 4000)
    Image.fromarray(half_bright(*size)).save(tmp_path / "a.jpg", quality=80)
    found = Bright().predictions([tmp_path / "a.jpg"])
    tracemalloc.start()
    record = found.record(0)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert record["pixels"]["disc"] == pytest.approx(12e6, rel=0.05)
    assert (record["width"], record["height"]) == size
    # Labels take 24 MB; all probabilities at once would take 288.
    assert most < 100e6
    write_answers(found, [tmp_path / "a.jpg"], tmp_path / "out", silent)
    with Image.open(tmp_path / "out" / "masks" / "a.png") as image:
        assert image.size == size
    with Image.open(tmp_path / "out" / "overlays" / "a.jpg") as image:
        assert max(image.size) == 1600
