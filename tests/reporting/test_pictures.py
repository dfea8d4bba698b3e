from __future__ import annotations

import base64
import io

import pytest
from PIL import Image

from headstart.reporting.pictures import as_source, images_of, picture_of

KNOWN = {"a/1.jpg", "b/2 (copy).jpg", "c = d.jpg"}


@pytest.mark.parametrize(
    ("evidence", "names"),
    [
        ("a/1.jpg", ["a/1.jpg"]),
        ("a/1.jpg = b/2 (copy).jpg", ["a/1.jpg", "b/2 (copy).jpg"]),
        ("a/1.jpg ~ b/2 (copy).jpg", ["a/1.jpg", "b/2 (copy).jpg"]),
        ("a/1.jpg (30 x 4)", ["a/1.jpg"]),
        ("a/1.jpg: truncated", ["a/1.jpg"]),
        ("c = d.jpg", ["c = d.jpg"]),
        ("a/1.jpg = \u2026 (9 in all)", ["a/1.jpg"]),
        ("Blowhole: median 220 x 288", []),
    ],
)
def test_which_images_a_line_is_about(evidence, names):
    assert images_of(evidence, KNOWN) == names


def test_a_picture_is_the_source_of_an_img(tmp_path):
    Image.new("RGB", (600, 300), "red").save(tmp_path / "wide.png")
    text = picture_of(tmp_path / "wide.png")
    data = base64.b64decode(text.removeprefix("data:image/jpeg;base64,"))
    assert Image.open(io.BytesIO(data)).size == (144, 72)
    assert as_source(data) == text


def test_what_cannot_be_read_has_none(tmp_path):
    (tmp_path / "torn.jpg").write_bytes(b"\xff\xd8\xff")
    assert picture_of(tmp_path / "torn.jpg") is None
    assert picture_of(tmp_path / "gone.jpg") is None


def test_a_class_may_have_brackets_too():
    assert images_of("a.jpg (dog (small) 1 2 to 3 4)", {"a.jpg"}) == ["a.jpg"]
