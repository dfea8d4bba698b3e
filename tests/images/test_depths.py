"""One depth for a data set: hot pixels change nothing, and sets of 8 bits pay nothing for it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.conftest import draw_image
from tests.images.bombs import png, tiff

from headstart.data.dataset import Dataset
from headstart.images import depths
from headstart.images.cached import pixel_store_of
from headstart.images.decode import read_bytes
from headstart.images.deep import EIGHT_BITS
from headstart.images.depths import data_set_levels
from headstart.images.given import inputs_of
from headstart.images.pixels import measure, read_pixels
from headstart.images.preprocess import Preprocess
from headstart.images.stats import ImageStats


def folder(root: Path, files: dict[str, bytes]) -> Dataset:
    root.mkdir(exist_ok=True)
    for name, data in files.items():
        (root / name).write_bytes(data)
    return Dataset.unlabelled(tuple(sorted(files)), root=root)


def photos(count: int = 12) -> list[np.ndarray]:
    return [np.asarray(draw_image(i % 3, i, 64).convert("L"), np.float64) for i in range(count)]


def inputs(data: Dataset, preprocess: Preprocess) -> np.ndarray:
    stats = ImageStats.empty(len(data))
    found = [each.copy() for _, _, each in read_pixels(data, stats, preprocess=preprocess)]
    assert not stats.errors
    return np.concatenate(found)


def test_a_camera_of_14_bits_with_hot_pixels_is_seen_as_its_8_bit_version(tmp_path):
    deep, plain = {}, {}
    for i, grey in enumerate(photos()):
        levels = np.rint(grey * (16383 / 255)).astype(np.uint16)
        if i % 2:
            levels[i, i] = 16383
        deep[f"{i:02}.png"] = png(levels)
        plain[f"{i:02}.png"] = png(grey.astype(np.uint8))
    deep_set, plain_set = folder(tmp_path / "deep", deep), folder(tmp_path / "plain", plain)
    levels = data_set_levels(deep_set)
    assert levels == (0, 16383)
    size = {"size": 64, "geometry": "squash"}
    one = inputs(deep_set, Preprocess(**size, levels=levels)).astype(int)
    two = inputs(plain_set, Preprocess(**size))
    assert (np.abs(one - two) > 1).any(axis=3).sum(axis=(1, 2)).max() <= 1  # the hot one


def test_one_depth_for_all_whatever_one_image_holds(tmp_path):
    dark, light = np.full((32, 32), 200, np.uint16), np.full((32, 32), 3000, np.uint16)
    dark[:16], light[:16] = 240, 4000
    data = folder(tmp_path / "set", {"a.png": png(dark), "b.png": png(light)})
    pixels = inputs(data, Preprocess(size=32, geometry="squash", levels=data_set_levels(data)))
    assert pixels[0].max() == round(240 * 255 / 4095)
    assert pixels[1].max() == round(4000 * 255 / 4095)
    # In the statistics each is seen as it is, so that no check calls the dark one blank.
    assert measure(data).contrast.min() > 20


def test_colours_of_a_tiff_count_and_floats_have_their_own_scale(tmp_path):
    ramp = np.linspace(0, 1, 32 * 32 * 3).reshape(32, 32, 3)
    colour = tiff((ramp * 1000).astype(np.uint16), light=2)
    assert data_set_levels(folder(tmp_path / "a", {"a.tif": colour})) == (0, 1023)
    unit = tiff(ramp[..., 0].astype(np.float32))
    assert data_set_levels(folder(tmp_path / "b", {"a.tif": unit})) == (0, 1)


def test_sets_of_8_bits_are_not_decoded_for_it(tmp_path, monkeypatch):
    grey = photos(1)[0].astype(np.uint8)
    files = {"a.png": png(grey), "b.tif": tiff(grey), "c.jpg": b"\xff\xd8nothing", "d.png": b""}
    data = folder(tmp_path / "set", files)
    os.mkfifo(tmp_path / "set" / "pipe.png")
    data = Dataset.unlabelled((*data.names, "gone.png", "pipe.png"), root=data.root)
    monkeypatch.setattr(depths, "measure", lambda *_, **__: pytest.fail("decoded"))
    assert data_set_levels(data) == EIGHT_BITS


def test_the_levels_decide_the_pixels_and_so_the_caches():
    plain, deep = Preprocess(), Preprocess(levels=(0.0, 4095.0))
    assert plain.fields["levels"] == EIGHT_BITS
    assert deep.fields["levels"] == (0.0, 4095.0)
    assert plain.pixel_key != deep.pixel_key
    assert pixel_store_of(plain).folder != pixel_store_of(deep).folder


def test_a_prediction_scales_as_the_training_did(tmp_path):
    levels = np.full((32, 32), 2000, np.uint16)
    levels[0] = 100
    (tmp_path / "new.png").write_bytes(png(levels))
    preprocess = Preprocess(size=32, geometry="squash", levels=(0.0, 4095.0))
    again = Preprocess.from_json(preprocess.__dict__ | {"levels": [0, 4095]})
    assert again == preprocess
    for image in (tmp_path / "new.png", read_bytes(tmp_path / "new.png"), Image.fromarray(levels)):
        assert inputs_of(image, again, 1)[0, 16, 16, 0] == round(2000 * 255 / 4095)
    for bad in ([5, 5], [0, float("nan")], [0, float("inf")]):
        with pytest.raises(ValueError, match="no range"):
            Preprocess.from_json(preprocess.__dict__ | {"levels": bad})
