import numpy as np
import pytest

from headstart.errors import DataError, ModelError
from headstart.verbs.evaluate import evaluate


def test_a_run_tells_its_own_measures(trained):
    _, run = trained
    result = evaluate(run.folder)
    assert result.test["accuracy"] == run.accuracy
    assert result.says == run.results["evaluation"]["says"]
    assert [row["class"] for row in result.per_class] == ["blue", "green", "red"]
    assert "accuracy" in result._repr_html_()


def test_the_same_images_give_the_same_measures(trained):
    data, run = trained
    result = evaluate(run.folder, data)
    assert "the test split of" in result.says
    for name in ("accuracy", "balanced_accuracy", "log_loss"):
        assert result.test[name].n == 13
        assert result.test[name].value == pytest.approx(
            run.results["test"][name]["value"], abs=1e-4
        )


def test_bad_files_are_named_and_missing_classes_are_no_matter(trained, tmp_path):
    data, run = trained
    other = tmp_path / "other"
    (other / "red").mkdir(parents=True)
    (other / "green").mkdir()
    for name in ("red", "green"):
        picture = (data / "test" / name / "0.png").read_bytes()
        (other / name / "0.png").write_bytes(picture)
    (other / "red" / "bad.png").write_text("x")
    result = evaluate(run.folder, other)
    assert list(result.errors) == ["red/bad.png"]
    assert result.test["accuracy"].n == 2
    assert np.sum(result.confusion["counts"]) == 2


def test_what_cannot_be_measured(trained, images, tmp_path):
    _, run = trained
    with pytest.raises(DataError, match="class_a") as caught:
        evaluate(run.folder, images)
    assert "it knows blue, green, red" in str(caught.value)
    with pytest.raises(DataError, match="no labels"):
        evaluate(run.folder, images / "class_a")
    with pytest.raises(ModelError, match="headstart train"):
        evaluate(tmp_path)
    with pytest.raises(ModelError, match="headstart train"):
        evaluate(tmp_path, images)
