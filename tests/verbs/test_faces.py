"""Faces from photos to answers: crops, training, prediction, export, server, video."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

cv2 = pytest.importorskip("cv2", reason="needs OpenCV")

import headstart  # noqa: E402
from headstart.cli import main  # noqa: E402
from headstart.deploy import decoders  # noqa: E402
from headstart.deploy.runtime import OnnxPredictor  # noqa: E402
from headstart.errors import BackboneError, DataError, OptionError, OutputError  # noqa: E402
from headstart.images import detect  # noqa: E402
from headstart.images.video import Writer  # noqa: E402
from headstart.nets.model import Model  # noqa: E402
from headstart.verbs.export import export  # noqa: E402
from headstart.verbs.faces import faces  # noqa: E402
from headstart.verbs.predict import load, predict  # noqa: E402
from headstart.verbs.train import train  # noqa: E402

from ..drawn_faces import detector_file, find_drawn_faces, photo  # noqa: E402
from .test_serve import ask, form, running  # noqa: E402


@pytest.fixture(scope="module", autouse=True)
def drawn():
    """All detectors of this module find drawn faces."""
    with pytest.MonkeyPatch.context() as patch:
        find_drawn_faces(patch)
        yield


def someone(seed, skin, **how):
    """One face somewhere on a photo, smaller than half of it."""
    rng = np.random.default_rng([seed, len(skin)])
    x, y = rng.integers(40, 120), rng.integers(35, 85)
    return photo([(x, y, rng.integers(36, 60), skin)], seed=seed, **how)


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    """(photos, detector): two classes, a table, one photo without a face, one broken."""
    root = tmp_path_factory.mktemp("people")
    rows = ["file,person,age"]
    for skin in ("pale", "dark"):
        (root / "photos" / skin).mkdir(parents=True)
        for number in range(20):
            someone(number, skin, angle=10 * (number % 3)).save(
                root / "photos" / skin / f"{number:02}.png"
            )
            rows.append(f"{skin}/{number:02}.png,p{number // 2},{20 + number}")
    photo([], seed=77).save(root / "photos" / "pale" / "nobody.png")
    (root / "photos" / "dark" / "broken.png").write_bytes(b"\x89PNG and no more")
    (root / "photos" / "attributes.csv").write_text("\n".join(rows))
    return root / "photos", detector_file(root)


@pytest.fixture(scope="module")
def run(people, tmp_path_factory):
    photos, detector = people
    root = tmp_path_factory.mktemp("faces-run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        return train(
            photos, out=root / "run", backbone="starter", strategy="probe", faces=True,
            detector=str(detector), image_size=64, evaluation="holdout", baselines="none",
        )  # fmt: skip


@pytest.fixture(scope="module")
def onnx(run, tmp_path_factory):
    out = tmp_path_factory.mktemp("faces-export") / "export"
    export(run.folder, out=out)
    return out / "model.onnx"


@pytest.fixture
def crowd(tmp_path):
    """A photo of three faces."""
    path = tmp_path / "crowd.png"
    given = [(40, 60, 50, "pale"), (110, 40, 40, "dark"), (120, 95, 30, "pale")]
    photo(given, seed=5).save(path)
    return path


def table(folder):
    return list(csv.DictReader((folder / "attributes.csv").open(encoding="utf-8")))


def test_crops_keep_folders_and_columns(people, tmp_path):
    photos, detector = people
    found = faces(photos, out=tmp_path / "crops", detector=str(detector), image_size=72)
    assert (found.photos, found.crops) == (42, 40)
    assert found.without["pale/nobody.png"] == "no face was found on it"
    assert "not an image" in found.without["dark/broken.png"]
    rows = table(tmp_path / "crops")
    assert len(rows) == 40
    row = next(each for each in rows if each["photo"] == "pale/07.png")
    assert (row["file"], row["person"], row["age"]) == ("pale/07.png", "p3", "27")
    assert float(row["face_roll"]) == pytest.approx(10, abs=3)
    assert Image.open(tmp_path / "crops" / row["file"]).size == (72, 72)
    opened = headstart.open_dataset(tmp_path / "crops", group="person")
    assert opened.labels.names == ("dark", "pale")
    assert len(opened) == 40
    assert set(opened.groups) == {f"p{number}" for number in range(10)}
    kinds = {each.check: each.count for each in found.findings}
    assert kinds["no_face"] == 1
    assert kinds["unreadable"] == 1


def test_all_faces_of_a_photo_or_the_one_in_the_middle(people, crowd, tmp_path):
    _, detector = people
    every = faces(crowd, out=tmp_path / "all", detector=str(detector), faces="all")
    assert every.crops == 3
    assert [row["file"] for row in table(tmp_path / "all")] == [
        "crowd.png", "crowd_face2.png", "crowd_face3.png"
    ]  # fmt: skip
    assert "several_faces" in {each.check for each in every.findings}
    faces(crowd, out=tmp_path / "one", detector=str(detector), faces="centre")
    row = table(tmp_path / "one")[0]
    assert float(row["face_left"]) == pytest.approx(90, abs=4)
    assert row["faces_on_photo"] == "3"


def test_photos_of_one_name_do_not_overwrite_each_other(people, tmp_path):
    _, detector = people
    (tmp_path / "in").mkdir()
    someone(1, "pale").save(tmp_path / "in" / "a.png")
    someone(2, "dark").save(tmp_path / "in" / "a.bmp")
    found = faces(tmp_path / "in", out=tmp_path / "out", detector=str(detector))
    assert found.crops == 2
    assert {row["photo"] for row in table(tmp_path / "out")} == {"a.png", "a.bmp"}
    assert len(list((tmp_path / "out").glob("*.png"))) == 2


def test_crops_can_be_grouped_by_the_same_folders(people, tmp_path):
    for skin in ("pale", "dark"):
        for person in ("anna", "ben"):
            (tmp_path / "photos" / skin / person).mkdir(parents=True)
            for number in range(2):
                photo_of = someone(number + 2 * len(person), skin)
                photo_of.save(tmp_path / "photos" / skin / person / f"{number}.png")
    out = tmp_path / "crops"
    done = faces(tmp_path / "photos", out=out, detector=str(people[1]), group="folder:2")
    assert done.crops == 8
    assert set(headstart.open_dataset(out, group="folder:2").groups) == {"anna", "ben"}
    with pytest.raises(DataError, match="no image below"):
        faces(tmp_path / "photos", out=tmp_path / "x", detector=str(people[1]), group="folder:7")
    assert not (tmp_path / "x").exists()


def test_a_table_keeps_its_labels_and_split(people, tmp_path):
    photos, detector = people
    lines = ["path,label,split,person"]
    lines += [f"pale/{n:02}.png,yes,{'test' if n > 15 else 'train'},p{n}" for n in range(20)]
    lines += [f"dark/{n:02}.png,no,train,q{n}" for n in range(20)]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    for skin in ("pale", "dark"):
        (tmp_path / skin).symlink_to(photos / skin)
    faces(tmp_path / "t.csv", out=tmp_path / "out", detector=str(detector), group="person")
    opened = headstart.open_dataset(tmp_path / "out" / "attributes.csv", group="person")
    assert opened.labels.names == ("no", "yes")
    assert (opened.splits == "test").sum() == 4
    assert "p3" in opened.groups


def test_where_there_is_no_face_nothing_is_written(people, tmp_path):
    _, detector = people
    photo([], seed=1).save(tmp_path / "empty.png")
    with pytest.raises(DataError, match="no face was found on any of 1 photos"):
        faces(tmp_path / "empty.png", out=tmp_path / "out", detector=str(detector))
    assert {each.name for each in tmp_path.iterdir()} == {"empty.png"}


def test_bad_input_is_told(people, tmp_path, capsys):
    photos, detector = people
    with pytest.raises(OptionError, match="--margin"):
        faces(photos, out=tmp_path / "o", detector=str(detector), margin=-1)
    with pytest.raises(BackboneError, match="cannot be read"):
        faces(photos, out=tmp_path / "o", detector=str(tmp_path / "none.onnx"))
    with pytest.raises(DataError, match="not there"):
        faces(tmp_path / "none", out=tmp_path / "o", detector=str(detector))
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="nothing was changed"):
        faces(photos, out=tmp_path / "full", detector=str(detector))
    with pytest.raises(OptionError, match="--tta 6"):
        train(photos, out=tmp_path / "o", faces=True, tta=6)
    assert main(["faces", str(photos), "-o", str(tmp_path / "o")]) == 2
    said = capsys.readouterr().err
    assert "--detector FILE" in said
    assert "HF_HUB_OFFLINE" in said


def test_training_on_faces_sets_aside_photos_without(run):
    known = json.loads(run.dataset.read_text())
    aside = dict(known["set_aside"])
    assert aside["pale/nobody.png"] == "no face was found on it"
    assert "the largest face of each photo" in run.results["model"]["summary"]
    assert run.primary.value > 0.8


def test_the_model_brings_its_detector(run, people, tmp_path):
    _, detector = people
    model = Model.load(run.folder)
    assert (run.model / "detector.onnx").read_bytes() == detector.read_bytes()
    assert model.preprocess.faces.detector == str(run.model / "detector.onnx")
    assert str(detector.parent) not in (run.model / "model.json").read_text()
    model.save(tmp_path / "again")
    assert Model.load(tmp_path / "again").preprocess.faces.margin == model.preprocess.faces.margin


@pytest.mark.parametrize("kind", ["run", "exported"])
def test_every_face_is_named(run, onnx, crowd, tmp_path, kind):
    new = tmp_path / "new.png"
    someone(900, "dark").save(new)
    nobody = tmp_path / "nobody.png"
    photo([], seed=9).save(nobody)
    found = predict(
        run.folder if kind == "run" else onnx, [crowd, new, nobody], out=tmp_path / "drawn"
    )
    assert found.names == (
        str(crowd), f"{crowd} (face 2)", f"{crowd} (face 3)", str(new), str(nobody)
    )  # fmt: skip
    assert [found.classes[x] for x in found.labels[:4]] == ["pale", "dark", "pale", "dark"]
    assert found.errors == {str(nobody): "no face was found on it"}
    assert found.boxes[0] == pytest.approx([15, 35, 50, 50], abs=2)
    assert np.isnan(found.boxes[4]).all()
    assert {each.name for each in (tmp_path / "drawn").iterdir()} == {"crowd.png", "new.png"}
    before, after = (np.asarray(Image.open(p)) for p in (crowd, tmp_path / "drawn" / "crowd.png"))
    assert before.shape == after.shape
    assert (before != after).any()
    one = load(run.folder if kind == "run" else onnx)
    assert one.predict([crowd, new]).tolist() == ["pale", "dark"]


def test_run_and_export_see_the_same(run, onnx, people):
    photos, _ = people
    names = sorted((photos / "dark").glob("0*.png"))
    here, there = predict(run.folder, names), predict(onnx, names)
    assert np.abs(here.probabilities - there.probabilities).max() < 1e-3
    assert (here.boxes == there.boxes).all()


def test_boxes_are_in_pixels_of_the_file_where_it_was_decoded_smaller(run, tmp_path):
    large = photo([(1600, 1300, 800, "pale")], size=(3200, 2600))
    large.save(tmp_path / "large.jpg", quality=95)
    found = predict(run.folder, tmp_path / "large.jpg")
    assert found.boxes[0] == pytest.approx([1200, 900, 800, 800], abs=25)


def test_the_exported_file_holds_the_detector(onnx, tmp_path):
    content = OnnxPredictor(onnx)
    faces_ = content.preprocess.faces
    assert faces_.detector == ""
    detect._KEPT.pop(faces_.fingerprint)
    again = OnnxPredictor(onnx)
    assert again.preprocess.faces.find(np.asarray(someone(3, "pale")))


def test_explain_shows_the_largest_face(run, crowd, tmp_path):
    found = predict(run.folder, crowd, explain=tmp_path / "why")
    assert len(found.names) == 1
    assert len(list((tmp_path / "why").iterdir())) == 1


def test_the_server_answers_for_every_face(onnx, crowd, monkeypatch):
    # The processes that decode know of no patch here.
    patched = "import cv2; from tests.drawn_faces import DrawnFaceNet as Net; "
    patched += "cv2.FaceDetectorYN.create = Net; from headstart"
    start = decoders._START.replace("from headstart", patched, 1)
    monkeypatch.setattr(decoders, "_START", start)
    nobody = io.BytesIO()
    photo([], seed=3).save(nobody, "PNG")
    with running(OnnxPredictor(onnx)) as port:
        status, value, _ = ask(port, *("POST", "/predict"), *form(("c.png", crowd.read_bytes())))
        assert status == 200
        (answer,) = value["predictions"]
        assert [face["class"] for face in answer["faces"]] == ["pale", "dark", "pale"]
        assert answer["class"] == "pale"
        assert answer["faces"][1]["box"] == pytest.approx([90, 20, 40, 40], abs=2)
        status, value, _ = ask(port, "POST", "/predict", nobody.getvalue())
        assert status == 422
        assert "no face" in value["error"]
    expected = predict(onnx, crowd)
    for face, row in zip(answer["faces"], expected.probabilities, strict=True):
        assert face["probability"] == pytest.approx(float(row.max()), abs=1e-6)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """Six seconds: a pale face goes right, a dark one appears in the middle of it."""
    path = tmp_path_factory.mktemp("video") / "people.avi"
    writer = Writer(path, rate=10)
    for number in range(60):
        given = [(50 + 2 * number, 60, 48, "pale")]
        if 20 <= number < 50:
            given.append((200, 150, 56, "dark"))
        writer.add(np.asarray(photo(given, size=(256, 208), seed=number)))
    writer.close()
    return path


def test_faces_are_followed_through_a_video(run, video, tmp_path):
    found = predict(run.folder, video, fps=5, out=tmp_path / "lines.jsonl")
    assert len(found.names) == 2
    assert [found.classes[x] for x in found.labels] == ["pale", "dark"]
    assert "face 1 (0.00 to 5.80 s, 30 frames)" in found.names[0]
    assert "face 2 (2.00 to 4.80 s, 15 frames)" in found.names[1]
    lines = [json.loads(line) for line in (tmp_path / "lines.jsonl").read_text().splitlines()]
    assert len(lines) == 45
    assert {line["face"] for line in lines} == {1, 2}
    last = [line for line in lines if line["face"] == 1][-1]
    assert last["box"][0] == pytest.approx(50 + 2 * 58 - 24, abs=5)
    predict(run.folder, video, fps=5, out=tmp_path / "shown.mp4")
    assert (tmp_path / "shown.mp4").stat().st_size > 1000


def test_crops_of_a_video_know_their_track(people, video, tmp_path):
    _, detector = people
    found = faces(video, out=tmp_path / "crops", detector=str(detector), faces="all", fps=2)
    rows = table(tmp_path / "crops")
    assert found.photos == 12
    assert {row["track"] for row in rows} == {"1", "2"}
    assert sum(row["track"] == "2" for row in rows) == 6
    assert all((tmp_path / "crops" / row["file"]).is_file() for row in rows)


def test_a_video_that_breaks_off_keeps_what_came_before(run, people, video, tmp_path):
    broken = tmp_path / "broken.avi"
    content = video.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    found = predict(run.folder, broken, fps=5)
    assert found.labels[0] >= 0
    assert found.labels[-1] == -1
    assert "damaged" in next(iter(found.errors.values()))
    _, detector = people
    kept = faces(broken, out=tmp_path / "crops", detector=str(detector))
    assert kept.crops > 3
    assert any(each.check == "video_ended" for each in kept.findings)


def test_fifty_faces_and_a_tiny_one(run, tmp_path):
    given = [(30 + 60 * (n % 10), 30 + 60 * (n // 10), 44, "pale") for n in range(50)]
    photo([*given, (630, 300, 8, "dark")], size=(640, 310)).save(tmp_path / "many.png")
    found = predict(run.folder, tmp_path / "many.png")
    assert len(found.names) == 50


def test_fine_tuning_on_faces(people, tmp_path):
    photos, detector = people
    tuned = train(
        photos, out=tmp_path / "run", backbone="starter", strategy="finetune", epochs=1, faces=True,
        detector=str(detector), image_size=32, evaluation="holdout", baselines="none", workers=1,
    )  # fmt: skip
    assert predict(tuned.folder, photos / "pale" / "00.png").labels[0] >= 0


def test_advice_about_faces(people):
    photos, detector = people
    advice = headstart.advise(
        photos, backbone="starter", faces=True, detector=str(detector), image_size=32, budget=0.01
    )
    assert f"--faces --detector {detector}" in advice.command


def test_a_face_embedder_says_where_the_points_belong(tmp_path):
    from headstart.nets.pretrained.backbone import open_backbone
    from headstart.nets.pretrained.face_detector import faces_for

    points = [[30.0, 52.0], [66.0, 52.0], [48.0, 72.0], [34.0, 92.0], [62.0, 92.0]]
    path = embedder(tmp_path, {"input_size": [3, 112, 96], "alignment": points})
    backbone = open_backbone(str(path))
    assert backbone.preprocess.size == 112
    cut = faces_for(backbone, str(detector_file(tmp_path)))
    assert cut.margin == 0
    assert np.array(cut.template) * 112 == pytest.approx(np.array(points) + np.array([8, 0]))
    embedder(tmp_path, {"alignment": points[:4]})
    with pytest.raises(BackboneError, match="five points"):
        open_backbone(str(path))


def embedder(folder, settings):
    """Writes an ONNX network that takes 112 x 96 and averages its quarters."""
    import torch

    class Net(torch.nn.Module):
        def forward(self, image):
            return torch.nn.functional.avg_pool2d(image, (56, 48)).flatten(1)

    path = folder / "net.onnx"
    axes = {"image": {0: "n"}, "embedding": {0: "n"}}
    torch.onnx.export(
        Net(), (torch.zeros(1, 3, 112, 96),), path, dynamo=False, input_names=["image"],
        output_names=["embedding"], dynamic_axes=axes, opset_version=13,
    )  # fmt: skip
    path.with_suffix(".json").write_text(json.dumps(settings))
    return path


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_model_on_an_onnx_network_is_exported_whole(people, tmp_path):
    photos, detector = people
    path = embedder(tmp_path, {"input_size": [3, 112, 96]})
    run = train(
        photos, out=tmp_path / "run", backbone=str(path), strategy="probe", faces=True,
        detector=str(detector), tta=2, evaluation="holdout", baselines="none",
    )  # fmt: skip
    record = export(run.folder, out=tmp_path / "out")
    assert record.parity.same
    names = sorted((photos / "pale").glob("0*.png"))
    here = predict(run.folder, names).probabilities
    there = predict(tmp_path / "out" / "model.onnx", names).probabilities
    assert np.abs(here - there).max() < 1e-3
    assert here.std() > 0.01


@pytest.fixture(scope="module")
def gallery(people, tmp_path_factory):
    """A gallery of two people by their drawn faces."""
    photos, detector = people
    folder = tmp_path_factory.mktemp("gallery") / "club"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(folder.parent / "cache"))
        done = headstart.enroll(
            folder, photos, backbone="starter", faces=True, detector=str(detector)
        )
    return done, folder


def test_a_gallery_of_faces_answers_for_every_face(gallery, crowd):
    done, folder = gallery
    assert done.enrolled == {"dark": 20, "pale": 20}
    assert done.errors["pale/nobody.png"] == "no face was found on it"
    assert (folder / "detector.onnx").is_file()
    found = headstart.identify(folder, crowd, threshold=-1.0)
    assert [each.photo for each in found.answers] == [
        str(crowd), f"{crowd} (face 2)", f"{crowd} (face 3)"
    ]  # fmt: skip
    assert [each.person for each in found.answers] == ["pale", "dark", "pale"]
    assert found.answers[1].box == pytest.approx([90, 20, 40, 40], abs=2)


def test_a_gallery_of_faces_names_photos_without_one(gallery, tmp_path):
    _, folder = gallery
    photo([], seed=4).save(tmp_path / "nobody.png")
    (answer,) = headstart.identify(folder, tmp_path / "nobody.png", threshold=0.5).answers
    assert answer.error == "no face was found on it"
    assert answer.person is None


def test_a_gallery_of_whole_photos_stays_one(people, tmp_path):
    photos, detector = people
    folder = tmp_path / "whole"
    headstart.enroll(folder, photos, backbone="starter")
    with pytest.raises(OptionError, match="vectors of whole photos"):
        headstart.enroll(folder, photos, faces=True, detector=str(detector))


def test_photos_that_are_not_there_are_told_before_any_detector(tmp_path):
    with pytest.raises(DataError, match="nowhere is not there"):
        faces(tmp_path / "nowhere", out=tmp_path / "crops", detector="no-such.onnx")
