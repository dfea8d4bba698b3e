"""Round by round: which of probe and network is kept, and what the test was predicted by."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from tests.strategies.vectors import frozen, prepared
from torch import nn

from headstart.compute import Compute
from headstart.probe.cross_validate import cross_validate
from headstart.probe.trials import Grid
from headstart.strategies.finetuning import rounds as finetune_rounds
from headstart.strategies.finetuning.round import FinetuneResult
from headstart.strategies.finetuning.rounds import HowToFinetune, start_of, tune
from headstart.strategies.make_problem import make_problem
from headstart.training.schedule import Recipe

GRID = Grid(classifiers=("prototypes", "logistic"), logistic=(0.1, 10.0))


@pytest.fixture
def rounds(monkeypatch):
    """`rounds(right, how)`: three rounds whose networks are right on such shares, held out."""

    def run(*right, keep="better", share=1.0, blank=False):
        data = prepared()
        problem = make_problem(data, "cv", folds=len(right) - 1, seed=0)
        features = frozen(data, signal=0.6)
        probed = cross_validate(
            features, problem.rounds, problem.clusters, Compute(), final=problem.final, grid=GRID,
            folds=2,
        )  # fmt: skip
        given = iter(right)

        def finetune(own, learnt, network, recipe, start, compute, *, session, refit):
            assert start.blank == blank
            share_right = next(given)
            held = learnt.train[::3]
            truth = learnt.targets[held]
            named = np.where(np.arange(len(held)) < share_right * len(held), truth, (truth + 1) % 3)
            return FinetuneResult(
                head=None, net=session.name, validation=held, val_scores=np.eye(3)[named],
                start_scores=np.eye(3)[truth], test_scores=np.full((len(learnt.test), 3), 7.0),
                temperature=3.0, kept=SimpleNamespace(share=share), history=(), recipe=recipe,
                refitted=refit, diverged=-1, uneven=False,
            )  # fmt: skip

        monkeypatch.setattr(finetune_rounds, "finetune", finetune)
        monkeypatch.setattr(finetune_rounds, "_diagnoses", lambda *args: ())
        monkeypatch.setattr(
            finetune_rounds, "adapt_recipe", lambda recipe, *args, **more: (recipe, ())
        )
        network = SimpleNamespace(
            backbone=SimpleNamespace(network=nn.Identity()), features=features
        )
        found = tune(
            problem, network, probed, Recipe(), Compute(), how=HowToFinetune(keep, False, blank)
        )
        return probed, found

    return run


def kept(probed, found):
    return [a is not b for a, b in zip(found.outcome.folds, probed.folds, strict=True)]


def test_each_round_keeps_its_own_better_one(rounds):
    probed, found = rounds(1.0, 0.0, 1.0)
    assert kept(probed, found) == [True, False]
    assert found.kept == "finetune", "the last becomes the model"
    fold = found.outcome.folds[0]
    assert (fold.scores == 7).all()
    assert fold.temperature == 3.0
    assert [each.net for each in found.rounds] == [None, None, "round3"]
    assert (found.net, found.temperature) == ("round3", 3.0)
    probed, found = rounds(1.0, 1.0, 0.0)
    assert kept(probed, found) == [True, True]
    assert found.kept == "probe"


def test_the_gain_is_of_the_rounds_that_are_tested(rounds):
    _, found = rounds(1.0, 1.0, 0.0)
    assert found.finetuned.value == 1.0
    assert found.gain.value == pytest.approx(1 - found.probe.value)
    assert found.gain.n == sum(len(each.validation) for each in found.rounds[:2])


@pytest.mark.parametrize(
    ("share", "blank", "expected"),
    [(1.0, False, "finetune"), (0.0, False, "probe"), (0.0, True, "finetune")],
)
def test_as_asked_unless_no_epoch_was_better_than_its_start(rounds, share, blank, expected):
    _, found = rounds(0.0, 0.0, 0.0, keep="finetune", share=share, blank=blank)
    assert found.kept == expected
    assert found.summary.startswith("Fine-tuned, as asked") == (expected == "finetune")


def test_a_head_starts_at_the_best_logistic_regression_of_its_features(rounds):
    probed, _ = rounds(0.0, 0.0, 0.0)
    sets = {"last": np.arange(16, 28), "all": np.arange(28)}
    start = start_of(probed.probe, sets)
    trials = [
        each
        for each in probed.probe.trials
        if (each.config.classifier, each.config.features) == ("logistic", "last")
    ]
    assert len(trials) == 2
    assert start.C == max(trials, key=lambda each: each.accuracy.value).config.C
    assert start.columns.tolist() == sets["last"].tolist()
    assert start_of(replace(probed.probe, trials=()), sets).C == 10.0


def compared(before: np.ndarray, after: np.ndarray, truth: np.ndarray):
    """What is kept of two tables of scores on the same items."""
    n = len(truth)
    probe = SimpleNamespace(chosen_on=np.arange(n), held_out=before, criterion="accuracy")
    result = SimpleNamespace(validation=np.arange(n), val_scores=after)
    return finetune_rounds._compare(result, probe, truth, np.arange(n))


def scored(truth: np.ndarray, wrong: int, margin: float) -> np.ndarray:
    """Scores that are wrong on the first so many, and right by a margin elsewhere."""
    named = np.where(np.arange(len(truth)) < wrong, (truth + 1) % 3, truth)
    return margin * np.eye(3)[named] + 0.5 * np.eye(3)[truth]


def test_more_hits_beyond_their_own_noise_decide():
    truth = np.arange(300) % 3
    assert compared(scored(truth, 60, 2.0), scored(truth, 30, 2.0), truth).better
    assert not compared(scored(truth, 30, 2.0), scored(truth, 60, 2.0), truth).better


@pytest.mark.parametrize("more", [1, 0, -1])
def test_where_hits_are_a_coin_log_loss_decides(more):
    """One hit more or less among 300; but the wrong answers of one are sure ones."""
    truth = np.arange(300) % 3
    sure, unsure = scored(truth, 30, 4.0), scored(truth, 30 - more, 4.0)
    unsure[: 30 - more] /= 4
    assert compared(sure, unsure, truth).better
    assert not compared(unsure, sure, truth).better


def test_each_round_has_its_part_of_the_time():
    assert finetune_rounds._slice(10.0, None, 0.5) is None
    assert finetune_rounds._slice(10.0, 30.0, 0.5) == 20.0
