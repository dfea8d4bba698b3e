"""What to expect by the task's own measure, said where the probe's is another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.strategies.problems import material
from tests.training.trainings import pictures

from headstart.advice.measured import expected_measure
from headstart.compute import Compute
from headstart.data.labels import Numbers
from headstart.probe.probe import Labelled, probe
from headstart.probe.trials import Grid
from headstart.tasks import task_of

CPU = Compute(device="cpu", workers=1)


def probed(prepared, network):
    """(probe, what decodes it) on all items."""
    data = prepared.dataset
    target = task_of(data.task).encode(data.labels, np.arange(len(data)))
    ground = Labelled(target.classes, prepared.clusters, len(target.spec.names))
    frozen, grid = network.features, Grid(classifiers=("logistic",), logistic=(10,))
    return probe(frozen, ground, CPU, grid=grid, folds=2), target.spec


def test_of_classes_every_trial_has_said_it(tmp_path):
    prepared, network = material(pictures(tmp_path / "data", (8, 8)))
    found, spec = probed(prepared, network)
    assert expected_measure(prepared, found, spec) == ()


def test_of_numbers_it_is_said_with_intervals_and_beside_the_baseline(tmp_path):
    data = pictures(tmp_path / "data", (10, 10, 10), spread=2)
    values = 10.0 * data.labels.targets + np.arange(30) / 100
    numbers = replace(data, labels=Numbers("shade", values), task="regression")
    prepared, network = material(numbers)
    found, spec = probed(prepared, network)
    [said] = expected_measure(prepared, found, spec)
    assert said.startswith(f"Learnt as one of {len(spec.names)} ranges;")
    assert "Mean absolute error of the best frozen probe: " in said
    own = float(said.split("probe: ")[1].split()[0])
    naive = float(said.split("constant baseline ")[1].split()[0])
    assert 0 < own < naive
    assert said.count(" to ") >= 2, "every number has its interval"
    assert expected_measure(prepared, found, spec) == (said,), "and the same seed says the same"
