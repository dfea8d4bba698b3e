"""Fine-tuning as the strategy says: what is kept, from where it begins, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tests.strategies.problems import material
from tests.training.trainings import pictures

from headstart.compute import Compute, phase_and_detail
from headstart.errors import BackboneError
from headstart.probe.cross_validate import cross_validate
from headstart.strategies.finetuning import finetune as module
from headstart.strategies.finetuning.auto import Budget
from headstart.strategies.finetuning.finetune import Wish, fine_tune, from_scratch
from headstart.strategies.finetuning.plan import FinetuneOutcome, FinetunePlan
from headstart.strategies.make_problem import make_problem
from headstart.training.schedule import Recipe

CPU = Compute(device="cpu", workers=1)
QUICK = Recipe(epochs=1, batch=8, hflip="yes", balance="none", augment="light")


@pytest.fixture
def ground(tmp_path, monkeypatch):
    """Three noisy shades, a fifth of them held out, and a probe of them."""
    monkeypatch.setenv("HEADSTART_CACHE", str(tmp_path / "cache"))
    data = pictures(tmp_path / "data", (10, 10, 10), spread=30)
    data = replace(data, splits=np.where(np.arange(30) % 5, "train", "test"))
    prepared, network = material(data)
    problem = make_problem(prepared, "auto", folds=2, seed=0)
    probed = cross_validate(network.features, problem.rounds, problem.clusters, CPU, folds=2)
    return problem, network, probed


def wish(place, strategy="finetune", **change) -> Wish:
    heard = change.pop("heard", [])
    place.mkdir(exist_ok=True)
    usual = Wish(
        strategy, QUICK, Budget(60), False, place,
        lambda name, epoch: heard.append((name, epoch.epoch)),
    )  # fmt: skip
    return replace(usual, **change)


def test_a_network_from_nothing_becomes_an_ordinary_model(ground, tmp_path):
    problem, network, probed = ground
    heard = []
    asked = wish(tmp_path / "place", "scratch", budget=Budget(60, 2), heard=heard)
    found = fine_tune(problem, network, probed, asked, CPU)
    assert found.plan is None
    assert found.tuning.kept == "finetune"
    assert (found.tuning.recipe.epochs, found.tuning.recipe.freeze) == (2, "none")
    assert heard == [("round1", 1), ("round1", 2)]
    model = found.model
    assert model.backbone.source.path.is_relative_to(tmp_path / "place")
    assert model.spec == problem.final_spec
    assert model.backbone.fingerprint != network.backbone.fingerprint
    answers = problem.answers(found.tuning.outcome)
    assert answers.names == tuple(problem.dataset.names[i] for i in problem.items)


@pytest.mark.parametrize(("strategy", "keep"), [("auto", "better"), ("finetune", "finetune")])
def test_where_the_probe_stays_there_is_no_other_model(
    ground, tmp_path, monkeypatch, strategy, keep
):
    problem, network, probed = ground
    tuning, asked = SimpleNamespace(kept="probe"), []

    def tune(*args, how, **options):
        asked.append(how)
        return tuning

    plan = FinetunePlan(QUICK, False, (), (), 0.0)
    monkeypatch.setattr(module, "tune", tune)
    monkeypatch.setattr(module, "make_plan", lambda *args, **options: plan)
    found = fine_tune(problem, network, probed, wish(tmp_path / "place", strategy), CPU)
    assert (found.tuning, found.model) == (tuning, None)
    assert found.plan is (plan if strategy == "auto" else None)
    assert [(each.keep, each.blank) for each in asked] == [(keep, False)]
    assert asked[0].refit == (strategy != "auto"), "a plan may do without the second training"


def test_auto_does_nothing_where_its_plan_is_to_keep_the_probe(ground, tmp_path, monkeypatch):
    problem, network, probed = ground
    monkeypatch.setattr(module, "tune", lambda *args, **options: pytest.fail("was not planned"))
    found = fine_tune(problem, network, probed, wish(tmp_path, "auto", budget=Budget(0)), CPU)
    assert found == FinetuneOutcome(found.plan, None, None)
    assert found.plan.recipe is None


def test_an_onnx_file_is_refused(ground, tmp_path):
    problem, network, probed = ground
    source = replace(network.backbone.source, kind="onnx")
    frozen = replace(network, backbone=replace(network.backbone, source=source))
    with pytest.raises(BackboneError, match="ONNX file and can only be used frozen"):
        fine_tune(problem, frozen, probed, wish(tmp_path), CPU)


def test_the_baseline_from_scratch_answers_the_tested_items(ground):
    problem, network, _ = ground
    phases = set()
    heard = CPU.with_progress(lambda phase, done, total: phases.add(phase))
    found = from_scratch(problem, network, QUICK, heard, epochs=1)
    assert found.names == tuple(problem.dataset.names[i] for i in problem.items)
    assert set(np.unique(found.probabilities)) <= {0, 1}
    names = {phase_and_detail(phase)[0] for phase in phases}
    assert "training from scratch" in names
    assert not any(name.startswith("fine-tuning") for name in names)
