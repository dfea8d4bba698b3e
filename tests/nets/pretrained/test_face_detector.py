"""Which face detector a name means."""

from __future__ import annotations

import hashlib

import pytest

from headstart.errors import BackboneError
from headstart.images import detect
from headstart.nets.pretrained import face_detector as detector


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub's cache that has the detector's file, with the checksum that is known."""
    file = tmp_path / "yunet.onnx"
    file.write_bytes(b"the very file")
    monkeypatch.setattr(detector, "fetch_file", lambda repo, name: file)
    monkeypatch.setattr(detector, "_SHA256", hashlib.sha256(b"the very file").hexdigest())
    return file


def test_yunet_comes_from_the_hub(hub):
    path, fingerprint = detector.find_detector("yunet")
    assert path == str(hub)
    assert detect.detector_content(path, fingerprint) == b"the very file"


def test_another_file_of_that_name_is_refused(hub):
    hub.write_bytes(b"something else")
    with pytest.raises(BackboneError, match=r"not the face_detection_yunet_2023mar\.onnx"):
        detector.find_detector("yunet")


def test_offline_it_says_how_to_supply_it():
    with pytest.raises(BackboneError, match=r"hf download opencv/face_detection_yunet.*--detector"):
        detector.find_detector("yunet")


def test_a_file_is_taken_as_it_is(tmp_path):
    (tmp_path / "mine.onnx").write_bytes(b"mine")
    path, fingerprint = detector.find_detector(str(tmp_path / "mine.onnx"))
    assert detect.detector_content(path, fingerprint) == b"mine"
    with pytest.raises(BackboneError, match="cannot be read"):
        detector.find_detector(str(tmp_path / "none.onnx"))
