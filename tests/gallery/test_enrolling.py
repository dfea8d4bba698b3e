"""Enrolment under way: whole people at once, nothing looked at twice, nothing half done."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests.conftest import draw_image
from tests.gallery.people import photos_of

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.errors import OptionError
from headstart.gallery import enrolling
from headstart.gallery.embed import PhotoEmbeddings
from headstart.gallery.enrolling import Enrolling, _chunks, gallery_preprocess, remove_photo
from headstart.gallery.folder import Gallery
from headstart.gallery.photos import photos_of_one
from headstart.images.preprocess import Preprocess
from headstart.nets.pretrained.backbone import open_backbone


def data(root: Path, people: dict[str, int], **more) -> Dataset:
    """Photos by person: names only."""
    classes = tuple(sorted(people))
    names = [f"{who}/{at}.png" for who in classes for at in range(people[who])]
    targets = np.repeat(np.arange(len(classes)), [people[who] for who in classes])
    splits = np.array([""] * len(names), "U5")
    return Dataset(root, tuple(names), Classes(classes, targets), splits, **more)


@pytest.mark.parametrize("chunk", [1, 3, 4, 100])
def test_people_stay_whole(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(enrolling, "_CHUNK", chunk)
    whole = data(tmp_path, {"ann": 3, "bob": 1, "cy": 5, "dee": 2})
    shuffled = whole.take(np.random.default_rng(0).permutation(len(whole)))
    parts = list(_chunks(shuffled))
    assert sorted(name for part in parts for name in part.names) == sorted(whole.names)
    seen: set[int] = set()
    for part in parts:
        own = set(part.labels.targets.tolist())
        assert not own & seen
        seen |= own
    for part in parts[:-1]:
        assert len(part) >= chunk


def test_no_photos_no_chunks(tmp_path):
    assert list(_chunks(data(tmp_path, {}))) == []


def test_photos_are_seen_as_squares():
    backbone = SimpleNamespace(preprocess=Preprocess(64, geometry="crop"))
    found = gallery_preprocess(backbone, None)
    assert (found.size, found.geometry, found.faces) == (64, "square", None)


@pytest.fixture
def album(tmp_path) -> Path:
    for person, kind in (("ann", 0), ("bob", 1)):
        (tmp_path / "album" / person).mkdir(parents=True)
        for at in range(3):
            draw_image(kind, at, 40).save(tmp_path / "album" / person / f"{at}.png")
    return tmp_path / "album"


@pytest.fixture
def embedded(monkeypatch) -> list[tuple[str, ...]]:
    """Numbers stand for what a network gives; what was looked at is noted."""
    looked: list[tuple[str, ...]] = []

    def embed_photos(dataset, backbone, **how):
        looked.append(dataset.names)
        from headstart.fingerprint import fingerprint_file

        good = [at for at, name in enumerate(dataset.names) if "bad" not in name]
        vectors = [photos_of(dataset.names[at], 1)[0].vector for at in good]
        return PhotoEmbeddings(
            np.array(good, int),
            tuple(dataset.names[at] for at in good),
            np.array(vectors, np.float32).reshape(-1, 16),
            tuple(fingerprint_file(dataset.path(at)) for at in good),
            {name: "broken" for name in dataset.names if "bad" in name},
        )

    monkeypatch.setattr(enrolling, "embed_photos", embed_photos)
    return looked


def begin(folder: Path, *, move: bool = False, **wanted) -> Enrolling:
    made = Enrolling(folder, wanted, Compute("cpu", 1), move=move)
    made.open_or_prepare("starter", None)
    return made


def test_a_gallery_is_made_with_its_first_photo(tmp_path, album, embedded):
    work = begin(tmp_path / "club", k=3)
    assert not work.made
    work.enroll(data(album, {"ann": 3, "bob": 3}))
    assert work.made
    assert dict(work.enrolled) == {"ann": 3, "bob": 3}
    assert (work.errors, work.known) == ({}, 0)
    with work.gallery.store() as store:
        assert store.counts() == {"ann": 3, "bob": 3}
        assert store.changes().settings == {"method": "knn", "k": 3, "far": 0.001}


def test_nothing_usable_makes_no_gallery(tmp_path, embedded):
    (tmp_path / "album" / "bad").mkdir(parents=True)
    (tmp_path / "album" / "bad" / "0.png").write_bytes(b"x")
    work = begin(tmp_path / "club")
    work.enroll(data(tmp_path / "album", {"bad": 1}))
    assert not work.made
    assert not (tmp_path / "club").exists()
    assert work.errors == {"bad/0.png": "broken"}


def test_what_is_known_is_not_looked_at_again(tmp_path, album, embedded):
    begin(tmp_path / "club").enroll(data(album, {"ann": 2}))
    embedded.clear()
    work = begin(tmp_path / "club")
    work.enroll(data(album, {"ann": 3, "bob": 1}))
    assert embedded == [("ann/2.png", "bob/0.png")]
    assert dict(work.enrolled) == {"ann": 1, "bob": 1}
    assert work.known == 2
    embedded.clear()
    work.enroll(data(album, {"ann": 3, "bob": 1}))
    assert embedded == []
    assert work.known == 6


def test_a_photo_belongs_to_one_person(tmp_path, album, embedded):
    (album / "bob" / "0.png").write_bytes((album / "ann" / "1.png").read_bytes())
    work = begin(tmp_path / "club")
    work.enroll(data(album, {"ann": 3, "bob": 3}))
    assert work.errors == {"bob/0.png": "the same photo is given as ann too"}
    assert dict(work.enrolled) == {"ann": 3, "bob": 2}
    later = begin(tmp_path / "club")
    later.enroll(data(album, {"bob": 1}))
    assert "the same photo is enrolled as ann (--move gives it to bob" in later.errors["bob/0.png"]
    moving = begin(tmp_path / "club", move=True)
    moving.enroll(data(album, {"bob": 1}))
    assert (moving.errors, dict(moving.moved)) == ({}, {"bob": 1})
    with moving.gallery.store() as store:
        assert store.counts() == {"ann": 2, "bob": 3}


def test_what_is_given_as_two_people_is_not_moved(tmp_path, album, embedded):
    """Whose it is the folders do not say, in whatever order they are read."""
    begin(tmp_path / "club").enroll(data(album, {"ann": 3, "bob": 3}))
    (album / "bob" / "0.png").write_bytes((album / "ann" / "1.png").read_bytes())
    moving = begin(tmp_path / "club", move=True)
    moving.enroll(data(album, {"ann": 3, "bob": 3}))
    assert moving.errors == {"bob/0.png": "the same photo is given as ann too"}
    assert not moving.moved


def test_one_photo_goes(tmp_path, album, embedded):
    begin(tmp_path / "club").enroll(data(album, {"ann": 3, "bob": 3}))
    gallery = Gallery.open(tmp_path / "club")
    assert remove_photo(gallery, str(album / "ann" / "1.png")) == "ann"
    assert remove_photo(gallery, "bob/2.png") == "bob"
    with pytest.raises(OptionError, match=r"2 photos are called so: .*ann.*bob"):
        remove_photo(gallery, "0.png")
    with pytest.raises(OptionError, match="no such photo"):
        remove_photo(gallery, "ann/1.png")
    with gallery.store() as store:
        assert store.counts() == {"ann": 2, "bob": 2}


def test_one_person_in_two_spellings(tmp_path, album, embedded):
    """As a Mac writes it, as a keyboard does, and with blanks that nobody sees."""
    spellings = ["Jose\u0301", "Jos\u00e9 ", " Jos\u00e9"]
    for at, name in enumerate(spellings):
        begin(tmp_path / "club").enroll(photos_of_one(album / "ann" / f"{at}.png", name))
    with Gallery.open(tmp_path / "club").store(write=True) as store:
        assert store.counts() == {"Jos\u00e9": 3}
        assert store.remove("Jose\u0301  ") == 3
        assert store.counts() == {}


def test_a_photo_twice_in_one_folder_counts_once(tmp_path, album, embedded):
    (album / "ann" / "1.png").write_bytes((album / "ann" / "0.png").read_bytes())
    work = begin(tmp_path / "club")
    work.enroll(data(album, {"ann": 3}))
    assert (dict(work.enrolled), work.known, work.errors) == ({"ann": 2}, 1, {})


def test_attributes_go_with_the_photos_and_empty_cells_do_not(tmp_path, album, embedded):
    ages = {"age": np.array(["old", "", "jung"]), "none": np.array(["", "", ""])}
    work = begin(tmp_path / "club")
    work.enroll(data(album, {"ann": 3}, attributes=ages))
    with work.gallery.store() as store:
        assert store.everything()[1] == [{"age": "old"}, {}, {"age": "jung"}]


def test_what_the_reader_set_aside_is_told(tmp_path, album, embedded):
    work = begin(tmp_path / "club")
    work.enroll(data(album, {"ann": 1}, set_aside=(("x", "odd"),)))
    assert work.errors == {"x": "odd"}


def test_a_file_that_is_gone_is_left_to_the_embedding(tmp_path, album, embedded):
    begin(tmp_path / "club").enroll(data(album, {"ann": 1}))
    (album / "bad").mkdir()
    work = begin(tmp_path / "club")
    work.enroll(data(album, {"ann": 1, "bad": 1}))
    assert work.errors == {"bad/0.png": "broken"}
    assert work.known == 1


def test_a_gallery_of_whole_photos_takes_no_faces(tmp_path, album, embedded):
    begin(tmp_path / "club").enroll(data(album, {"ann": 1}))
    work = Enrolling(tmp_path / "club", {}, Compute("cpu", 1))
    with pytest.raises(OptionError, match="holds vectors of whole photos, not of faces"):
        work.open_or_prepare(None, "detector.onnx")
    work.open_or_prepare(None, None)
    assert work.backbone.fingerprint == open_backbone("starter").fingerprint
