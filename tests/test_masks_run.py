"""A run of masks: measured again, compared, by subgroup and shown, by what knows no masks."""

from __future__ import annotations

import csv
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import jaccard_score

import headstart
from headstart.compute import Compute, silent
from headstart.data.open import open_dataset
from headstart.results.evaluation import evaluate_on
from headstart.results.items import read_items
from headstart.results.outputs import read_predictions
from headstart.run import Run

from .masks_run import draw_scenes, write_masks_run
from .tasks.segmentation.masks_here import Bright, scene


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """(data, run, worse run) whose images and masks are gone."""
    root = tmp_path_factory.mktemp("masks")
    data = draw_scenes(root / "data")
    run = write_masks_run(data, root / "run")
    worse = write_masks_run(data, root / "worse", seed=1, skill=0.7)
    shutil.copytree(data, root / "kept")
    shutil.rmtree(data)
    return root / "kept", run, worse


def test_it_is_measured_as_scikit_learn_measures(made):
    data, run, _ = made
    results = json.loads(run.metrics.read_text())
    assert results["primary"] == "mean_iou"
    assert {"mean_iou", "pixel_accuracy", "dice", "boundary_f1"} <= set(results["test"])
    items = read_items(run)
    tested, predictions = read_predictions(run, items)
    truth = [np.asarray(Image.open(data / "masks" / f"{i:02}.png")) for i in tested]
    answers = [predictions.labels(i) for i in range(len(tested))]
    flat = np.concatenate([t.ravel() for t in truth]), np.concatenate([a.ravel() for a in answers])
    wanted = jaccard_score(*flat, average="macro")
    assert results["test"]["mean_iou"]["value"] == pytest.approx(wanted, abs=1e-12)
    assert set(results["baselines"]) == {"majority", "mean_mask"}
    assert results["transfer_gain"]["gain"]["low"] > 0


def test_it_is_measured_again_without_its_images(made):
    _, run, _ = made
    again = headstart.evaluate(run.folder, by="camera")
    assert again.test["mean_iou"] == run.primary
    (camera,) = again.subgroups
    assert set(camera.values) == {"a", "b"}
    assert camera.measure == "mean IoU"
    low, high = sorted(each.value for each in camera.values.values())
    assert low - 0.01 <= run.primary.value <= high + 0.01


def test_runs_are_compared(made):
    _, run, worse = made
    found = headstart.compare(run.folder, worse.folder)
    assert found.primary == "mean_iou"
    assert found.better == "A"
    assert {"mean_iou", "pixel_accuracy", "dice", "boundary_f1"} <= set(found.differences)
    same = headstart.compare(run.folder, run.folder)
    assert same.better is None


def test_its_tables_are_of_areas_and_regions(made):
    _, run, _ = made
    with run.predictions.open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 24
    kinds = [key for key in rows[0] if key.startswith("share(")]
    assert len(kinds) == 3
    assert sum(float(rows[0][key]) for key in kinds) == pytest.approx(1, abs=1e-4)
    assert int(rows[0]["regions" + kinds[0].removeprefix("share")]) >= 1


def test_its_report_shows_masks(made):
    _, run, _ = made
    page = run.report.read_text()
    assert "IoU" in page
    assert len(list(run.examples.glob("*.jpg"))) == 9
    pictures = re.findall(r'src="data:image/jpeg;base64', page)
    assert len(pictures) >= 9 + len(list(run.mistakes.glob("*.jpg")))
    with Image.open(run.examples / "0.jpg") as image:
        assert image.width > 2 * image.height, "truth and answer side by side"
    assert "would be classified correctly" not in page, "an overlap is no count of images"
    assert len(page) < 1_500_000


def test_damaged_labels_are_named(made, tmp_path):
    _, run, _ = made
    shutil.copytree(run.folder, tmp_path / "run")
    Run(tmp_path / "run").labels.unlink()
    with pytest.raises(headstart.errors.ModelError, match=r"labels\.safetensors"):
        headstart.evaluate(tmp_path / "run", by="camera")


def test_a_model_is_measured_on_other_masks(tmp_path):
    """Bright discs, which the model of the tests finds; the truth is read at the images' size."""
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for i in range(4):
        mask = scene(i, 200, 150, classes=2)
        Image.fromarray((mask * 200 + 20).astype(np.uint8)).save(tmp_path / f"images/{i}.png")
        Image.fromarray(mask).save(tmp_path / f"masks/{i}.png")
    (tmp_path / "classes.txt").write_text("ground\ndisc\n")
    dataset = open_dataset(tmp_path, task="segmentation")
    found = evaluate_on(Bright(), dataset, "discs", (), Compute("cpu", 2, 0, silent))
    assert found.primary == "mean_iou"
    assert found.test["mean_iou"].value > 0.85
    assert found.test["pixel_accuracy"].value > 0.97
    truth, answers = [], []
    predictions = Bright().predictions([dataset.path(i) for i in range(4)])
    for i in range(4):
        truth.append(dataset.labels.read(i).ravel())
        answers.append(predictions.labels(i).ravel())
    wanted = jaccard_score(np.concatenate(truth), np.concatenate(answers), average="macro")
    assert found.test["mean_iou"].value == pytest.approx(wanted, abs=1e-12)
