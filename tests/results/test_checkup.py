"""What there is to know of data before a training, and what only faces tell."""

from __future__ import annotations

import numpy as np
import pytest
from tests.drawn_faces import detector_file, find_drawn_faces, photo

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.gallery.embed import embed_photos
from headstart.gallery.search import unit
from headstart.images.deep import EIGHT_BITS
from headstart.nets.pretrained.backbone import open_backbone
from headstart.records import Finding
from headstart.results import checkup as module
from headstart.results.checkup import Checkup, check_faces
from headstart.strategies.prepare import choose_preprocess

CPU = Compute(device="cpu", workers=1)
LEAK = Finding("leak", "serious", "One <image> twice.", (), "Remove & check.")
NOTE = Finding("note", "note", "Small images.", (), "Nothing.")


def test_serious_is_what_makes_results_wrong():
    warning = Finding("blur", "warning", "Some are blurred.", (), "Look.")
    assert not Checkup("data", 3, {}, ()).serious
    assert not Checkup("data", 3, {}, (warning, NOTE)).serious
    assert Checkup("data", 3, {}, (warning, NOTE, LEAK)).serious


def test_what_there_is_to_learn_is_counted_in_its_own_words():
    assert Checkup("data", 3, {}, ()).counted == "no labels"
    assert Checkup("data", 3, {"a": 3}, ()).counted == "1 class"
    assert Checkup("data", 3, {"1": 1, "2": 2}, (), task="regression").counted == (
        "2 ranges of numbers"
    )


def test_in_words_and_as_a_table_nothing_runs():
    found = Checkup("my <data>", 1234, {"a": 1234}, (LEAK, NOTE))
    assert repr(found).splitlines() == [
        "Checkup('my <data>', 1,234 images)",
        "  serious: One <image> twice.",
        "  note: Small images.",
    ]
    page = found._repr_html_()
    assert page.count("<tr>") == 2
    assert "<td>serious</td><td>One &lt;image&gt; twice.</td><td>Remove &amp; check.</td>" in page
    assert "my &lt;data&gt;" in page


@pytest.fixture
def album(tmp_path, monkeypatch):
    """Draws photos, with a face where they say so, as a data set."""
    pytest.importorskip("cv2", reason="needs OpenCV")
    find_drawn_faces(monkeypatch)

    def draw(*skins: str | None) -> Dataset:
        for at, skin in enumerate(skins):
            given = [(50 + 9 * at, 60, 44, skin)] if skin else []
            photo(given, seed=at).save(tmp_path / f"{at}.png")
        return Dataset.unlabelled([f"{at}.png" for at in range(len(skins))], root=tmp_path)

    return draw


@pytest.mark.parametrize(
    ("skins", "claim", "evidence"),
    [
        (("pale", None, "dark"), "No face was found on one photo.", ("1.png",)),
        ((None, "pale", None), "No face was found on 2 photos.", ("0.png", "2.png")),
    ],
)
def test_photos_without_a_face_are_named(album, tmp_path, skins, claim, evidence):
    (found,) = check_faces(album(*skins), "starter", str(detector_file(tmp_path)), CPU)
    assert (found.check, found.severity) == ("no_face", "warning")
    assert (found.claim, found.evidence, found.count) == (claim, evidence, len(evidence))


def test_where_all_have_one_there_is_nothing_to_say(album, tmp_path):
    data = album("pale", "dark", "pale")
    (tmp_path / "3.png").write_text("torn")  # for the check of files to tell
    data = Dataset.unlabelled([*data.names, "3.png"], root=tmp_path)
    assert check_faces(data, "starter", str(detector_file(tmp_path)), CPU) == []


def test_people_are_compared_by_the_last_layer_of_their_own_photos(album, tmp_path, monkeypatch):
    data, detector = album(None, "pale", "dark", None, "pale"), str(detector_file(tmp_path))
    twin = Finding("twin", "serious", "Twice.", (), "Split.")
    given = []

    def compared(*each):
        given.append(each)
        yield twin

    monkeypatch.setattr(module, "same_person_findings", compared)
    assert [each.check for each in check_faces(data, "starter", detector, CPU)] == [
        "no_face",
        "twin",
    ]
    ((kept, vectors, copies),) = given
    assert kept.names == ("1.png", "2.png", "4.png")
    assert len(copies) == 3
    network = open_backbone("starter")
    fitted = choose_preprocess(
        data, network, "auto", "square", levels=EIGHT_BITS, detector=detector
    )
    wanted = embed_photos(kept, network, preprocess=fitted, compute=CPU).vectors
    assert np.allclose(unit(vectors), wanted, atol=1e-4)
