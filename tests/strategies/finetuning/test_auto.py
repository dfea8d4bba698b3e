"""What `auto` plans: never more than its budget, and nothing where nothing could be shown."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from tests.strategies.finetuning.test_adapt_recipe import probe_where
from torch import nn

from headstart.compute import Compute
from headstart.probe.cross_validate import CrossValidated, Fold, Round
from headstart.strategies.finetuning import auto as trials
from headstart.strategies.finetuning.plan import keep_probe
from headstart.training.schedule import Recipe

N = 1000
TARGETS = np.arange(N) % 4
NET = SimpleNamespace(source=SimpleNamespace(kind="timm"), name="net", network=nn.BatchNorm2d(1))


def probed(errors: int, *, folds: int = 1, stage4: float = 0.5) -> CrossValidated:
    """A probe that errs so often on its held-out items, in one round or several.

    Its last layer alone reaches 0.7, so that a larger `stage4` means far from the pretraining.
    """
    scores = np.eye(4)[np.where(np.arange(N) < errors, (TARGETS + 1) % 4, TARGETS)]
    probe = SimpleNamespace(
        held_out=scores, chosen_on=np.arange(N), trials=probe_where(stage4=stage4, last=0.7).trials
    )
    items = np.arange(N)
    rounds = [Round(items[items % 5 != k], items[items % 5 == k], TARGETS, 4) for k in range(folds)]
    return CrossValidated(
        tuple(Fold(each, probe, np.empty((0, 4)), 1.0) for each in rounds),
        probe,
        Round(items, items[:0], TARGETS, 4) if folds > 1 else rounds[0],
    )


@pytest.fixture
def plan(monkeypatch):
    """`plan(budget, each)` on a clock of its own; what was tried is in `tried`.

    Timing a few steps takes 5 s, training the last stages alone 0.6 of all layers.
    """
    tried, predicted, now = [], [], [100.0]
    monkeypatch.setattr(trials, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    def timed(planner, recipe):
        now[0] += 5
        return run.each

    def run(
        budget: float, each: float = 0.01, *, errors: int = 100, folds: int = 1,
        stage4: float = 0.5, epochs: int | None = None, base: Recipe | None = None,
    ):  # fmt: skip
        def finetune(data, learnt, network, recipe, start, compute, **options):
            tried.append(recipe)
            share = 0.6 if recipe.freeze == "last" else 1.0
            now[0] += (
                trials._cost(recipe.epochs, [(len(learnt.train), 0)], each, refit=False) * share
            )
            predicted.extend(learnt.test)
            validation = learnt.train[:100]
            right = 0.9 if recipe.freeze == "last" else 0.8
            labels = np.where(
                np.arange(100) < 100 * right, TARGETS[validation], -TARGETS[validation] - 1
            )
            scores = np.eye(4)[labels % 4]
            return SimpleNamespace(
                validation=validation, val_scores=scores, kept=SimpleNamespace(measure=right)
            )

        monkeypatch.setattr(trials, "finetune", finetune)
        run.each = each
        monkeypatch.setattr(trials._Planner, "seconds_per_image", timed)
        monkeypatch.setattr(trials, "start_of", lambda *args: None)
        problem = SimpleNamespace(dataset=range(N), prepared=None)
        network = SimpleNamespace(backbone=NET, features=SimpleNamespace(sets={}))
        return trials.make_plan(
            problem, network, probed(errors, folds=folds, stage4=stage4), base or Recipe(),
            Compute(), budget=trials.Budget(budget, epochs, begun=now[0]),
        )  # fmt: skip

    run.tried, run.predicted = tried, predicted
    return run


def cost(found, *, each: float, jobs) -> float:
    return trials._cost(found.recipe.epochs, jobs, each, refit=found.refit)


def test_few_errors_keep_the_probe():
    assert keep_probe(probed(8), NET) is None
    kept = keep_probe(probed(7), NET)
    assert kept.recipe is None
    assert "errs on 7 of 1,000" in kept.summary[0]
    assert kept.candidates[0].validation.value == pytest.approx(0.993)


@pytest.mark.parametrize(
    ("kind", "tta", "summary"),
    [("onnx", 1, "net is an ONNX file"), ("timm", 3, "--tta 3 averages frozen features")],
)
def test_what_cannot_be_trained_keeps_the_probe_and_says_why(kind, tta, summary):
    net = SimpleNamespace(source=SimpleNamespace(kind=kind), name="net")
    kept = keep_probe(probed(500), net, tta=tta)
    assert kept.recipe is None
    assert kept.summary[0].startswith(summary)
    assert kept.summary[0].endswith("the probe is kept.")


@pytest.mark.parametrize("budget", [60, 120, 300, 1000])
@pytest.mark.parametrize("folds", [1, 5])
def test_what_is_planned_fits_into_the_budget_and_fills_it(plan, budget, folds):
    found = plan(budget, folds=folds)
    train = N * 4 // 5
    jobs = [(train, N // 5)] * folds + ([(N, 0)] if folds > 1 else [])
    if found.recipe is None:
        assert trials._cost(4, jobs, 0.01, refit=False) > 0.7 * budget
        return
    trial = sum(trials._cost(each.epochs, [(train, 0)], 0.01, refit=False) for each in plan.tried)
    assert trial <= 0.25 * budget
    each = 0.006 if plan.tried else 0.01
    takes = cost(found, each=each, jobs=jobs)
    assert found.seconds >= takes + 5, "timing steps takes time too"
    assert found.seconds <= budget
    one_more = trials._cost(found.recipe.epochs + 1, jobs, each, refit=found.refit)
    assert found.recipe.epochs == 30 or 1.2 * one_more > (0.75 if plan.tried else 1) * (budget - 5)


def test_the_depth_that_did_best_in_trials_is_run(plan):
    found = plan(300)
    assert [each.freeze for each in plan.tried] == ["none", "last"]
    assert found.recipe.freeze == "last"
    assert [candidate.recipe is None for candidate in found.candidates] == [True, False, False]
    assert "the last 2 stages did best" in found.summary[-1]
    assert [round(each.seconds) > 0 for each in found.candidates] == [False, True, True]
    assert not plan.predicted, "no test item is looked at while planning"


def test_a_depth_that_was_asked_for_is_not_tried(plan):
    found = plan(300, base=Recipe(freeze="gradual"))
    assert not plan.tried
    assert found.recipe.freeze == "gradual"


@pytest.mark.parametrize("each", [0.002, 0.01, 0.1])
@pytest.mark.parametrize("stage4", [0.5, 0.9])
@pytest.mark.parametrize("folds", [1, 5])
def test_the_budget_that_is_named_would_do(plan, each, stage4, folds):
    """Also on a machine that is a fifth slower then; the time to find out is spent again."""
    found = plan(5, each, stage4=stage4, folds=folds)
    assert found.recipe is None
    assert "too small" in found.summary[0]
    minutes = float(found.summary[0].split("--budget of ")[1].split()[0])
    again = plan(60 * minutes, 1.15 * each, stage4=stage4, folds=folds)
    assert again.recipe is not None
    assert again.seconds <= 60 * minutes
    assert again.recipe.epochs >= Recipe().epochs, "and not the least that could be called training"
    short = float(found.summary[0].split(" minutes would do (")[1].split()[0])
    assert short < minutes
    assert plan(60 * short, 1.15 * each, stage4=stage4, folds=folds).recipe is not None


def test_what_was_spent_before_counts(plan, monkeypatch):
    """Such as the import of torch: 40 of 60 s are gone."""
    wrapped = trials.Budget
    monkeypatch.setattr(
        trials, "Budget", lambda seconds, epochs, begun: wrapped(seconds, epochs, begun - 40)
    )
    assert plan(60).recipe is None
    assert wrapped(60, None, 7.0).ends == 67
    assert wrapped(60).ends is None


def test_epochs_that_were_asked_for_are_not_exceeded(plan):
    assert plan(3000, epochs=5).recipe.epochs == 5
    assert plan(3000, epochs=2).recipe.epochs == 2


def test_far_from_the_pretraining_it_goes_far_without_trying_depths(plan):
    found = plan(300, stage4=0.9)
    assert not plan.tried
    assert not found.recipe.freeze_bn_stats
    assert found.recipe.backbone_lr == 1
    assert "stage 4 alone separates the classes" in found.summary[0]


def test_far_from_the_pretraining_but_short_of_time_it_stays_gentle(plan):
    found = plan(70, stage4=0.9)  # six epochs or so: 150 steps
    assert found.recipe.epochs < 10
    assert found.recipe.freeze_bn_stats
    assert not any("stage 4" in each for each in found.summary)
