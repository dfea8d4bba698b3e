"""A photo and all faces on it, in pixels of what was decoded."""

from __future__ import annotations

import io

import numpy as np
import pytest

pytest.importorskip("cv2", reason="needs OpenCV")

from headstart.errors import ImageError
from headstart.images import detect
from headstart.images.faces import NO_FACE, Faces
from headstart.images.photo import every_face_of
from headstart.images.preprocess import Preprocess

from ..drawn_faces import detector_file, find_drawn_faces, photo


@pytest.fixture
def sees(tmp_path, monkeypatch) -> Preprocess:
    """How a model sees drawn faces, 32 pixels wide."""
    find_drawn_faces(monkeypatch)
    file = detector_file(tmp_path)
    finder = Faces(str(file), detect.register_detector(file.read_bytes()))
    return Preprocess(32, geometry="square", faces=finder)


def encoded(image, form: str = "PNG", **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


CROWD = [(40, 60, 50, "pale"), (120, 60, 30, "dark")]


@pytest.mark.parametrize("tta", [1, 2])
def test_every_face_with_its_views(sees, tta):
    found = every_face_of(sees, tta, encoded(photo(CROWD)))
    assert found.pixels.shape == (120, 160, 3)
    assert found.ratio == 1
    assert [round(face.side) for face, _ in found.faces] == pytest.approx([50, 30], abs=3)
    for _, views in found.faces:
        assert views.shape == (tta, 32, 32, 3)
        assert views.dtype == np.uint8


def test_faces_are_what_preprocessing_gives(sees):
    data = encoded(photo(CROWD))
    found = every_face_of(sees, 1, data)
    again = sees.every_face(found.pixels, 1)
    for (one, views), (other, wanted) in zip(found.faces, again, strict=True):
        assert np.array_equal(one.box, other.box)
        assert np.array_equal(views, wanted)


def test_a_large_jpeg_is_decoded_smaller_and_says_how_much(sees):
    image = photo([(1600, 1200, 900, "pale")], size=(3200, 2400))
    found = every_face_of(sees, 1, encoded(image, "JPEG", quality=90))
    assert found.pixels.shape[1] < 3200
    assert found.ratio == pytest.approx(3200 / found.pixels.shape[1])
    [(face, _)] = found.faces
    middle = found.ratio * (face.box[:2] + face.box[2:] / 2)
    assert middle == pytest.approx((1600, 1200), abs=60)


def test_a_photo_lies_as_its_exif_says(sees):
    from PIL import Image

    upright = photo([(50, 40, 40, "dark")], size=(160, 120))
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise when shown
    lying = upright.transpose(Image.Transpose.ROTATE_90)
    found = every_face_of(sees, 1, encoded(lying, "PNG", exif=exif))
    assert found.pixels.shape == (120, 160, 3)
    [(face, _)] = found.faces
    assert face.turned == 0
    assert face.box[:2] + face.box[2:] / 2 == pytest.approx((50, 40), abs=4)


def test_no_face_is_a_reason(sees):
    with pytest.raises(ImageError, match=NO_FACE):
        every_face_of(sees, 1, encoded(photo([])))


@pytest.mark.parametrize(
    ("data", "reason"), [(b"", "empty"), (b"hello", "text"), (b"\xff\xd8\xff", "JPEG")]
)
def test_what_is_no_image_is_a_reason(sees, data, reason):
    with pytest.raises(ImageError, match=reason):
        every_face_of(sees, 1, data)


def test_too_large_is_refused_by_the_header(sees):
    with pytest.raises(ImageError, match="too large"):
        every_face_of(sees, 1, encoded(photo(CROWD)), max_pixels=1000)
