"""Whatever may be given as an image."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headstart.errors import ImageError
from headstart.images.given import bytes_of, inputs_of, is_path, listed, names_of
from headstart.images.preprocess import Preprocess

SEES = Preprocess(16, geometry="square")
RED = np.full((20, 30, 3), (200, 10, 10), np.uint8)


def test_one_or_many():
    assert listed("a.png") == ["a.png"]
    assert listed(b"x") == [b"x"]
    assert len(listed(RED)) == 1
    assert len(listed(np.stack([RED, RED]))) == 2
    assert listed(np.array(["a", "b"])) == ["a", "b"]
    assert len(listed(Image.fromarray(RED))) == 1
    assert listed(iter(["a", Path("b")])) == ["a", Path("b")]


def test_names():
    assert names_of(["a/b.png", b"x", RED, Path("c")]) == ("a/b.png", "image 2", "image 3", "c")
    assert [is_path(each) for each in ("a", Path("b"), b"c", RED)] == [True, True, False, False]


def test_kinds_of_one_image_are_the_same_pixels(tmp_path):
    picture = Image.fromarray(RED)
    picture.save(tmp_path / "a.png")
    data = (tmp_path / "a.png").read_bytes()
    kinds = [
        tmp_path / "a.png",
        str(tmp_path / "a.png"),
        data,
        picture,
        RED,
        Image.open(io.BytesIO(data)),
    ]
    first, *others = [inputs_of(each, SEES, 2) for each in kinds]
    assert first.shape == (2, 16, 16, 3)
    assert all((first == each).all() for each in others)


def test_grey_is_three_times_the_same_and_see_through_is_on_white():
    grey = inputs_of(np.full((9, 9), 77, np.uint8), SEES, 1)
    assert (grey == 77).all()
    clear = Image.new("RGBA", (9, 9), (0, 0, 0, 0))
    assert (inputs_of(clear, SEES, 1) == 255).all()


def test_an_opened_photo_is_turned_upright():
    tall = Image.fromarray(np.concatenate([np.zeros((10, 10, 3), np.uint8), RED[:10, :10]]))
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO()
    tall.save(stream, "PNG", exif=exif)
    squash = Preprocess(16, geometry="squash")
    opened = inputs_of(Image.open(io.BytesIO(stream.getvalue())), squash, 1)
    assert (opened == inputs_of(stream.getvalue(), squash, 1)).all()
    assert opened[0, 8, 1, 0] > 150 > opened[0, 8, 14, 0]


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (
            np.zeros((4, 4, 3)),
            r"wanted uint8 \(H, W, 3\) RGB, got float64 \(4, 4, 3\).*255 \* image",
        ),
        (np.zeros((3, 8, 9), np.uint8), r"got uint8 \(3, 8, 9\): channels come last"),
        (np.zeros((4, 4, 4), np.uint8), r"got uint8 \(4, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), r"got uint8 \(0, 4, 3\)"),
        (np.zeros(3, np.uint8), r"got uint8 \(3,\)"),
        (7, "got int"),
        (None, "got NoneType"),
        (b"text", "text file"),
        ("nowhere.png", "gone"),
    ],
)
def test_what_is_no_image_is_said(image, words):
    with pytest.raises(ImageError, match=words):
        inputs_of(image, SEES, 1)


def test_a_damaged_file_that_was_opened(tmp_path):
    Image.fromarray(RED).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:-30])
    with Image.open(tmp_path / "a.png") as opened, pytest.raises(ImageError):
        inputs_of(opened, SEES, 1)


def test_what_is_in_memory_or_open_is_one_image(tmp_path):
    written = io.BytesIO()
    Image.fromarray(RED).save(written, "PNG")
    data = written.getvalue()
    for each in (bytearray(data), memoryview(data), io.BytesIO(data)):
        assert listed(each) == [data]
        assert bytes_of(listed(each)[0] if not isinstance(each, io.BytesIO) else data) == data
    (tmp_path / "a.png").write_bytes(data)
    with (tmp_path / "a.png").open("rb") as stream:
        assert listed([stream, RED])[0] == data

    class Tensor:
        ndim = 3

        def __iter__(self):
            return iter([1, 2])

    whole = Tensor()
    assert listed(whole) == [whole]
    for wrong in (None, 3, {"a": RED}):
        with pytest.raises(ImageError, match="wanted a path, bytes, a Pillow image or an array"):
            listed(wrong)


def test_every_kind_becomes_the_bytes_of_a_file(tmp_path):
    Image.fromarray(RED).save(tmp_path / "a.png")
    for each in (tmp_path / "a.png", (tmp_path / "a.png").read_bytes(), RED, Image.fromarray(RED)):
        assert (np.asarray(Image.open(io.BytesIO(bytes_of(each)))) == RED).all()
    for wrong in (RED.astype(float), 3):
        with pytest.raises(ImageError, match="wanted"):
            bytes_of(wrong)
