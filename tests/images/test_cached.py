"""What the caches answer, and what is decoded where they cannot."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headstart.images import cached
from headstart.images.cached import ImageCache, cacheable, pixel_store_of, square_key
from headstart.images.preprocess import Preprocess


def everything(key: bytes) -> bool:
    return True


@pytest.fixture
def image(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_a_second_process_decodes_nothing(image, monkeypatch):
    preprocess = Preprocess(64, "square")
    cache = ImageCache(preprocess, positions=(0.5,), count=1)
    first = cache.load(image, everything)
    assert first.fresh_stats
    assert len(first.fresh_pixels) == 1
    cache.keep(first)
    cache.flush()
    monkeypatch.setattr(cached, "decode", None)
    again = ImageCache(preprocess, positions=(0.5,), count=1).load(image, everything)
    assert not again.fresh_stats
    assert not again.fresh_pixels
    np.testing.assert_array_equal(again.inputs, first.inputs)
    np.testing.assert_array_equal(again.stats.dhash, first.stats.dhash)


def test_what_is_not_wanted_is_measured_only(image):
    cache = ImageCache(Preprocess(64), positions=(0.5,), count=1)
    found = cache.load(image, lambda key: False)
    assert found.inputs is None
    assert (found.stats.width, found.stats.height) == (120, 90)


def test_an_image_smaller_than_the_square_is_kept_as_it_is(image):
    preprocess = Preprocess(224)
    found = ImageCache(preprocess, positions=(0.5,), count=1).load(image, everything)
    [(key, pixels)] = found.fresh_pixels
    assert pixels.shape == (90, 120, 3)
    assert found.inputs.shape == (1, 224, 224, 3)
    assert key == square_key(found.key, 0.5) != square_key(found.key, 0.0)


def test_damaged_and_missing_files_are_told_apart(tmp_path):
    (tmp_path / "text.jpg").write_text("no image")
    cache = ImageCache(None, positions=(0.5,), count=2)
    damaged = cache.load(tmp_path / "text.jpg", everything)
    gone = cache.load(tmp_path / "gone.jpg", everything)
    assert damaged.key
    assert not gone.key
    assert damaged.stats is gone.stats is None
    assert damaged.error
    assert "gone" in gone.error


def test_too_many_are_not_kept(image, monkeypatch):
    preprocess = Preprocess(64)
    monkeypatch.setattr(cached, "_CACHEABLE_BYTES", 64 * 64 * 3)
    assert cacheable(1, preprocess, (0.5,))
    assert not cacheable(2, preprocess, (0.5,))
    cache = ImageCache(preprocess, positions=(0.5,), count=2)
    found = cache.load(image, everything)
    cache.keep(found)
    cache.flush()
    assert pixel_store_of(preprocess).get(found.fresh_pixels[0][0]) is None
