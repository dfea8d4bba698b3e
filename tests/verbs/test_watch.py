"""A model on a video: an answer a frame, and what came before the trouble is kept."""

from __future__ import annotations

import json

import numpy as np
import pytest

from headstart.cli import main
from headstart.errors import DataError, OptionError
from headstart.verbs.predict import predict

cv2 = pytest.importorskip("cv2", reason="needs OpenCV")

from headstart.images.video import Video, Writer  # noqa: E402

RATE = 10


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Three seconds red, three green, three blue, at ten frames a second."""
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    writer = Writer(path, rate=RATE)
    rng = np.random.default_rng(0)
    for colour in (0, 1, 2):
        for _ in range(3 * RATE):
            pixels = np.repeat(np.repeat(rng.integers(0, 120, (24, 32, 3), np.uint8), 4, 0), 4, 1)
            pixels[..., colour] += 100
            writer.add(pixels)
    writer.close()
    return path


@pytest.mark.parametrize("kind", ["exported", "run"])
def test_every_second_is_named(exported, trained, video, kind):
    model = exported[1] / "model.onnx" if kind == "exported" else trained[1].folder
    found = predict(model, video)
    assert [name.rsplit("@ ", 1)[1] for name in found.names] == [f"{s}.00 s" for s in range(9)]
    named = [found.classes[label] for label in found.labels]
    assert named == ["red"] * 3 + ["green"] * 3 + ["blue"] * 3
    assert not found.errors


@pytest.mark.parametrize(("fps", "count"), [(0.5, 5), (2, 18), (10, 90), (1000, 90), (3, 27)])
def test_frames_are_as_many_as_asked_for(video, fps, count):
    chosen = [frame for frame in Video(video, fps=fps) if frame.chosen]
    assert len(chosen) == count
    gaps = np.diff([frame.seconds for frame in chosen])
    assert (np.abs(gaps - max(1 / fps, 1 / RATE)) <= 1 / RATE + 1e-9).all()


def test_lines_of_json(exported, video, tmp_path):
    out = tmp_path / "deep" / "answers.jsonl"
    found = predict(exported[1] / "model.onnx", video, out=out, fps=2)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(lines) == len(found.names) == 18
    assert [line["class"] for line in lines] == [found.classes[x] for x in found.labels]
    assert lines[3]["seconds"] == 1.5
    assert sum(lines[0]["probabilities"].values()) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_video_with_the_answers_on_it(exported, video, tmp_path, suffix):
    out = tmp_path / f"shown{suffix}"
    predict(exported[1] / "model.onnx", video, out=out)
    frames = list(Video(out, fps=RATE, every=True))
    plain = list(Video(video, fps=RATE, every=True))
    assert len(frames) == len(plain) == 90
    assert frames[0].pixels.shape == plain[0].pixels.shape
    # The label is at the top left; the rest is as it was, but for the coding.
    corner = np.abs(frames[5].pixels[:24, :60].astype(int) - plain[5].pixels[:24, :60]).mean()
    rest = np.abs(frames[5].pixels[48:].astype(int) - plain[5].pixels[48:]).mean()
    assert corner > 3 * rest
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


def test_a_video_that_is_cut_off_keeps_what_came_before(exported, video, tmp_path):
    # An .avi has its index at the end and its frames before: it can be read up to the cut.
    whole = tmp_path / "whole.avi"
    writer = Writer(whole, rate=RATE)
    for frame in Video(video, fps=RATE):
        writer.add(frame.pixels)
    writer.close()
    data = whole.read_bytes()
    cut = tmp_path / "cut.avi"
    cut.write_bytes(data[: len(data) // 2])
    out = tmp_path / "answers.jsonl"
    found = predict(exported[1] / "model.onnx", cut, out=out)
    named = [found.classes[label] for label in found.labels if label >= 0]
    assert 3 <= len(named) < 9
    assert named[:3] == ["red"] * 3
    assert len(out.read_text().splitlines()) == len(named)
    if len(found.names) > len(named):  # where the container says how long it should be
        assert "damaged" in found.errors[found.names[-1]]


@pytest.mark.parametrize("content", [b"", b"not a video", b"\x00\x00\x00\x18ftypmp42" + b"\0" * 99])
def test_what_is_no_video(exported, tmp_path, content):
    (tmp_path / "x.mp4").write_bytes(content)
    with pytest.raises(DataError, match="is not a video"):
        predict(exported[1] / "model.onnx", tmp_path / "x.mp4")


def test_no_such_video_or_camera(exported, tmp_path):
    with pytest.raises(DataError, match="no such video"):
        predict(exported[1] / "model.onnx", tmp_path / "nowhere.mp4")
    with pytest.raises(DataError, match="camera 97 cannot be opened"):
        predict(exported[1] / "model.onnx", "97")


def test_a_camera_that_goes_leaves_its_answers(exported, monkeypatch):
    """No camera here: one that gives four frames and then none, at its own pace."""

    class Capture:
        def __init__(self, source):
            assert source == 97
            self.left = 4

        def isOpened(self):
            return True

        def get(self, what):
            return 30.0 if what == cv2.CAP_PROP_FPS else -1.0

        def grab(self):
            self.left -= 1
            return self.left >= 0

        def retrieve(self):
            return True, np.full((48, 64, 3), (10, 10, 200), np.uint8)  # blue, green, red

        def release(self):
            pass

    monkeypatch.setattr(cv2, "VideoCapture", Capture)
    found = predict(exported[1] / "model.onnx", "97", fps=1e6)
    assert len(found.names) == 5
    assert {found.classes[label] for label in found.labels[:4]} == {"red"}
    assert "no more frames" in found.errors[found.names[-1]]


@pytest.mark.parametrize(
    ("options", "summary"),
    [({"fps": 0}, "--fps"), ({"out": "x.txt"}, "jsonl"), ({"out": "x"}, "jsonl")],
)
def test_bad_options(exported, video, options, summary):
    with pytest.raises(OptionError, match=summary):
        predict(exported[1] / "model.onnx", video, **options)


def test_a_video_goes_alone(exported, video, new):
    with pytest.raises(OptionError, match="one video"):
        predict(exported[1] / "model.onnx", [video, new / "a.png"])
    with pytest.raises(OptionError, match="-o is for videos"):
        predict(exported[1] / "model.onnx", new, out="x.jsonl")


def test_the_command(exported, video, tmp_path, capsys):
    words = ["predict", str(exported[1] / "model.onnx"), str(video), "--format", "csv"]
    assert main([*words, "-o", str(tmp_path / "x.jsonl"), "--fps", "0.5"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 6


def test_what_is_there_already_is_not_overwritten(exported, video, tmp_path):
    from headstart.errors import OutputError

    copy = tmp_path / "clip.mp4"
    copy.write_bytes(video.read_bytes())
    for out in (copy, tmp_path / "notes.jsonl"):
        out.touch()
        before = out.read_bytes()
        with pytest.raises(OutputError, match="is there already"):
            predict(exported[1] / "model.onnx", copy, out=out)
        assert out.read_bytes() == before
