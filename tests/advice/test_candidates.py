"""What is compared for advice: networks that can be had, and images as these see them."""

from __future__ import annotations

import pytest
from tests.drawn_faces import detector_file, find_drawn_faces, photo
from tests.nets.saved import write_folder

from headstart.advice import candidates as module
from headstart.advice.candidates import image_stats_of, open_networks, usable_detector
from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.errors import BackboneError
from headstart.images.deep import EIGHT_BITS
from headstart.images.faces import NO_FACE
from headstart.nets.files.hub import ways_to_supply
from headstart.nets.pretrained.backbone import open_backbone
from headstart.nets.pretrained.source import PRESETS
from headstart.options.advise import AdviseOptions


def test_networks_that_are_named_are_opened_in_their_order(tmp_path):
    place = write_folder(tmp_path / "own", "test_resnet")
    found, skipped = open_networks(f"{place} , starter")
    assert [each.name for each in found] == ["own", "starter"]
    assert skipped == {}


def test_one_that_is_named_and_not_there_is_an_error():
    with pytest.raises(BackboneError):
        open_networks("starter,no_such_network_at_all")


@pytest.mark.parametrize("here", [1, 0])
def test_presets_that_cannot_be_had_are_skipped(monkeypatch, here):
    """The hub cannot be reached from tests: so many presets are there, as if from a cache."""
    asked = []

    def opened(name):
        asked.append(name)
        if len(asked) > here:
            raise BackboneError(f"no way to the hub. {ways_to_supply('a/b', 'c')}")
        return open_backbone("starter")

    monkeypatch.setattr(module, "open_backbone", opened)
    if here:
        found, skipped = open_networks("presets")
        assert (len(found), skipped) == (1, {list(PRESETS)[1]: "no way to the hub."})
    else:
        with pytest.raises(BackboneError, match=r"be had: no way to the hub\. What .*starter"):
            open_networks("presets")
    assert asked == list(PRESETS)[: here + 1], "the hub is not waited for again"


def test_a_detector_that_is_not_here_is_done_without_only_where_nobody_named_it(tmp_path):
    file = str(detector_file(tmp_path))
    plain = AdviseOptions(data="x")
    faces = AdviseOptions(data="x", faces=True)
    named = AdviseOptions(data="x", faces=True, detector=file)
    gone = AdviseOptions(data="x", faces=True, detector=str(tmp_path / "gone.onnx"))
    assert usable_detector(plain, people=True) is None
    assert usable_detector(named, people=False) == file
    assert usable_detector(named, people=True) == file
    assert usable_detector(faces, people=True) is None
    for options, people in ((faces, False), (gone, True), (gone, False)):
        with pytest.raises(BackboneError):
            usable_detector(options, people=people)


def test_which_photos_have_a_face_is_known_only_after_looking(tmp_path, monkeypatch):
    pytest.importorskip("cv2", reason="needs OpenCV")
    find_drawn_faces(monkeypatch)
    photo([(80, 60, 50, "pale")]).save(tmp_path / "face.png")
    photo([]).save(tmp_path / "none.png")
    (tmp_path / "torn.png").write_text("no image")
    data = Dataset.unlabelled(["face.png", "none.png", "torn.png"], root=tmp_path)
    options, network = AdviseOptions(data="x", faces=True), open_backbone("starter")
    told = []
    compute = Compute("cpu", 1, 0, lambda *each: told.append(each))
    for detector, readable in ((None, [True, True, False]), ("file", [True, False, False])):
        given = str(detector_file(tmp_path)) if detector else None
        stats = image_stats_of(data, network, options, compute, levels=EIGHT_BITS, detector=given)
        assert stats.readable.tolist() == readable
        assert (stats.errors.get(1) == NO_FACE) == (detector is not None)
        assert told
        told.clear()
