"""A model of masks on a film: every frame gets its own, drawn where it is."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.tasks.segmentation.masks_here import Bright

from headstart.compute import silent
from headstart.video.predict_video import predict_video

pytest.importorskip("cv2")


@pytest.fixture
def film(tmp_path):
    from headstart.images.video import Writer

    place = tmp_path / "film.mp4"
    writer = Writer(place, rate=10)
    for number in range(20):
        pixels = np.full((120, 200, 3), 40, np.uint8)
        pixels[40:80, 4 * number : 4 * number + 60] = 220
        writer.add(pixels, number / 10)
    writer.close()
    return place


def test_each_frame_has_its_mask(film, tmp_path):
    found = predict_video(Bright(), str(film), fps=5, out=tmp_path / "a.jsonl", progress=silent)
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert len(lines) == len(found) >= 9
    assert lines[0]["pixels"]["disc"] > 1500
    assert sum(lines[0]["pixels"].values()) == 120 * 200
    record = found.record(0)
    assert record.pop("name") == f"{film} @ {lines[0].pop('seconds'):.2f} s"
    assert record == lines[0]
    assert found.objects is None
    assert not hasattr(found, "probabilities"), "maps are not kept"


def test_masks_are_drawn_on_the_film(film, tmp_path):
    from headstart.images.video import Video

    predict_video(Bright(), str(film), fps=10, out=tmp_path / "b.mp4", progress=silent)
    first = next(iter(Video(str(tmp_path / "b.mp4"), fps=10, every=True))).pixels.astype(int)
    assert first.shape == (120, 200, 3)
    red, blue = first[50:70, 10:50, 0].mean(), first[50:70, 10:50, 2].mean()
    assert red - blue > 40, "orange"
    away = first[90:115, 100:190]
    assert abs(away[..., 0].mean() - away[..., 2].mean()) < 20
