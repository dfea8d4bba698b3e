"""`InputImages`: the pixels that everyone else sees, at random, held in memory or not."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headstart.data.dataset import Dataset
from headstart.images import inputs as module
from headstart.images.inputs import InputImages
from headstart.images.pixels import read_pixels
from headstart.images.preprocess import Preprocess
from headstart.images.stats import ImageStats
from headstart.images.store import cache_folder

GEOMETRIES = ("square", "crop", "pad", "squash")


def scene(width: int, height: int, seed: int) -> Image.Image:
    """Something with edges and texture, so that scales of decoding can be told apart."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    image = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    noise = rng.integers(-40, 41, image.shape)
    return Image.fromarray(np.clip(image + noise, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Images larger and smaller than the inputs, of every shape."""
    root = tmp_path_factory.mktemp("data")
    scene(1100, 900, 0).save(root / "a-large.jpg", quality=92)
    scene(20, 12, 1).save(root / "b-tiny.png")
    scene(300, 70, 2).save(root / "c-wide.jpg")
    scene(64, 64, 3).convert("L").save(root / "d-grey.png")
    scene(50, 200, 4).save(root / "e-tall.webp")
    scene(48, 48, 5).save(root / "f-exact.png")
    names = tuple(sorted(each.name for each in root.iterdir()))
    return Dataset.unlabelled(names, root=root)


def expected_of(data: Dataset, preprocess: Preprocess) -> list[np.ndarray]:
    """What the frozen network sees."""
    stats = ImageStats.empty(len(data))
    return [inputs[0].copy() for _, _, inputs in read_pixels(data, stats, preprocess=preprocess)]


def forget() -> None:
    shutil.rmtree(cache_folder(), ignore_errors=True)


def assert_same(inputs: InputImages, expected: list[np.ndarray]) -> None:
    assert len(inputs) == len(expected)
    for index in [*range(len(expected)), *reversed(range(len(expected)))]:
        np.testing.assert_array_equal(inputs[index], expected[index], str(index))
        assert inputs[index].dtype == np.uint8


@pytest.fixture(params=["held in memory", "read from the store"])
def place(request, monkeypatch) -> str:
    if request.param != "held in memory":
        monkeypatch.setattr(module, "_HELD_BYTES", 0)
    return request.param


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("size", [48, 96])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_they_are_those_of_read_pixels(data, place, geometry, size, warm):
    preprocess = Preprocess(size, geometry=geometry)
    expected = expected_of(data, preprocess)
    if not warm:
        forget()
    inputs = InputImages(data, preprocess, workers=1)
    if place == "held in memory":
        forget()  # they need nothing any more
    assert_same(inputs, expected)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_without_a_store_they_are_decoded_again_and_are_the_same(data, geometry, monkeypatch):
    monkeypatch.setattr(module, "_HELD_BYTES", 0)
    preprocess = Preprocess(48, geometry=geometry)
    expected = expected_of(data, preprocess)
    inputs = InputImages(data, preprocess)
    forget()
    assert_same(inputs, expected)


def test_where_no_cache_can_be_written(data, tmp_path: Path, monkeypatch):
    expected = expected_of(data, Preprocess(48))
    (tmp_path / "file").touch()
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr(module, "_HELD_BYTES", 0)
    assert_same(InputImages(data, Preprocess(48)), expected)


@pytest.mark.parametrize("used", [False, True])
def test_another_process_gets_the_same(data, place, used):
    preprocess = Preprocess(48, geometry="square")
    expected = expected_of(data, preprocess)
    inputs = InputImages(data, preprocess)
    if used:
        inputs[0]
    packed = pickle.dumps(inputs)
    if place != "held in memory":
        assert len(packed) < 10_000  # neither pixels nor open files travel
    assert_same(pickle.loads(packed), expected)  # noqa: S301 - our own bytes
    assert_same(inputs, expected)


def test_progress_is_told(data):
    seen = []
    InputImages(
        data, Preprocess(48), progress=lambda phase, done, total: seen.append((done, total))
    )
    assert seen[-1] == (len(data), len(data))


def test_some_of_the_items_in_another_order(data, place):
    preprocess = Preprocess(48, geometry="square")
    expected = expected_of(data, preprocess)
    chosen = np.array([4, 0, 3])
    assert_same(InputImages(data.take(chosen), preprocess), [expected[i] for i in chosen])
