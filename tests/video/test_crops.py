"""Faces cut out of photos: names that never collide, rows that say what is known, findings."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.drawn_faces import detector_file, find_drawn_faces, photo

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.errors import OutputError
from headstart.images import detect
from headstart.images.faces import NO_FACE, Faces
from headstart.images.video import Frame
from headstart.video.crops import (
    Written,
    _free,
    findings,
    frames,
    searched,
    write,
    write_table,
)
from headstart.video.tracks import Tracks


@pytest.fixture
def finder(tmp_path_factory, monkeypatch) -> Faces:
    find_drawn_faces(monkeypatch)
    file = detector_file(tmp_path_factory.mktemp("net"))
    return Faces(str(file), detect.register_detector(file.read_bytes()))


def data(root: Path, *names: str) -> Dataset:
    n = len(names)
    return Dataset(root, names, Classes(("a",), np.zeros(n, int)), np.array([""] * n, "U5"))


def save(root: Path, name: str, *faces: tuple, **how: object) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    photo(list(faces), **how).save(root / name)


def quiet(*given: object) -> None:
    pass


def cut(root: Path, finder: Faces, *names: str, which: str = "largest", columns=None) -> Written:
    written = Written()
    for each in searched(data(root, *names), finder, which, 2, quiet):
        write(each, finder, 48, root / "out", written, columns or {}, None)
    return written


# --- names --------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(["a", "A", "b", "a-2", "ä"]), max_size=12))
def test_no_two_crops_have_one_name(stems):
    taken: set[str] = set()
    names = [_free(stem, taken) for stem in stems]
    lower = [name.lower() for name in names]  # some disks do not tell a from A
    assert len(set(lower)) == len(names)
    assert taken == set(lower)
    assert all(name.endswith(".png") for name in names)


def test_names_count_up():
    taken: set[str] = set()
    assert [_free("x/a", taken) for _ in range(3)] == ["x/a.png", "x/a-2.png", "x/a-3.png"]


# --- photos -------------------------------------------------------------------------------------


def test_crops_lie_where_their_photos_lay(tmp_path, finder):
    save(tmp_path, "ann/früh/1.png", (80, 60, 50, "pale"))
    save(tmp_path, "bob/1.png", (50, 60, 40, "dark"))
    written = cut(tmp_path, finder, "ann/früh/1.png", "bob/1.png")
    assert [row["file"] for row in written.rows] == ["ann/früh/1.png", "bob/1.png"]
    for row in written.rows:
        assert Image.open(tmp_path / "out" / str(row["file"])).size == (48, 48)
    assert (written.photos, written.without) == (2, {})


def test_what_a_row_says(tmp_path, finder):
    save(tmp_path, "a.png", (80, 60, 50, "pale"))
    columns = {"age": np.array(["old"]), "kind": np.array(["ü"])}
    [row] = cut(tmp_path, finder, "a.png", columns=columns).rows
    assert list(row)[:4] == ["file", "photo", "age", "kind"]
    assert (row["photo"], row["age"], row["kind"]) == ("a.png", "old", "ü")
    assert row["face_left"] + row["face_width"] / 2 == pytest.approx(80, abs=3)
    assert row["face_top"] + row["face_height"] / 2 == pytest.approx(60, abs=3)
    assert row["face_side"] == min(row["face_width"], row["face_height"])
    assert row["faces_on_photo"] == 1
    assert row["face_score"] == pytest.approx(0.95)


@pytest.mark.parametrize(("which", "sides"), [("largest", [50]), ("all", [50, 30, 24])])
def test_one_face_or_all(tmp_path, finder, which, sides):
    save(tmp_path, "a.png", (40, 60, 50, "pale"), (120, 60, 30, "dark"), (88, 60, 24, "dark"))
    rows = cut(tmp_path, finder, "a.png", which=which).rows
    assert [row["face_side"] for row in rows] == pytest.approx(sides, abs=3)
    assert [row["file"] for row in rows] == ["a.png", "a_face2.png", "a_face3.png"][: len(sides)]
    assert all(row["faces_on_photo"] == 3 for row in rows)


def test_photos_of_one_name_are_two(tmp_path, finder):
    save(tmp_path, "a.png", (80, 60, 50, "pale"))
    save(tmp_path, "a.bmp", (80, 60, 50, "dark"))
    rows = cut(tmp_path, finder, "a.png", "a.bmp").rows
    assert [row["file"] for row in rows] == ["a.png", "a-2.png"]


def test_paths_never_lead_out(tmp_path, finder):
    save(tmp_path, "deep/er/a.png", (80, 60, 50, "pale"))
    root = tmp_path / "deep" / "down"
    root.mkdir()
    written = cut(root, finder, "../er/a.png")
    assert written.rows[0]["file"] == "er/a.png"
    assert (root / "out" / "er" / "a.png").is_file()


def test_boxes_are_in_pixels_of_the_file(tmp_path, finder):
    image = photo([(1600, 1300, 900, "pale")], size=(3200, 2600))
    image.save(tmp_path / "a.jpg", quality=90)
    [row] = cut(tmp_path, finder, "a.jpg").rows
    assert row["face_left"] + row["face_width"] / 2 == pytest.approx(1600, abs=60)
    assert row["face_side"] == pytest.approx(900, rel=0.12)


def test_without_a_face_or_an_image_there_is_a_reason(tmp_path, finder):
    save(tmp_path, "none.png")
    (tmp_path / "bad.png").write_bytes(b"")
    written = cut(tmp_path, finder, "none.png", "bad.png", "gone.png")
    assert (written.rows, written.photos) == ([], 3)
    assert written.without["none.png"] == NO_FACE
    assert set(written.without) == {"none.png", "bad.png", "gone.png"}
    assert not (tmp_path / "out").exists()


def test_where_nothing_can_be_written(tmp_path, finder):
    save(tmp_path, "a.png", (80, 60, 50, "pale"))
    (tmp_path / "out").write_text("a file")
    with pytest.raises(OutputError, match=r"out.a\.png cannot be written"):
        cut(tmp_path, finder, "a.png")


def test_photos_come_in_order_and_are_counted(tmp_path, finder):
    names = [f"{at}.png" for at in range(9)]
    for name in names:
        save(tmp_path, name, (80, 60, 50, "pale"))
    seen: list[tuple] = []
    found = searched(data(tmp_path, *names), finder, "all", 3, lambda *given: seen.append(given))
    assert [each.name for each in found] == names
    assert seen == [("finding faces", at + 1, 9) for at in range(9)]


# --- frames -------------------------------------------------------------------------------------


class Film:
    """Frames at half seconds with a face that goes right."""

    def __init__(self, total: float = 2.0, *, interrupted: bool = False) -> None:
        self.total, self._interrupted = total, interrupted
        self.live, self.name = not total, "films/party.mp4" if total else "0"

    def __iter__(self):
        for at in range(4):
            faces = [(50 + 4 * at, 60, 40, "pale")] if at != 2 else []
            yield Frame(at / 2, np.asarray(photo(faces)), True)
        if self._interrupted:
            raise KeyboardInterrupt


def test_crops_of_a_film_know_their_time_and_track(tmp_path, finder):
    written, tracks = Written(), Tracks()
    for each in frames(Film(), finder, "all", quiet):
        write(each, finder, 32, tmp_path, written, {}, tracks)
    assert [row["seconds"] for row in written.rows] == [0, 0.5, 1.5]
    assert [row["track"] for row in written.rows] == [1, 1, 1]
    assert written.rows[1]["file"] == "party_00000.50s.png"
    assert written.without == {"films/party.mp4 @ 00001.00s": NO_FACE}


def test_a_camera_is_ended_by_interrupting_and_a_film_is_not(finder):
    assert len(list(frames(Film(0, interrupted=True), finder, "all", quiet))) == 4
    with pytest.raises(KeyboardInterrupt):
        list(frames(Film(interrupted=True), finder, "all", quiet))


# --- the table and what is said -----------------------------------------------------------------


def row(**known: object) -> dict[str, object]:
    usual = {"file": "a.png", "photo": "a.jpg", "face_side": 100, "face_blur": 0.5,
             "face_yaw": 0.0, "faces_on_photo": 1}  # fmt: skip
    return usual | known


def said(*rows: dict, problem: str = "", **without: str) -> dict:
    return {each.check: each for each in findings(Written(list(rows), without=without), problem)}


def test_the_table_can_be_read_again(tmp_path):
    rows = [row(file='ö,"1".png'), row(file="b.png", photo="zwei\nZeilen")]
    write_table(tmp_path / "faces.csv", rows)
    with (tmp_path / "faces.csv").open(encoding="utf-8", newline="") as stream:
        again = list(csv.DictReader(stream))
    assert again == [{key: str(value) for key, value in each.items()} for each in rows]


def test_good_faces_are_left_in_peace():
    assert said() == {}
    assert said(row(), row(face_side=40, face_blur=0.02, face_yaw=-0.45)) == {}


@pytest.mark.parametrize(
    ("check", "known"),
    [
        ("tiny", {"face_side": 39.9}),
        ("blurred", {"face_blur": 0.0199}),
        ("turned", {"face_yaw": 0.46}),
        ("turned", {"face_yaw": -0.9}),
    ],
)
def test_odd_faces_are_named(check, known):
    found = said(row(), row(file="odd.png", **known))
    assert set(found) == {check}
    assert (found[check].evidence, found[check].count) == (("odd.png",), 1)
    assert found[check].claim.startswith("1 face: ")
    many = said(*[row(**known)] * 40)[check]
    assert many.claim.startswith("40 faces: ")
    assert (len(many.evidence), many.count) == (30, 40)


def test_photos_without_a_crop():
    found = said(row(), a=NO_FACE, b="empty", c=NO_FACE)
    assert found["no_face"].evidence == ("a", "c")
    assert found["unreadable"].evidence == ("b: empty",)


def test_several_faces_count_by_photo():
    crowd = [row(photo="x.jpg", faces_on_photo=3)] * 3 + [row(photo="y.jpg", faces_on_photo=2)]
    found = said(row(), *crowd)["several_faces"]
    assert (found.count, found.evidence) == (2, ("x.jpg", "y.jpg"))


def test_a_film_that_ended_too_soon():
    found = said(row(), problem="damaged: it ends after 3 of 9 frames")["video_ended"]
    assert "damaged: it ends after 3 of 9 frames" in found.claim
