"""A notebook shows the boxes on the images, and grey where there is no file."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
from PIL import Image

from headstart.tasks.detection.detections import Detections
from headstart.tasks.detection.drawn import class_colour
from headstart.tasks.detection.notebook import boxes_html


def found(names: tuple[str, ...], **more) -> Detections:
    n = len(names)
    given = {
        "offsets": np.arange(n + 1), "corners": np.tile([20.0, 10, 90, 60], (n, 1)),
        "scores": np.full(n, 0.9), "labels": np.zeros(n, np.int64),
        "sizes": np.full((n, 2), (160, 120)), "threshold": 0.5,
    }  # fmt: skip
    return Detections(names, ("<cat>", "dog"), **given | more)


def pictures(html: str) -> list[np.ndarray]:
    parts = re.findall(r"base64,([A-Za-z0-9+/=]+)", html)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(each)))) for each in parts]


def test_boxes_are_drawn_on_the_images(tmp_path):
    file = tmp_path / "one.png"
    Image.fromarray(np.zeros((120, 160, 3), np.uint8)).save(file)
    html = boxes_html(found((str(file), "image 2")))
    shown = pictures(html)
    assert [each.shape for each in shown] == [(120, 160, 3)] * 2
    wanted = np.array(class_colour(0), int)
    assert np.abs(shown[0][35, 20].astype(int) - wanted).max() < 90
    assert (shown[1][5, 150] > 140).all(), "grey where there is no file"
    assert "&lt;cat&gt;" in html
    assert "dog" not in html
    assert "<cat>" not in html


def test_of_many_the_first_and_of_errors_the_reason():
    many = found(tuple(f"image {i}" for i in range(9)), errors={"image 1": "torn"})
    html = many._repr_html_()
    assert len(pictures(html)) == 5
    assert "the first 6 of 9" in html
    assert "torn" in html
    assert boxes_html(found(())) == "<table></table>"
