import shutil

import numpy as np
import pytest

from headstart.errors import DataError, ModelError, OptionError
from headstart.verbs.evaluate import evaluate


def test_a_run_tells_its_own_measures(trained):
    _, run = trained
    result = evaluate(run.folder)
    assert result.test["accuracy"] == run.primary
    assert result.summary == run.results["evaluation"]["summary"]
    assert [row["class"] for row in result.details["per_class"]] == ["blue", "green", "red"]
    assert "accuracy" in result._repr_html_()


def test_the_same_images_give_the_same_measures(trained):
    data, run = trained
    result = evaluate(run.folder, data)
    assert "the test split of" in result.summary
    for name in ("accuracy", "balanced_accuracy", "log_loss"):
        assert result.test[name].n == 13
        assert result.test[name].value == pytest.approx(
            run.results["test"][name]["value"], abs=1e-4
        )


def test_images_that_the_model_was_trained_on_are_told(trained, tmp_path):
    data, run = trained
    assert "trained on" not in evaluate(run.folder, data).summary
    seen = evaluate(run.folder, data / "train").summary
    assert seen.endswith(
        "The model was trained on all of them, and looks better on these than it is."
    )
    mixed = tmp_path / "mixed"
    shutil.copytree(data / "test", mixed)
    shutil.copy(data / "train/red/0.png", mixed / "red/seen.png")
    assert "The model was trained on 1 of them" in evaluate(run.folder, mixed).summary


def test_of_data_with_train_and_val_only_val_is_measured(trained, tmp_path):
    data, run = trained
    other = tmp_path / "other"
    shutil.copytree(data / "train", other / "train")
    shutil.copytree(data / "test", other / "val")
    found = evaluate(run.folder, other)
    assert "the val split of" in found.summary
    wanted = evaluate(run.folder, data)
    assert found.test["accuracy"].n == 13
    assert found.test["accuracy"] == wanted.test["accuracy"]


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
    assert np.sum(result.details["confusion"]["counts"]) == 2


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


def test_subgroups_are_measured_apart(trained, tmp_path, capsys):
    from headstart.cli import main

    data, run = trained
    other = tmp_path / "other"
    lines = ["file,camera,age"]
    for name in ("red", "green", "blue"):
        (other / name).mkdir(parents=True)
        for number in range(8):
            picture = (data / "train" / name / f"{number}.png").read_bytes()
            (other / name / f"{number}.png").write_bytes(picture)
            lines.append(f"{name}/{number}.png,{'old' if number < 4 else 'new'},{20 + number}")
    # Every image of the old camera lies in a wrong folder.
    for number in range(4):
        one, two = other / "red" / f"{number}.png", other / "green" / f"{number}.png"
        content = one.read_bytes()
        one.write_bytes(two.read_bytes())
        two.write_bytes(content)
    (other / "attributes.csv").write_text("\n".join(lines))
    (found,) = evaluate(run.folder, other, by="camera").subgroups
    assert found.values["new"].value == 1.0
    assert found.values["old"].value == pytest.approx(4 / 12)
    assert (found.best, found.worst) == ("new", "old")
    assert found.p_value < 0.05
    assert main(["evaluate", str(run.folder), str(other), "--by", "camera,age"]) == 0
    said = capsys.readouterr().out
    assert "accuracy by camera" in said
    assert "gap: new better than old" in said
    with pytest.raises(DataError, match=r"--by race: .* camera, age"):
        evaluate(run.folder, other, by="race")


def test_a_runs_own_test_by_subgroup(images, tmp_path):
    from headstart.verbs.train import train

    lines = ["file,half"]
    for path in sorted(images.rglob("*.png")):
        half = "first" if int(path.stem) < 6 else "second"
        lines.append(f"{path.relative_to(images)},{half}")
    (images / "attributes.csv").write_text("\n".join(lines))
    run = train(
        images, out=tmp_path / "run", backbone="starter", strategy="probe", evaluation="cv",
        folds=3, baselines="none",
    )  # fmt: skip
    (found,) = evaluate(run.folder, by="half").subgroups
    assert {name: each.n for name, each in found.values.items()} == {"first": 18, "second": 18}
    overall = sum(18 * each.value for each in found.values.values()) / 36
    assert overall == pytest.approx(run.primary.value)


def test_an_exported_model_is_measured_as_its_run_is(trained, exported):
    data, run = trained
    _, folder = exported
    wanted = evaluate(run.folder, data)
    for place in (folder, folder / "model.onnx"):
        found = evaluate(place, data)
        assert found.summary == wanted.summary
        assert found.test["accuracy"] == wanted.test["accuracy"]
        assert found.test["log_loss"].value == pytest.approx(
            wanted.test["log_loss"].value, abs=1e-3
        )
        names = [[each["name"] for each in one.details["mistakes"]] for one in (found, wanted)]
        assert names[0] == names[1]
    with pytest.raises(OptionError, match="holds no test: name labelled images"):
        evaluate(folder)


def test_of_an_exported_model_too_bad_files_are_named(trained, exported, tmp_path):
    data, _ = trained
    other = tmp_path / "other"
    for name in ("red", "green"):
        shutil.copytree(data / "test" / name, other / name)
    (other / "red" / "bad.png").write_text("x")
    found = evaluate(exported[1], other)
    assert list(found.errors) == ["red/bad.png"]
    assert found.test["accuracy"].n == 9
