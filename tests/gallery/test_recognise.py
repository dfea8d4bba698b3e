"""How well people are told apart on photos: against every pair compared by hand."""

from __future__ import annotations

import itertools
import shutil

import numpy as np
import pytest
from tests.verbs.albums import PEOPLE, album

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.errors import DataError
from headstart.gallery.embed import embed_photos
from headstart.gallery.recognise import recognise

CPU = Compute(device="cpu", workers=1)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Four people; a copy and a broken photo among them, and a table of three columns."""
    root = album(tmp_path_factory.mktemp("recognise") / "photos", numbers=range(10, 14))
    shutil.copy(root / "Ann" / "10.png", root / "Ann" / "10b.png")
    (root / "Ann" / "12b.png").write_text("no image")
    rows = ["file,group,club,room"]
    rows += [
        f"{who}/{file.name},{'ab'[at % 2]},all,{('x', 'x', 'y', '')[at]}"
        for at, who in enumerate(PEOPLE)
        for file in sorted((root / who).iterdir())
    ]
    (root / "attributes.csv").write_text("\n".join(rows))
    return root


def pairs_of(club, root, people=PEOPLE) -> tuple[np.ndarray, np.ndarray]:
    """Scores of every pair, of one person and of two, the copy left out."""
    names = [f"{root}/{who}/{at}.png" for who in people for at in range(10, 14)]
    opened = club[0]
    vectors = embed_photos(
        Dataset.unlabelled(names), opened.backbone, preprocess=opened.preprocess, compute=CPU
    ).vectors
    same, other = [], []
    for a, b in itertools.combinations(range(len(names)), 2):
        (same if a // 4 == b // 4 else other).append(float(vectors[a] @ vectors[b]))
    return np.array(same), np.array(other)


def test_it_is_every_pair_and_copies_are_none(club, reader, photos):
    found = recognise(club[0], reader, photos, CPU, threshold=0.5)
    assert (found.people, found.photos, found.data) == (4, 16, str(photos))
    assert found.errors == {"Ann/12b.png": "a text file, not an image"}
    assert any("A copy of another photo is left out" in each for each in found.notes)
    same, other = pairs_of(club, photos)
    auc = (same[:, None] > other).mean()
    assert found.measures["auc"].value == pytest.approx(auc, abs=1e-3)
    assert found.measures["auc"].n == len(same) + len(other) == 120
    assert found.measures["far_at_threshold"].value == pytest.approx((other > 0.5).mean())
    assert found.measures["tar_at_threshold"].value == pytest.approx((same > 0.5).mean())
    assert {"tar_at_far_0.1", "tar_at_far_0.01", "rank_1"} < set(found.measures)


def test_the_threshold_is_the_gallery_s_own_unless_given(club, reader, photos):
    own = reader.calibration.verify.threshold.value
    same, other = pairs_of(club, photos)
    found = recognise(club[0], reader, photos, CPU).measures
    assert found["far_at_threshold"].value == pytest.approx((other > own).mean())
    assert found["tar_at_threshold"].value == pytest.approx((same > own).mean())
    reader.calibration = None
    assert "far_at_threshold" not in recognise(club[0], reader, photos, CPU).measures


def test_subgroups_are_pairs_within_one(club, reader, photos):
    found = recognise(club[0], reader, photos, CPU, threshold=0.5).subgroups
    assert set(found) == {"group", "room"}, "a column of one value makes none"
    assert set(found["group"]) == {"a", "b"}
    assert set(found["room"]) == {"x"}, "of y there is one person: no pair of two"
    for part, people in (
        (found["group"]["a"], ("Ann", "Cid")),
        (found["group"]["b"], ("Bob", "Dee")),
        (found["room"]["x"], ("Ann", "Bob")),
    ):
        same, other = pairs_of(club, photos, people)
        assert part["auc"].n == len(same) + len(other) == 28
        assert part["far_at_threshold"].value == pytest.approx((other > 0.5).mean())
        assert part["tar_at_threshold"].value == pytest.approx((same > 0.5).mean())


def test_the_curve_is_what_thresholds_do(club, reader, photos):
    curve = recognise(club[0], reader, photos, CPU).curve
    same, other = pairs_of(club, photos)
    assert len(curve["far"]) == len(curve["tar"]) == len(curve["threshold"]) > 20
    assert (curve["far"][0], curve["tar"][0]) == (0.0, 0.0)
    assert (curve["far"][-1], curve["tar"][-1]) == (1.0, 1.0)
    for far, tar, limit in list(zip(*curve.values(), strict=True))[1:-1:5]:
        assert far == pytest.approx((other > limit - 1e-5).mean(), abs=1e-9)
        assert tar == pytest.approx((same > limit - 1e-5).mean(), abs=1e-9)


def test_too_few_to_measure_anything(club, reader, tmp_path):
    album(tmp_path / "one", ["Ann"])
    album(tmp_path / "each", PEOPLE, range(1))
    shutil.copy(tmp_path / "each" / "Ann" / "0.png", tmp_path / "each" / "Ann" / "copy.png")
    for name in ("one", "each"):
        with pytest.raises(DataError, match=f"{name}: at least two people, and one of them on"):
            recognise(club[0], reader, tmp_path / name, CPU)
    with pytest.raises(DataError, match="give one folder per person, or two photos"):
        recognise(club[0], reader, tmp_path / "one" / "Ann", CPU)


def test_measuring_on_enrolled_photos_is_said(club, reader, photos):
    found = recognise(club[0], reader, club[1], CPU)
    assert found.notes[0].startswith("16 of these photos are enrolled in the gallery")
    other = recognise(club[0], reader, photos, CPU)
    assert not any("enrolled" in each for each in other.notes)
