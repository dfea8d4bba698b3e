import dataclasses

import numpy as np

from headstart.auditing.border import Border, border_alone, greyed
from headstart.auditing.from_run import evidence_of_run
from headstart.compute import Compute
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
