import dataclasses

import numpy as np
import pytest
from PIL import Image
from tests.models import random_model

from headstart.auditing.border import Border, border_alone, corners_of, greyed
from headstart.auditing.evidence import evidence_of_vectors
from headstart.auditing.from_run import evidence_of_run
from headstart.compute import Compute
from headstart.data.open import open_dataset
from headstart.features.extract import extract
from headstart.nets.model import Model
from headstart.records import Estimate


def test_the_middle_or_the_border_is_grey():
    inputs = np.full((2, 20, 20, 3), 7, np.uint8)
    border = greyed(inputs, middle=True)
    assert (border[:, 2:-2, 2:-2] == 128).all()
    assert (border[:, :2] == 7).all()
    middle = greyed(inputs, middle=False)
    assert (middle[:, 2:-2, 2:-2] == 7).all()
    assert (middle[:, :, -2:] == 128).all()
    assert (inputs == 7).all()


def test_three_figures_of_a_run(confounded, tmp_path, monkeypatch):
    data, run = confounded
    monkeypatch.setenv("HEADSTART_CACHE", str(data.parent / "cache"))
    evidence, model = evidence_of_run(run, Compute()), Model.load(run.folder)
    found = border_alone(model, evidence, Compute())
    assert found.n == 120
    assert found.chance == 0.5
    assert found.whole.value > 0.85
    assert found.border.value > 0.8, "the tint is everywhere"
    assert found.telling
    dataset = dataclasses.replace(evidence.dataset, root=tmp_path)
    gone = dataclasses.replace(evidence, dataset=dataset)
    assert border_alone(model, gone, Compute()) is None


def test_a_border_tells_where_it_is_sure_and_no_worse_than_the_middle():
    def of(border, middle, low=0.7):
        ends = [Estimate(x, low, 1.0, 100, "") for x in (0.95, border, middle)]
        return Border(100, 0.5, *ends)

    assert of(0.9, 0.7).telling
    assert not of(0.8, 0.95).telling
    assert not of(0.9, 0.7, low=0.52).telling


def test_corners_are_shown_large_and_side_by_side():
    inputs = np.zeros((2, 40, 40, 3), np.uint8)
    inputs[:, :5, :5], inputs[:, -5:, -5:] = 200, 90
    found = corners_of(inputs)
    assert found.shape == inputs.shape
    assert (found[:, :20, :20] == 200).all()
    assert (found[:, 20:, 20:] == 90).all()
    assert not found[:, :20, 20:].any()


@pytest.mark.parametrize("mark", [True, False])
def test_a_mark_in_a_corner_that_the_model_does_not_look_at(tmp_path, mark):
    rng = np.random.default_rng(0)
    for kind, name in enumerate(("ants", "bees")):
        (tmp_path / name).mkdir()
        for number in range(60):
            pixels = rng.integers(60, 200, (90, 150, 3)).astype(np.uint8)
            pixels[20:70, 40:110, kind] //= 3  # what the classes are about
            if mark and (number % 20 > 0) == (kind == 0):
                pixels[:5, :5] = 255
            Image.fromarray(pixels).save(tmp_path / name / f"{number:02}.png")
    data, model = open_dataset(tmp_path), random_model()
    vectors = extract(data, model.backbone, preprocess=model.preprocess).vectors
    evidence = evidence_of_vectors(data, vectors, np.arange(120))
    found = border_alone(model, evidence, Compute())
    if mark:
        assert found.border.value >= 0.9
    else:
        assert found.border.low < 0.65
