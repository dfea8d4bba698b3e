from __future__ import annotations

import io

import pytest
from PIL import Image

from headstart.errors import ImageError
from headstart.images.thumbnails import thumbnail


def test_it_is_small_upright_and_keeps_its_shape(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (600, 300), "red").save(tmp_path / "turned.jpg", exif=exif)
    assert Image.open(io.BytesIO(thumbnail(tmp_path / "turned.jpg", 100))).size == (50, 100)


def test_what_is_no_image_is_an_error(tmp_path):
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(ImageError):
        thumbnail(tmp_path / "torn.jpg", 100)
