"""Fine-tuning through `train`: what it leaves, how it goes on, and when it stays out."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.killed import killed

from headstart.cli import main
from headstart.errors import BackboneError, ModelError, OptionError, OutputError
from headstart.run import Run
from headstart.verbs.advise import advise
from headstart.verbs.train import train

from .conftest import paint

QUICK = {"backbone": "starter", "baselines": "none", "folds": 2, "image_size": 32}
TUNED = QUICK | {"strategy": "finetune", "epochs": 2, "recipe": "batch=8,augment=light"}


def hard(root: Path, per_class: int = 14) -> Path:
    """Three classes that differ little, so that a probe errs."""
    rng = np.random.default_rng(0)
    for colour, name in enumerate(("red", "green", "blue")):
        for number in range(per_class):
            part = "train" if number < per_class * 3 // 4 else "test"
            paint(root / part / name / f"{number}.png", int(rng.integers(3)) if number % 3 == 0
                  else colour, 1000 * colour + number)  # fmt: skip
    return root


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    root = tmp_path_factory.mktemp("tuned")
    data = hard(root / "data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        yield data, train(data, out=root / "run", **TUNED)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_without_the_second_training_the_first_is_kept(tuned, tmp_path):
    data, run = tuned
    recipe = f"{TUNED['recipe']},refit=false"
    once = train(data, out=tmp_path / "once", **TUNED | {"recipe": recipe})
    both = [each.results["finetuning"] for each in (run, once)]
    assert [each["refitted"] for each in both] == [True, False]
    assert both[0]["validation"] == both[1]["validation"], "the same, up to there"


def test_what_a_fine_tuned_run_holds(tuned):
    _, run = tuned
    results = run.results
    assert results["finetuning"]["kept"] == "finetune"
    assert set(results["finetuning"]["validation"]) == {"n", "probe", "finetune", "gain"}
    assert results["finetuning"]["diagnoses"]
    assert "fine-tuned" in results["model"]["summary"]
    assert results["learning_curve"]["measure"]["words"] == "accuracy of the frozen probe"
    history = rows(run.history)
    assert [row["epoch"] for row in history] == ["1", "2"]
    assert all(float(row["loss"]) > 0 for row in history)
    assert run.preview.is_file()
    assert "fine-tune" in json.loads(run.environment.read_text())["seconds"]
    assert not Path(f"{run.folder}.unfinished").exists()
    assert "Fine-tun" in run.report.read_text()


def test_a_fine_tuned_model_predicts_what_was_measured(tuned):
    """The test was predicted by the training's own network, `predict` uses the engines."""
    from headstart.verbs.predict import predict

    data, run = tuned
    measured = {row["name"]: float(row["p(red)"]) for row in rows(run.predictions)}
    found = predict(run.folder, [data / "test"])
    place = found.classes.index("red")
    for name, row in zip(found.names, found.probabilities, strict=True):
        wanted = next(
            value for key, value in measured.items() if name.endswith(key.split("/", 1)[1])
        )
        assert row[place] == pytest.approx(wanted, abs=2e-3)


def test_seeds_and_runs(tuned, tmp_path, monkeypatch):
    data, run = tuned
    monkeypatch.setenv("HEADSTART_CACHE", str(run.folder.parent / "cache"))
    again = train(data, out=tmp_path / "again", **TUNED)
    assert again.predictions.read_text() == run.predictions.read_text()


def test_killed_and_resumed_is_the_same_run(tuned, tmp_path, capfd):
    data, whole = tuned
    place = tmp_path / "killed"
    words = ["train", str(data), "-o", str(place), "--backbone", "starter", "--baselines", "none"]
    words += ["--folds", "2", "--image-size", "32", "--strategy", "finetune", "--epochs", "2"]
    words += ["--recipe", TUNED["recipe"], "--quiet"]
    killed(4, *words)
    assert (tmp_path / "killed.unfinished" / "round1-val.safetensors").is_file()
    assert not place.exists()
    assert main(words) == 2
    assert "--resume" in capfd.readouterr().err
    assert main(["train", "--resume", str(place), "--quiet"]) == 0
    for name in ("model/backbone/model.safetensors", "model/head.safetensors", "predictions.csv"):
        assert (whole.folder / name).read_bytes() == (place / name).read_bytes(), name


def test_cross_validation_fine_tunes_in_every_round(tmp_path):
    data = hard(tmp_path / "data")
    run = train(data, out=tmp_path / "run", **TUNED | {"evaluation": "cv", "epochs": 1})
    names = {row["training"] for row in rows(run.history)}
    assert names == {"round1", "round2", "round3"}  # two folds, and all images for the model
    assert len(rows(run.predictions)) == 42


def test_auto_is_the_default_and_keeps_the_probe_where_nothing_could_be_shown(trained, tmp_path):
    data, run = trained
    code = (
        "import sys; from headstart import train\n"
        f"train({str(data)!r}, out={str(tmp_path / 'run')!r}, backbone='starter')\n"
        "print('headstart.strategies.finetuning.finetune' in sys.modules)"
    )
    cache = {"HEADSTART_CACHE": str(run.folder.parent / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env=os.environ | cache,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "False"  # what needs torch was not even imported
    found = Run(tmp_path / "run")
    assert "finetuning" not in found.results
    assert "too few for fine-tuning" in " ".join(found.results["advice"]["summary"])


def test_auto_tries_within_its_budget(tmp_path):
    data = hard(tmp_path / "data", per_class=40)
    run = train(data, out=tmp_path / "run", **QUICK | {"budget": 0.15, "strategy": "auto"})
    assert run.results["advice"]["rows"][0]["strategy"] == "frozen probe"
    spent = json.loads(run.environment.read_text())["seconds"]["fine-tune"]
    assert spent < 60


def test_scratch_is_an_arm_of_its_own(tmp_path):
    data = hard(tmp_path / "data")
    run = train(data, out=tmp_path / "run", **TUNED | {"strategy": "scratch", "epochs": 1})
    assert run.results["finetuning"]["kept"] == "finetune"
    assert run.results["finetuning"]["recipe"]["freeze_bn_stats"] is False


def test_full_baselines_train_from_scratch_too(tmp_path):
    data = hard(tmp_path / "data")
    options = QUICK | {"strategy": "probe", "baselines": "full", "epochs": 1}
    found = train(data, out=tmp_path / "run", **options).results
    assert set(found["baselines"]) == {"majority", "raw_pixels", "random_weights", "scratch"}
    assert found["baselines"]["scratch"]["accuracy"]["n"] == found["test"]["accuracy"]["n"]
    best = max(each["accuracy"]["value"] for each in found["baselines"].values())
    gain = found["transfer_gain"]["gain"]
    assert gain["value"] == pytest.approx(found["test"]["accuracy"]["value"] - best)


@pytest.mark.parametrize(
    ("options", "error", "summary"),
    [
        ({"recipe": "freeze=everything"}, OptionError, "choose none, head"),
        ({"recipe": "speed=9"}, OptionError, "name=value"),
        ({"recipe": "lr=fast"}, OptionError, "not a number"),
        ({"epochs": 0}, OptionError, "at least 1"),
        ({"budget": 0.0}, OptionError, "--budget"),
        ({"tta": 3}, OptionError, "--tta"),
        ({"log": "papyrus"}, OptionError, "tensorboard"),
    ],
)
def test_bad_options_are_one_clear_line(tuned, tmp_path, options, error, summary):
    data, _ = tuned
    with pytest.raises(error, match=summary):
        train(data, out=tmp_path / "run", **TUNED | options)
    assert not (tmp_path / "run").exists()


def test_the_range_test_returns_a_rate_and_trains_with_it(tuned, tmp_path):
    data, _ = tuned
    run = train(data, out=tmp_path / "run", **TUNED | {"lr": "auto", "epochs": 1})
    assert 1e-6 < run.results["finetuning"]["recipe"]["lr"] < 0.1
    run = train(data, out=tmp_path / "two", **TUNED | {"lr": 5e-4, "epochs": 1})
    assert run.results["finetuning"]["recipe"]["lr"] == 5e-4


def test_nothing_to_resume(tmp_path):
    with pytest.raises(ModelError, match="nothing to resume"):
        train(resume=tmp_path / "run")
    with pytest.raises(OptionError, match="needs DATA"):
        train()


def test_overwrite_begins_anew(tuned, tmp_path):
    data, _ = tuned
    left = tmp_path / "run.unfinished"
    left.mkdir()
    (left / "round1-val.safetensors").write_bytes(b"what another left")
    (left / "options.json").write_text("{}")
    with pytest.raises(OutputError, match="--resume"):
        train(data, out=tmp_path / "run", **TUNED | {"epochs": 1})
    train(data, out=tmp_path / "run", **TUNED | {"epochs": 1, "overwrite": True})
    assert not left.exists()


def test_an_onnx_file_cannot_be_fine_tuned(tuned, tmp_path, request):
    data, _ = tuned
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    values = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("ReduceMean", ["x"], ["y"], axes=[2, 3], keepdims=0)], "g",
        [values("x", 1, ["n", 3, 32, 32])], [values("y", 1, ["n", 3])],
    )  # fmt: skip
    file = tmp_path / "net.onnx"
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, file)
    options = TUNED | {"backbone": str(file)}
    del options["image_size"]
    with pytest.raises(BackboneError, match="frozen"):
        train(data, out=tmp_path / "run", **options)


def test_advise_measures_and_answers(tuned, monkeypatch):
    data, run = tuned
    monkeypatch.setenv("HEADSTART_CACHE", str(run.folder.parent / "cache"))
    found = advise(data, backbone="starter", budget=0.1, folds=2)
    assert {each.image_size for each in found.candidates} == {64}
    assert found.expected.low < found.expected.value < found.expected.high
    assert found.command.startswith("headstart train")
    assert "rule of thumb" in found.rule_of_thumb
    assert any("Expect" in line for line in found.summary)


def test_flags_of_the_recipe_and_its_text_has_the_last_word(tuned, tmp_path):
    data, _ = tuned
    options = TUNED | {"recipe": "batch=8,balance=weights", "epochs": 1}
    flags = {"augment": "light", "hflip": "no", "balance": "oversample"}
    run = train(data, out=tmp_path / "run", **options, **flags)
    recipe = run.results["finetuning"]["recipe"]
    assert (recipe["augment"], recipe["hflip"], recipe["balance"]) == ("light", "no", "weights")
