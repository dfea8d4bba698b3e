"""Enrolling, identifying and verifying photos, end to end with the bundled network."""

import json
import shutil
import threading

import pytest
from tests.said import besides_reading
from tests.verbs.albums import PEOPLE, album, portrait

from headstart.cli import main
from headstart.errors import DataError, HeadstartError, ModelError, OptionError, OutputError
from headstart.gallery.folder import Gallery
from headstart.verbs.enroll import enroll
from headstart.verbs.identify import identify
from headstart.verbs.verify import verify


def test_the_record(made):
    _, done, _ = made
    assert done.enrolled == dict.fromkeys(PEOPLE, 4)
    assert (done.people, done.photos, done.known, done.backbone) == (4, 16, 0, "starter")
    assert done.errors == {
        "Ann/broken.png": "a text file, not an image",
        "attributes.csv": "it has no row for 1 of 17 images",
    }
    assert done.calibration is not None
    assert done.calibration.identify.threshold.n == 16
    assert [each.value for each in done.calibration.subgroups] == ["a", "b"]
    text = " ".join(done.lines())
    assert "Enrolled 16 photos of Ann, Bob, Cid, Dee." in text
    assert "knows 4 people by 16 photos" in text
    assert any("group a" in name for name, _ in done.rows())
    assert "strangers" in done._repr_html_()
    assert "4 people" in repr(done)


def test_photos_are_known_by_their_content(gallery, made, tmp_path):
    *_, photos = made
    again = enroll(gallery, photos)
    assert (again.enrolled, again.known, again.photos) == ({}, 16, 16)
    assert "Passed over 16 photos" in " ".join(again.lines())
    shutil.copytree(photos / "Ann", tmp_path / "renamed" / "Eve")
    portrait(tmp_path / "renamed" / "Eve" / "new.png", "Eve", 0)
    more = enroll(gallery, tmp_path / "renamed")
    assert more.enrolled == {"Eve": 1}
    assert more.errors["Eve/0.png"].startswith("the same photo is enrolled as Ann (--move gives")


def test_one_person_by_name_and_gone_again(gallery, tmp_path):
    album(tmp_path / "new", ["Eve"])
    more = enroll(gallery, [tmp_path / "new" / "Eve" / f"{n}.png" for n in (0, 1)], name="Eve")
    assert (more.enrolled, more.people) == ({"Eve": 2}, 5)
    probe = tmp_path / "new" / "Eve" / "3.png"
    assert identify(gallery, probe).answers[0].candidates[0][0] == "Eve"
    folder = enroll(gallery, tmp_path / "new" / "Eve", name="Eve")
    assert (folder.enrolled, folder.known) == ({"Eve": 2}, 2)
    gone = enroll(gallery, remove="Eve")
    assert (gone.removed, gone.people) == ({"Eve": 4}, 4)
    assert identify(gallery, probe).answers[0].candidates[0][0] != "Eve"
    with pytest.raises(OptionError, match="nobody called 'Eve'"):
        enroll(gallery, remove="Eve")


def test_another_method_and_rate(gallery):
    before = enroll(gallery, far=0.1)
    after = enroll(gallery, far=0.3, method="centroid")
    assert after.settings == {"method": "centroid", "k": 2, "far": 0.3}
    assert before.calibration is not None
    assert after.calibration is not None
    assert after.calibration.far == 0.3
    assert after.calibration.identify.threshold != before.calibration.identify.threshold
    assert enroll(gallery, k=1).settings == {"method": "centroid", "k": 1, "far": 0.3}


def test_two_enrol_at_once(tmp_path):
    """Even the making of the gallery is raced for; nobody is lost."""
    failures = []

    def one(person):
        album(tmp_path / person, [person, person * 2], range(2))
        try:
            enroll(tmp_path / "g", tmp_path / person, backbone="starter")
        except HeadstartError as error:
            failures.append(error)

    threads = [threading.Thread(target=one, args=(person,)) for person in PEOPLE[:3]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    with Gallery.open(tmp_path / "g").store() as store:
        assert len(store.counts()) == 6
        assert set(store.counts().values()) == {2}
        assert not store.changes().stale


def test_what_makes_no_sense(gallery, tmp_path, made):
    *_, photos = made
    one = photos / "Ann" / "0.png"
    for words, call in (
        ("nothing to do", lambda: enroll(gallery)),
        ("needs PHOTOS", lambda: enroll(gallery, name="Ann")),
        ("--name is empty", lambda: enroll(gallery, one, name=" ")),
        ("say who with --name", lambda: enroll(gallery, [one, one])),
        ("above 0, up to", lambda: enroll(gallery, far=0.0)),
        ("at least 1 photo", lambda: enroll(gallery, k=0)),
    ):
        with pytest.raises(OptionError, match=words):
            call()
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no images"):
        enroll(gallery, tmp_path / "empty")
    with pytest.raises(DataError, match="does not say who is on its photos"):
        enroll(gallery, photos / "Ann")
    with pytest.raises(ModelError, match="is not a gallery"):
        enroll(tmp_path / "nowhere", remove="Ann")
    with pytest.raises(ModelError, match="is not a gallery"):
        enroll(tmp_path / "nowhere", photos, remove_photo="Ann/0.png")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("x")
    with pytest.raises(OutputError, match="is not a gallery"):
        enroll(tmp_path / "full", photos, backbone="starter")
    (tmp_path / "bad" / "Ann").mkdir(parents=True)
    (tmp_path / "bad" / "Ann" / "a.png").write_text("x")
    with pytest.raises(DataError, match=r"no photo can be .*Ann/a\.png: a text"):
        enroll(tmp_path / "g", tmp_path / "bad", backbone="starter")
    assert not (tmp_path / "g").exists(), "no gallery without anybody in it"


def test_another_backbone_is_refused(gallery, made, tmp_path):
    *_, photos = made
    assert enroll(gallery, photos, backbone="starter").known == 16
    config = gallery / "backbone" / "config.json"
    shutil.copytree(gallery / "backbone", tmp_path / "other")
    value = json.loads(config.read_text())
    (tmp_path / "other" / "config.json").write_text(json.dumps(value | {"note": "another"}))
    with pytest.raises(OptionError, match="holds vectors of starter"):
        enroll(gallery, photos, backbone=str(tmp_path / "other"))


def test_faces(tmp_path, monkeypatch):
    """The detector comes with the gallery; photos without a face are set aside."""
    pytest.importorskip("cv2", reason="needs OpenCV")
    from tests.drawn_faces import detector_file, find_drawn_faces, photo

    find_drawn_faces(monkeypatch)
    for skin in ("pale", "dark"):
        (tmp_path / "people" / skin).mkdir(parents=True)
        for number in range(4):
            face = photo([(60 + 10 * number, 60, 50, skin)], seed=number)
            face.save(tmp_path / "people" / skin / f"{number}.png")
    photo([], seed=9).save(tmp_path / "people" / "pale" / "nobody.png")
    detector = detector_file(tmp_path)
    done = enroll(
        tmp_path / "made", tmp_path / "people", backbone="starter", faces=True,
        detector=str(detector), far=0.3,
    )  # fmt: skip
    assert done.enrolled == {"dark": 4, "pale": 4}
    assert "no face" in done.errors["pale/nobody.png"]
    detector.unlink()
    shutil.move(tmp_path / "made", tmp_path / "moved")
    shutil.rmtree(tmp_path / "people" / "dark")
    again = enroll(tmp_path / "moved", tmp_path / "people")
    assert (again.known, list(again.errors)) == (4, ["pale/nobody.png"])
    photo([(50, 50, 48, "dark")], seed=20).save(tmp_path / "new.png")
    answer = identify(tmp_path / "moved", tmp_path / "new.png").answers[0]
    assert answer.candidates[0][0] == "dark"
    assert "no face" in identify(
        tmp_path / "moved", tmp_path / "people" / "pale" / "nobody.png"
    ).answers[0].error  # fmt: skip


def test_whole_photos_and_faces_do_not_mix(gallery, made):
    with pytest.raises(OptionError, match="vectors of whole photos"):
        enroll(gallery, made[2], faces=True)


def test_the_command_line(tmp_path, capfd):
    photos = album(tmp_path / "photos", PEOPLE[:3], range(2))
    base = ["enroll", str(tmp_path / "g"), str(photos)]
    assert main([*base, "--backbone", "starter", "--method", "centroid"]) == 0
    out, err = capfd.readouterr()
    assert "Enrolled 6 photos of Ann, Bob, Cid." in out
    assert "identify: threshold" in out
    assert besides_reading(err) == ""
    assert main(["enroll", str(tmp_path / "g"), "--remove", "Bob", "--json"]) == 0
    record = json.loads(capfd.readouterr().out)
    assert record["removed"] == {"Bob": 2}
    assert main(["enroll", str(tmp_path / "g"), "--remove", "Bob"]) == 2
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert main(["identify", str(tmp_path / "g"), str(photos)]) == 0
    assert "Ann/0.png" in capfd.readouterr().out
    two = [str(photos / "Ann" / name) for name in ("0.png", "1.png")]
    assert main(["verify", str(tmp_path / "g"), *two]) == 0
    assert "same person" in capfd.readouterr().out
    assert main(["verify", str(tmp_path / "g"), str(photos)]) == 0
    assert "equal error rate" in capfd.readouterr().out
    assert main(["identify", str(photos), two[0]]) == 2
    assert "is not a gallery" in capfd.readouterr().err
    assert verify(tmp_path / "g", two).photos == tuple(two)
    assert main([*base, "--method", "guess"]) == 2
    assert "choose knn or centroid" in capfd.readouterr().err


def test_a_photo_moves_and_goes(gallery, made, tmp_path, capsys):
    *_, photos = made
    (tmp_path / "new" / "Bob").mkdir(parents=True)
    shutil.copy(photos / "Ann" / "0.png", tmp_path / "new" / "Bob" / "moved.png")
    done = enroll(gallery, tmp_path / "new", move=True)
    assert (done.moved, done.errors, done.photos) == ({"Bob": 1}, {}, 16)
    assert "Moved 1 photo to Bob." in done.lines()
    with Gallery.open(gallery).store() as store:
        assert store.counts()["Ann"] == 3
        assert store.counts()["Bob"] == 5
    assert main(["enroll", str(gallery), "--remove-photo", str(photos / "Ann" / "0.png")]) == 0
    assert "Removed 1 photo of Bob." in capsys.readouterr().out
    assert main(["enroll", str(gallery), "--remove-photo", "Ann/0.png"]) == 2
    assert "no such photo is enrolled" in capsys.readouterr().err


def test_one_person_by_any_spelling(gallery, tmp_path):
    album(tmp_path / "new", ["Eve"])
    for at, name in enumerate(["Jose\u0301", "Jos\u00e9 ", "jos\u00e9"]):
        done = enroll(gallery, tmp_path / "new" / "Eve" / f"{at}.png", name=name)
    assert any("differ in capitals only, and are 2 people" in each for each in done.notes)
    gone = enroll(gallery, remove="Jose\u0301")
    assert gone.removed == {"Jos\u00e9": 2}
    labelled = tmp_path / "labelled"
    shutil.copytree(tmp_path / "new" / "Eve", labelled / "jose\u0301")
    measures = identify(gallery, labelled, labelled=True).measures
    assert "known people correct" in measures, "the folder's name is that of the gallery"


def test_a_gallery_that_knows_nobody_ends_with_status_1(tmp_path, capsys):
    """Everybody's photos are of different things, as where faces are not aligned."""
    for at in range(36):
        portrait(tmp_path / "mixed" / f"p{at % 12}" / f"{at}.png", f"stranger {at}", 0)
    command = ["enroll", str(tmp_path / "g"), str(tmp_path / "mixed"), "--backbone", "starter"]
    assert main(command) == 1
    out = capsys.readouterr().out
    assert out.replace("\n", " ").startswith(f"{tmp_path / 'g'} recognises ")
    assert main([*command, "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["serious"] is True
