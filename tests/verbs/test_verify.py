import numpy as np
import pytest
from tests.verbs.albums import PEOPLE, album, portrait

from headstart.errors import DataError, ImageError, OptionError, OutputError
from headstart.verbs.enroll import enroll
from headstart.verbs.verify import verify


@pytest.fixture
def pair(tmp_path):
    for person in ("Kim", "Lou"):
        for number in (1, 2):
            portrait(tmp_path / f"{person}{number}.png", person, number)
    return tmp_path


def test_two_photos(made, pair):
    place, done, _ = made
    same = verify(place, [pair / "Kim1.png", pair / "Kim2.png"])
    other = verify(place, [pair / "Kim1.png", pair / "Lou1.png"])
    assert same.score > other.score
    assert done.calibration is not None
    for each in (same, other):
        assert each.threshold == done.calibration.verify.threshold.value
        assert each.same == (each.score > each.threshold)
        assert each.far == done.calibration.verify.far
    assert verify(place, [pair / "Kim1.png", pair / "Lou1.png"], threshold=-1.0).same
    itself = verify(place, [pair / "Kim1.png", pair / "Kim1.png"])
    assert itself.score == pytest.approx(1, abs=1e-5)
    assert "same file" in " ".join(itself.notes)
    assert (
        "Not the same"
        in verify(place, [pair / "Kim1.png", pair / "Lou1.png"], threshold=1.0)._repr_html_()
    )


def test_a_labelled_folder(made, tmp_path):
    place, *_ = made
    people = [*PEOPLE, "Kim", "Lou"]
    photos = album(tmp_path / "photos", people, range(30, 33))
    rows = ["file,group,id"]
    rows += [
        f"{p}/{n}.png,{'ab'[i % 2]},{p}{n}" for i, p in enumerate(people) for n in (30, 31, 32)
    ]
    (photos / "attributes.csv").write_text("\n".join(rows))
    (photos / "Ann" / "copy.png").write_bytes((photos / "Ann" / "30.png").read_bytes())
    (photos / "Ann" / "bad.png").write_text("x")
    found = verify(place, photos)
    assert (found.people, found.photos) == (6, 18)
    assert found.errors["Ann/bad.png"] == "a text file, not an image"
    assert "A copy of another photo" in found.notes[0]
    assert {"auc", "eer", "tar_at_far_0.01", "rank_1", "rank_5"} <= set(found.measures)
    assert found.measures["rank_1"].value > 0.9
    assert found.measures["auc"].n == 18 * 17 / 2
    assert found.measures["tar_at_far_0.1"].n == 18
    assert found.measures["far_at_threshold"].n == 15 * 9
    assert set(found.subgroups) == {"group"}, "an id makes no subgroups"
    assert found.subgroups["group"]["a"]["auc"].n == 9 * 8 / 2
    assert found.curve["far"][0] == 0
    assert found.curve["tar"][-1] == 1
    assert (np.diff(found.curve["far"]) >= 0).all()
    assert any(name == "equal error rate" for name, _ in found.rows())
    assert "AUC" in found._repr_html_()
    assert verify(place, photos, seed=0, out=tmp_path / "roc.html") == found
    page = (tmp_path / "roc.html").read_text()
    assert "<polyline" in page
    assert "equal error rate" in page
    with pytest.raises(OutputError, match="cannot write"):
        verify(place, photos, out=tmp_path / "nowhere" / "roc.html")


def test_what_cannot_be_verified(made, gallery, pair, tmp_path):
    place, *_ = made
    with pytest.raises(OptionError, match="two photos, or one folder"):
        verify(place, [pair / "Kim1.png"] * 3)
    with pytest.raises(OptionError, match="two photos, or one folder"):
        verify(place, pair / "Kim1.png")
    with pytest.raises(OptionError, match="is a folder"):
        verify(place, [pair, pair / "Kim1.png"])
    (tmp_path / "bad.png").write_text("x")
    with pytest.raises(ImageError, match=r"bad\.png: a text file"):
        verify(place, [pair / "Kim1.png", tmp_path / "bad.png"])
    with pytest.raises(DataError, match="does not say who"):
        verify(place, pair)
    album(tmp_path / "few", PEOPLE, [1])
    with pytest.raises(DataError, match="at least two people"):
        verify(place, tmp_path / "few")
    for person in PEOPLE[1:]:
        enroll(gallery, remove=person)
    with pytest.raises(OptionError, match="no threshold"):
        verify(gallery, [pair / "Kim1.png", pair / "Kim2.png"])
    album(tmp_path / "two", PEOPLE[:2], [1, 2])
    measures = verify(gallery, tmp_path / "two").measures
    assert "far_at_threshold" not in measures
    assert "eer" in measures
