"""Who is in a video: faces are followed and named, and what came before trouble is kept."""

from __future__ import annotations

import json
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

cv2 = pytest.importorskip("cv2", reason="needs OpenCV")

import headstart  # noqa: E402
from headstart.errors import DataError, OptionError, OutputError  # noqa: E402
from headstart.images import video  # noqa: E402
from headstart.images.video import Video, Writer  # noqa: E402
from headstart.video.identify_video import SUREST, direction  # noqa: E402
from headstart.video.tracks import Tracks  # noqa: E402

from ..drawn_faces import detector_file, find_drawn_faces, photo  # noqa: E402
from .albums import PEOPLE, album  # noqa: E402

RATE = 10


@pytest.fixture(scope="module", autouse=True)
def drawn():
    """All detectors of this module find drawn faces."""
    with pytest.MonkeyPatch.context() as patch:
        find_drawn_faces(patch)
        yield


@pytest.fixture(scope="module")
def club(tmp_path_factory):
    """A gallery of two people by their drawn faces."""
    root = tmp_path_factory.mktemp("club")
    for skin in ("pale", "dark"):
        (root / "photos" / skin).mkdir(parents=True)
        for number in range(6):
            rng = np.random.default_rng([number, len(skin)])
            x, y = rng.integers(40, 120), rng.integers(35, 85)
            image = photo([(x, y, rng.integers(36, 60), skin)], seed=number)
            image.save(root / "photos" / skin / f"{number}.png")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        headstart.enroll(
            root / "club", root / "photos", backbone="starter", faces=True, far=0.1,
            detector=str(detector_file(root)),
        )  # fmt: skip
    return root / "club"


def scene(number):
    """A pale face goes right; a dark one is there from 2 to 5 seconds."""
    given = [(50 + 2 * number, 60, 48, "pale")]
    if 20 <= number < 50:
        given.append((200, 150, 56, "dark"))
    return np.asarray(photo(given, size=(256, 208), seed=number))


@pytest.fixture(scope="module")
def party(tmp_path_factory):
    path = tmp_path_factory.mktemp("party") / "party.avi"
    writer = Writer(path, rate=RATE)
    for number in range(60):
        writer.add(scene(number))
    writer.close()
    return path


def test_every_face_is_answered_for_once(club, party):
    found = headstart.identify(club, party, fps=5, threshold=0.0)
    one, two = found.answers
    assert (one.photo, two.photo) == (f"{party} face 1", f"{party} face 2")
    assert (one.person, two.person) == ("pale", "dark")
    assert (one.seconds, two.seconds) == ((0.0, 5.8), (2.0, 4.8))
    assert (one.looks, two.looks) == (30, 15)
    assert len(one.candidates) == 2
    assert one.score == one.candidates[0][1] > one.candidates[1][1]
    # The box is where the face was at that second.
    assert one.box == pytest.approx([50 + 20 * one.clearest - 24, 36, 48, 48], abs=5)
    assert found.of_video
    assert "faces of a video" in repr(found)
    assert f"{SUREST} surest looks" in found.notes[-1]


def test_strangers_are_unknown_and_the_threshold_is_the_calibrated_one(club, party):
    plain = headstart.identify(club, party)
    assert plain.far is not None
    for each in plain.answers:
        assert each.person == (each.candidates[0][0] if each.score > plain.threshold else None)
    never = headstart.identify(club, party, threshold=1.0)
    assert [each.person for each in never.answers] == [None, None]


def test_a_face_scores_as_on_a_photo(club, tmp_path):
    """One look again and again is one photo: the scale of the threshold is kept."""
    still = scene(30)
    Image.fromarray(still).save(tmp_path / "still.png")
    writer = Writer(tmp_path / "still.avi", rate=RATE)
    for _ in range(10):
        writer.add(still)
    writer.close()
    (frame, *_) = list(Video(tmp_path / "still.avi", fps=1))
    Image.fromarray(frame.pixels).save(tmp_path / "coded.png")
    photos = headstart.identify(club, tmp_path / "coded.png", threshold=0.5).answers
    moving = headstart.identify(club, tmp_path / "still.avi", threshold=0.5).answers
    assert len(photos) == len(moving) == 2
    expected = {each.candidates[0][0]: each.score for each in photos}
    for each in moving:
        assert each.score == pytest.approx(expected[each.candidates[0][0]], abs=1e-4)


def test_lines_as_they_come_and_the_film_with_names(club, party, tmp_path):
    found = headstart.identify(club, party, threshold=0.0, out=tmp_path / "deep" / "lines.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "deep/lines.jsonl").read_text().splitlines()]
    assert len(lines) == sum(each.looks for each in found.answers) == 45
    assert {line["person"] for line in lines if line["face"] == 2} == {"dark"}
    assert set(lines[0]) == {"seconds", "face", "box", "person", "score"}
    last = [line for line in lines if line["face"] == 2][-1]
    assert last["score"] == pytest.approx(found.answers[1].score, abs=1e-4)
    headstart.identify(club, party, threshold=0.0, out=tmp_path / "shown.mp4")
    shown = list(Video(tmp_path / "shown.mp4", fps=RATE, every=True))
    assert len(shown) == 60
    changed = np.abs(shown[30].pixels.astype(int) - scene(30)).max(axis=2) > 60
    assert changed[120:180, 170:230].any()
    with pytest.raises(OutputError, match="is there already"):
        headstart.identify(club, party, out=tmp_path / "shown.mp4")


def test_a_film_that_breaks_off_keeps_what_came_before(club, party, tmp_path):
    data = party.read_bytes()
    (tmp_path / "cut.avi").write_bytes(data[: int(len(data) * 0.6)])
    found = headstart.identify(club, tmp_path / "cut.avi", threshold=0.0)
    assert [each.person for each in found.answers[:2]] == ["pale", "dark"]
    assert found.answers[0].seconds[1] < 5
    for each in found.answers[2:]:  # where the container says how long it should be
        assert "damaged" in each.error


def test_a_camera_that_goes_leaves_its_answers(club, monkeypatch):
    """No camera here: one that gives six frames and then none."""

    class Capture:
        def __init__(self, source):
            assert source == 97
            self.number = 19

        def isOpened(self):
            return True

        def get(self, what):
            return 30.0 if what == cv2.CAP_PROP_FPS else -1.0

        def grab(self):
            self.number += 1
            return self.number < 26

        def retrieve(self):
            return True, np.ascontiguousarray(scene(self.number)[:, :, ::-1])

        def release(self):
            pass

    ticks = count()  # on a busy machine a look may take longer than a face is waited for
    monkeypatch.setattr(video, "time", SimpleNamespace(monotonic=lambda: next(ticks) / 10))
    monkeypatch.setattr(cv2, "VideoCapture", Capture)
    found = headstart.identify(club, "97", fps=1e6, threshold=0.0)
    assert [each.person for each in found.answers] == ["dark", "pale", None]
    assert [each.looks for each in found.answers] == [6, 6, None]
    assert found.answers[2].error == "the camera gave no more frames"


def test_who_steps_in_where_another_left_is_somebody_else(club, tmp_path):
    writer = Writer(tmp_path / "door.avi", rate=RATE)
    for number in range(50):
        given = [(90, 70, 50, "pale")] if number < 20 else [(90, 70, 50, "dark")]
        writer.add(np.asarray(photo(given if number not in range(20, 26) else [], seed=number)))
    for number in range(20):  # and who only turned away for a moment is the same
        given = [(90, 70, 50, "dark")] if number >= 6 else []
        writer.add(np.asarray(photo(given, seed=number)))
    writer.close()
    found = headstart.identify(club, tmp_path / "door.avi", threshold=0.0)
    assert [each.person for each in found.answers] == ["pale", "dark"]
    assert [each.looks for each in found.answers] == [10, 19]


def test_nobody_in_it(club, tmp_path):
    writer = Writer(tmp_path / "empty.avi", rate=RATE)
    for number in range(10):
        writer.add(np.asarray(photo([], seed=number)))
    writer.close()
    found = headstart.identify(club, tmp_path / "empty.avi", threshold=0.0)
    assert found.answers == ()
    assert found.notes == ("No face was found on the frames looked at.",)


def test_a_gallery_of_whole_photos_answers_for_frames(made, tmp_path):
    place, *_ = made
    album(tmp_path / "new", PEOPLE[:2], range(20, 25))
    writer = Writer(tmp_path / "whole.avi", rate=RATE)
    for person in PEOPLE[:2]:
        for number in range(20, 25):
            pixels = np.asarray(Image.open(tmp_path / "new" / person / f"{number}.png"))
            writer.add(np.repeat(np.repeat(pixels, 2, 0), 2, 1))
    writer.close()
    found = headstart.identify(place, tmp_path / "whole.avi", fps=RATE, threshold=-1.0, top=1)
    assert [each.person for each in found.answers] == ["Ann"] * 5 + ["Bob"] * 5
    assert found.answers[7].seconds == (0.7, 0.7)
    assert found.answers[7].box is None
    assert all(len(each.candidates) == 1 for each in found.answers)


def test_what_makes_no_sense(club, party, tmp_path):
    (tmp_path / "x.mp4").write_bytes(b"not a video")
    with pytest.raises(DataError, match="is not a video"):
        headstart.identify(club, tmp_path / "x.mp4")
    with pytest.raises(DataError, match="no such video"):
        headstart.identify(club, tmp_path / "gone.mp4")
    bad = {
        "--fps 0": {"fps": 0},
        "jsonl": {"out": tmp_path / "x.txt"},
        "--labelled": {"labelled": True},
    }
    for summary, options in bad.items():
        with pytest.raises(OptionError, match=summary):
            headstart.identify(club, party, **options)
    with pytest.raises(OptionError, match="one video"):
        headstart.identify(club, [party, party])
    with pytest.raises(OptionError, match="-o is for videos"):
        headstart.identify(club, tmp_path, out=tmp_path / "x.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == ["x.mp4"]


def test_the_command(club, party, capsys):
    from headstart.cli import main

    assert main(["identify", str(club), str(party), "--fps", "2", "--threshold", "0"]) == 0
    shown = capsys.readouterr().out
    assert "clearest at" in shown
    assert "0.0 s" in shown
    assert main(["identify", str(club), str(party), "--threshold", "0", "--json"]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["answers"][1]["seconds"] == [2.0, 4.8]
    assert value["answers"][1]["looks"] == 15


def test_the_surest_looks_are_kept_and_no_others():
    from headstart.video.identify_video import _Look, _Sighting

    track = Tracks().update(0.0, np.zeros((1, 4)), np.zeros((1, 1)))[0]
    sighting = _Sighting(track)
    scores = np.random.default_rng(0).random(500)
    vectors = np.eye(500, dtype=np.float32)
    for at, score in enumerate(scores):
        sighting.add(_Look(score, vectors[at], float(at), np.zeros(4)))
    best = np.argsort(-scores)[:SUREST]
    assert [each.seconds for each in sighting.looks] == best.tolist()
    assert np.flatnonzero(sighting.vector).tolist() == sorted(best.tolist())
    assert np.linalg.norm(sighting.vector) == pytest.approx(1)
    assert not direction(np.zeros((3, 8))).any()
