"""Measures of a run as they were taken, and of its model on other images."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import jaccard_score
from tests.drawn_masks import write_masked
from tests.models import MASKS, exported_file, random_model
from tests.results.conftest import NAMES, paint

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.data.open import open_dataset
from headstart.errors import DataError
from headstart.nets.model import Model
from headstart.records import Estimate
from headstart.results.evaluation import evaluate_on, evaluation_of_run, uneven_columns
from headstart.results.items import read_items
from headstart.results.outputs import read_predictions
from headstart.run import Run
from headstart.tasks.predictor import NO_NUMBER

ONE = Compute("cpu", 1)


def test_a_runs_own_measures_need_no_image_any_more(grouped, tmp_path):
    _, run = grouped
    shutil.copytree(run.folder, tmp_path / "copy")
    found = evaluation_of_run(Run(tmp_path / "copy"), ["camera"], seed=0)
    assert found.test["accuracy"] == run.primary
    assert (found.task, found.primary) == ("classification", "accuracy")
    assert found.summary == run.results["evaluation"]["summary"]
    assert all(isinstance(row["recall"], Estimate) for row in found.details["per_class"])
    (camera,) = found.subgroups
    items = read_items(run)
    _, answers = read_predictions(run, items)
    right = answers.labels == items.dataset.labels.targets
    for name in "ab":
        mine = items.dataset.attributes["camera"] == name
        assert camera.values[name].n == 18
        assert camera.values[name].value == pytest.approx(right[mine].mean())
    assert "accuracy" in repr(found)
    assert "camera: a" in found._repr_html_()


def test_a_column_that_is_not_there(grouped):
    _, run = grouped
    with pytest.raises(DataError, match=r"--by race: .* camera"):
        evaluation_of_run(run, ["race"], seed=0)


def folders(root, splits):
    for part, split in enumerate(splits):
        for colour, name in enumerate(NAMES):
            for number in range(4):
                paint(root / split / name / f"{number}.png", colour, 900 + 10 * part + number)
    return root


@pytest.mark.parametrize(
    ("splits", "measured", "said"),
    [
        (("train", "val"), "val", "the val split of new"),
        (("train", "val", "test"), "test", "the test split of new"),
        (("train",), "train", "Measured on new"),
    ],
)
def test_the_test_of_other_data_is_what_is_measured(grouped, tmp_path, splits, measured, said):
    _, run = grouped
    root = folders(tmp_path / "new", splits)
    # Whatever is not to be measured would show: all of it lies in wrong folders.
    for split in set(splits) - {measured}:
        (root / split / NAMES[0]).rename(root / "aside")
        (root / split / NAMES[1]).rename(root / split / NAMES[0])
        (root / "aside").rename(root / split / NAMES[1])
    model = Model.load(run.folder)
    found = evaluate_on(model, open_dataset(root), "new", [], ONE)
    assert said in found.summary
    assert found.test["accuracy"].n == 12
    only = evaluate_on(model, open_dataset(root / measured), "new", [], ONE)
    assert found.test["accuracy"] == only.test["accuracy"]
    assert np.sum(found.details["confusion"]["counts"]) == 12


def test_what_cannot_be_read_is_named_and_left_out(grouped, tmp_path):
    _, run = grouped
    root = folders(tmp_path / "new", ("",))
    (root / NAMES[0] / "broken.png").write_bytes(b"")
    found = evaluate_on(Model.load(run.folder), open_dataset(root), "new", [], ONE)
    assert list(found.errors) == [f"{NAMES[0]}/broken.png"]
    assert found.test["accuracy"].n == 12


def test_an_image_that_the_model_gives_no_number_for_is_no_wrong_answer(
    grouped, tmp_path, monkeypatch
):
    _, run = grouped
    root = folders(tmp_path / "new", ("",))
    real = Model.outputs

    def spoilt(model, vectors):
        found = {key: value.copy() for key, value in real(model, vectors).items()}
        found["probabilities"][0] = np.nan
        return found

    monkeypatch.setattr(Model, "outputs", spoilt)
    dataset = open_dataset(root)
    found = evaluate_on(Model.load(run.folder), dataset, "new", [], ONE)
    assert found.errors == {dataset.names[0]: NO_NUMBER}
    assert found.test["accuracy"].n == 11


def test_what_the_model_cannot_know_is_refused(grouped, tmp_path):
    _, run = grouped
    root = folders(tmp_path / "new", ("",))
    (root / NAMES[0]).rename(root / "eel")
    model = Model.load(run.folder)
    with pytest.raises(DataError, match="eel"):
        evaluate_on(model, open_dataset(root), "new", [], ONE)
    with pytest.raises(DataError, match="new has no labels"):
        evaluate_on(model, open_dataset(root / "eel"), "new", [], ONE)


def test_masks_of_a_run_and_of_its_export_are_measured_alike(tmp_path):
    model = random_model(MASKS)
    exported = exported_file(model, tmp_path / "m.onnx", threshold=0)
    masks = write_masked(tmp_path / "images", 6, (70, 40))
    names = tuple(f"{i}.png" for i in range(6))
    dataset = Dataset(tmp_path / "images", names, masks, np.full(6, ""), task="segmentation")
    one, other = (evaluate_on(each, dataset, "here", (), Compute()) for each in (model, exported))
    assert one.primary == other.primary == "mean_iou"
    assert one.test["mean_iou"].n == 6
    for key in ("mean_iou", "pixel_accuracy", "dice", "boundary_f1"):
        assert other.test[key].value == pytest.approx(one.test[key].value, abs=2e-4), key
    # By scikit-learn, on every pixel.
    found = exported.predictions([dataset.path(i) for i in range(6)])
    truth = np.concatenate([masks.read(i).ravel() for i in range(6)])
    said = np.concatenate([found.labels(i).ravel() for i in range(6)])
    wanted = jaccard_score(truth, said, average="macro")
    assert other.test["mean_iou"].value == pytest.approx(wanted)


def test_equal_figures_over_a_column_that_tells_the_class_are_said_to_prove_nothing():
    n = 80
    targets = np.arange(n) % 2
    told, free = np.array(["f", "m"])[targets], np.array(["x", "y"])[np.arange(n) // 2 % 2]
    told[:4] = told[:4][::-1]
    dataset = Dataset(
        Path("."), tuple(f"{i}.png" for i in range(n)), Classes(("old", "young"), targets),
        splits=np.full(n, "test"), attributes={"sex": told, "hue": free},
    )  # fmt: skip
    (note,) = uneven_columns(dataset, np.arange(n), ["sex", "hue"])
    assert note.startswith("The classes lie unevenly over sex: equal figures do not show")
    assert note.endswith("'headstart audit RUN --by sex' asks that.")
