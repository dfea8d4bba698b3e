"""What a server sends of a mask."""

from __future__ import annotations

import base64
import io
import sys

import numpy as np
import pytest
from PIL import Image
from tests.drawn_masks import NAMES, PALETTE

from headstart.errors import ImageError
from headstart.tasks.segmentation.maps import SegmentationMaps
from headstart.tasks.segmentation.served import served


def one() -> SegmentationMaps:
    """Left a disc, right nobody is sure; 20 pixels wide and 8 high."""
    rows = np.array([[[0.1, 0.3]], [[0.9, 0.4]], [[0.0, 0.3]]], np.float32)
    return SegmentationMaps(
        ("a.png",), NAMES, PALETTE, rows[None], np.array([[20, 8]]),
        np.array([[[0.1, 0, 0], [0, 0.125, 0]]]), threshold=0.5,
    )  # fmt: skip


def test_the_mask_is_an_image_of_indices_with_its_colours():
    maps = one()
    found = served(maps, 0, "png")
    image = Image.open(io.BytesIO(base64.b64decode(found.pop("png"))))
    assert image.mode == "P"
    labels = maps.labels(0, abstain=True)
    assert set(np.unique(labels)) == {1, 255}
    np.testing.assert_array_equal(np.asarray(image), labels)
    assert image.convert("RGB").getpixel((0, 0)) == (220, 40, 40)
    assert found == maps.record(0)


def test_other_forms():
    maps = one()
    assert served(maps, 0, "none") == maps.record(0)
    assert served(maps, 0, "rle") == maps.record(0) | {"masks": maps.masks(0)}
    assert list(maps.masks(0)) == ["disc"]


def test_what_would_take_a_server_too_long_is_refused_with_the_cure(monkeypatch):
    module = sys.modules[served.__module__]
    monkeypatch.setattr(module, "_MOST_WORK", 20 * 8 * (10 + 1))  # others are nowhere best
    assert served(one(), 0, "none")["width"] == 20
    monkeypatch.setattr(module, "_MOST_WORK", 20 * 8 * (10 + 1) - 1)
    with pytest.raises(ImageError, match=r"on 20 x 8 pixels .* with headstart predict"):
        served(one(), 0, "none")
