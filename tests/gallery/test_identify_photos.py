"""Who is on photos: an answer a photo in their order, and how often it is right."""

from __future__ import annotations

import shutil

import pytest
from tests.drawn_faces import detector_file, find_drawn_faces, photo
from tests.verbs.albums import album, portrait

from headstart.compute import Compute
from headstart.errors import DataError, OptionError
from headstart.gallery.enrolling import Enrolling
from headstart.gallery.folder import Gallery, GalleryReader
from headstart.gallery.identify_photos import identify_photos, measure_photos, threshold_of
from headstart.gallery.photos import photos_of_people

CPU = Compute(device="cpu", workers=1)


def test_every_photo_is_answered_for_in_its_place(club, reader, tmp_path):
    portrait(tmp_path / "b.png", "Bob", 50)
    portrait(tmp_path / "a.png", "Ann", 50)
    (tmp_path / "torn.png").write_bytes(b"\x89PNG and no more")
    given = [tmp_path / "torn.png", tmp_path / "b.png", tmp_path / "gone.png", tmp_path / "a.png"]
    found = identify_photos(club[0], reader, given, -1.0, CPU, top=3)
    assert [each.photo for each in found] == list(map(str, given))
    assert [each.person for each in found] == [None, "Bob", None, "Ann"]
    assert [bool(each.error) for each in found] == [True, False, True, False]
    for each in (found[1], found[3]):
        assert len(each.candidates) == 3
        assert each.candidates[0] == (each.person, each.score)
        assert each.box is None
    limit = found[1].score
    (still,) = identify_photos(club[0], reader, given[1:2], limit, CPU, top=1)
    assert (still.person, still.score) == (None, pytest.approx(limit))


def test_in_a_gallery_of_faces_every_face_is(tmp_path, monkeypatch):
    pytest.importorskip("cv2", reason="needs OpenCV")
    find_drawn_faces(monkeypatch)
    for skin in ("pale", "dark"):
        (tmp_path / "people" / skin).mkdir(parents=True)
        for at in range(3):
            face = photo([(60 + 10 * at, 60, 50, skin)], seed=at)
            face.save(tmp_path / "people" / skin / f"{at}.png")
    work = Enrolling(tmp_path / "g", {}, CPU)
    work.open_or_prepare("starter", str(detector_file(tmp_path)))
    work.enroll(photos_of_people(tmp_path / "people", None, otherwise=""))
    both = [(40, 60, 30, "dark"), (120, 60, 50, "pale")]
    photo(both, seed=9).save(tmp_path / "both.png")
    photo([], seed=9).save(tmp_path / "none.png")
    reader = GalleryReader(work.gallery)
    given = [tmp_path / "none.png", tmp_path / "both.png"]
    nobody, one, two = identify_photos(work.gallery, reader, given, -1.0, CPU, top=1)
    reader.close()
    assert (nobody.photo, nobody.person, nobody.score) == (str(given[0]), None, None)
    assert "no face" in nobody.error
    assert [one.photo, two.photo] == [str(given[1]), f"{given[1]} (face 2)"]
    wanted = {"dark": [25, 45, 30, 30], "pale": [95, 35, 50, 50]}
    assert {one.person, two.person} == set(wanted)
    for each in (one, two):
        assert each.box == pytest.approx(wanted[each.person], abs=3)


def test_measures_are_of_known_people_and_of_strangers(club, reader, tmp_path):
    opened, photos = club
    root = album(tmp_path / "new", ["Ann", "Bob", "Eve"], range(20, 23))
    portrait(root / "Ann" / "wrong.png", "Bob", 40)
    shutil.copy(photos / "Cid" / "0.png", root / "Ann" / "enrolled.png")
    answers, found, notes = measure_photos(opened, reader, [root], -1.0, CPU, top=1)
    assert len(answers) == 11
    assert all(len(each.candidates) == 1 for each in answers)
    known = found["known people correct"]
    assert (known.value, known.n) == (pytest.approx(6 / 7), 7)
    assert found["known people incorrect"].value == pytest.approx(1 / 7)
    assert found["rank-1"].value == pytest.approx(6 / 7)
    assert "rank-5" not in found, "four people are enrolled"
    strangers = found["false accept rate (FAR)"]
    assert (strangers.value, strangers.n) == (1.0, 3)
    assert notes == ["1 of the photos is enrolled, and left out of the measures."]
    _, found, _ = measure_photos(opened, reader, [root], 1.0, CPU, top=1)
    rates = [found[f"known people {what}"].value for what in ("correct", "incorrect")]
    assert [*rates, found["false accept rate (FAR)"].value] == [0.0, 0.0, 0.0]
    assert found["rank-1"].value == pytest.approx(6 / 7), "ranks know no threshold"


def test_the_truth_is_one_folder_of_people(club, reader, tmp_path):
    opened, photos = club
    with pytest.raises(OptionError, match="--labelled takes one folder"):
        measure_photos(opened, reader, [photos, photos], 0.5, CPU, top=1)
    with pytest.raises(DataError, match="--labelled needs one folder per person"):
        measure_photos(opened, reader, [photos / "Ann"], 0.5, CPU, top=1)


def test_the_threshold_is_the_calibrated_one_unless_one_is_given(club, reader, tmp_path):
    calibrated = reader.calibration.identify
    limit, far, notes = threshold_of(reader, "club", None)
    assert (limit, far) == (calibrated.threshold.value, calibrated.far)
    assert any("too few people" in each for each in notes) == (not calibrated.shown)
    assert threshold_of(reader, "club", 0.0) == (0.0, None, [])
    shutil.copytree(club[0].folder, tmp_path / "copy")
    opened = Gallery.open(tmp_path / "copy")
    with opened.store(write=True) as store:
        store.remove("Ann")
    changed = GalleryReader(opened)
    notes = threshold_of(changed, "club", None)[2]
    assert "'headstart enroll club --far 0.1' calibrates anew" in notes[-1]
    changed.close()


@pytest.mark.parametrize(("people", "words"), [([], "nobody is"), (["Ann"], "one person is")])
def test_without_a_threshold_it_says_why(club, tmp_path, people, words):
    opened = club[0]
    made = Gallery.create(
        tmp_path / "g", opened.backbone, opened.preprocess, dimension=opened.store().dimension,
        settings={"method": "knn", "k": 1, "far": 0.1},
    )  # fmt: skip
    if people:
        work = Enrolling(tmp_path / "g", {}, CPU)
        work.open_or_prepare(None, None)
        work.enroll(photos_of_people(album(tmp_path / "p", people), None, otherwise=""))
    reader = GalleryReader(made)
    with pytest.raises(OptionError, match=f"club has no threshold: {words} enrolled"):
        threshold_of(reader, "club", None)
    reader.close()
