"""Two photos: whether they show the same person, by which threshold, and what to know of it."""

from __future__ import annotations

import shutil

import pytest
from tests.verbs.albums import portrait

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.errors import ImageError, OptionError
from headstart.gallery.embed import embed_photos
from headstart.gallery.folder import Gallery, GalleryReader
from headstart.gallery.verification import Verification, verify_pair
from headstart.records import Estimate

CPU = Compute(device="cpu", workers=1)


@pytest.fixture
def shots(tmp_path):
    """Two photos of Eve, whom nobody enrolled, and one of Fay."""
    for name, who, number in (("e0.png", "Eve", 0), ("e1.png", "Eve", 1), ("f.png", "Fay", 0)):
        portrait(tmp_path / name, who, number)
    return [tmp_path / name for name in ("e0.png", "e1.png", "f.png")]


def test_the_score_is_the_cosine_and_the_threshold_calibrated(club, reader, shots):
    opened = club[0]
    vectors = embed_photos(
        Dataset.unlabelled(list(map(str, shots))), opened.backbone,
        preprocess=opened.preprocess, compute=CPU,
    ).vectors  # fmt: skip
    at = reader.calibration.verify
    for one, other in ((0, 1), (0, 2), (2, 1)):
        found = verify_pair(opened, reader, [shots[one], shots[other]], None, CPU)
        assert found.photos == (str(shots[one]), str(shots[other]))
        assert found.score == pytest.approx(float(vectors[one] @ vectors[other]), abs=1e-5)
        assert found.threshold == at.threshold.value
        assert found.same == (found.score > at.threshold.value)
        assert (found.far, found.tar) == (at.far, at.tar)
    assert verify_pair(opened, reader, shots[:2], None, CPU).score > found.score


def test_a_given_threshold_is_taken_as_it_is(club, reader, shots):
    for limit in (0.0, -1.0, 1.0):
        found = verify_pair(club[0], reader, shots[:2], limit, CPU)
        assert (found.threshold, found.far, found.tar, found.notes) == (limit, None, None, ())
        assert found.same == (limit < 1)
    at = verify_pair(club[0], reader, shots[:2], found.score, CPU)
    assert not at.same, "above it, never at it"


def test_what_to_know_of_the_answer(club, shots, tmp_path):
    shutil.copytree(club[0].folder, tmp_path / "g")
    opened = Gallery.open(tmp_path / "g")
    with opened.store(write=True) as store:
        store.remove("Ann")
    reader = GalleryReader(opened)
    plain = verify_pair(opened, reader, shots[:2], None, CPU).notes
    assert any("after the last calibration" in each for each in plain)
    shutil.copy(shots[0], tmp_path / "again.png")
    notes = verify_pair(opened, reader, [shots[0], tmp_path / "again.png"], None, CPU).notes
    assert set(notes) - set(plain) == {"The two are the same file, byte for byte."}
    shown = reader.calibration.verify.shown
    assert any("estimate" in each for each in plain) == (not shown)
    reader.close()


def test_what_cannot_be_compared(club, reader, shots, tmp_path):
    (tmp_path / "torn.png").write_text("no image")
    with pytest.raises(ImageError, match=r"torn\.png: a text file"):
        verify_pair(club[0], reader, [shots[0], tmp_path / "torn.png"], None, CPU)
    with pytest.raises(OptionError, match="is a folder: give two photos"):
        verify_pair(club[0], reader, [shots[0], tmp_path], None, CPU)
    reader.calibration = None
    with pytest.raises(OptionError, match="has no threshold: enroll at least two people"):
        verify_pair(club[0], reader, shots[:2], None, CPU)
    assert verify_pair(club[0], reader, shots[:2], 0.5, CPU).threshold == 0.5


def test_in_words_and_rows():
    far, tar = Estimate(0.1, 0, 0.2, 9, "Wilson"), Estimate(0.9, 0.8, 1, 9, "Wilson")
    none = Estimate(float("nan"), 0, 1, 0, "undefined")
    yes = Verification(("a", "b"), True, 0.71234, 0.5, far, tar, ("<Note>.",))
    assert yes.lines() == [
        "The same person: the score 0.712 is above the threshold 0.500.",
        "<Note>.",
    ]
    assert yes.rows() == [("different people accepted", far), ("same person accepted", tar)]
    assert "&lt;Note&gt;" in yes._repr_html_()
    no = Verification(("a", "b"), False, 0.5, 0.5, none, None)
    assert no.lines() == ["Not the same person: the score 0.500 is not above the threshold 0.500."]
    assert no.rows() == []


@pytest.mark.parametrize("threshold", [None, 0.5])
def test_an_enrolled_photo_is_said(club, reader, shots, threshold):
    enrolled = club[1] / "Bob" / "1.png"
    found = verify_pair(club[0], reader, [shots[0], enrolled], threshold, CPU)
    assert f"{enrolled} is enrolled in the gallery, as Bob." in found.notes
    assert not any(str(shots[0]) in each for each in found.notes)
