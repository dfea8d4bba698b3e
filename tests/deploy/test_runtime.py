"""An exported file at work: what it says of itself, and what it refuses to be."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from tests.models import CLASSES, NUMBERS, exported_file, random_model

from headstart.deploy.runtime import (
    KEY,
    About,
    OnnxPredictor,
    find_exported,
    open_session,
    run_session,
)
from headstart.errors import ModelError
from headstart.images.preprocess import Preprocess


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
