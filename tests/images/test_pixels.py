"""One pass over the files: right pixels, right stats, each file decoded once."""

from __future__ import annotations

import itertools
import shutil
import threading
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headstart.data.dataset import Dataset
from headstart.fingerprint import fingerprint_bytes
from headstart.images import cached
from headstart.images import pixels as module
from headstart.images.decode import decode
from headstart.images.pixels import measure, read_pixels
from headstart.images.preprocess import Preprocess
from headstart.images.stats import ImageStats
from headstart.images.store import cache_folder


def scene(width: int, height: int, seed: int = 0) -> Image.Image:
    """Something with edges and texture, so that scales of decoding can be told apart."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    image = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), np.int16)
    noise = rng.integers(-40, 41, image.shape)
    return Image.fromarray(np.clip(image + noise, 0, 255).astype(np.uint8))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Sizes on both sides of every square below, several formats, two unreadable files."""
    root = tmp_path_factory.mktemp("mixed")
    scene(1400, 1100, 0).save(root / "a-large.jpg", quality=92)
    scene(20, 12, 1).save(root / "b-tiny.png")
    (root / "c-text.jpg").write_text("no image")
    scene(300, 70, 2).save(root / "d-wide.jpg")
    scene(64, 64, 3).convert("L").save(root / "e-grey.png")
    turned = Image.Exif()
    turned[0x0112] = 6
    scene(700, 500, 4).save(root / "f-turned.jpg", exif=turned)
    scene(50, 400, 5).save(root / "g-tall.webp")
    (root / "h-empty.png").touch()
    scene(1, 1, 6).save(root / "i-one.png")
    return dataset(root)


def dataset(root: Path) -> Dataset:
    names = tuple(sorted(each.name for each in root.iterdir()))
    return Dataset.unlabelled(names, root=root)


@pytest.fixture
def decodings(monkeypatch) -> list[int]:
    """Grows by one for every decoding."""
    done: list[int] = []

    def counted(data: bytes, **options):
        done.append(len(data))
        return decode(data, **options)

    monkeypatch.setattr(cached, "decode", counted)
    return done


def forget() -> None:
    shutil.rmtree(cache_folder(), ignore_errors=True)


def read(data: Dataset, preprocess: Preprocess | None, **options):
    stats = ImageStats.empty(len(data))
    found = {
        index: (key, pixels.copy())
        for index, key, pixels in read_pixels(data, stats, preprocess=preprocess, **options)
    }
    return stats, found


def assert_same_stats(one: ImageStats, other: ImageStats) -> None:
    for field in fields(ImageStats):
        np.testing.assert_equal(getattr(one, field.name), getattr(other, field.name), field.name)


GEOMETRIES = ("square", "crop", "pad", "squash")


# --- stats --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "geometry"), [*itertools.product((32, 224, 512), GEOMETRIES)])
def test_stats_do_not_depend_on_who_asks(mixed, size, geometry):
    plain = measure(mixed)
    forget()
    asked, _ = read(mixed, Preprocess(size=size, geometry=geometry))
    assert_same_stats(asked, plain)
    assert_same_stats(measure(mixed), plain)  # from the cache


def test_stats_are_those_of_the_image(mixed):
    stats = measure(mixed)
    index = {name[0]: i for i, name in enumerate(mixed.names)}
    assert (stats.widths[index["a"]], stats.heights[index["a"]]) == (1400, 1100)
    assert (stats.widths[index["f"]], stats.heights[index["f"]]) == (500, 700)  # as displayed
    assert stats.modes[index["e"]] == "L"
    assert stats.formats[index["g"]] == "WEBP"
    assert stats.contrast[index["i"]] == 0
    assert stats.contrast[index["d"]] > 10
    exact = np.asarray(scene(64, 64, 3).convert("L").resize((16, 16), Image.Resampling.BOX))
    np.testing.assert_allclose(stats.thumbnails[index["e"]][..., 0], exact, atol=1)


def test_unreadable_files_are_errors_and_nothing_else(mixed):
    stats, found = read(mixed, Preprocess(size=32))
    bad = [i for i, name in enumerate(mixed.names) if name[0] in "ch"]
    assert sorted(stats.errors) == bad
    assert "empty" in stats.errors[bad[1]]
    assert set(found) == set(range(len(mixed))) - set(bad)
    assert stats.readable.sum() == len(mixed) - 2
    assert not stats.widths[bad].any()


def test_a_file_that_is_gone(mixed, tmp_path):
    copy = dataset(shutil.copytree(mixed.root, tmp_path / "copy"))
    (copy.root / "d-wide.jpg").unlink()
    stats, found = read(copy, Preprocess(size=32))
    index = copy.names.index("d-wide.jpg")
    assert "gone" in stats.errors[index]
    assert index not in found
    assert not stats.keys[index].any()


def test_damaged_stats_are_measured_again(mixed):
    plain = measure(mixed)
    for shard in (cache_folder() / cached._STATS_FOLDER).glob("*.shard"):
        content = bytearray(shard.read_bytes())
        content[-100:] = bytes(100)
        shard.write_bytes(content)
    assert_same_stats(measure(mixed), plain)


# --- pixels -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("size", "geometry"), [*itertools.product((24, 64, 300), GEOMETRIES)])
def test_cached_pixels_are_the_decoded_ones(mixed, decodings, size, geometry):
    preprocess = Preprocess(size=size, geometry=geometry)
    positions = (0.0, 0.5, 1.0) if geometry == "crop" else (0.5,)
    _, fresh = read(mixed, preprocess, positions=positions)
    count = len(decodings)
    _, cached = read(mixed, preprocess, positions=positions)
    assert len(decodings) == count + 2  # the two that cannot be decoded are tried again
    assert fresh.keys() == cached.keys()
    for index, (key, pixels) in fresh.items():
        data = mixed.path(index).read_bytes()
        whole = decode(data, short_side=max(256, preprocess.short_side)).pixels
        expected = np.stack([preprocess.fit(whole, position=each) for each in positions])
        assert key == cached[index][0] == fingerprint_bytes(data)
        np.testing.assert_array_equal(pixels, expected, strict=True)
        np.testing.assert_array_equal(cached[index][1], expected, strict=True)


def test_small_images_are_kept_small(mixed):
    read(mixed.take(np.array([mixed.names.index("b-tiny.png")])), Preprocess(size=300))
    kept = sum(each.stat().st_size for each in (cache_folder() / "pixels").rglob("*.shard"))
    assert kept < 20 * 12 * 3 + 200


def test_decoding_happens_once(images, decodings):
    from headstart.data.open import open_dataset

    data = open_dataset(images)
    read(data, Preprocess(size=32))
    assert len(decodings) == len(data)
    measure(data)
    read(data, Preprocess(size=32, mean=(0, 0, 0)))  # the same pixels: normalised later
    assert len(decodings) == len(data)
    read(data, Preprocess(size=40))
    assert len(decodings) == 2 * len(data)


def test_what_is_not_wanted_is_measured_but_not_given(images, decodings):
    from headstart.data.open import open_dataset

    data = open_dataset(images)
    wanted = set(range(0, len(data), 3))
    keys = {fingerprint_bytes(data.path(i).read_bytes()) for i in wanted}
    stats, found = read(data, Preprocess(size=32), wants=keys.__contains__)
    assert set(found) == wanted
    assert stats.readable.all()
    assert stats.widths.all()
    read(data, Preprocess(size=48), wants=lambda key: False)
    assert len(decodings) == len(data)


def test_too_much_to_keep_is_not_kept(images, monkeypatch):
    from headstart.data.open import open_dataset

    data = open_dataset(images)
    monkeypatch.setattr(cached, "_CACHEABLE_BYTES", 32 * 32 * 3 * len(data) - 1)
    _, found = read(data, Preprocess(size=32))
    assert len(found) == len(data)
    assert not list((cache_folder() / "pixels").rglob("*.shard"))
    assert list((cache_folder() / cached._STATS_FOLDER).rglob("*.shard"))


# --- the stream ---------------------------------------------------------------------------------


def test_order_and_progress(images):
    from headstart.data.open import open_dataset

    data = open_dataset(images)
    seen = []
    stats = ImageStats.empty(len(data))
    stream = read_pixels(
        data, stats, preprocess=Preprocess(size=16), workers=4,
        progress=lambda phase, done, total: seen.append((done, total)),
    )  # fmt: skip
    assert [index for index, _, _ in stream] == list(range(len(data)))
    assert seen == [(done, len(data)) for done in range(len(data) + 1)]


def test_look_ahead_is_bounded_and_stops_when_nobody_listens(images, monkeypatch):
    from headstart.data.open import open_dataset

    data = open_dataset(images)
    data = data.take(np.tile(np.arange(len(data)), 5))  # 180 items
    monkeypatch.setattr(module, "_AHEAD_BYTES", 0)  # so the least: 32 items
    started: list[Path] = []
    real = cached.read_bytes

    def counted(path: Path) -> bytes:
        started.append(path)
        return real(path)

    monkeypatch.setattr(cached, "read_bytes", counted)
    before = threading.active_count()
    stream = read_pixels(
        data, ImageStats.empty(len(data)), preprocess=Preprocess(size=16), workers=4
    )
    for _ in range(10):
        next(stream)
    assert len(started) <= 10 + 32
    stream.close()
    assert len(started) <= 10 + 32
    assert threading.active_count() == before  # no thread is left behind
    # And what was done is kept.
    assert list((cache_folder() / cached._STATS_FOLDER).glob("*.shard"))


def test_empty_data_set(tmp_path):
    (tmp_path / "none").mkdir()
    data = dataset(tmp_path / "none")
    assert len(measure(data).keys) == 0
