"""When the probe is kept without trying anything else, and why."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from headstart.metrics.interval import wilson
from headstart.probe.cross_validate import CrossValidated, Fold, Round
from headstart.strategies.finetuning.plan import keep_probe, probe_candidate

TORCH = SimpleNamespace(source=SimpleNamespace(kind="timm"), name="resnet18")
ONNX = SimpleNamespace(source=SimpleNamespace(kind="onnx"), name="net.onnx")


def fold_of(errors: int, n: int = 100, *, rest: int = 7) -> Fold:
    """A fold whose probe errs so often on n held-out items."""
    rng = np.random.default_rng(errors)
    targets = rng.integers(0, 3, n + rest)
    chosen = rng.permutation(n + rest)[:n]
    named = targets[chosen].copy()
    named[:errors] = (named[:errors] + 1) % 3
    scores = rng.uniform(0, 0.4, (n, 3))
    scores[np.arange(n), named] = 1
    probe = SimpleNamespace(held_out=scores, chosen_on=chosen)
    everything = np.arange(n + rest)
    learnt = Round(everything, everything[:0], targets, 3)
    return Fold(learnt, probe, np.empty((0, 3)), 1.0)


def probed(*folds: Fold) -> CrossValidated:
    return CrossValidated(folds, folds[-1].probe, folds[-1].round)


@pytest.mark.parametrize(("errors", "n"), [(0, 1), (0, 100), (13, 100), (100, 100), (1, 3)])
def test_the_probe_as_a_candidate(errors, n):
    part = fold_of(errors, n)
    found = probe_candidate(part)
    assert (found.name, found.recipe, found.seconds) == ("frozen probe", None, 0.0)
    assert found.validation == wilson(n - errors, n)


@pytest.mark.parametrize("errors", [0, 1, 7])
def test_few_errors_leave_nothing_to_show(errors):
    part = fold_of(errors, 1500)
    plan = keep_probe(probed(part), TORCH)
    assert (plan.recipe, plan.refit, plan.seconds) == (None, False, 0.0)
    [summary] = plan.summary
    assert f"errs on {errors} of 1,500 held-out training images" in summary
    assert summary.endswith("Keep the probe.")
    [candidate] = plan.candidates
    assert candidate.validation.value == pytest.approx(1 - errors / 1500)


@pytest.mark.parametrize("errors", [8, 9, 50])
def test_more_errors_are_worth_a_try(errors):
    part = fold_of(errors)
    assert keep_probe(probed(part), TORCH) is None


def test_the_first_round_decides():
    few, many = fold_of(3), fold_of(3)
    many.probe.held_out = 1 - many.probe.held_out
    assert keep_probe(probed(few, many), TORCH) is not None
    assert keep_probe(probed(many, few), TORCH) is None


@pytest.mark.parametrize("errors", [0, 60])
def test_an_onnx_file_cannot_be_trained(errors):
    part = fold_of(errors)
    plan = keep_probe(probed(part), ONNX)
    assert plan.summary == (
        "net.onnx is an ONNX file, which cannot be trained: the probe is kept.",
    )
    assert plan.candidates[0].validation.n == 100


@pytest.mark.parametrize(("tta", "kept"), [(1, False), (2, False), (3, True), (10, True)])
def test_several_crops_are_of_frozen_features_only(tta, kept):
    part = fold_of(60)
    plan = keep_probe(probed(part), TORCH, tta=tta)
    assert (plan is not None) == kept
    if kept:
        assert f"--tta {tta} averages frozen features" in plan.summary[0]


def test_items_are_looked_up_where_the_probe_was_chosen():
    part = fold_of(0)
    targets = part.round.targets
    others = np.setdiff1d(np.arange(len(targets)), part.probe.chosen_on)
    targets[others] = (targets[others] + 1) % 3  # says nothing of the held-out ones
    assert probe_candidate(part).validation.value == 1
