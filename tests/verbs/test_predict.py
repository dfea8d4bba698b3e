import io
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from headstart.errors import DataError, HeadstartError, ImageError, ModelError, OptionError
from headstart.verbs.predict import load, predict


def test_folders_files_and_globs(trained, new):
    _, run = trained
    found = predict(run.folder, new)
    assert [os.path.relpath(name, new) for name in found.names] == [
        "a.png", "broken.jpg", "deeper/b ä.png", "empty.png",
    ]  # fmt: skip
    assert found.classes == ("blue", "green", "red")
    assert [found.classes[label] if label >= 0 else "" for label in found.labels] == [
        "red", "", "blue", "",
    ]  # fmt: skip
    assert np.isnan(found.probabilities[1]).all()
    assert set(found.errors) == {str(new / "broken.jpg"), str(new / "empty.png")}
    assert predict(run.folder, new / "a.png").names == (str(new / "a.png"),)
    assert len(predict(run.folder, str(new / "*.png")).names) == 2
    assert len(predict(run.folder, str(new / "**" / "*.png")).names) == 3


def test_a_missing_file_is_a_row(trained, new):
    _, run = trained
    found = predict(run.folder, [new / "gone.png", new / "a.png"])
    assert found.labels.tolist() == [-1, 2]
    assert found.errors == {str(new / "gone.png"): "no such file"}
    only = predict(run.folder, [new / "gone.png"])
    assert only.labels.tolist() == [-1]


def test_whatever_holds_an_image_is_answered(trained, exported, new):
    """As a notebook has them: Pillow images, arrays, bytes and open files."""
    red, blue = new / "a.png", new / "deeper" / "b ä.png"
    pixels = np.asarray(Image.open(blue).convert("RGB"))
    for model in (trained[1].folder, exported[1]):
        given = [Image.open(red), pixels, red.read_bytes(), io.BytesIO(blue.read_bytes()), red]
        found = predict(model, given)
        assert found.names == ("image 1", "image 2", "image 3", "image 4", str(red))
        assert found.answers().tolist() == ["red", "blue", "red", "blue", "red"]
        assert found.errors == {}
        assert np.allclose(found.probabilities[0], found.probabilities[4], atol=1e-3)
        assert predict(model, pixels).answers().tolist() == ["blue"]
        assert predict(model, np.stack([pixels, pixels])).names == ("image 1", "image 2")
        assert predict(model, (each for each in [pixels])).names == ("image 1",)
        mixed = predict(model, [pixels.astype(float), b"text", None, pixels])
        assert mixed.answers().tolist() == ["", "", "", "blue"]
        assert "got float64" in mixed.errors["image 1"]
        assert "got NoneType" in mixed.errors["image 3"]


@pytest.mark.parametrize("given", [None, 1.5, {"a": 1}, True])
def test_what_holds_no_image_is_one_line(trained, given):
    with pytest.raises(HeadstartError) as caught:
        predict(trained[1].folder, given)
    assert "\n" not in str(caught.value)
    with pytest.raises(ImageError, match="wanted a path, bytes"):
        load(trained[1].folder).predict(given)


def test_a_model_takes_folders_and_globs(trained, exported, new):
    for place in (trained[1].folder, exported[1]):
        model = load(place)
        assert model.predict(new / "deeper").tolist() == ["blue"]
        found = model.predictions(new)
        assert len(found) == 4
        assert model.predict_proba(str(new / "deeper" / "*.png")).shape == (1, 3)
        with pytest.raises(ImageError, match=r"gone\.png: no such file"):
            model.predict(new / "gone.png")
        with pytest.raises(DataError, match="is an address, and images are not fetched"):
            model.predict("https://example.org/a.jpg")


def test_what_export_wrote_is_a_model_by_its_folder_too(trained, exported, new):
    _, folder = exported
    by_file = predict(folder / "model.onnx", new / "a.png").probabilities
    assert np.array_equal(predict(folder, new / "a.png").probabilities, by_file)
    assert load(folder).classes_.tolist() == ["blue", "green", "red"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (97, "camera 97 cannot be opened"),
        (np.int64(97), "camera 97 cannot be opened"),
        ([97], "camera 97 cannot be opened"),
        ("97", "camera 97 cannot be opened"),
        ("/dev/video97", "camera /dev/video97 cannot be opened"),
        ("rtsp://127.0.0.1:9/cam", "rtsp://127.0.0.1:9/cam cannot be opened"),
        ("http://127.0.0.1:9/v.mjpg", "http://127.0.0.1:9/v.mjpg cannot be opened"),
        ("https://127.0.0.1:9/a.jpg", "is an address, and images are not fetched"),
        ("s3://bucket/a.png", "is an address, and images are not fetched"),
        ("gone.mp4", "gone.mp4: there is no such video"),
        ([0, "a.png"], "one video or camera at a time"),
    ],
)
def test_cameras_and_addresses_that_do_not_answer(trained, given, said, tmp_path, monkeypatch):
    pytest.importorskip("cv2", reason="needs OpenCV")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(HeadstartError, match=said) as caught:
        predict(trained[1].folder, given)
    assert "\n" not in str(caught.value)


def test_heat_maps_are_of_files(trained, new, tmp_path):
    with pytest.raises(OptionError, match="--explain is for image files"):
        predict(trained[1].folder, [(new / "a.png").read_bytes()], explain=tmp_path / "why")


def test_nothing_named(trained, tmp_path):
    _, run = trained
    (tmp_path / "none").mkdir()
    for nothing, words in (
        ([], "no image was named"),
        (tmp_path / "none", "no images in this folder"),
        (str(tmp_path / "*.png"), "no file matches"),
    ):
        with pytest.raises(DataError, match=words):
            predict(run.folder, nothing)


def test_load_speaks_scikit_learn(trained, new):
    _, run = trained
    model = load(run.folder)
    assert model.classes_.tolist() == ["blue", "green", "red"]
    pictures = [new / "a.png", new / "deeper" / "b ä.png"]
    chances = model.predict_proba(pictures)
    assert chances.shape == (2, 3)
    assert np.allclose(chances.sum(axis=1), 1, atol=1e-5)
    assert model.predict(pictures).tolist() == ["red", "blue"]
    assert model.predict_proba([]).shape == (0, 3)
    assert model.predict(str(new / "a.png")).tolist() == ["red"], "one path is one image"
    with pytest.raises(ImageError, match=r"broken\.jpg"):
        model.predict([new / "broken.jpg"])


def test_the_model_folder_alone_predicts(trained, new, tmp_path):
    _, run = trained
    copy = tmp_path / "copy"
    shutil.copytree(run.model, copy)
    one, other = (predict(place, new / "a.png").probabilities for place in (run.folder, copy))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("what", ["json", "head", "backbone"])
def test_a_damaged_model_says_so(trained, new, tmp_path, what):
    _, run = trained
    copy = tmp_path / "copy"
    shutil.copytree(run.model, copy)
    if what == "json":
        (copy / "model.json").write_text("{}")
    if what == "head":
        (copy / "head.safetensors").write_bytes(b"\0" * 20)
    if what == "backbone":
        weights = copy / "backbone" / "model.safetensors"
        weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(Exception, match="copy") as caught:
        predict(copy, new / "a.png")
    assert type(caught.value).__module__ == "headstart.errors"
    assert "\n" not in str(caught.value)


def test_no_model(tmp_path):
    with pytest.raises(ModelError, match="headstart train"):
        load(tmp_path)


def test_not_sure_is_said_in_python_too(trained, new):
    _, run = trained
    always = predict(run.folder, new)
    never = predict(run.folder, new, abstain_below=1.0)
    assert always.answered.any()
    assert all(always.record(i)["sure"] for i in np.flatnonzero(always.answered))
    doubtful = np.flatnonzero(never.answered & (never.confidences < 1))
    assert len(doubtful)
    assert all(never.text(i).startswith("not sure") for i in doubtful)


@pytest.mark.parametrize("kind", ["masks", "boxes"])
def test_answers_that_are_places_need_no_heat_map(new, tmp_path, kind):
    from tests.box_models import box_model
    from tests.models import random_mask_model

    (random_mask_model() if kind == "masks" else box_model()).save(tmp_path / "model")
    with pytest.raises(OptionError, match="--explain is for one answer an image"):
        predict(tmp_path / "model", new / "a.png", explain=tmp_path / "why")
    assert not (tmp_path / "why").exists()


@pytest.mark.parametrize("kind", ["masks", "boxes"])
def test_likeliest_classes_of_places_are_refused(new, tmp_path, kind):
    from tests.box_models import box_model
    from tests.models import random_mask_model

    (random_mask_model() if kind == "masks" else box_model()).save(tmp_path / "model")
    with pytest.raises(OptionError, match="--top 3 lists the likeliest classes of an image"):
        predict(tmp_path / "model", new / "a.png", top=3)


def test_what_only_films_have_is_refused_of_images(trained, new):
    with pytest.raises(OptionError, match="--fps 2 is of videos and cameras"):
        predict(trained[1].folder, new / "a.png", fps=2)


def test_an_exported_model_runs_on_the_processor(exported, new, monkeypatch):
    from headstart.options import command

    monkeypatch.setattr(command, "check_device", lambda device: None)
    with pytest.raises(OptionError, match="--device cuda: an exported model runs on the CPU"):
        predict(exported[1], new / "a.png", device="cuda")
