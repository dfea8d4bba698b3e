"""A gallery's folder stands on its own, and says what is wrong with it."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from tests.gallery.people import SETTINGS, photos_of, vectors_of

from headstart.errors import ModelError, OptionError, OutputError
from headstart.fingerprint import fingerprint_json
from headstart.gallery.folder import Gallery, GalleryReader
from headstart.nets.pretrained.backbone import open_backbone


@pytest.fixture
def starter():
    return open_backbone("starter")


def make(folder, starter, preprocess=None, dimension=16):
    preprocess = preprocess or starter.preprocess
    return Gallery.create(folder, starter, preprocess, dimension=dimension, settings=SETTINGS)


def test_it_stands_on_its_own(tmp_path, starter):
    preprocess = replace(starter.preprocess, geometry="square")
    made = make(tmp_path / "g", starter, preprocess)
    shutil.move(tmp_path / "g", tmp_path / "elsewhere")
    opened = Gallery.open(tmp_path / "elsewhere")
    assert opened.preprocess == preprocess == made.preprocess
    assert opened.origin == ("starter", starter.fingerprint)
    assert opened.backbone.source.path == tmp_path / "elsewhere" / "backbone"
    opened.require_compatible(starter)
    opened.require_compatible(opened.backbone)
    with pytest.raises(OptionError, match="holds vectors of starter"):
        opened.require_compatible(starter.randomised(1))
    with pytest.raises(OptionError, match="another preprocessing"):
        opened.require_compatible(starter, replace(preprocess, size=96))


def test_whoever_comes_second_opens_the_first_ones(tmp_path, starter):
    make(tmp_path / "g", starter)
    assert make(tmp_path / "g", starter).folder == tmp_path / "g"
    with pytest.raises(OptionError, match="another preprocessing"):
        make(tmp_path / "g", starter, replace(starter.preprocess, size=96))
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").write_text("x")
    with pytest.raises(OutputError, match="is not a gallery"):
        make(tmp_path / "other", starter)


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("marker", "is not a gallery"),
        ("json", "cannot be read"),
        ("keys", "is damaged"),
        ("newer", "newer than this one"),
        ("backbone", "is not the backbone"),
    ],
)
def test_what_is_wrong_is_said(tmp_path, starter, what, words):
    make(tmp_path / "g", starter)
    marker = tmp_path / "g" / "gallery.json"
    value = json.loads(marker.read_text())
    if what == "marker":
        marker.unlink()
    elif what == "json":
        marker.write_text("{")
    elif what == "keys":
        marker.write_text('{"format": 1}')
    elif what == "newer":
        marker.write_text(json.dumps(value | {"format": 99}))
    else:
        value["backbone"]["fingerprint"] = "0" * 32
        del value["fingerprint"]
        value["fingerprint"] = fingerprint_json(value)
        marker.write_text(json.dumps(value))
    with pytest.raises(ModelError, match=words) as caught:
        Gallery.open(tmp_path / "g")
    assert "\n" not in str(caught.value)


def test_a_reader_follows(tmp_path, starter):
    gallery = make(tmp_path / "g", starter)
    reader = GalleryReader(gallery)
    assert (reader.index.people, reader.calibration, reader.refresh()) == ((), None, False)
    with gallery.store(write=True) as store:
        store.enroll("Ann", photos_of("Ann"))
        store.enroll("Bob", photos_of("Bob"))
        assert reader.refresh()
        assert not reader.refresh()
        assert reader.index.search(vectors_of("Bob", 1))[0][0][0] == "Bob"
        store.remove("Bob")
        reader.refresh()
        assert reader.index.people == ("Ann",)
        # Another method: everything is read anew.
        revision = store.changes().mark.revision
        store.calibrate(None, revision=revision, settings=SETTINGS | {"method": "centroid"})
        reader.refresh()
        assert (reader.index.method, reader.stale) == ("centroid", False)
        [found] = reader.index.search(vectors_of("Ann", 1))
        centre = vectors_of("Ann", 3).sum(axis=0)
        assert found[0][1] == pytest.approx(
            float(vectors_of("Ann", 1)[0] @ centre / np.linalg.norm(centre)), abs=1e-5
        )
    reader.close()


@pytest.mark.parametrize(
    "calibration",
    [{"far": 0.1}, [1], 3, "x", {"far": "x", "people": 2}, {"identify": []}],
)
def test_a_calibration_that_is_none_is_one_line(tmp_path, starter, calibration):
    gallery = make(tmp_path / "g", starter)
    with gallery.store(write=True) as store:
        store.enroll("Ann", photos_of("Ann"))
        store.calibrate(calibration, revision=1, settings=SETTINGS)
    with pytest.raises(ModelError, match="damaged") as caught:
        GalleryReader(gallery)
    assert "\n" not in str(caught.value)


def test_a_description_that_was_changed_is_refused(tmp_path, starter):
    """Other colours in the preprocessing give other vectors, and nobody would be known again."""
    make(tmp_path / "g", starter)
    marker = tmp_path / "g" / "gallery.json"
    value = json.loads(marker.read_text())
    value["preprocess"]["mean"][0] += 0.1
    marker.write_text(json.dumps(value))
    with pytest.raises(ModelError, match="not what was written"):
        Gallery.open(tmp_path / "g")
    del value["fingerprint"]
    marker.write_text(json.dumps(value))
    with pytest.raises(ModelError, match="not what was written"):
        Gallery.open(tmp_path / "g")
    marker.write_text(json.dumps(value | {"format": 1}))
    with pytest.raises(ModelError, match=r"earlier headstart .*: enroll the photos into a new"):
        Gallery.open(tmp_path / "g")
