"""Frames out of videos: how many, when, which, and why they ended."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.films import film_of, grey, retimed

cv2 = pytest.importorskip("cv2", reason="needs OpenCV")

from headstart.errors import DataError  # noqa: E402
from headstart.images.video import Frame, Video, Writer, is_video  # noqa: E402

RATE = 10


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


BROKEN = b"RIFF\xff\xff\x00\x00AVI \x84U\x00"


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
@pytest.mark.parametrize("content", [b"", b"no film", bytes(5000), BROKEN])
def test_what_is_no_film_cannot_be_opened(tmp_path, content, suffix, capfd):
    (tmp_path / f"x{suffix}").write_bytes(content)
    with pytest.raises(DataError, match=rf"x\{suffix} is not a video that OpenCV can read"):
        Video(tmp_path / f"x{suffix}", fps=1)
    assert capfd.readouterr() == ("", "")


# --- time is the container's ----------------------------------------------------------------

BURSTS = [k / 30 for k in range(90)] + [3 + k / 4 for k in range(48)]
BURSTS += [15 + k / 30 for k in range(90)]


def shown(seconds: float) -> int:
    """What the film of `bursts` shows."""
    return 220 if 3 <= seconds < 15 else 40


@pytest.fixture
def bursts(tmp_path) -> Path:
    """As a phone that lowers its rate in dim light: 30 frames a second, 4, and 30 again."""
    frames = [grey(shown(at)) for at in BURSTS]
    return retimed(film_of(tmp_path / "bursts.mp4", frames), BURSTS, last=1 / 30)


@pytest.mark.parametrize("fps", [1, 2, 3, 0.5])
def test_a_rate_that_changes(bursts, fps):
    frames = list(Video(bursts, fps=fps))
    times = [frame.seconds for frame in frames]
    assert times == pytest.approx(np.arange(0, 18, 1 / fps), abs=0.15)
    assert len(frames) == 18 * fps
    wrong = [t for t, frame in zip(times, frames) if abs(frame.pixels.mean() - shown(t)) > 20]
    assert wrong == []


def test_all_frames_of_a_rate_that_changes_have_their_times(bursts):
    video = Video(bursts, fps=1, every=True)
    real = [frame for frame in video if min(abs(frame.seconds - each) for each in BURSTS) < 1e-3]
    assert [frame.seconds for frame in real] == pytest.approx(BURSTS, abs=1e-3)
    assert video.problem == ""


@pytest.mark.parametrize("fps", [1, 2, 3])
def test_what_stands_still_is_looked_at_again(tmp_path, fps):
    """A recording of a screen: no frame at all while nothing moves."""
    times = [k / 10 for k in range(10)] + [1.0, 7.0] + [8 + k / 10 for k in range(20)]
    levels = [30] * 10 + [120, 200] + [60] * 20
    path = retimed(film_of(tmp_path / "screen.mp4", map(grey, levels)), times)
    frames = list(Video(path, fps=fps))
    assert [each.seconds for each in frames] == pytest.approx(np.arange(0, 10, 1 / fps), abs=0.2)
    for frame in frames:
        level = levels[np.searchsorted(times, frame.seconds + 1e-6) - 1]
        assert frame.pixels.mean() == pytest.approx(level, abs=8), frame.seconds


def test_the_last_frame_stands_as_long_as_others_did(tmp_path):
    path = film_of(tmp_path / "slides.mp4", map(grey, (20, 120, 220)))
    times = [each.seconds for each in Video(retimed(path, [0, 4, 8], last=4), fps=0.25)]
    assert times == [0, 4, 8]
    path = film_of(tmp_path / "still.mp4", map(grey, [20] * 10 + [120, 220]))
    path = retimed(path, [*(k / 10 for k in range(10)), 1, 4], last=3)
    assert [each.seconds for each in Video(path, fps=1)] == [0, 1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("claimed", [0, 1, 500])
def test_a_length_that_lies_changes_nothing(tmp_path, claimed):
    path = film_of(tmp_path / "lies.mp4", [grey(8 * at) for at in range(30)])
    video = Video(retimed(path, [at / 10 for at in range(30)], claimed=claimed), fps=1)
    assert [each.seconds for each in video] == pytest.approx([0, 1, 2])
    assert video.problem == ""


def test_a_film_held_upright_is_upright(tmp_path):
    picture = grey(30)
    picture[:, :20] = 220  # the left side; a quarter turned, the top
    path = film_of(tmp_path / "phone.mp4", [picture] * 5)
    frame = next(iter(Video(retimed(path, [0, 0.1, 0.2, 0.3, 0.4], turned=True), fps=1)))
    assert frame.pixels.shape == (64, 48, 3)
    assert frame.pixels[:16].mean() > 180
    assert frame.pixels[24:].mean() < 60


class Capture:
    """A film whose container says what a test wants: a time, a count of frames, and a rate."""

    def __init__(self, said: list[float], count: float = 0, rate: float = 10) -> None:
        self._said, self._at, self._count, self._rate = said, -1, count, rate

    def grab(self) -> bool:
        self._at += 1
        return self._at < len(self._said)

    def get(self, what: int) -> float:
        if what == cv2.CAP_PROP_POS_MSEC:
            return self._said[self._at]
        return self._rate if what == cv2.CAP_PROP_FPS else self._count

    def isOpened(self) -> bool:
        return True

    def retrieve(self) -> tuple:
        return True, grey(self._at)

    def release(self) -> None:
        pass


def film_that_says(monkeypatch, tmp_path, *said: float, **how) -> Video:
    (tmp_path / "x.webm").write_bytes(b"x")
    monkeypatch.setattr(cv2, "VideoCapture", lambda *given: Capture(list(said), **how))
    return Video(tmp_path / "x.webm", fps=100)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ([0, 0, 0, 0], [0, 0.1, 0.2, 0.3]),
        ([float("nan")] * 3, [0, 0.1, 0.2]),
        ([-1, -1, -1], [0, 0.1, 0.2]),
        ([0, 100, 0, 150, 250], [0, 0.1, 0.2, 0.3, 0.4]),  # back to the beginning
        ([0, 40, 80, 0, 160], [0, 0.04, 0.08, 0.18, 0.28]),
        ([500, 600, 700], [0.5, 0.6, 0.7]),  # the sound begins first
    ],
)
def test_times_never_go_back(monkeypatch, tmp_path, said, wanted):
    frames = list(film_that_says(monkeypatch, tmp_path, *said))
    assert [each.seconds for each in frames] == pytest.approx(wanted)


def test_frames_that_are_counted_for_want_of_times_are_said(monkeypatch, tmp_path, caplog):
    list(film_that_says(monkeypatch, tmp_path, *[0.0] * 20, rate=0))
    assert "x.webm does not say when its frames are shown: they are counted, 25 a second" in (
        caplog.text
    )
    caplog.clear()
    list(film_that_says(monkeypatch, tmp_path, *range(0, 2000, 100)))
    assert caplog.text == ""


def test_a_film_whose_frames_are_counted_wrongly_is_not_called_damaged(monkeypatch, tmp_path):
    """Matroska has no count: OpenCV multiplies the length by a rate that is not held."""
    said = [100.0 * k for k in range(20)]
    for count, problem in ((60, ""), (600, "damaged: it ends after 20 of 600 frames")):
        video = film_that_says(monkeypatch, tmp_path, *said, count=count, rate=30)
        list(video)
        assert video.problem.startswith(problem)
        assert bool(video.problem) == bool(problem)
    video = film_that_says(monkeypatch, tmp_path, *said)
    assert len(list(video)) == 20
    assert (video.live, video.total, video.problem) == (False, 0, "")


def test_frames_of_another_size_are_fitted_not_dropped(tmp_path):
    path = tmp_path / "x.avi"
    film_of(path, [grey(50), grey(100, (32, 24)), grey(150)])
    assert [round(each.pixels.mean(), -1) for each in Video(path, fps=100)] == [50, 100, 150]


# --- what is no film ------------------------------------------------------------------------


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
    with pytest.raises(DataError, match="camera 3 cannot be opened by OpenCV: is it plugged in"):
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
