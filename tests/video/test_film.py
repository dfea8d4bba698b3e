"""A film looked at a few times a second: lines as they come, or the film with the answers."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.films import film_of, grey, retimed

cv2 = pytest.importorskip("cv2", reason="needs OpenCV")

from headstart.errors import DataError, OptionError, OutputError  # noqa: E402
from headstart.images import video as videos  # noqa: E402
from headstart.images.video import Video, Writer  # noqa: E402
from headstart.video.film import BATCH, FrameResult, process_video  # noqa: E402

RATE = 10


@pytest.fixture
def film(tmp_path) -> Path:
    writer = Writer(tmp_path / "film.avi", rate=RATE)
    for at in range(30):
        writer.add(np.full((96, 128, 3), 8 * at, np.uint8))
    writer.close()
    return tmp_path / "film.avi"


class Brightness:
    """Says how bright frames are."""

    def __init__(self, *, box: np.ndarray | None = None, fails_at: float = 99) -> None:
        self.latest: list[FrameResult] = []
        self.sizes: list[int] = []
        self._box, self._fails_at = box, fails_at

    def handle(self, frames: list) -> list[list[FrameResult]]:
        self.sizes.append(len(frames))
        found = []
        for frame in frames:
            if frame.seconds >= self._fails_at:
                raise ValueError("out of order")
            level = round(float(frame.pixels.mean()))
            line = {"level": level, "wort": "größe"}
            found.append([FrameResult(f"level {level}", True, line, self._box)])
        self.latest = found[-1]
        return found


def watch(source: object, handler: Brightness | None = None, *, fps: float = 2, **how) -> str:
    how = {"out": None, "progress": lambda *given: None, **how}
    return process_video(str(source), handler or Brightness(), fps=fps, **how)


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_line_an_answer(film, tmp_path):
    assert watch(film, out=tmp_path / "x.jsonl") == ""
    found = lines(tmp_path / "x.jsonl")
    assert [each["seconds"] for each in found] == [0, 0.5, 1, 1.5, 2, 2.5]
    assert [each["level"] for each in found] == pytest.approx([0, 40, 80, 120, 160, 200], abs=6)
    assert "größe" in (tmp_path / "x.jsonl").read_text(encoding="utf-8")


def test_frames_go_together_where_nobody_waits(film):
    handler = Brightness()
    watch(film, handler, fps=RATE)
    assert handler.sizes == [BATCH] * 3 + [6]


@pytest.mark.parametrize("suffix", [".avi", ".mp4", ".MP4"])
def test_the_film_with_the_answers_on_it(film, tmp_path, suffix):
    out = tmp_path / "deep" / f"x{suffix}"
    handler = Brightness()
    watch(film, handler, out=out)
    assert set(handler.sizes) == {1}  # the answer must be on the very frame
    written = list(Video(out, fps=100))
    assert len(written) == 30
    assert written[0].pixels.shape == (96, 128, 3)
    # White words on black, at the top, on a frame that is grey all over.
    top = written[15].pixels[:25, :90]
    assert top.max() > 200
    assert top.min() < 50
    assert np.ptp(written[15].pixels[60:, 60:].astype(int)) < 30


def bursts(path: Path) -> Path:
    """A second at 20 frames a second, four at one every two seconds, one at 20 again."""
    times = [k / 20 for k in range(20)] + [1, 3] + [5 + k / 20 for k in range(20)]
    levels = [40] * 20 + [200, 200] + [90] * 20
    return retimed(film_of(path, map(grey, levels)), times, last=0.05)


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_the_written_film_keeps_its_tempo(tmp_path, suffix):
    out = tmp_path / f"x{suffix}"
    watch(bursts(tmp_path / "phone.mp4"), out=out)
    written = list(Video(out, fps=100))
    assert written[-1].seconds == pytest.approx(5.95, abs=0.15)
    for frame in written:
        level = 40 if frame.seconds < 0.9 else 90 if frame.seconds > 5.1 else 200
        if 0.9 < frame.seconds < 1.1 or 4.9 < frame.seconds < 5.1:
            continue
        assert frame.pixels[40:].mean() == pytest.approx(level, abs=12), frame.seconds


def test_a_film_without_a_length_is_no_camera(tmp_path, monkeypatch):
    """Recorders in browsers write none; Ctrl-C must not pass for its end."""
    camera = Camera(interrupted=True)
    camera.live = False
    monkeypatch.setattr("headstart.video.film.Video", lambda *given, **how: camera)
    handler = Brightness()
    with pytest.raises(KeyboardInterrupt):
        watch("film.webm", handler)
    assert handler.sizes == []  # nobody waits: answers are given in batches


def test_faces_are_boxed(film, tmp_path):
    handler = Brightness(box=np.array([60.0, 50, 40, 30]))
    watch(film, handler, out=tmp_path / "x.avi")
    frame = list(Video(tmp_path / "x.avi", fps=100))[12].pixels.astype(int)
    edge = frame[60:75, 60:62].mean(axis=(0, 1))
    assert edge[1] > edge[0] + 20  # green, where the frame is grey


def test_seconds_go_by(film):
    seen = []
    watch(film, progress=lambda what, done, total: seen.append((what, done, total)))
    assert {what for what, *_ in seen} == {"watching"}
    done = [each for _, each, _ in seen]
    assert done == sorted(done)
    assert all(part <= total == 30 for _, part, total in seen)


@pytest.mark.parametrize("fps", [0, -1, float("nan")])
def test_rates_that_make_no_sense(film, fps):
    with pytest.raises(OptionError, match=r"--fps .*: a number above 0"):
        watch(film, fps=fps)


@pytest.mark.parametrize("name", ["x", "x.txt", "x.json", "x.mov"])
def test_names_that_say_no_kind(film, tmp_path, name):
    with pytest.raises(OptionError, match=r"a name that ends in \.jsonl .*\.mp4 or \.avi"):
        watch(film, out=tmp_path / name)


@pytest.mark.parametrize("name", ["x.jsonl", "x.mp4"])
def test_what_is_there_already_stays(film, tmp_path, name):
    (tmp_path / name).write_text("dear")
    with pytest.raises(OutputError, match="is there already: choose another -o, or remove it"):
        watch(film, out=tmp_path / name)
    assert (tmp_path / name).read_text() == "dear"


@pytest.mark.parametrize("name", ["x.jsonl", "x.mp4"])
def test_where_nothing_can_be_written(film, tmp_path, name):
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="cannot be written"):
        watch(film, out=tmp_path / "file" / name)


def test_no_film_writes_nothing(tmp_path):
    with pytest.raises(DataError, match="there is no such video"):
        watch(tmp_path / "gone.mp4", out=tmp_path / "x.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_lines_that_came_before_trouble_stay(film, tmp_path):
    with pytest.raises(ValueError, match="out of order"):
        watch(film, Brightness(fails_at=2), fps=RATE, out=tmp_path / "x.jsonl")
    assert [each["seconds"] for each in lines(tmp_path / "x.jsonl")][-1] == 1.5


def test_half_a_film_does_not_stay(film, tmp_path):
    with pytest.raises(ValueError, match="out of order"):
        watch(film, Brightness(fails_at=2), fps=RATE, out=tmp_path / "x.avi")
    assert [each.name for each in tmp_path.iterdir()] == ["film.avi"]


@pytest.mark.skipif(os.name != "posix", reason="needs limits of a process")
@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_a_disk_that_is_full_leaves_no_film(film, tmp_path, suffix):
    code = (
        "import resource, signal, sys, pathlib, numpy as np\n"
        "from tests.video.test_film import watch\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        "from headstart.errors import OutputError\n"
        "try: watch(sys.argv[1], out=pathlib.Path(sys.argv[2]))\n"
        "except OutputError as error: print(error)\n"
    )
    out = tmp_path / f"x{suffix}"
    done = subprocess.run(
        [sys.executable, "-c", code, str(film), str(out)],
        capture_output=True, text=True, check=False, cwd=Path(__file__).parent.parent.parent,
    )  # fmt: skip
    assert done.stdout.startswith(f"{out} cannot be written whole"), done.stderr
    assert sorted(each.name for each in tmp_path.iterdir()) == ["film.avi"]


class Camera:
    """Gives frames until somebody presses Ctrl-C, or it is unplugged."""

    total, rate, live, problem = 0, 25.0, True, "the camera gave no more frames"

    def __init__(self, *, interrupted: bool) -> None:
        self._interrupted = interrupted

    def __iter__(self):
        for at in range(5):
            yield videos.Frame(at / 5, np.full((96, 128, 3), 100, np.uint8), True)
        if self._interrupted:
            raise KeyboardInterrupt


@pytest.mark.parametrize("interrupted", [True, False])
def test_a_camera_is_answered_at_once_and_ended_in_either_way(tmp_path, monkeypatch, interrupted):
    camera = Camera(interrupted=interrupted)
    monkeypatch.setattr("headstart.video.film.Video", lambda *given, **how: camera)
    handler = Brightness()
    assert watch("0", handler, out=tmp_path / "x.jsonl") == camera.problem
    assert handler.sizes == [1] * 5
    assert len(lines(tmp_path / "x.jsonl")) == 5


def test_a_film_that_is_interrupted_is_not_finished(tmp_path, monkeypatch):
    camera = Camera(interrupted=True)
    camera.live, camera.total = False, 10.0
    monkeypatch.setattr("headstart.video.film.Video", lambda *given, **how: camera)
    with pytest.raises(KeyboardInterrupt):
        watch("film.mp4", out=tmp_path / "x.avi")
    assert list(tmp_path.iterdir()) == []
