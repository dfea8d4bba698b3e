"""The card beside an export."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tests.models import CLASSES, NUMBERS, random_model

from headstart.exporting.card import write_card
from headstart.records import Estimate, to_json
from headstart.run import Run


@pytest.mark.parametrize(
    ("spec", "example"),
    [
        (CLASSES, {"name": "#0", "class": "bee", "probability": 0.81234, "sure": True}),
        (NUMBERS, {"name": "#0", "number": 3.14159, "low": 2.0, "high": 4.0}),
    ],
)
def test_a_card_shows_measures_files_and_an_answer(tmp_path, spec, example):
    run = Run(tmp_path / "run")
    run.model.mkdir(parents=True)
    (run.model / "model.json").write_text('{"backbone": {"name": "starter"}}')
    value = {
        "format": 2, "model": {"summary": "A head on a backbone."},
        "evaluation": {"summary": "On 9 images."},
        "test": {"some_measure": Estimate(1, 0, 2, 9, "")},
    }  # fmt: skip
    run.metrics.write_text(to_json(value))
    row = {
        "file": "model.onnx", "precision": "fp32", "megabytes": 1.0, "p50_ms": 1, "p95_ms": 2,
        "images_per_second": 10, "some_measure": "0.5",
    }  # fmt: skip
    record = SimpleNamespace(primary="some_measure", files=[row], summary=["Same as torch."])
    write_card(tmp_path / "README.md", run, random_model(spec), record, example)
    text = (tmp_path / "README.md").read_text()
    assert f"a model of {spec.task}" in text
    assert spec.names[1] in text
    assert "| some measure on images it learnt from |" in text
    assert "one image here and now, ms" in text
    assert "Same as torch." in text
    assert ("0.812" if "class" in example else "3.14") in text
    assert "#0" not in text
    assert ("not sure" in text) == ("sure" in example)
