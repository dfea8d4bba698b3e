"""What one decoding tells of an image: sizes, hash, contrast and a thumbnail."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps
from tests.conftest import draw_image

from headstart.images.decode import Decoded, decode
from headstart.images.stats import THUMB, ImageStats, image_stats


def decoded(image: Image.Image, form: str = "PNG", **options: object) -> Decoded:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return decode(stream.getvalue())


def plain(pixels: np.ndarray) -> Decoded:
    return decoded(Image.fromarray(pixels))


def bits(dhash: np.ndarray) -> np.ndarray:
    return np.unpackbits(dhash).reshape(16, 16)


def apart(one: np.ndarray, other: np.ndarray) -> int:
    return int(np.bitwise_count(one ^ other).sum())


def test_shapes_and_types():
    got = image_stats(decoded(draw_image(0, 0, 100).resize((100, 60))))
    assert (got.width, got.height, got.mode, got.format) == (100, 60, "RGB", "PNG")
    assert (got.dhash.shape, got.dhash.dtype) == ((32,), np.uint8)
    assert (got.thumbnail.shape, got.thumbnail.dtype) == ((THUMB, THUMB, 3), np.uint8)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (7, 3), (17, 16), (2000, 20)])
def test_any_size(size):
    got = image_stats(decoded(Image.new("RGB", size, (10, 200, 90))))
    assert (got.width, got.height) == size
    assert got.contrast == 0
    assert not got.dhash.any()
    assert (got.thumbnail == (10, 200, 90)).all()


def test_contrast_is_the_spread_of_grey_levels():
    halves = np.zeros((64, 64, 3), np.uint8)
    halves[:, 32:] = 200
    assert image_stats(plain(halves)).contrast == pytest.approx(100, abs=1)
    assert image_stats(plain(np.full((64, 64, 3), 77, np.uint8))).contrast == 0
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    assert 30 < image_stats(plain(noise)).contrast < 60


def test_the_hash_tells_where_it_becomes_brighter():
    ramp = np.repeat(np.linspace(0, 255, 170).astype(np.uint8)[None, :, None], 3, axis=2)
    ramp = np.repeat(ramp, 160, axis=0)
    assert bits(image_stats(plain(ramp)).dhash).all()
    assert not bits(image_stats(plain(ramp[:, ::-1])).dhash).any()
    assert not bits(image_stats(plain(ramp.transpose(1, 0, 2))).dhash).any()
    both = ramp.copy()
    both[80:] = ramp[80:, ::-1]
    found = bits(image_stats(plain(both)).dhash)
    assert found[:8].all()
    assert not found[8:].any()


@pytest.mark.parametrize("kind", [0, 1, 2])
def test_the_hash_survives_what_copies_go_through(kind):
    image = draw_image(kind, 1, 240)
    wanted = image_stats(decoded(image)).dhash
    for copy in (
        decoded(image, "JPEG", quality=60),
        decoded(image.resize((120, 120), Image.Resampling.BICUBIC)),
        decoded(image.resize((300, 240), Image.Resampling.BICUBIC)),
        decoded(image.point(lambda value: value * 0.8)),
    ):
        assert apart(image_stats(copy).dhash, wanted) <= 40
    other = image_stats(decoded(ImageOps.mirror(image))).dhash
    assert apart(other, wanted) > 60


def test_colour_does_not_change_the_hash_but_the_thumbnail():
    grey = draw_image(0, 3, 96).convert("L")
    one, other = image_stats(decoded(grey.convert("RGB"))), image_stats(decoded(grey))
    assert np.array_equal(one.dhash, other.dhash)
    red = np.zeros((96, 96, 3), np.uint8)
    red[..., 0] = np.asarray(grey)
    assert not np.array_equal(image_stats(plain(red)).thumbnail, one.thumbnail)


def test_the_thumbnail_is_the_mean_of_its_cells():
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    wanted = pixels.reshape(THUMB, 4, THUMB, 4, 3).mean(axis=(1, 3))
    assert np.abs(image_stats(plain(pixels)).thumbnail - wanted).max() <= 1


def test_a_decoding_at_reduced_scale_tells_the_same():
    stream = io.BytesIO()
    draw_image(1, 2).resize((900, 640)).save(stream, "JPEG", quality=95)
    whole = image_stats(decode(stream.getvalue()))
    small = image_stats(decode(stream.getvalue(), short_side=100))
    assert (small.width, small.height) == (whole.width, whole.height) == (900, 640)
    assert apart(small.dhash, whole.dhash) < 30
    assert np.abs(small.thumbnail.astype(int) - whole.thumbnail).mean() < 4


# --- of many images -----------------------------------------------------------------------------


def many(count: int) -> ImageStats:
    stats = ImageStats.empty(count)
    for index in range(count):
        stats.put(index, image_stats(decoded(draw_image(index % 3, index, 20 + index))))
        stats.keys[index] = index
    return stats


def test_none():
    stats = ImageStats.empty(0)
    assert stats.readable.shape == (0,)
    assert stats.take(np.array([], int)).widths.shape == (0,)


def test_what_is_put_in_is_there():
    one = image_stats(decoded(draw_image(0, 0, 33).convert("LA")))
    stats = ImageStats.empty(2)
    stats.put(1, one)
    assert stats.widths.tolist() == [0, 33]
    assert stats.modes.tolist() == ["", "LA"]
    assert stats.formats.tolist() == ["", "PNG"]
    assert stats.contrast[1] == pytest.approx(one.contrast)
    assert np.array_equal(stats.dhashes[1], one.dhash)
    assert np.array_equal(stats.thumbnails[1], one.thumbnail)
    assert not stats.thumbnails[0].any()


def test_errors_are_not_readable():
    stats = many(4)
    stats.errors[2] = "empty"
    assert stats.readable.tolist() == [True, True, False, True]


@pytest.mark.parametrize(
    "chosen",
    [np.array([3, 0, 2]), np.array([True, False, True, True, False]), np.array([], int)],
)
def test_taking_rows_takes_their_errors(chosen):
    stats = many(5)
    stats.errors.update({2: "two", 4: "four"})
    rows = np.flatnonzero(chosen) if chosen.dtype == bool else chosen
    got = stats.take(chosen)
    assert got.keys[:, 0].tolist() == rows.tolist()
    for name in ("widths", "heights", "modes", "formats", "contrast", "dhashes", "thumbnails"):
        assert np.array_equal(getattr(got, name), getattr(stats, name)[rows])
    assert got.errors == {at: "two" for at, row in enumerate(rows) if row == 2}
    assert got.readable.tolist() == [row != 2 for row in rows]
