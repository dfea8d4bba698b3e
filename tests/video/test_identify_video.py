"""Who is in a video: by the surest looks at each face, or frame by frame."""

from __future__ import annotations

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="needs OpenCV")

from tests.drawn_faces import (  # noqa: E402
    DrawnFaceNet,
    detector_file,
    find_drawn_faces,
    photo,
)

from headstart.compute import silent  # noqa: E402
from headstart.gallery.search import Index  # noqa: E402
from headstart.images import detect  # noqa: E402
from headstart.images.faces import Faces  # noqa: E402
from headstart.images.preprocess import Preprocess  # noqa: E402
from headstart.images.video import Frame, Writer  # noqa: E402
from headstart.video.identify_video import (  # noqa: E402
    GalleryFaces,
    GalleryFrames,
    Search,
    direction,
    identify_in_video,
)

SEES = Preprocess(32, geometry="square")


def people(**vectors: tuple[int, ...]) -> Index:
    index = Index(len(next(iter(vectors.values()))))
    for at, (name, vector) in enumerate(vectors.items()):
        index.name(at, name)
        index.add(np.array([at]), np.array([vector], np.float32))
    return index


def colour(inputs: np.ndarray) -> np.ndarray:
    """The direction of the mean colour of each."""
    return np.stack([direction(each.reshape(-1, 3).astype(np.float32)) for each in inputs])


RED_GREEN = people(red=(1, 0, 0), green=(0, 1, 0))


def whole(source: str = "film", threshold: float = 0.9) -> Search:
    return Search(source, RED_GREEN, SEES, colour, threshold, None, 2)


def plain(r: int, g: int, b: int, seconds: float = 0.0) -> Frame:
    return Frame(seconds, np.full((64, 64, 3), (r, g, b), np.uint8), True)


def test_the_direction_is_that_of_the_mean():
    assert direction(np.array([[3.0, 0.0], [0.0, 4.0]])) == pytest.approx([0.6, 0.8])


def test_frames_are_answered_for_one_by_one():
    handler = GalleryFrames(whole())
    seen = handler.handle([plain(200, 10, 10, 0.5), plain(10, 10, 200, 1.0)])
    assert [frame[0].sure for frame in seen] == [True, False]
    assert seen[0][0].text == "red 1.00"
    assert seen[1][0].text == "unknown"
    assert seen[1][0].line["person"] is None
    assert handler.latest == seen[-1]
    handler.handle([plain(10, 200, 10, 1.5)])
    first, second, third = handler.answers("")
    assert [first.person, second.person, third.person] == ["red", None, "green"]
    assert (third.photo, third.seconds, third.looks) == ("film @ 1.50 s", (1.5, 1.5), 1)
    assert [name for name, _ in third.candidates] == ["green", "red"]
    assert handler.answers("torn")[-1].error == "torn"


class Sure(DrawnFaceNet):
    """The larger a face, the surer."""

    def detect(self, bgr):
        _, rows = super().detect(bgr)
        if rows is not None:
            rows[:, -1] = 0.9 + rows[:, 2] / 1000
        return 1, rows


@pytest.fixture
def faces(tmp_path, monkeypatch) -> Preprocess:
    find_drawn_faces(monkeypatch)
    monkeypatch.setattr(cv2.FaceDetectorYN, "create", Sure)
    file = detector_file(tmp_path)
    finder = Faces(str(file), detect.register_detector(file.read_bytes()))
    return Preprocess(32, geometry="square", faces=finder)


def test_a_face_is_known_by_its_five_surest_looks(faces):
    # Every look has a direction of its own: the answer says which of them were compared.
    sides, given = (50, 36, 58, 42, 54, 38, 46, 40), iter(np.eye(8, dtype=np.float32))
    index = people(**{f"look{at}": tuple(np.eye(8)[at]) for at in range(8)})
    embed = lambda inputs: np.stack([next(given) for _ in inputs])  # noqa: E731
    handler = GalleryFaces(Search("film", index, faces, embed, 0.4, None, 8))
    for at, side in enumerate(sides):
        pixels = np.asarray(photo([(80, 60, side, "pale")], seed=at))
        ((said,),) = handler.handle([Frame(at / 4, pixels, True)])
    assert said.line["face"] == 1
    assert said.text.startswith("1: look")
    (found,) = handler.answers("")
    share = {name: round(score, 3) for name, score in found.candidates}
    assert {name for name, score in share.items() if score} == {f"look{i}" for i in (0, 2, 3, 4, 6)}
    assert share["look2"] == pytest.approx(5**-0.5, abs=1e-3)
    assert (found.photo, found.looks, found.seconds) == ("film face 1", 8, (0.0, 1.75))
    assert found.clearest == 0.5
    assert found.box == pytest.approx([51, 31, 58, 58], abs=3)


@pytest.mark.parametrize(
    ("same", "back", "count"),
    [(0.5, "dark", 2), (0.5, "pale", 1), (-1.0, "dark", 1), (None, "dark", 1)],
)
def test_who_comes_back_must_be_alike(faces, same, back, count):
    embed = lambda inputs: colour(inputs.astype(np.float32) - 128)  # noqa: E731
    handler = GalleryFaces(Search("film", RED_GREEN, faces, embed, 0.0, same, 1))
    for at, skin in enumerate(("pale", None, back)):
        given = [(80, 60, 50, skin)] if skin else []
        handler.handle([Frame(at / 4, np.asarray(photo(given, seed=at)), True)])
    assert len(handler.answers("")) == count


def test_what_a_film_is_looked_at_for_follows_from_the_gallery(faces, tmp_path):
    writer = Writer(tmp_path / "film.avi", rate=4)
    for _ in range(4):
        writer.add(plain(10, 220, 10).pixels)
    writer.close()
    search = whole(str(tmp_path / "film.avi"))
    answers, notes = identify_in_video(search, 2, None, silent)
    assert [each.person for each in answers] == ["green", "green"]
    assert [each.seconds[0] for each in answers] == [0.0, 0.5]
    assert notes == []
    search = Search(search.source, RED_GREEN, faces, colour, 0.5, None, 1)
    answers, notes = identify_in_video(search, 2, None, silent)
    assert (answers, notes) == ((), ["No face was found on the frames looked at."])
