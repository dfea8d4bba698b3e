"""An exported model answers as the run's model does, or there is none."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from dataclasses import asdict, replace

import numpy as np
import pytest

from headstart.cli import main
from headstart.deploy.runtime import About, OnnxPredictor
from headstart.errors import ModelError, OptionError, OutputError
from headstart.exporting import graph, quantise
from headstart.exporting.measure import run_file
from headstart.images.given import inputs_of
from headstart.nets.model import Model
from headstart.options.check import CheckOptions
from headstart.options.command import command
from headstart.records import OutputSpec
from headstart.run import Run
from headstart.scoring.run_predictor import RunPredictor
from headstart.verbs.export import export
from headstart.verbs.predict import load, predict

from .conftest import paint


def test_what_an_export_holds(exported, trained):
    record, out = exported
    assert sorted(each.name for each in out.iterdir()) == [
        "README.md", "export.json", "model-fp16.onnx", "model-int8.onnx", "model.onnx",
    ]  # fmt: skip
    assert json.loads((out / "export.json").read_text())["parity"] == asdict(record.parity)
    assert record.parity.images == 13
    assert record.parity.largest_difference < 1e-4
    assert [row["precision"] for row in record.files] == ["fp32", "fp16", "int8"]
    assert all(row["accuracy"].n == record.int8.compared_on for row in record.files)
    card = (out / "README.md").read_text()
    _, run = trained
    assert str(run.primary) in card
    assert "red, green, blue" in card or "blue, green, red" in card
    assert "model-int8.onnx" in card


def test_every_file_says_all_that_is_needed(exported, trained):
    _, out = exported
    _, run = trained
    for name, precision in (("model", "fp32"), ("model-fp16", "fp16"), ("model-int8", "int8")):
        about = OnnxPredictor(out / f"{name}.onnx").about
        assert about.precision == precision
        assert about.spec == Model.load(run.folder).spec
        assert about.preprocess == Model.load(run.folder).preprocess
        assert about.facts["opset"] == graph.OPSET
        assert about.facts["dataset_fingerprint"]
        assert about.facts["test"][about.facts["primary"]]["value"] == run.primary.value


@pytest.mark.parametrize("name", ["model.onnx", "model-fp16.onnx", "model-int8.onnx"])
def test_an_exported_model_names_what_the_run_names(exported, trained, name):
    data, run = trained
    _, out = exported
    ours, theirs = predict(out / name, data / "test"), predict(run.folder, data / "test")
    assert ours.names == theirs.names
    assert (ours.labels == theirs.labels).all()
    loose = {"model.onnx": 1e-3, "model-fp16.onnx": 2e-2, "model-int8.onnx": 0.3}[name]
    np.testing.assert_allclose(ours.probabilities, theirs.probabilities, atol=loose)


def test_int8_is_smaller(exported):
    _, out = exported
    sizes = {each.name: each.stat().st_size for each in out.glob("*.onnx")}
    assert sizes["model-int8.onnx"] < 0.5 * sizes["model.onnx"]
    assert sizes["model-fp16.onnx"] < 0.7 * sizes["model.onnx"]


def test_load_gives_scikit_learns_methods(exported, new):
    _, out = exported
    model = load(out / "model.onnx")
    assert set(model.classes_) == {"red", "green", "blue"}
    assert model.predict(new / "a.png").tolist() == ["red"]
    assert model.predict([(new / "a.png").read_bytes()]).tolist() == ["red"]
    assert model.predict_proba([new / "a.png"]).sum() == pytest.approx(1, abs=1e-5)


def test_unreadable_images_are_named(exported, new):
    _, out = exported
    found = predict(out / "model.onnx", [new, "nowhere.png"])
    assert {name.rsplit("/", 1)[-1] for name in found.errors} == {
        "broken.jpg", "empty.png", "nowhere.png",
    }  # fmt: skip
    assert np.isnan(found.probabilities).any(axis=1).sum() == 3
    assert (found.labels >= 0).sum() == 2


def test_many_images_in_order(exported, trained):
    data, _ = trained
    _, out = exported
    names = sorted((data / "train").rglob("*.png")) * 5
    found = predict(out / "model.onnx", names)
    again = OnnxPredictor(out / "model.onnx")
    one_by_one = np.concatenate([again.predict_proba(name) for name in names[:24]])
    np.testing.assert_allclose(found.probabilities[:24], one_by_one, atol=1e-5)
    np.testing.assert_allclose(found.probabilities[24:48], one_by_one, atol=1e-5)


# --- all kinds of heads and views ---------------------------------------------------------------


def vectors_of(model: Model, inputs: np.ndarray) -> int:
    return model.backbone.info.bounds[-1]


@pytest.mark.parametrize(
    ("kind", "tta", "stages"),  # every two of them together
    [
        ("linear", 1, "last"), ("linear", 6, "all"), ("neighbours", 6, "last"),
        ("neighbours", 1, "all"), ("prototypes", 1, "last"), ("prototypes", 6, "all"),
    ],
)  # fmt: skip
def test_any_head_on_any_stage_in_any_number_of_views(trained, tmp_path, kind, tta, stages):
    from headstart.nets.heads.head import Head

    data, run = trained
    model = Model.load(run.folder)
    bounds = model.backbone.info.bounds
    columns = np.arange(bounds[-2] if stages == "last" else 0, bounds[-1])
    rng = np.random.default_rng(0)
    d = len(columns)
    arrays = {
        "linear": {"weights": rng.normal(0, 0.05, (3, d)), "bias": rng.normal(0, 0.1, 3)},
        "neighbours": {
            "mean": rng.normal(0, 0.1, d), "scale": rng.uniform(0.5, 2, d),
            "memory": rng.normal(0, 1, (20, d)) / np.sqrt(d), "labels": rng.integers(0, 3, 20),
        },
        "prototypes": {
            "mean": rng.normal(0, 0.1, d), "scale": rng.uniform(0.5, 2, d),
            "prototypes": rng.normal(0, 1, (3, d)) / np.sqrt(d),
        },
    }[kind]  # fmt: skip
    arrays = {
        name: each if name == "labels" else each.astype(np.float32) for name, each in arrays.items()
    }
    model = replace(model, head=Head(kind, columns, arrays, 3, 5), tta=tta, temperature=1.7)
    graph.write_graph(model, tmp_path / "m.onnx")
    images = sorted((data / "test").rglob("*.png"))[:5]
    inputs = np.stack([inputs_of(p.read_bytes(), model.preprocess, tta) for p in images])
    np.testing.assert_allclose(
        run_file(tmp_path / "m.onnx", inputs)["probabilities"],
        RunPredictor(model, exact=True).outputs(inputs)["probabilities"],
        atol=1e-4,
    )


# --- refusals -----------------------------------------------------------------------------------


def test_int8_that_costs_too_much_is_refused_with_the_layers(trained, tmp_path, monkeypatch):
    _, run = trained
    before = quantise.expected_change

    def worse(*args, **options):
        return replace(before(*args, **options), value=-0.02, low=-0.2)

    monkeypatch.setattr(quantise, "expected_change", worse)
    monkeypatch.setattr(quantise, "METHODS", ("MinMax", "Entropy"))  # the third is slow
    record = export(run.folder, out=tmp_path / "out", int8=True)
    assert not (tmp_path / "out" / "model-int8.onnx").exists()
    assert not record.int8.kept
    tried = [len(each.in_float) for each in record.int8.attempts]
    assert tried[:2] == [0, 0]
    assert tried[2:] == sorted(tried[2:])
    assert tried[2] >= 1
    [said] = [each for each in record.summary if "refused" in each]
    assert record.int8.worst[0] in said


def test_layers_that_suffer_are_left_in_float_until_it_is_good_enough(
    trained, tmp_path, monkeypatch
):
    _, run = trained
    before = quantise.expected_change
    calls = []

    def better_at_last(*args, **options):
        calls.append(1)
        return replace(before(*args, **options), low=-0.2 if len(calls) < 4 else 0.0)

    monkeypatch.setattr(quantise, "expected_change", better_at_last)
    monkeypatch.setattr(quantise, "METHODS", ("MinMax", "Entropy"))
    record = export(run.folder, out=tmp_path / "out", int8=True)
    assert record.int8.kept
    assert len(record.int8.attempts) == 4
    assert record.int8.attempts[-1].in_float
    assert (tmp_path / "out" / "model-int8.onnx").is_file()
    assert "stay in floating point" in " ".join(record.summary)


def test_a_graph_that_answers_otherwise_is_refused_and_nothing_is_left(
    trained, tmp_path, monkeypatch
):
    _, run = trained
    before = graph.write_graph
    monkeypatch.setattr(
        graph, "write_graph", lambda model, path: before(replace(model, temperature=3.0), path)
    )
    with pytest.raises(ModelError, match="does not answer as"):
        export(run.folder, out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_a_run_whose_images_are_gone(trained, tmp_path):
    data, run = trained
    shutil.copytree(run.folder, tmp_path / "run")
    about = json.loads((tmp_path / "run" / "dataset.json").read_text())
    for place in (str(tmp_path / "gone"), str(data / "train" / "red")):
        about["root"] = place
        (tmp_path / "run" / "dataset.json").write_text(json.dumps(about))
        with pytest.raises(ModelError, match="images of the run"):
            export(tmp_path / "run", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("options", [{"max_drop": -1}, {"threshold": 1.0}, {"threshold": -0.1}])
def test_bad_options(trained, tmp_path, options):
    _, run = trained
    with pytest.raises(OptionError, match=next(iter(options)).replace("_", "-")):
        export(run.folder, out=tmp_path / "out", **options)


def test_an_export_is_replaced_only_when_asked_and_nothing_else_ever(exported, trained, tmp_path):
    _, run = trained
    _, out = exported
    with pytest.raises(OutputError, match="already holds an export"):
        export(run.folder, out=out)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(OutputError, match="is not"):
        export(run.folder, out=tmp_path / "mine", overwrite=True)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize("content", [b"", b"not a model", None])
def test_files_that_are_no_export(tmp_path, content, exported):
    file = tmp_path / "m.onnx"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ModelError, match=r"m\.onnx"):
        load(file)


def test_an_onnx_file_without_our_metadata_says_what_it_is_good_for(exported, tmp_path):
    import onnx

    _, out = exported
    model = onnx.load(out / "model.onnx")
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ModelError, match="--backbone"):
        load(tmp_path / "other.onnx")


def test_a_file_of_a_later_version(exported, tmp_path):
    import onnx

    _, out = exported
    model = onnx.load(out / "model.onnx")
    value = json.loads(model.metadata_props[0].value) | {"format": 99}
    onnx.helper.set_model_props(model, {"headstart": json.dumps(value)})
    onnx.save(model, tmp_path / "later.onnx")
    with pytest.raises(ModelError, match="upgrade"):
        load(tmp_path / "later.onnx")
    onnx.helper.set_model_props(model, {"headstart": json.dumps(value | {"format": 1})})
    onnx.save(model, tmp_path / "earlier.onnx")
    with pytest.raises(ModelError, match="earlier headstart: export the run again"):
        load(tmp_path / "earlier.onnx")


def test_about_survives_json():
    from headstart.images.preprocess import Preprocess

    about = About(
        OutputSpec("classification", ("a", "ß"), {"x": 1}),
        Preprocess(96),
        2,
        0.4,
        "int8",
        {"x": [1, None]},
    )
    assert About.from_json(about.to_json()) == about


# --- without what trained it --------------------------------------------------------------------

ALONE = """
import sys
allowed = {"numpy", "PIL", "onnxruntime", "headstart"}
class Bare:
    def find_spec(self, name, path=None, target=None):
        first = name.partition(".")[0]
        if first in %r:
            raise ModuleNotFoundError(f"No module named {first!r}", name=first)
sys.meta_path.insert(0, Bare())
import headstart
model = headstart.load(sys.argv[1])
print(model.predict([sys.argv[2]])[0], headstart.predict(sys.argv[1], sys.argv[2]).labels[0])
"""
HEAVY = {
    "torch", "torchvision", "timm", "openvino", "sklearn", "scipy", "pyarrow", "safetensors",
    "platformdirs", "threadpoolctl", "jinja2", "onnx", "huggingface_hub", "rich",
}  # fmt: skip


def test_it_predicts_with_numpy_pillow_and_onnxruntime_alone(exported, new):
    _, out = exported
    done = subprocess.run(
        [sys.executable, "-c", ALONE % HEAVY, str(out / "model.onnx"), str(new / "a.png")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.split()[0] == "red"


def test_what_is_not_installed_is_one_clear_line(monkeypatch, capsys):
    import headstart.verbs.check

    @command(CheckOptions)
    def check(options: CheckOptions) -> None:
        """Lacks something."""
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(headstart.verbs.check, "check", check)
    assert main(["check", "somewhere"]) == 70  # where torch is, it is a bug of ours
    assert "ModuleNotFoundError" in capsys.readouterr().err
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert main(["check", "somewhere"]) == 2
    assert "pip install 'headstart[train]'" in capsys.readouterr().err


def test_the_command(trained, tmp_path, capsys):
    _, run = trained
    assert main(["export", str(run.folder), "-o", str(tmp_path / "out"), "--quiet"]) == 0
    assert main(["export", str(run.folder), "-o", str(tmp_path / "out"), "--overwrite"]) == 0
    shown = capsys.readouterr().out
    assert "model.onnx" in shown
    assert "answers as torch" in " ".join(shown.split())
    assert main(["export", str(tmp_path), "-o", str(tmp_path / "o2")]) == 2
    assert Run(tmp_path / "out").folder.is_dir()


def test_two_at_once_in_threads(exported, trained):
    from concurrent.futures import ThreadPoolExecutor

    data, _ = trained
    _, out = exported
    model = OnnxPredictor(out / "model.onnx", threads=1)
    images = sorted((data / "test").rglob("*.png"))
    alone = [model.predict_proba(each) for each in images]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(model.predict_proba, images))
    for a, b in zip(alone, together, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_images_read_from_afar_stay_in_order_when_one_is_broken(exported, tmp_path):
    _, out = exported
    for number in range(20):
        paint(tmp_path / "i" / f"{number:02}.png", number % 3, number)
    (tmp_path / "i" / "07.png").write_bytes(b"broken")
    found = predict(out / "model.onnx", tmp_path / "i")
    order = [("red", "green", "blue")[n % 3] for n in range(20)]
    named = [found.classes[label] if label >= 0 else None for label in found.labels]
    assert named == [None if n == 7 else order[n] for n in range(20)]
