import os
import shutil

import numpy as np
import pytest

from headstart.errors import DataError, ImageError, ModelError
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
    assert "gone" in found.errors[str(new / "gone.png")]
    only = predict(run.folder, [new / "gone.png"])
    assert only.labels.tolist() == [-1]


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
    assert {never.text(i) for i in doubtful} == {"not sure"}
