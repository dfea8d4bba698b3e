"""What begins like an image is one, whatever it is called."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from headstart.data.files.signature import begins_like_image, is_annotation


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"])
def test_images_of_every_kind(tmp_path, kind):
    buffer = io.BytesIO()
    Image.new("RGB", (4, 4)).save(buffer, kind)
    path = tmp_path / "x"
    path.write_bytes(buffer.getvalue())
    assert begins_like_image(str(path))


def test_large_tiffs(tmp_path):
    (tmp_path / "x").write_bytes(b"II+\0\x08\0\0\0")
    assert begins_like_image(str(tmp_path / "x"))


@pytest.mark.parametrize("content", [b"", b"%PDF-1.4", b"BMW is a car", b"RIFF\0\0\0\0AVI LIST"])
def test_other_files(tmp_path, content):
    path = tmp_path / "x"
    path.write_bytes(content)
    assert not begins_like_image(str(path))
    assert not begins_like_image(str(tmp_path / "nowhere"))


def test_texts_and_raw_files_are_not_opened():
    assert is_annotation("a/1.TXT")
    assert is_annotation("DSC_1.NEF")
    assert not is_annotation("photo.jpg_large")
    assert not is_annotation("photo")
