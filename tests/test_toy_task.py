"""The proof of the seam: a task that the package does not know goes through everything."""

from __future__ import annotations

import csv
import json

import pytest
from PIL import Image
from tests.conftest import draw_image

import headstart
from headstart import tasks
from headstart.predictions import columns_of
from headstart.run import Run

from . import toy_task


@pytest.fixture
def lamp(monkeypatch):
    """Makes the toy known for the length of a test."""
    monkeypatch.setitem(tasks.TASKS, "lamp", "tests.toy_task")


@pytest.fixture
def rooms(tmp_path):
    """Drawn images, dark and bright, twenty each."""
    root = tmp_path / "rooms"
    for kind, factor in (("dark", 0.3), ("bright", 1.0)):
        (root / kind).mkdir(parents=True)
        for number in range(20):
            image = draw_image(number % 3, number + 100 * (kind == "dark"))
            image.point(lambda value, by=factor: int(value * by)).save(
                root / kind / f"{number:02}.png"
            )
    return root


@pytest.fixture
def run(lamp, rooms, tmp_path):
    """A run of the toy."""
    return headstart.train(
        rooms, out=tmp_path / "run", backbone="starter", task="lamp", strategy="probe",
        evaluation="holdout",
    )  # fmt: skip


def test_it_trains_scores_and_reports(run):
    results = json.loads(run.metrics.read_text())
    assert (results["task"], results["primary"]) == ("lamp", "lamp_score")
    assert set(results["test"]) == {"lamp_score", "regret"}
    assert run.primary.value == 1.0
    assert 0 < run.primary.low < 1.0
    assert set(results["baselines"]) == {"half", "raw_pixels"}
    assert "lamp score" in repr(run)
    with run.predictions.open() as stream:
        rows = list(csv.DictReader(stream))
    assert set(rows[0]) == {"name", "truth", "light"}
    page = run.report.read_text()
    assert "Lamp score" in page
    assert "share of lamps that are right" in page


def test_it_is_measured_again_and_compared(run, rooms, tmp_path):
    again = headstart.evaluate(run.folder)
    assert again.test["lamp_score"] == run.primary
    on_all = headstart.evaluate(run.folder, rooms)
    assert on_all.test["lamp_score"].n == 40
    other = headstart.train(
        rooms, out=tmp_path / "other", backbone="starter", task="lamp", strategy="probe",
        evaluation="holdout", image_size=32,
    )  # fmt: skip
    found = headstart.compare(run.folder, other.folder)
    assert found.primary == "lamp_score"
    assert set(found.differences) == {"lamp_score", "regret"}


def test_it_predicts_exports_and_answers_alike(run, rooms, tmp_path):
    names = sorted(str(path) for path in rooms.rglob("*.png"))
    found = headstart.predict(run.folder, names)
    assert isinstance(found, toy_task.Lamps)
    assert columns_of(found.record(0)) == {"name": names[0], "light": found.light[0]}
    headstart.export(run.folder, out=tmp_path / "onnx")
    exported = headstart.load(tmp_path / "onnx" / "model.onnx")
    lamps = exported.predictions(names)
    assert isinstance(lamps, toy_task.Lamps)
    assert abs(lamps.light - found.light).max() < 1e-3
    with Image.open(names[0]) as image:
        one = exported.predictions([image.copy()])
    assert abs(one.light[0] - found.light[0]) < 1e-3


def test_it_is_served(run, tmp_path):
    pytest.importorskip("fastapi")
    from fastapi.testclient import TestClient

    from headstart.deploy.server import create_app

    headstart.export(run.folder, out=tmp_path / "onnx")
    model = headstart.load(tmp_path / "onnx" / "model.onnx")
    picture = tmp_path / "one.png"
    draw_image(0, 5).save(picture)
    with TestClient(create_app(model)) as client:
        answer = client.post(
            "/predict", content=picture.read_bytes(), headers={"content-type": "image/png"}
        )
    assert answer.status_code == 200
    assert 0 <= answer.json()["predictions"][0]["light"] <= 1


def test_its_run_is_known_again(run):
    assert Run.open(run.folder).results["task"] == "lamp"
