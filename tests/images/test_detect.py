"""Faces in pixels of the photo: angles, turned photos, scales, and files that are no detector."""

from __future__ import annotations

import threading

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="needs OpenCV")

from headstart.errors import BackboneError, DataError  # noqa: E402
from headstart.fingerprint import fingerprint_bytes  # noqa: E402
from headstart.images import detect  # noqa: E402
from headstart.images.detect import (  # noqa: E402
    Face,
    detector_content,
    open_detector,
    read_detector,
    register_detector,
)

from ..drawn_faces import detector_file, find_drawn_faces, photo  # noqa: E402

AHEAD = np.array([[30, 40], [70, 40], [50, 60], [38, 80], [62, 80]], np.float32)


def face(points: np.ndarray = AHEAD, box: tuple = (20, 20, 60, 80)) -> Face:
    return Face(np.array(box, np.float32), np.asarray(points, np.float32), 0.9)


def turned_by(points: np.ndarray, degrees: float) -> np.ndarray:
    turn = np.radians(degrees)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return points @ matrix.T


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    """A detector of drawn faces."""
    find_drawn_faces(monkeypatch)
    file = detector_file(tmp_path)
    key = fingerprint_bytes(file.read_bytes()).hex()
    return open_detector(str(file), key, min_score=0.6)


def pixels(*faces: tuple, **how: object) -> np.ndarray:
    return np.asarray(photo(list(faces), **how))


def test_the_side_is_the_shorter_one():
    assert face(box=(0, 0, 30, 50)).side == 30
    assert face(box=(-5, -5, 50, 30)).side == 30


@pytest.mark.parametrize("degrees", [-170, -90, -30, 0, 10, 45, 90, 179])
def test_roll_is_how_far_the_eyes_fall(degrees):
    assert face(turned_by(AHEAD, degrees)).roll == pytest.approx(degrees, abs=1e-3)


@pytest.mark.parametrize("degrees", [0, 30, -60])
@pytest.mark.parametrize(("nose", "wanted"), [(50, 0), (60, 0.5), (40, -0.5), (70, 1), (200, 1)])
def test_yaw_is_the_way_of_the_nose_whatever_the_roll(nose, wanted, degrees):
    points = AHEAD.copy()
    points[2, 0] = nose
    assert face(turned_by(points, degrees)).yaw == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize("scale", [0.1, 10])
def test_yaw_does_not_depend_on_the_size(scale):
    points = AHEAD.copy()
    points[2, 0] = 55
    assert face(scale * points).yaw == pytest.approx(face(points).yaw, abs=1e-4)


def test_eyes_in_one_place_are_survived():
    points = np.tile(AHEAD[:1], (5, 1))
    assert face(points).yaw == 0
    assert face(points).roll == 0


@pytest.mark.parametrize("turned", [1, 2, 3])
def test_turning_back_undoes_turning(turned):
    image = np.zeros((90, 140, 3), np.uint8)
    height, width = image.shape[:2]
    mark = (100, 30)  # x, y
    image[mark[1], mark[0]] = 255
    y, x = np.argwhere(np.rot90(image, turned).max(axis=2))[0]
    found = Face(np.array([x, y, 10, 20], np.float32), np.tile([[x, y]], (5, 1)), 0.9)
    back = detect._turn_back(found, turned, image.shape)
    assert np.abs(back.points - mark).max() <= 1
    assert back.turned == turned
    sides = (10, 20) if turned == 2 else (20, 10)
    assert tuple(back.box[2:]) == sides
    left, top = back.box[:2]
    assert -1 <= left <= width
    assert -1 <= top <= height


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_photo_on_its_side_gives_boxes_of_the_photo_as_it_is(drawn, turns):
    upright = pixels((100, 60, 50, "pale"), size=(200, 120))
    [found] = drawn(np.ascontiguousarray(np.rot90(upright, turns)))
    assert found.turned == (4 - turns) % 4
    x, y = found.box[:2] + found.box[2:] / 2
    wanted = {0: (100, 60), 1: (60, 100), 2: (100, 60), 3: (60, 100)}[turns]
    assert (x, y) == pytest.approx(wanted, abs=4)


@pytest.mark.parametrize("size", [(160, 120), (640, 480), (1400, 1000)])
def test_boxes_are_in_pixels_whatever_the_size(drawn, size):
    width, height = size
    side = min(size) / 2.5
    [found] = drawn(pixels((width / 2, height / 2, side, "dark"), size=size))
    middle = found.box[:2] + found.box[2:] / 2
    assert middle == pytest.approx((width / 2, height / 2), abs=width / 40)
    assert found.side == pytest.approx(side, rel=0.12)
    assert found.points[:, 0].mean() == pytest.approx(width / 2, abs=width / 40)


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1), (20, 20), (64, 2000)])
def test_nothing_on_photos_of_every_shape(drawn, shape):
    assert drawn(np.full((*shape, 3), 128, np.uint8)) == []


class Answers:
    """A network that answers with given rows, and upright only."""

    def __init__(self, rows: list) -> None:
        self.rows, self.sizes = rows, []

    def setInputSize(self, size: tuple) -> None:
        self.sizes.append(size)

    def detect(self, image: np.ndarray) -> tuple:
        return 1, None if not self.rows else np.array(self.rows, np.float32)


def row(score: float, left: float = 5, side: float = 20) -> list[float]:
    return [left, 5, side, side, *(AHEAD / 4).ravel(), score]


def with_answers(monkeypatch, *rows: list) -> tuple:
    net = Answers(list(rows))
    monkeypatch.setattr(cv2.FaceDetectorYN, "create", lambda *given: net)
    return detect._YuNet(b"x", 0.6), net


def test_the_surest_comes_first_and_what_is_no_number_never(monkeypatch):
    find, _ = with_answers(
        monkeypatch, row(0.92), row(0.99), row(float("nan")), row(0.95, side=0), row(1.2, 9)
    )
    found = find(np.zeros((40, 40, 3), np.uint8))
    assert [round(each.score, 2) for each in found] == [1.0, 0.99, 0.92]


def test_a_photo_whose_face_is_sure_is_not_turned(monkeypatch):
    find, net = with_answers(monkeypatch, row(0.95))
    net.sizes.clear()
    find(np.zeros((40, 60, 3), np.uint8))
    assert net.sizes == [(60, 40)]
    net.rows = [row(0.7)]
    net.sizes.clear()
    find(np.zeros((40, 60, 3), np.uint8))
    assert net.sizes == [(60, 40), (40, 60), (60, 40), (40, 60)]


def test_the_content_is_what_is_registered_or_the_file(tmp_path):
    (tmp_path / "net.onnx").write_bytes(b"one network")
    key = fingerprint_bytes(b"one network").hex()
    assert detector_content(str(tmp_path / "net.onnx"), key) == b"one network"
    assert register_detector(b"inside of a model") == fingerprint_bytes(b"inside of a model").hex()
    inside = fingerprint_bytes(b"inside of a model").hex()
    assert detector_content("gone.onnx", inside) == b"inside of a model"
    with pytest.raises(BackboneError, match="is not the face detector that this model"):
        detector_content(str(tmp_path / "net.onnx"), fingerprint_bytes(b"another").hex())


@pytest.mark.parametrize("place", ["gone.onnx", "."])
def test_a_file_that_cannot_be_read(tmp_path, place):
    with pytest.raises(BackboneError, match=r"the face detector cannot be read \((No such|Is a)"):
        read_detector(tmp_path / place)


@pytest.mark.parametrize("content", [b"", b"no network", bytes(2000)])
def test_what_is_no_network_is_refused(tmp_path, content):
    (tmp_path / "net.onnx").write_bytes(content)
    key = fingerprint_bytes(content).hex()
    with pytest.raises(BackboneError, match="is not YuNet in ONNX, or damaged") as caught:
        open_detector(str(tmp_path / "net.onnx"), key, min_score=0.6)
    assert "\n" not in str(caught.value)


def test_every_thread_has_its_own(tmp_path, monkeypatch):
    find_drawn_faces(monkeypatch)
    key = register_detector(b"drawn, for threads")
    mine = open_detector("", key, min_score=0.6)
    assert open_detector("", key, min_score=0.6) is mine
    assert open_detector("", key, min_score=0.8) is not mine
    others = []
    thread = threading.Thread(target=lambda: others.append(open_detector("", key, min_score=0.6)))
    thread.start()
    thread.join()
    assert others[0] is not mine


def test_without_opencv_it_says_what_to_install(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(DataError, match=r"finding faces needs OpenCV.*headstart\[faces\]"):
        detect._YuNet(b"", 0.6)
