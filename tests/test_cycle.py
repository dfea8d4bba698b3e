"""One cycle for every layout of data: check, train, evaluate, predict, the same answers."""

import csv
import json

import numpy as np
import pytest

import headstart

FILES = {
    "options.json", "environment.json", "dataset.json", "findings.json", "metrics.json",
    "trials.csv", "predictions.csv", "items.csv", "outputs.safetensors",
    "report.html", "model/model.json", "model/head.safetensors",
    "model/backbone/config.json", "model/backbone/model.safetensors",
}  # fmt: skip


def folders(make_images):
    return make_images(), {"evaluation": "holdout"}


def splits(make_images):
    return make_images(splits=("train", "test"), per_class=8), {}


def table(make_images):
    """A table with groups, cross-validated because it is small."""
    root = make_images(classes=2, per_class=9)
    with (root / "all.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["path", "label", "person"])
        for path in sorted(root.rglob("*.png")):
            rows.writerow([path.relative_to(root), path.parent.name, int(path.stem) // 3])
    return root / "all.csv", {"group": "person", "folds": 3}


@pytest.mark.parametrize("layout", [folders, splits, table])
def test_cycle(layout, make_images, tmp_path):
    data, options = layout(make_images)
    group = {key: value for key, value in options.items() if key == "group"}
    assert not headstart.check(data, **group).serious
    run = headstart.train(data, out=tmp_path / "run", backbone="starter", **options)
    crossed = layout is table

    # The exact set of files that a run leaves behind, and nothing beside it.
    left = {str(path.relative_to(run.folder)) for path in run.folder.rglob("*") if path.is_file()}
    mistakes = {f"mistakes/{k}.jpg" for k in range(len(run.results["details"]["mistakes"]))}
    # A table has further columns, and those are asked whether the model leans on them.
    audits = {"audit.json", "audit.html"} if crossed else set()
    # Of eighteen images one in twenty is nobody: what is unlike them is not told.
    doubts = set() if crossed else {"model/unlike.safetensors"}
    assert left == FILES | mistakes | audits | doubts
    assert not list(tmp_path.glob(".headstart-*"))

    # What was measured is what evaluate says, and what it measures where it can again.
    assert headstart.evaluate(run.folder).test["accuracy"] == run.primary
    kind = run.results["evaluation"]["kind"]
    assert kind == ("cv" if crossed else "holdout")
    with run.predictions.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert run.primary.n == len(rows)
    right = np.mean([row["truth"] == row["class"] for row in rows])
    assert run.primary.value == pytest.approx(right)
    page = run.report.read_text(encoding="utf-8")
    counts = json.loads(run.dataset.read_text(encoding="utf-8"))["counts"]
    if crossed:  # every image is tested once, and the model that is kept saw them all
        assert len(rows) == 18
        assert counts["train"] == counts["test"] == {"class_a": 9, "class_b": 9}
        assert "cross-validated" in repr(run)
        assert "by nested cross-validation" in page
        assert "trained on and tested on in turn: 18" in page
    else:
        assert "cross-validation" not in page


@pytest.mark.parametrize("layout", [folders, splits, table])
def test_the_saved_model_gives_the_answers_that_were_measured(layout, make_images, tmp_path):
    data, options = layout(make_images)
    run = headstart.train(data, out=tmp_path / "run", backbone="starter", **options)
    with run.predictions.open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    root = data.parent if layout is table else data
    if layout is not table:  # cross-validation measured other models than the one that is kept
        found = headstart.predict(run.folder, [root / row["name"] for row in rows])
        wanted = np.array([[float(row[f"p({name})"]) for name in found.classes] for row in rows])
        assert np.abs(found.probabilities - wanted).max() < 1e-4
    model = headstart.load(run.folder)
    names = [root / row["name"] for row in rows[:5]]
    assert np.array_equal(
        model.predict_proba(names), headstart.predict(run.folder, names).probabilities
    )
    assert model.classes_.tolist() == list(run.results["details"]["confusion"]["classes"])
    assert set(model.predict(names)) <= set(model.classes_)


def test_the_same_seed_gives_the_same_run(make_images, tmp_path):
    data = make_images(splits=("train", "test"), per_class=6)
    runs = [
        headstart.train(data, out=tmp_path / name, backbone="starter", folds=2)
        for name in ("one", "two")
    ]
    for name in ("metrics", "predictions", "dataset", "findings", "items", "outputs"):
        one, two = (getattr(run, name).read_bytes() for run in runs)
        assert one == two, name
