"""Levels deeper than 8 bits: all their bits are read, and one rule brings all images to 8."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from PIL import Image
from tests.images.bombs import chunk, encode, png, tiff

from headstart.errors import ImageError
from headstart.images.decode import decode, opened, upright
from headstart.images.deep import (
    EIGHT_BITS,
    common_levels,
    deep_levels,
    is_deep,
    loaded_levels,
    scaled,
)

TWELVE = (0.0, 4095.0)


def colours(top: int = 4095, *, bands: int = 3) -> np.ndarray:
    """(40, 50, bands) uint16 ramps; most differ only in bits that Pillow cuts off."""
    y, x = np.mgrid[0:40, 0:50] / 49
    return (np.stack([x, y * 49 / 39, 1 - x, np.ones_like(x)][:bands], -1) * top).astype(np.uint16)


def wanted(levels: np.ndarray, top: float) -> np.ndarray:
    return np.rint(levels.astype(float) * (255 / top))


@pytest.mark.parametrize("make", [png, lambda a: tiff(a, light=2)], ids=["PNG", "TIFF"])
@pytest.mark.parametrize("top", [1023, 4095, 16383, 65535])
def test_all_bits_of_colours_are_read(make, top):
    levels = colours(top)
    got = decode(make(levels), levels=(0.0, float(top)))
    assert np.abs(got.pixels - wanted(levels, top)).max() <= 1
    assert (got.low, got.mode) == (pytest.approx(0, abs=top / 40), "RGB")
    assert top * 0.97 < got.high <= top


@pytest.mark.parametrize("order", ["<", ">"])
def test_compressed_and_big_endian_tiffs(order):
    levels = colours(4095)[..., 0]
    image = Image.fromarray(levels)
    for scheme in ("raw", "tiff_lzw", "tiff_deflate"):
        data = encode(image, "TIFF", compression=scheme, big_endian=order == ">")
        got = decode(data, levels=TWELVE).pixels[..., 0]
        assert np.abs(got - wanted(levels, 4095)).max() <= 1


def test_compressed_colours_of_a_tiff():
    """By libtiff, which gives the bytes in this machine's order."""
    import zlib

    levels = colours(4095)
    plain = tiff(levels, light=2)
    body = zlib.compress(levels.tobytes())
    packed = plain.replace(levels.tobytes(), body)
    at = packed.index((259).to_bytes(2, "little"), 8)
    packed = packed[: at + 8] + (8).to_bytes(4, "little") + packed[at + 12 :]
    at = packed.index((279).to_bytes(2, "little"), 8)
    packed = packed[: at + 8] + len(body).to_bytes(4, "little") + packed[at + 12 :]
    assert opened(packed).tile[0].codec_name == "libtiff"
    assert np.abs(decode(packed, levels=TWELVE).pixels - wanted(levels, 4095)).max() <= 1


def test_transparency_of_deep_images_lies_over_white():
    levels = colours(4095, bands=4)
    levels[..., 3] = 65535
    levels[:20, :, 3] = 0
    got = decode(png(levels), levels=TWELVE).pixels
    assert (got[:20] == 255).all()
    assert np.abs(got[20:] - wanted(levels[20:, :, :3], 4095)).max() <= 1
    two = np.ascontiguousarray(levels[..., [0, 3]])
    got = decode(png(two), levels=TWELVE).pixels
    assert (got[:20] == 255).all()
    assert np.abs(got[20:, :, 0] - wanted(two[20:, :, 0], 4095)).max() <= 1
    grey = colours(4095)[..., 0]
    key = chunk(b"tRNS", int(grey[0, 0]).to_bytes(2))
    got = decode(png(grey, extra=key), levels=TWELVE).pixels[..., 0]
    assert got[0, 0] == 255
    assert got[20, 1] == pytest.approx(wanted(grey, 4095)[20, 1], abs=1)


def test_what_the_file_says_is_white_needs_no_guess():
    grey = colours(999)[..., 0]
    raw = grey.astype(">u2").tobytes()
    for given in (None, EIGHT_BITS, TWELVE):
        got = decode(b"P5\n50 40\n999\n" + raw, levels=given)
        assert np.abs(got.pixels[..., 0] - wanted(grey, 999)).max() <= 1
        assert (got.low, got.high) == (0, 0)
    colour = colours(999).astype(">u2").tobytes()
    got = decode(b"P6 50 40 999\n" + colour, levels=EIGHT_BITS).pixels
    assert np.abs(got - wanted(colours(999), 999)).max() <= 1
    with pytest.raises(ImageError, match="truncated"):
        decode(b"P6 50 40 999\n" + colour[:-1])


def test_lowest_level_white():
    levels = colours(4095)[..., 0]
    got = decode(tiff(levels, light=0), levels=TWELVE).pixels[..., 0]
    assert np.abs(got - (255 - wanted(levels, 4095))).max() <= 1


def test_what_cannot_be_read_whole_is_refused():
    with pytest.raises(ImageError, match="separate planes"):
        decode(tiff(colours(), light=2, more={284: 2}))


def test_hot_pixels_do_not_decide():
    frame = np.full((64, 64), 3600, np.uint16) + np.arange(64, dtype=np.uint16) * 7
    hot = frame.copy()
    hot[0, 0] = 4100
    one, two = (
        decode(encode(Image.fromarray(each), "PNG"), levels=TWELVE) for each in (frame, hot)
    )
    assert one.high == two.high
    assert (one.pixels != two.pixels).any(axis=2).sum() == 1
    own, its = (decode(encode(Image.fromarray(each), "PNG")).pixels for each in (frame, hot))
    assert (own != its).any(axis=2).sum() == 1
    assert own.std() > 50


@pytest.mark.parametrize(
    ("lows", "highs", "floats", "levels"),
    [
        ([], [], [], EIGHT_BITS),
        ([0, 0], [255, 90], [0, 0], EIGHT_BITS),
        ([0], [3], [0], EIGHT_BITS),  # a mask of 0 to 3, as it was
        ([0, 200], [256, 255], [0, 0], (0, 1023)),
        ([1500, 1500], [4095, 4000], [0, 0], (0, 4095)),
        ([0, 0], [4095, 4096], [0, 0], (0, 16383)),
        ([0], [65535], [0], (0, 65535)),
        ([0], [70000], [0], (0, 70000)),
        ([7000, 7010], [7200, 7100], [0, 0], (7000, 7200)),  # a heat camera
        ([-1000, -900], [3000, 2000], [0, 0], (-1000, 3000)),
        ([0.0, 0.1], [1.0, 0.5], [1, 1], (0, 1)),
        ([0.0], [1.2], [1], (0, 1.2)),
        ([0.01], [0.02], [1], (0.01, 0.02)),
        ([0.0], [200.0], [1], (0, 255)),
        ([5], [5], [0], EIGHT_BITS),
        ([300], [300], [0], (300, 304.6875)),
    ],
)
def test_common_levels(lows, highs, floats, levels):
    found = common_levels(np.array(lows, float), np.array(highs, float), np.array(floats, bool))
    assert found == pytest.approx(levels)


def test_beyond_the_models_levels(caplog):
    twelve = encode(Image.fromarray(colours(4095)[..., 0]), "PNG")
    full = encode(Image.fromarray(colours(65535)[..., 0]), "PNG")
    with pytest.raises(ImageError, match=r"deeper than 8 bits \(levels of 0 to"):
        decode(twelve, levels=EIGHT_BITS)
    assert decode(full, levels=EIGHT_BITS).pixels.max() == 255  # nothing to guess
    with pytest.raises(ImageError, match="where those of the images that the model learned from"):
        decode(full, levels=TWELVE)
    assert decode(twelve, levels=(0.0, 65535.0)).pixels.max() < 17
    with caplog.at_level(logging.WARNING):
        got = decode(twelve, levels=(100.0, 3900.0)).pixels
    assert "cut off" in caplog.text
    assert (got.min(), got.max()) == (0, 255)
    eight = encode(Image.fromarray(colours(255)[..., 0]), "PNG")
    assert np.array_equal(decode(eight, levels=EIGHT_BITS).pixels[..., 0], colours(255)[..., 0])


@pytest.mark.filterwarnings("error")
def test_the_largest_floats_keep_their_order():
    """Their differences are larger than any float of their own size."""
    levels = np.array([[-3e38, -1e38, 1e38, 3e38]], np.float32)
    shown = decode(tiff(levels), levels=(-3e38, 3e38)).pixels[0, :, 0]
    assert shown.tolist() == [0, 85, 170, 255]


def test_even_images_look_even():
    noise = np.random.default_rng(0).integers(-3, 4, (64, 64))
    even = (3000 + noise).astype(np.uint16)
    assert decode(encode(Image.fromarray(even), "PNG")).pixels.std() < 60
    flat = np.full((8, 8), 3000, np.uint16)
    assert decode(encode(Image.fromarray(flat), "PNG")).pixels.std() == 0


def test_images_that_somebody_opened():
    image = Image.fromarray(colours(4095)[..., 0])
    assert np.abs(upright(image, TWELVE)[..., 0] - wanted(colours()[..., 0], 4095)).max() <= 1
    with pytest.raises(ImageError, match="deeper"):
        upright(image, EIGHT_BITS)
    assert loaded_levels(image).high > 4000
    data = png(colours())
    deep = deep_levels(opened(data), data, lambda: opened(data))
    assert (deep.mode, deep.values.dtype) == ("RGB", np.uint16)
    assert np.array_equal(deep.values, colours())
    assert scaled(deep, TWELVE).mode == "RGB"
    assert is_deep(opened(data))
    assert not is_deep(opened(encode(Image.new("RGB", (4, 4)), "PNG")))
