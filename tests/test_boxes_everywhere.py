"""One model of boxes, four ways to ask it: run, ONNX file, server and film say the same."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image
from tests.boxes_run import write_boxes_run
from tests.models import exported_file
from tests.squares import CLASSES, labels_of, scene, squares_model, write_squares

import headstart
from headstart.console.answers import show_predictions_csv
from headstart.console.show import show
from headstart.deploy.server import create_app
from headstart.errors import DataError, OptionError
from headstart.images.video import Frame
from headstart.metrics.overlap import overlaps
from headstart.options.predict import PredictOptions
from headstart.records import to_json
from headstart.scoring.run_predictor import RunPredictor
from headstart.video.place_frames import ObjectFrames

SEEDS = range(20, 40)


@pytest.fixture(scope="module")
def scenes():
    return [scene(seed) for seed in SEEDS] + [scene(7, (640, 130)), scene(8, (90, 500))]


@pytest.fixture(scope="module")
def ways(tmp_path_factory, scenes):
    """Name -> list of (classes, scores, (K, 4) boxes) of each image above the threshold."""
    home = tmp_path_factory.mktemp("ways")
    images = [pixels for pixels, _, _ in scenes]
    file = exported_file(squares_model(), home / "m.onnx", threshold=0.5)
    run = RunPredictor(squares_model(), many=True)
    found = {
        "run": [run.predictions(images).record(i) for i in range(len(images))],
        "plain": [
            each for p in images
            for each in [RunPredictor(squares_model(), exact=True).predictions([p]).record(0)]
        ],
        "file": [file.predictions(images).record(i) for i in range(len(images))],
        "film": [], "server": [],
    }  # fmt: skip
    handler = ObjectFrames(file, "film")
    for number, pixels in enumerate(images):
        [[seen]] = handler.handle([Frame(number, pixels, True)])
        found["film"].append(seen.line)
    with TestClient(create_app(file)) as client:
        for pixels in images:
            data = io.BytesIO()
            Image.fromarray(pixels).save(data, "PNG")
            answer = client.post("/predict", content=data.getvalue())
            assert answer.status_code == 200
            found["server"] += answer.json()["predictions"]
    return {name: [objects_of(each) for each in rows] for name, rows in found.items()}


def objects_of(record: dict) -> tuple[list[str], np.ndarray, np.ndarray]:
    objects = record["objects"]
    assert sum(record["count"].values()) == len(objects)
    return (
        [each["class"] for each in objects], np.array([each["score"] for each in objects]),
        np.array([each["box"] for each in objects], float).reshape(-1, 4),
    )  # fmt: skip


@pytest.mark.parametrize("way", ["plain", "file", "server", "film"])
def test_all_ways_give_the_same_boxes(ways, scenes, way):
    count = 0
    for one, other in zip(ways["run"], ways[way], strict=True):
        assert one[0] == other[0]
        assert np.abs(one[1] - other[1]).max(initial=0) <= 1e-3
        both = overlaps(one[2], other[2]).diagonal()
        assert (both >= 0.99).all()
        count += len(both)
    assert count >= sum(len(boxes) for _, boxes, _ in scenes) - 3


def test_what_is_found_is_what_is_there(ways, scenes):
    truth = labels_of(scenes[: len(SEEDS)])
    right = sum(
        sorted(CLASSES[k] for k in truth.classes[truth.of(i)].tolist())
        == sorted(ways["file"][i][0])
        for i in range(len(truth))
    )
    assert right >= 0.85 * len(truth)


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    home = tmp_path_factory.mktemp("saved")
    squares_model().save(home / "model")
    (home / "images").mkdir()
    for seed in range(5):
        Image.fromarray(scene(seed)[0]).save(home / "images" / f"{seed}.png")
    (home / "images" / "torn.png").write_bytes(b"no image")
    return home


def test_predict_writes_files_prints_tables_and_takes_a_least_score(saved, capsys):
    images = str(saved / "images")
    found = headstart.predict(saved / "model", images, out=saved / "out")
    assert found.threshold == 0.5
    assert "torn.png" in str(found.errors)
    with (saved / "out" / "boxes.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == (found.scores >= 0.5).sum() > 2
    listed = json.loads((saved / "out" / "boxes.json").read_text())
    assert len(listed["annotations"]) == len(rows)
    many = headstart.predict(saved / "model", images, min_score=0.0)
    few = headstart.predict(saved / "model", images, min_score=0.999)
    counts = [sum(len(each.rows(i)) for i in range(len(each))) for each in (many, found, few)]
    assert counts[0] > counts[1] > counts[2]
    value = json.loads(to_json(found))
    assert value["threshold"] == 0.5
    assert value["answers"][0]["count"].keys() == set(CLASSES)
    show_predictions_csv(found, 1)
    lines = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert list(lines[0]) == ["name", "class", "score", "left", "top", "right", "bottom", "error"]
    assert sum(bool(line["class"]) for line in lines) == len(rows)
    assert len({line["name"] for line in lines}) == 6, "an image without objects has a line too"
    assert [line["error"] for line in lines if line["name"].endswith("torn.png")] != [""]
    show(found, PredictOptions(model=saved / "model", images=images))
    told = capsys.readouterr().out
    assert "6 images: " in told
    assert "1 without an answer" in told


def test_options_of_other_models_are_refused(saved):
    with pytest.raises(OptionError, match="say --min-score"):
        headstart.predict(saved / "model", str(saved / "images"), abstain_below=0.7)


@pytest.fixture(scope="module")
def lit(tmp_path_factory):
    """A run on squares, of which the odd ones were taken at night; and other images of both."""
    home = tmp_path_factory.mktemp("lit")
    for place, count in (("data", 40), ("other", 20)):
        write_squares(home / place, count, start=0 if place == "data" else 60)
        lines = [f"{n:03}.png,{'night' if n % 2 else 'day'}" for n in range(count)]
        (home / place / "attributes.csv").write_text("\n".join(["file,light", *lines]))
    for number in range(1, 20, 2):  # at night nothing is to be seen
        Image.new("RGB", (200, 150)).save(home / "other" / "images" / f"{number:03}.png")
    return home, write_boxes_run(home, report=False)


def test_boxes_are_measured_by_the_columns_of_a_run_and_of_other_images(lit):
    home, run = lit
    [own] = headstart.evaluate(run.folder, by="light").subgroups
    assert {name: each.n for name, each in own.values.items()} == {"day": 10, "night": 10}
    [found] = headstart.evaluate(run.folder, home / "other", by="light").subgroups
    assert found.values["day"].value > 0.5
    assert found.values["night"].value == 0
    assert (found.best, found.worst) == ("day", "night")
    with pytest.raises(DataError, match=r"--by race: .* light"):
        headstart.evaluate(run.folder, home / "other", by="race")
