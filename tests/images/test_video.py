"""Frames out of videos: how many, when, which, and why they ended."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="needs OpenCV")

from headstart.errors import DataError  # noqa: E402
from headstart.images.video import Frame, Video, Writer, is_video  # noqa: E402

RATE = 10


def grey(level: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    width, height = size
    return np.full((height, width, 3), level, np.uint8)


@pytest.fixture
def film(tmp_path) -> Path:
    """Three seconds that become brighter from frame to frame."""
    path = tmp_path / "film.avi"
    write(path, [grey(8 * at) for at in range(30)])
    return path


def write(path: Path, frames: list[np.ndarray], rate: float = RATE) -> None:
    writer = Writer(path, rate=rate)
    for frame in frames:
        writer.add(frame)
    writer.close()


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("a.mp4", True), ("a.MOV", True), ("b/c.d.webm", True), ("a.avi", True), ("0", True),
        ("12", True), ("a.jpg", False), ("a", False), ("mp4", False), ("1234", False),
        ("-1", False), ("", False), ("folder.mp4x", False), ("ü.mkv", True),
    ],
)  # fmt: skip
def test_what_is_a_video(tmp_path, monkeypatch, name, is_one):
    monkeypatch.chdir(tmp_path)
    assert is_video(name) == is_one


def test_a_file_called_like_a_camera_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("7").mkdir()
    assert not is_video("7")
    with pytest.raises(DataError, match="7: there is no such video"):
        Video("7", fps=1)


def test_what_is_written_comes_back(film):
    video = Video(film, fps=100)
    frames = list(video)
    assert (video.rate, video.total, video.problem) == (RATE, 3.0, "")
    assert [round(each.seconds, 3) for each in frames] == [at / RATE for at in range(30)]
    assert all(each.chosen for each in frames)
    for at, frame in enumerate(frames):
        assert frame.pixels.shape == (48, 64, 3)
        assert frame.pixels.dtype == np.uint8
        assert frame.pixels.flags["C_CONTIGUOUS"]
        assert frame.pixels.mean() == pytest.approx(8 * at, abs=5)


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_colours_are_red_green_blue(tmp_path, suffix):
    stripes = np.zeros((48, 96, 3), np.uint8)
    for at in range(3):
        stripes[:, 32 * at : 32 * at + 32, at] = 220
    write(tmp_path / f"colours{suffix}", [stripes] * 5)
    frame = next(iter(Video(tmp_path / f"colours{suffix}", fps=1)))
    for at in range(3):
        middle = frame.pixels[8:40, 32 * at + 8 : 32 * at + 24].mean(axis=(0, 1))
        assert middle.argmax() == at
        assert middle[at] > 150


@pytest.mark.parametrize(
    ("fps", "wanted"),
    [
        (1, [0, 1, 2]),
        (2, [0, 0.5, 1, 1.5, 2, 2.5]),
        (0.5, [0, 2]),
        (0.01, [0]),
        (3, [0, 0.3, 0.7, 1, 1.3, 1.7, 2, 2.3, 2.7]),
    ],
)
def test_so_many_a_second_are_chosen(film, fps, wanted):
    times = [frame.seconds for frame in Video(film, fps=fps)]
    assert times == pytest.approx(wanted, abs=0.051)


def test_those_between_are_given_when_asked_for(film):
    frames = list(Video(film, fps=1, every=True))
    assert len(frames) == 30
    assert [frame.seconds for frame in frames if frame.chosen] == [0, 1, 2]


def test_it_may_be_left_early(film):
    video = Video(film, fps=RATE)
    for frame in video:
        if frame.seconds >= 1:
            break
    assert isinstance(frame, Frame)
    assert frame.seconds == 1


def test_a_film_that_is_cut_off_says_so(film):
    data = film.read_bytes()
    film.write_bytes(data[: len(data) // 2])
    video = Video(film, fps=RATE)
    frames = list(video)
    assert 0 < len(frames) < 30
    assert "damaged: it ends after" in video.problem


def test_the_problem_counts_frames(film):
    video = Video(film, fps=RATE)
    video._count = 1500
    video.total = 150.0
    assert len(list(video)) == 30
    assert video.problem == "damaged: it ends after 30 of 1,500 frames (3.0 of 150.0 s)"


@pytest.mark.parametrize("content", [b"", b"no film", bytes(5000)])
def test_what_is_no_film_cannot_be_opened(tmp_path, content, capfd):
    (tmp_path / "x.mp4").write_bytes(content)
    with pytest.raises(DataError, match=r"x\.mp4 is not a video that OpenCV can read"):
        Video(tmp_path / "x.mp4", fps=1)


def test_what_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"gone\.mp4: there is no such video"):
        Video(tmp_path / "gone.mp4", fps=1)
    with pytest.raises(DataError, match="there is no such video"):
        Video(tmp_path, fps=1)


class Camera:
    """What `cv2.VideoCapture` gives for a camera that is unplugged after some frames."""

    def __init__(self, frames: int, opened: bool = True) -> None:
        self.left, self.opened, self.released = frames, opened, False

    def isOpened(self) -> bool:
        return self.opened

    def get(self, what: int) -> float:
        return -1.0

    def grab(self) -> bool:
        self.left -= 1
        return self.left >= 0

    def retrieve(self) -> tuple:
        return True, grey(9)

    def release(self) -> None:
        self.released = True


def test_a_camera_goes_on_until_it_is_unplugged(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    camera = Camera(6)
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: camera)
    video = Video("0", fps=1000, every=True)
    assert (video.rate, video.total) == (25.0, 0)
    assert len(list(video)) == 6
    assert video.problem == "the camera gave no more frames"
    assert camera.released


def test_a_camera_that_is_not_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(cv2, "VideoCapture", lambda number: Camera(0, opened=False))
    with pytest.raises(DataError, match="camera 3 cannot be opened that OpenCV can read"):
        Video("3", fps=1)


def test_a_place_where_no_film_can_be_written(tmp_path):
    writer = Writer(tmp_path / "gone" / "x.mp4", rate=RATE)
    with pytest.raises(DataError, match="cannot be written: choose another place"):
        writer.add(grey(0))
    Writer(tmp_path / "never.avi", rate=RATE).close()
    assert list(tmp_path.iterdir()) == []


def test_without_opencv_it_says_what_to_install(film, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(DataError, match=r"videos and cameras need OpenCV.*headstart\[video\]"):
        Video(film, fps=1)
