"""Frames, pages and bands beside what is read."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from tests.images.bombs import encode, png, tiff

from headstart.images.decode import decode, opened
from headstart.images.frames import first_of_several, gif_blocks, spare_bands, tiff_directories

RED, BLUE = (Image.new("RGB", (32, 32), colour) for colour in ("red", "blue"))


@pytest.mark.parametrize("form", ["GIF", "WEBP", "TIFF", "PNG"])
def test_several(form):
    one, two = encode(RED, form), encode(RED, form, save_all=True, append_images=[BLUE])
    assert not decode(one).several
    assert decode(two).several
    assert decode(two).pixels[16, 16, 0] > 240
    assert first_of_several(opened(two), two)


def test_a_small_version_of_the_image_is_no_page(tmp_path):
    """As maps have them, of half and a quarter of the size."""
    small = RED.resize((16, 16))
    small.encoderinfo = {}
    two = encode(RED, "TIFF", save_all=True, append_images=[small])
    second = list(tiff_directories(two))[1]
    assert len(list(tiff_directories(two))) == 2
    # The second directory's first tag becomes the kind of page it is: a reduced version.
    at = second.offset if hasattr(second, "offset") else second._offset
    changed = bytearray(two)
    changed[at + 2 : at + 14] = (
        (254).to_bytes(2, "little")
        + (4).to_bytes(2, "little")
        + (1).to_bytes(4, "little")
        + (1).to_bytes(4, "little")
    )
    assert decode(two).several
    assert not decode(bytes(changed)).several


def test_directories_that_point_at_each_other_end():
    data = bytearray(tiff(np.zeros((4, 4), np.uint8)))
    count = int.from_bytes(data[8:10], "little")
    data[10 + 12 * count : 14 + 12 * count] = (8).to_bytes(4, "little")
    assert len(list(tiff_directories(bytes(data)))) == 16


def test_blocks_of_a_gif():
    two = encode(RED, "GIF", save_all=True, append_images=[BLUE], comment=b"hello")
    kinds = [kind for kind, _ in gif_blocks(two, frames=9)]
    assert kinds.count(b",") == 2
    assert kinds.count(b"!") >= 2
    assert [kind for kind, _ in gif_blocks(two, frames=1)][-1] == b","
    assert list(gif_blocks(b"GIF89a", frames=1)) == []


def test_spare_bands():
    four = np.zeros((8, 8, 4), np.uint8)
    assert spare_bands(opened(tiff(four, light=2, extra=(0,))))
    assert not spare_bands(opened(tiff(four, light=2, extra=(2,))))  # transparency
    assert not spare_bands(opened(png(four)))
    assert decode(tiff(four, light=2, extra=(0,))).spare
