"""What became of an enrolment: calibrated anew, kept, and told in sentences."""

from __future__ import annotations

import shutil

import pytest
from tests.verbs.albums import album

from headstart.compute import Compute
from headstart.gallery.enrolling import Enrolling
from headstart.gallery.enrolment import Enrolment, finish
from headstart.gallery.folder import GalleryReader
from headstart.gallery.photos import photos_of_people

CPU = Compute(device="cpu", workers=1)
SETTINGS = {"method": "knn", "k": 2, "far": 0.1}


def begun(folder, wanted, people, root) -> Enrolling:
    work = Enrolling(folder, wanted, CPU)
    work.open_or_prepare("starter", None)
    work.enroll(photos_of_people(album(root, people), None, otherwise=""))
    return work


def test_the_calibration_is_of_all_that_is_enrolled_and_is_kept(club, tmp_path):
    shutil.copytree(club[0].folder, tmp_path / "g")
    work = begun(tmp_path / "g", {"far": 0.2, "method": "centroid"}, ["Eve"], tmp_path / "new")
    told = []
    done = finish(work, {"Zoe": 2}, CPU.with_progress(lambda *each: told.append(each)))
    assert (done.enrolled, done.removed, done.known) == ({"Eve": 4}, {"Zoe": 2}, 0)
    assert (done.people, done.photos, done.backbone) == (5, 20, "starter")
    assert done.settings == {"method": "centroid", "k": 2, "far": 0.2}
    assert (done.calibration.people, done.calibration.photos, done.calibration.far) == (5, 20, 0.2)
    assert done.notes == done.calibration.summary
    assert told == [("calibrating", 0, 1), ("calibrating", 1, 1)]
    reader = GalleryReader(work.gallery)
    assert not reader.stale
    assert reader.settings == done.settings
    assert reader.calibration.to_json() == done.calibration.to_json()
    reader.close()


def test_one_person_alone_has_no_threshold(tmp_path):
    work = begun(tmp_path / "g", {}, ["Ann"], tmp_path / "photos")
    done = finish(work, {}, CPU)
    assert done.calibration is None
    assert done.rows() == []
    assert "enroll another" in done.lines()[-1]
    reader = GalleryReader(work.gallery)
    assert (reader.calibration, reader.stale) == (None, False)
    reader.close()


def record(calibration=None, **more) -> Enrolment:
    given = {"settings": SETTINGS, "enrolled": {}, "removed": {}, "known": 0, "errors": {}}
    given |= {"people": 1, "photos": 1, "calibration": calibration, **more}
    return Enrolment("club", "starter", **given)


def test_in_sentences():
    many = {f"p{at}": 200 for at in range(6)}
    found = record(
        enrolled=many, removed={"Ann": 1}, known=2, people=1234, photos=5678, notes=("So.",)
    )
    assert found.lines() == [
        "Enrolled 1,200 photos of p0, p1, p2, p3, p4, p5.",
        "Removed 1 photo of Ann.",
        "Passed over 2 photos: enrolled already.",
        "club knows 1,234 people by 5,678 photos (vectors of starter; compared with each person's "
        "2 most similar photos).",
        "So.",
    ]
    assert repr(found) == "Enrolment('club': 1,234 people, 5,678 photos)"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"method": "knn", "k": 1}, "each person's most similar photo)"),
        ({"method": "centroid", "k": 3}, "the mean of each person's photos)"),
    ],
)
def test_how_people_are_compared(settings, words):
    (line,) = record(settings=SETTINGS | settings).lines()
    assert line.startswith("club knows 1 person by 1 photo (")
    assert words in line


def test_rows_are_the_rates_of_both_thresholds(club, reader):
    found = record(reader.calibration)
    rows = dict(found.rows())
    assert rows["identify: threshold"] is reader.calibration.identify.threshold
    assert rows["  false accept rate (FAR)"] is reader.calibration.identify.far
    assert rows["  known people recognised"] is reader.calibration.identify.tar
    assert rows["verify: threshold"] is reader.calibration.verify.threshold
    assert rows["  different people taken for one"] is reader.calibration.verify.far
    assert rows["  same person accepted"] is reader.calibration.verify.tar
    assert len(rows) == 6


def test_what_nobody_could_measure_is_no_row_and_nothing_runs(tmp_path):
    work = Enrolling(tmp_path / "g", {}, CPU)
    work.open_or_prepare("starter", None)
    photos = album(tmp_path / "photos", ["Ann", "Bob"], range(1))
    work.enroll(photos_of_people(photos, None, otherwise=""))
    names = [name for name, _ in finish(work, {}, CPU).rows()]
    assert "verify: threshold" in names
    assert "  same person accepted" not in names  # everybody has one photo
    assert "&lt;b&gt;" in record(notes=("<b>",))._repr_html_()
