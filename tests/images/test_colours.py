"""Large images, which are converted in bands of rows, come out as small ones do."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image, ImageOps
from tests.images.bombs import encode

from headstart.images import colours
from headstart.images.colours import orientation_of, upright_pixels
from headstart.images.decode import decode


@pytest.fixture(autouse=True)
def in_bands(monkeypatch):
    monkeypatch.setattr(colours, "_AT_ONCE", 100)
    monkeypatch.setattr(colours, "_ROWS", 7)


def photo() -> Image.Image:
    noise = np.random.default_rng(0).integers(0, 256, (50, 70, 3), dtype=np.uint8)
    return Image.fromarray(noise)


@pytest.mark.parametrize("form", ["PNG", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned(form, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encode(photo(), form, exif=exif)
    with Image.open(io.BytesIO(data)) as image:
        assert orientation_of(image) == orientation
        wanted = np.asarray(ImageOps.exif_transpose(image))
    assert np.array_equal(decode(data).pixels, wanted)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "CMYK"])
def test_modes(mode, monkeypatch):
    image = photo().convert("RGBA" if mode in ("LA", "RGBA") else "RGB")
    if mode in ("LA", "RGBA"):
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    image = image.quantize(64) if mode == "P" else image.convert(mode)
    banded = upright_pixels(image, 1)
    assert not banded.flags.writeable
    monkeypatch.setattr(colours, "_AT_ONCE", 1 << 30)
    assert np.array_equal(banded, upright_pixels(image, 1))


def test_transparency_lies_over_white_where_one_band_has_none():
    image = photo().convert("RGBA")
    image.paste((1, 2, 3, 0), (0, 30, 70, 50))
    got = upright_pixels(image, 1)
    assert (got[30:] == 255).all()
    assert np.array_equal(got[:30], np.asarray(photo())[:30])
