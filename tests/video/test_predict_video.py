"""A model on a video; more with trained models in `tests/verbs/test_watch.py`."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.models import CLASSES, NUMBERS, exported_file, random_model

from headstart.compute import silent
from headstart.scoring.run_predictor import RunPredictor
from headstart.video.predict_video import predict_video

pytest.importorskip("cv2", reason="needs OpenCV")

from headstart.images.video import Writer


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    writer = Writer(path, rate=10)
    rng = np.random.default_rng(0)
    for number in range(30):
        pixels = np.repeat(np.repeat(rng.integers(0, 120, (24, 32, 3), np.uint8), 4, 0), 4, 1)
        pixels[..., number // 10] += 100
        writer.add(pixels)
    writer.close()
    return path


@pytest.mark.parametrize("spec", [CLASSES, NUMBERS])
@pytest.mark.parametrize("kind", ["file", "run"])
def test_lines_are_the_records_of_the_frames(video, tmp_path, spec, kind):
    model = random_model(spec)
    run = kind == "run"
    predictor = RunPredictor(model) if run else exported_file(model, tmp_path / "m.onnx")
    out = tmp_path / "lines.jsonl"
    found = predict_video(predictor, str(video), fps=2, out=out, progress=silent)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(lines) == len(found) == 6
    for number, line in enumerate(lines):
        record = found.record(number)
        assert record.pop("name") == f"{video} @ {line.pop('seconds'):.2f} s"
        assert list(line) == list(record)
        for key, value in record.items():
            exact = isinstance(value, str | bool)
            assert line[key] == (value if exact else pytest.approx(value, rel=1e-5))
