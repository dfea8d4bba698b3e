"""From images and masks to a run that answers, and says how good it is."""

from __future__ import annotations

import csv
import json
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.numpy import load_file
from tests.killed import killed
from tests.strategies.mask_sets import disc, write_discs, write_lines

from headstart.cli import main
from headstart.deploy.runtime import OnnxPredictor
from headstart.errors import ModelError
from headstart.nets.model import Model
from headstart.options.export import ExportOptions
from headstart.options.train import TrainOptions
from headstart.scoring.run_predictor import RunPredictor
from headstart.strategies.masks import train as mask_train
from headstart.strategies.masks import tuned as mask_tuned
from headstart.strategies.masks.train import _strides
from headstart.strategies.placed.lesson import States
from headstart.training.checkpoint import Checkpoints
from headstart.training.loop import Training
from headstart.verbs.export import export
from headstart.verbs.train import train


def run_of(folder, place, **options):
    return train.run(
        TrainOptions(
            data=write_discs(folder, 16, 4), out=place, task="segmentation", backbone="starter",
            image_size=64, device="cpu", workers=1, folds=3, **options,
        ),
        None,
    )  # fmt: skip


@pytest.mark.parametrize("strategy", ["probe", "auto"])
def test_a_run_answers_as_it_was_measured(tmp_path, strategy):
    recipe = "width=16,views=2" if strategy == "auto" else None
    epochs = 4 if strategy == "auto" else "auto"
    run = run_of(
        tmp_path / "data", tmp_path / "run", strategy=strategy, epochs=epochs, recipe=recipe
    )
    results = json.loads(run.metrics.read_text())
    assert results["task"] == "segmentation"
    assert results["primary"] == "mean_iou"
    assert results["test"]["mean_iou"]["value"] > 0.7
    assert set(results["baselines"]) == {"majority", "mean_mask"}
    rows = list(csv.DictReader(run.trials.open()))
    assert {row["arm"] for row in rows} == (
        {"linear"} if strategy == "probe" else {"linear", "head"}
    )
    assert rows[0]["chosen"] == "True"
    assert float(rows[0]["mean_iou"]) > 0.7
    assert run.report.is_file()
    assert run.items.is_file()
    assert run.outputs.is_file()
    image, mask = disc(99, 120, 80)
    [labels] = [RunPredictor(run.folder).predictions([image]).labels(0)]
    assert labels.shape == (80, 120)
    assert ((labels == 1) == (mask > 0)).mean() > 0.9


@pytest.mark.parametrize(
    ("evaluation", "strategy"), [("auto", "auto"), ("cv", "auto"), ("auto", "finetune")]
)
def test_a_budget_is_of_the_whole_training(tmp_path, monkeypatch, evaluation, strategy):
    given = []

    def begins(task, folds, compute, states):
        given.append(states.seconds)
        assert task.forced is (strategy == "finetune")
        raise KeyboardInterrupt

    monkeypatch.setattr("headstart.strategies.masks.train.head_arm", begins)
    with pytest.raises(KeyboardInterrupt):
        run_of(
            tmp_path / "data", tmp_path / "run", budget=60.0, evaluation=evaluation,
            strategy=strategy, recipe="arm=head",
        )  # fmt: skip
    learnings = 1 if evaluation == "auto" else 4
    assert 3000 / learnings < given[0] < 3598 / learnings  # what passed so far is taken off


@pytest.mark.parametrize("arm", ["head", "fine-tuned"])
def test_named_epochs_are_taken_and_what_takes_longer_than_the_budget_says_so(
    tmp_path, monkeypatch, arm
):
    monkeypatch.setattr(mask_tuned, "_SEEN", 1)
    run = run_of(
        tmp_path / "data", tmp_path / "run", budget=0.01, epochs=4, strategy="finetune",
        recipe=f"arm={arm},width=16,views=2",
    )  # fmt: skip
    assert len(list(csv.DictReader(run.history.open()))) == 5  # one with all images
    summary = json.loads(run.metrics.read_text())["model"]["summary"]
    assert "minutes, more than --budget 0.01." in summary
    assert "the budget allows" not in summary


def test_cross_validation_measures_every_image(tmp_path):
    run = run_of(tmp_path / "data", tmp_path / "run", strategy="probe", evaluation="cv")
    results = json.loads(run.metrics.read_text())
    assert results["evaluation"]["kind"] == "cv"
    assert results["test"]["mean_iou"]["n"] == 16


def test_tiles_are_answered_as_they_were_measured_by_run_and_file(tmp_path):
    data = write_discs(tmp_path / "data", 10, 3, size=(150, 105))
    run = train.run(
        TrainOptions(
            data=data, out=tmp_path / "run", task="segmentation", backbone="starter",
            image_size=64, tile=128, device="cpu", workers=1, folds=3, epochs=2,
            strategy="finetune", recipe="width=16",
        ),
        None,
    )  # fmt: skip
    results = json.loads(run.metrics.read_text())
    assert "input 160 px in tiles of 128 px" in results["model"]["summary"]
    rows = list(csv.DictReader(run.trials.open()))
    assert [(row["arm"], row["input"]) for row in rows] == [("fine-tuned", "160"), ("linear", "64")]
    model = Model.load(run.folder)
    assert (model.preprocess.size, model.preprocess.tile) == (160, 128)
    export.run(ExportOptions(run=run.folder, out=tmp_path / "shipped"), None)
    files = sorted((data / "test" / "images").iterdir())
    here = RunPredictor(run.folder).predictions(files)
    there = OnnxPredictor(tmp_path / "shipped" / "model.onnx", threads=1).predictions(files)
    assert (here.agreement(there) > 0.9999).all()


def test_thin_lines_are_told_by_filters_in_run_and_predictor_alike(tmp_path):
    data, heard = write_lines(tmp_path / "data", 6, 1), set()
    run = train.run(
        TrainOptions(
            data=data, out=tmp_path / "run", task="segmentation", backbone="starter",
            image_size=288, device="cpu", workers=1, folds=2, strategy="probe",
        ),
        lambda phase, done, total: heard.add(phase),
    )  # fmt: skip
    # Two arms are fitted side by side, and a screen shows one phase at a time.
    assert [each for each in heard if "linear arm" in each and "filters" not in each] == []
    assert any("linear arm" in each for each in heard)
    results = json.loads(run.metrics.read_text())
    rows = list(csv.DictReader(run.trials.open()))
    assert {row["arm"] for row in rows} == {"linear", "linear with filters"}
    assert rows[0]["arm"] == "linear with filters"
    assert "4 levels of fixed filters" in results["model"]["summary"]
    assert [each.split(":")[0] for each in results["maps"]["more"]] == ["filters"]
    files = sorted((data / "test" / "images").iterdir())
    again = RunPredictor(run.folder).predictions(files)
    kept = load_file(run.outputs)
    found = next(each for name, each in kept.items() if "probabilities" in name)
    np.testing.assert_allclose(again.probabilities, found, atol=5e-3)  # kept as halves


def test_filters_are_not_computed_where_another_arm_is_asked_for():
    layout = SimpleNamespace(size=384, strides=(2, 4, 8))
    for strategy, segmenter, filtered in (
        ("probe", "auto", True), ("finetune", "auto", False), ("auto", "unet", False),
    ):  # fmt: skip
        ask = SimpleNamespace(strategy=strategy, options={"segmenter": segmenter})
        session = SimpleNamespace(
            maps=SimpleNamespace(layout=layout), ask=ask, prepared=SimpleNamespace(dataset=[0] * 9)
        )
        assert [each[1] for each in _strides(session)] == [False, *([True] if filtered else [])]


def test_a_damaged_model_is_refused(tmp_path):
    run = run_of(tmp_path / "data", tmp_path / "run", strategy="probe")
    assert np.isfinite(Model.load(run.folder).temperature)
    file = run.model / "model.json"
    value = json.loads(file.read_text())
    for key, broken in (("strides", [4]), ("stages", [9]), ("kind", "other"), ("n_classes", 5)):
        changed = json.loads(json.dumps(value))
        changed["head"]["dense"][key] = broken
        file.write_text(json.dumps(changed))
        with pytest.raises(ModelError, match="damaged"):
            Model.load(run.folder)


def interrupted(step, *command):
    """By Control-C, and in this process, which has imported everything already."""
    learn, left = Training._learn, step

    def stops(self, *given):
        nonlocal left
        left -= 1
        if not left:
            raise KeyboardInterrupt
        return learn(self, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Checkpoints.__init__.__kwdefaults__, "every", 0.0)
        patch.setattr(Training, "_learn", stops)
        assert main(list(command)) == 130


@pytest.mark.parametrize(("arm", "ends"), [("head", interrupted), ("fine-tuned", killed)])
def test_ended_and_resumed_on_the_command_line_it_is_the_same_run(tmp_path, arm, ends):
    data = write_discs(tmp_path / "data", 12, 4)

    def told(place):
        recipe = f"arm={arm},width=24,views=2"
        return [
            "train", str(data), "-o", str(place), "--task", "segmentation", "--backbone", "starter",
            "--image-size", "64", "--device", "cpu", "--workers", "1", "--folds", "3", "--epochs",
            "6", "--recipe", recipe, "--strategy", "finetune", "--quiet",
        ]  # fmt: skip

    whole, again = tmp_path / "whole", tmp_path / "again"
    assert main(told(whole)) == 0
    # At a step of the first training, then at one of what is learnt on with all images.
    ends(5, *told(again))
    assert not again.exists()
    resume = ("train", "--resume", str(again), "--quiet")
    interrupted(3, *resume)
    assert main(list(resume)) == 0
    for name in ("model/head.safetensors", "model/backbone/model.safetensors"):
        assert (whole / name).read_bytes() == (again / name).read_bytes()
    ours, theirs = ((place / "outputs.safetensors").read_bytes() for place in (whole, again))
    assert ours == theirs


def test_where_time_is_left_the_network_learns_too_and_a_resumed_run_is_the_same(
    tmp_path, monkeypatch
):
    data = write_discs(tmp_path / "data", 12, 4)
    compare = mask_train.compare_arms

    def keeps_the_last(arms, clusters, *, seed, last=False):
        return compare(arms, clusters, seed=seed, last=len(arms) > 1)

    monkeypatch.setattr(mask_train, "compare_arms", keeps_the_last)

    def told(place):
        return [
            "train", str(data), "-o", str(place), "--task", "segmentation", "--backbone", "starter",
            "--image-size", "64", "--device", "cpu", "--workers", "1", "--folds", "3", "--budget",
            "60", "--recipe", "width=16,views=1,steps=8", "--quiet",
        ]  # fmt: skip

    whole, again = tmp_path / "whole", tmp_path / "again"
    assert main(told(whole)) == 0
    rows = list(csv.DictReader((whole / "trials.csv").open()))
    assert [row["arm"] for row in rows] == ["fine-tuned", "linear", "head"]
    summary = json.loads((whole / "metrics.json").read_text())["model"]["summary"]
    assert "trained together, after the head alone, on whole images" in summary
    epochs = sum(1 for _ in (whole / "history.csv").open()) - 1
    assert epochs == 8 + 8 + 2  # the head, which is not kept, does not learn on
    interrupted(23, *told(again))  # 6 of the head are timed and 8 taken, then of the network too
    assert main(["train", "--resume", str(again), "--quiet"]) == 0
    for name in ("model/head.safetensors", "model/backbone/model.safetensors"):
        assert (whole / name).read_bytes() == (again / name).read_bytes()


@pytest.mark.parametrize("why", ["cv", "epochs", "finetune", "cut", "none held out"])
def test_the_network_stays_as_it_is_where_nothing_speaks_for_it(why):
    ask = SimpleNamespace(
        strategy="finetune" if why == "finetune" else "auto",
        options={"epochs": 4} if why == "epochs" else {},
    )
    problem = SimpleNamespace(learnings=4 if why == "cv" else 1)
    held = None if why == "none held out" else object()
    head = SimpleNamespace(
        arm=SimpleNamespace(held=held, seconds=0.0), said="3 of 16" if why == "cut" else ""
    )
    session = SimpleNamespace(ask=ask, problem=problem)  # and no clock that would be asked
    assert mask_train._beyond(session, head, None, "") == []


def test_a_budget_that_is_too_small_for_the_network_is_told_which_one_is_not(tmp_path):
    states = States(Checkpoints(tmp_path), seconds=10.0)
    session = SimpleNamespace(
        ask=SimpleNamespace(strategy="auto", options={}, budget=2.5),
        problem=SimpleNamespace(learnings=1), notes=[],
        left=lambda *_: 10.0, states_as=lambda *_: states,
    )  # fmt: skip
    head = SimpleNamespace(arm=SimpleNamespace(held=object(), seconds=60.0), said="", still=0.0)
    assert mask_train._beyond(session, head, None, "") == []
    assert session.notes == [
        "Whether the network should learn too was not tried: say --budget 7."  # 200 s more
    ]
