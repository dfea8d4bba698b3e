import sqlite3

import numpy as np
import pytest
from tests.verbs.albums import PEOPLE, album, portrait

from headstart.cli import main
from headstart.errors import DataError, ModelError, OptionError
from headstart.gallery.folder import Gallery
from headstart.verbs.enroll import enroll
from headstart.verbs.identify import identify


def test_people_strangers_and_bad_files(made, tmp_path):
    place, *_ = made
    album(tmp_path / "new", PEOPLE[:2], [10])
    (tmp_path / "new" / "bad.jpg").write_text("x")
    found = identify(place, tmp_path / "new", top=3)
    assert [each.photo.rpartition("/")[2] for each in found.answers] == [
        "10.png",
        "10.png",
        "bad.jpg",
    ]
    assert [each.candidates[0][0] for each in found.answers[:2]] == ["Ann", "Bob"]
    bad = found.answers[2]
    assert (bad.person, bad.score, bad.candidates) == (None, None, ())
    assert bad.error == "a text file, not an image"
    for each in found.answers[:2]:
        assert (each.person is not None) == (each.score > found.threshold)
        assert len(each.candidates) == 3
        assert [s for _, s in each.candidates] == sorted(
            (s for _, s in each.candidates), reverse=True
        )
    sure = identify(place, tmp_path / "new", threshold=-1.0)
    assert [each.person for each in sure.answers] == ["Ann", "Bob", None]
    never = identify(place, tmp_path / "new" / "Ann", threshold=1.0)
    assert never.answers[0].person is None
    assert "unknown" in never._repr_html_()
    missing = identify(place, [tmp_path / "gone.png"])
    assert missing.answers[0].error == "no such file"
    assert main(["identify", str(place), str(tmp_path / "gone.png")]) == 2


def test_measured_against_the_truth(made, tmp_path):
    place, _, photos = made
    album(tmp_path / "new", [*PEOPLE, "Zoe", "Yan"], [20, 21])
    found = identify(place, tmp_path / "new", labelled=True)
    assert found.measures["rank-1"].value == 1
    assert found.measures["rank-1"].n == 8
    assert found.measures["false accept rate (FAR)"].n == 4
    right = [
        each.person == each.photo.partition("/")[0]
        for each in found.answers
        if each.photo.partition("/")[0] in PEOPLE
    ]
    assert found.measures["known people correct"].value == np.mean(right)
    enrolled = identify(place, photos, labelled=True)
    assert enrolled.measures == {}
    assert "16 of the photos are enrolled, and left out" in enrolled.notes[-1]


def test_a_calibration_of_the_past_is_said(gallery, tmp_path):
    portrait(tmp_path / "a.png", "Ann", 7)
    before = identify(gallery, tmp_path / "a.png").notes
    with Gallery.open(gallery).store(write=True) as store:
        store.remove("Bob")  # and killed before it could calibrate
    assert "after the last calibration" in " ".join(identify(gallery, tmp_path / "a.png").notes)
    enroll(gallery, far=0.5)
    assert len(before) == 1
    assert "too few people" in before[0]
    assert identify(gallery, tmp_path / "a.png").notes == ()


def test_what_cannot_be_answered(gallery, tmp_path):
    portrait(tmp_path / "a.png", "Ann", 7)
    for person in PEOPLE[1:]:
        enroll(gallery, remove=person)
    with pytest.raises(OptionError, match="one person is enrolled"):
        identify(gallery, tmp_path / "a.png")
    assert identify(gallery, tmp_path / "a.png", threshold=0.0).answers[0].person == "Ann"
    enroll(gallery, remove="Ann")
    with pytest.raises(OptionError, match="nobody is enrolled"):
        identify(gallery, tmp_path / "a.png")
    assert identify(gallery, tmp_path / "a.png", threshold=0.0).answers[0].person is None
    with pytest.raises(OptionError, match="--top 0: at least 1"):
        identify(gallery, tmp_path / "a.png", top=0)
    with pytest.raises(OptionError, match="--labelled"):
        identify(gallery, tmp_path / "a.png", label="person")
    with pytest.raises(DataError, match="does not say who"):
        identify(gallery, tmp_path, labelled=True, threshold=0.5)
    with pytest.raises(DataError, match="no image"):
        identify(gallery, [], threshold=0.5)
    with pytest.raises(ModelError, match="is not a gallery"):
        identify(tmp_path, tmp_path / "a.png")
    (gallery / "index.sqlite").write_bytes(b"x" * 5000)
    with pytest.raises(ModelError, match="damaged"):
        identify(gallery, tmp_path / "a.png")


def test_scikit_learn_is_not_imported(made, tmp_path, cli):
    """Nor torch, once the network is converted; here it is too small for that."""
    import subprocess
    import sys

    place, *_ = made
    portrait(tmp_path / "a.png", "Ann", 7)
    code = (
        "import sys\nfrom headstart.verbs.identify import identify\n"
        f"identify({str(place)!r}, {str(tmp_path / 'a.png')!r})\n"
        "print([name for name in ('sklearn', 'scipy', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "[]", done.stderr
    assert sqlite3.threadsafety >= 1
