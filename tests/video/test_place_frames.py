"""Objects on a film are followed, counted and drawn; maps and boxes of frames are not kept."""

from __future__ import annotations

import gc
import json

import numpy as np
import pytest
from tests.drawn_masks import draw_masked
from tests.models import MASKS, exported_file, random_model
from tests.squares import COLOURS, squares_model

from headstart.compute import silent
from headstart.images.video import Frame
from headstart.scoring.run_predictor import RunPredictor
from headstart.video.place_frames import ObjectFrames, PlaceFrames
from headstart.video.predict_video import predict_video

RATE, SECONDS = 8, 6


def belt(count: int = 9, size: tuple[int, int] = (120, 90)) -> tuple[list[np.ndarray], list[int]]:
    """Frames of a belt on which squares go by, and how many of each colour went by."""
    rng = np.random.default_rng(3)
    kinds = rng.integers(0, 2, count)
    frames = []
    for t in range(RATE * SECONDS):
        pixels = rng.integers(0, 40, (size[1], size[0], 3)).astype(np.uint8)
        for number, kind in enumerate(kinds.tolist()):
            left = round(24 * t / RATE - 16 * number - 22 + 30)
            top = 8 + 28 * (number % 3)
            if left < size[0]:
                pixels[top : top + 22, max(left, 0) : max(left + 22, 0)] = COLOURS[kind]
        frames.append(pixels)
    return frames, np.bincount(kinds, minlength=2).tolist()


def test_every_object_of_a_film_is_counted_once(tmp_path):
    pytest.importorskip("cv2", reason="needs OpenCV")
    from tests.films import film_of

    frames, counts = belt()
    film = film_of(tmp_path / "belt.mp4", frames, rate=RATE)
    file = exported_file(squares_model(), tmp_path / "m.onnx", threshold=0.5)
    for number, model in enumerate((RunPredictor(squares_model(), many=True), file)):
        lines = tmp_path / f"{number}.jsonl"
        found = predict_video(model, str(film), fps=RATE, out=lines, progress=silent)
        assert len(found) == len(frames)
        assert list(found.counts.values()) == pytest.approx(counts, abs=1)
        first = [json.loads(each) for each in lines.read_text().splitlines()]
        numbered = [o["object"] for line in first for o in line["objects"]]
        assert min(numbered) == 1
        assert len(set(numbered)) >= sum(counts) - 1
        assert sum(first[20]["count"].values()) == len(first[20]["objects"])
    drawn = tmp_path / "drawn.mp4"
    predict_video(file, str(film), fps=RATE, out=drawn, progress=silent)
    assert drawn.stat().st_size > 1000


def test_nothing_of_a_frame_is_kept_but_its_record(monkeypatch):
    models = [
        (PlaceFrames(exact(random_model(MASKS)), "film"), np.asarray(draw_masked(0)[0])),
        (ObjectFrames(exact(squares_model()), "film"), belt(2)[0][5]),
    ]
    for handler, pixels in models:
        sizes = []
        for batch in range(4):
            handler.handle([Frame(0.1 * (8 * batch + i), pixels, True) for i in range(8)])
            handler.latest = []
            gc.collect()
            sizes.append(sum(array.nbytes for array in held(handler) if array.nbytes > 100))
        assert sizes == [0] * 4
        found = handler.predictions("the film was cut off")
        assert len(found) == 33
        assert found.errors == {"film (end)": "the film was cut off"}
        assert found.record(32)["error"] == "the film was cut off"


def exact(model) -> RunPredictor:
    return RunPredictor(model, exact=True)


def held(handler) -> list[np.ndarray]:
    """Arrays that can be reached from a handler, but not from its model."""
    seen, found, left = {id(handler._model)}, [], [vars(handler)]
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, np.ndarray):
            found.append(each)
        elif isinstance(each, dict | list | tuple):
            left += list(each.values()) if isinstance(each, dict) else list(each)
        elif hasattr(each, "__dict__") and type(each).__module__.startswith("headstart"):
            left.append(vars(each))
        elif callable(each) and getattr(each, "__closure__", None):
            left += [cell.cell_contents for cell in each.__closure__]
    return found
