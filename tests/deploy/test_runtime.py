"""An exported file at work: what it says of itself, and what it refuses to be."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import onnx
import pytest
from fastapi.testclient import TestClient
from tests.models import CLASSES, NUMBERS, exported_file, random_model, write_photos

from headstart.cli import main
from headstart.deploy import runtime
from headstart.deploy.runtime import (
    KEY,
    About,
    OnnxPredictor,
    find_exported,
    open_session,
    put_about,
    run_session,
)
from headstart.deploy.server import create_app
from headstart.errors import ImageError, ModelError
from headstart.fingerprint import fingerprint_bytes
from headstart.images.preprocess import Preprocess
from headstart.tasks.predictor import NO_NUMBER


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    return exported_file(random_model(), tmp_path_factory.mktemp("file") / "m.onnx").path


@pytest.mark.parametrize("spec", [CLASSES, NUMBERS])
def test_about_survives_json(spec):
    about = About(spec, Preprocess(96), 2, 0.4, "int8", {"x": [1, None]})
    assert About.from_json(about.to_json()) == about


def test_it_is_what_was_written_into_it(file):
    model = OnnxPredictor(file)
    assert model.spec == CLASSES
    assert (model.tta, model.threshold, model.preprocess.size) == (1, 0.3, 48)
    assert model.about.facts == {"opset": 17}


def test_outputs_have_names(file):
    inputs = np.zeros((3, 1, 48, 48, 3), np.uint8)
    found = run_session(open_session(file, threads=1), inputs)
    assert {name: array.shape for name, array in found.items()} == {"probabilities": (3, 4)}
    np.testing.assert_allclose(found["probabilities"].sum(1), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 99}, "newer headstart: upgrade"),
        ({"format": 1}, "earlier headstart: export the run again"),
        ({"spec": None}, "metadata cannot be read"),
        (None, "--backbone"),
    ],
)
def test_files_of_others_are_one_clear_line(file, tmp_path, change, words):
    model = onnx.load(file)
    value = json.loads({each.key: each.value for each in model.metadata_props}[KEY])
    del model.metadata_props[:]
    if change is not None:
        onnx.helper.set_model_props(model, {KEY: json.dumps(value | change)})
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ModelError, match=words) as caught:
        OnnxPredictor(tmp_path / "other.onnx")
    assert "\n" not in str(caught.value)


def rewritten(file: Path, target: Path, **changes: object) -> Path:
    """The same file with other metadata, and a fingerprint that fits."""
    model = onnx.load(file)
    value = json.loads({each.key: each.value for each in model.metadata_props}[KEY])
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {KEY: json.dumps(value | changes)})
    content = model.SerializeToString()
    target.write_bytes(content + runtime._seal(fingerprint_bytes(content).hex()))
    return target


def refused(file: Path) -> str:
    with pytest.raises(ModelError) as caught:
        OnnxPredictor(file)
    assert file.name in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_files_of_an_earlier_headstart_are_one_line(file, tmp_path):
    assert OnnxPredictor(rewritten(file, tmp_path / "m.onnx")).spec == CLASSES
    earlier = rewritten(file, tmp_path / "e.onnx", format=2)
    assert "earlier headstart: export the run again" in refused(earlier)


@pytest.mark.parametrize(
    "changes",
    [
        {"tta": 10**9}, {"tta": 2}, {"tta": "1"}, {"threshold": "<b>"}, {"threshold": 2},
        {"threshold": None}, {"precision": "evil"}, {"facts": []},
        {"spec": {"task": "classification", "names": ["a", "b", "c"], "settings": {}}},
        {"spec": {"task": "classification", "names": list("abcde"), "settings": {}}},
        {"spec": {"task": "nonsense", "names": list("abcd"), "settings": {}}},
        {"spec": {"task": "regression", "names": list("abcd"), "settings": {}}},
        {"spec": {"task": "regression", "names": list("abcd"), "settings": {"edges": [3, 2, 1]}}},
        {"spec": {"task": "regression", "names": list("abcd"),
                  "settings": {"edges": [0, 1, 2, 3, float("inf")]}}},
        {"preprocess": asdict(Preprocess(40000))}, {"preprocess": asdict(Preprocess(96))},
        {"preprocess": asdict(Preprocess(48, "evil"))}, {"preprocess": 3},
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_file(file, tmp_path, changes):
    refused(rewritten(file, tmp_path / "m.onnx", **changes))


def test_deep_nesting_is_one_line(file, tmp_path):
    model = onnx.load(file)
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, {KEY: "[" * 200_000})
    onnx.save(model, tmp_path / "m.onnx")
    refused(tmp_path / "m.onnx")


def test_a_flipped_bit_anywhere_is_refused(file, tmp_path):
    """In a weight it would change answers a little, in a name the answer itself."""
    content = file.read_bytes()
    for place in np.linspace(0, len(content) - 1, 40).astype(int):
        changed = bytearray(content)
        changed[place] ^= 4
        (tmp_path / "m.onnx").write_bytes(changed)
        refused(tmp_path / "m.onnx")


def test_what_others_wrote_anew_is_refused(file, tmp_path):
    model = onnx.load(file)
    model.graph.initializer[0].name += ""
    onnx.helper.set_model_props(
        model, {each.key: each.value.replace('"ant"', '"bee2"') for each in model.metadata_props}
    )
    onnx.save(model, tmp_path / "m.onnx")
    assert "changed" in refused(tmp_path / "m.onnx")


def test_no_number_is_no_answer(tmp_path, capsys):
    """The most probable of NaN would be the first class, and it would be sure."""
    from headstart.exporting.graph import write_graph

    model = random_model()
    model.head.arrays["weights"][1, 0] = np.nan
    write_graph(model, tmp_path / "m.onnx")
    about = About(model.spec, model.preprocess, model.tta, 0.9, "fp32", {})
    put_about(tmp_path / "m.onnx", about)
    opened = OnnxPredictor(tmp_path / "m.onnx", threads=1)
    photos = write_photos(tmp_path / "photos", 2)
    found = opened.predictions(photos)
    assert found.record(0)["error"] == NO_NUMBER
    assert found.text(1) == NO_NUMBER
    for ask in (opened.predict, opened.predict_proba):
        with pytest.raises(ImageError, match=NO_NUMBER):
            ask(photos)
    with TestClient(create_app(opened)) as client:
        answer = client.post("/predict", content=photos[0].read_bytes())
    assert (answer.status_code, NO_NUMBER in answer.text) == (500, True)
    assert main(["predict", str(tmp_path / "m.onnx"), str(photos[0]), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["errors"] == {str(photos[0]): NO_NUMBER}


@pytest.mark.parametrize("content", [None, b"", b"not a model"])
def test_what_is_no_model(tmp_path, content):
    if content is not None:
        (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"m\.onnx"):
        OnnxPredictor(tmp_path / "m.onnx")


def test_what_export_wrote_is_found_by_its_folder_too(tmp_path):
    (tmp_path / "model.onnx").touch()
    (tmp_path / "odd.onnx").mkdir()
    assert find_exported(tmp_path) == find_exported(str(tmp_path)) == tmp_path / "model.onnx"
    assert find_exported(tmp_path / "gone.ONNX") == tmp_path / "gone.ONNX"
    assert find_exported(tmp_path / "odd.onnx") is find_exported(tmp_path / "gone") is None
