from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from headstart.errors import ImageError
from headstart.images.thumbnails import region_thumbnail, thumbnail


def test_it_is_small_upright_and_keeps_its_shape(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (600, 300), "red").save(tmp_path / "turned.jpg", exif=exif)
    assert Image.open(io.BytesIO(thumbnail(tmp_path / "turned.jpg", 100))).size == (50, 100)


def test_what_is_no_image_is_an_error(tmp_path):
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(ImageError):
        thumbnail(tmp_path / "torn.jpg", 100)


@pytest.mark.parametrize(
    "region",
    [(100, 50, 140, 90), (140, 90, 100, 50), (100, 50, 100, 50), (-900, -900, -800, -700),
     (590, 290, 900, 900), (0, 0, 600, 300), (0, 0, 1e9, 1e9)],
)  # fmt: skip
def test_a_part_of_an_image_is_framed_wherever_it_lies(tmp_path, region):
    Image.new("RGB", (600, 300), "blue").save(tmp_path / "x.png")
    part = Image.open(io.BytesIO(region_thumbnail(tmp_path / "x.png", 96, region)))
    assert part.size == (96, 96)
    red = np.asarray(part, int)[..., 0] - np.asarray(part, int)[..., 2]
    assert (red > 90).any(), "the frame is seen"


def test_what_is_framed_is_what_lies_there(tmp_path):
    image = Image.new("RGB", (600, 300), "blue")
    image.paste("lime", (100, 50, 140, 90))
    image.save(tmp_path / "x.png")
    part = np.asarray(
        Image.open(io.BytesIO(region_thumbnail(tmp_path / "x.png", 100, (100, 50, 140, 90))))
    )
    assert part[50, 50, 1] > 200
    assert part[50, 15, 2] > 200
    assert part[15, 50, 2] > 200
