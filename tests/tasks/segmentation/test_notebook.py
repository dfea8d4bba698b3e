from __future__ import annotations

import base64
import dataclasses
import io
import re

import numpy as np
from PIL import Image

from headstart.records import to_json

from .masks_here import PALETTE, maps_of, scene

SCENES = [scene(seed) for seed in range(8)]


def pictures(html):
    for data in re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html):
        yield np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).astype(int)


def test_masks_are_laid_over_the_files(tmp_path):
    names = []
    for number, mask in enumerate(SCENES):
        names.append(str(tmp_path / f"<{number}>.png"))
        Image.fromarray(PALETTE[mask]).save(names[-1])
    maps = dataclasses.replace(maps_of(SCENES), names=tuple(names))
    html = maps._repr_html_()
    shown = list(pictures(html))
    assert len(shown) == 6
    assert np.abs(shown[0] - PALETTE[SCENES[0]]).mean() < 30
    assert "the first 6 of 8" in html
    assert "&lt;0&gt;.png" in html
    assert "#ffa000" in html, "a legend"


def test_what_is_no_file_is_shown_on_grey():
    maps = maps_of(SCENES[:2])
    maps.probabilities[1] = np.nan
    maps.errors["001.png"] = "torn"
    html = maps._repr_html_()
    assert len(list(pictures(html))) == 1
    assert "torn" in html


def test_json_has_masks_and_not_the_numbers_of_the_network():
    text = to_json(maps_of(SCENES[:2]))
    assert '"counts"' in text
    assert "probabilities" not in text
    assert len(text) < 6000
