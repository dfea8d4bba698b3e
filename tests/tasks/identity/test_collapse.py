"""Verdicts on an embedding's curves: each from curves that anyone would read the same way."""

from __future__ import annotations

import math

import pytest

from headstart.tasks.identity.collapse import collapsed, read_curves
from headstart.tasks.identity.health import Health
from headstart.tasks.identity.recipe import MetricRecipe
from headstart.training.record import Epoch

START = Health(0.7, 12.0, 0.4)


def epochs(
    mean_negative_cosine=(0.6, 0.5, 0.4),
    effective_rank=11.0,
    active_triplets=0.2,
    loss=0.1,
    accuracy=0.8,
    measure=0.7,
) -> list[Epoch]:
    return [
        Epoch(
            n,
            5,
            1e-3,
            loss,
            accuracy,
            0.5,
            measure,
            measure,
            1.0,
            64,
            each,
            effective_rank,
            active_triplets,
        )
        for n, each in enumerate(mean_negative_cosine, 1)
    ]


def diagnoses(history, *, recipe=None, start_measure=0.6, share=1.0, diverged=-1):
    found = read_curves(
        history, start=START, recipe=recipe or MetricRecipe(), people=12,
        start_measure=start_measure, measure=0.7, share=share, diverged=diverged,
    )  # fmt: skip
    for each in found:
        assert each.claim.endswith(".")
        assert each.remedy.endswith(".")
    return {each.check: each for each in found}


def test_a_good_training_says_so_and_nothing_else():
    assert set(diagnoses(epochs())) == {"trained_well"}


def test_all_at_one_point_is_a_collapse_with_the_remedy_for_its_cause():
    hard = MetricRecipe(mining="hard", lr=0.03, freeze="none")
    gone = epochs(
        mean_negative_cosine=(0.9, 0.999, 0.9999),
        effective_rank=1.1,
        active_triplets=1.0,
        loss=0.2,
        measure=0.1,
    )
    found = diagnoses(gone, recipe=hard, share=0.0)
    assert set(found) == {"collapse", "start_kept"}
    finding = found["collapse"]
    assert finding.severity == "serious"
    assert "collapsed in epoch 2" in finding.claim
    assert "stays at its margin" in finding.claim
    for remedy in ("mining=semihard", "--lr 0.003", "freeze=gradual"):
        assert remedy in finding.remedy
    mild = diagnoses(gone, recipe=MetricRecipe())["collapse"]
    assert "semihard" not in mild.remedy
    assert "freeze=gradual" not in mild.remedy


@pytest.mark.parametrize(
    ("mean_negative_cosine", "expected"), [(0.95, True), (0.9, False), (math.nan, True)]
)
def test_collapse_is_measured_against_the_start(mean_negative_cosine, expected):
    [epoch] = epochs(mean_negative_cosine=(mean_negative_cosine,))
    assert collapsed(epoch, START) is expected


def test_embeddings_that_were_alike_before_have_not_collapsed():
    [epoch] = epochs(mean_negative_cosine=(0.994,))
    assert not collapsed(epoch, Health(0.995, 5.0, 0.9))


@pytest.mark.parametrize(
    ("changes", "options", "check"),
    [
        ({"effective_rank": 1.5}, {}, "flat_embedding"),
        ({"measure": 0.4}, {}, "rate_too_high"),
        ({"accuracy": 0.99, "measure": 0.6}, {}, "memorised"),
        ({"active_triplets": 0.001}, {}, "idle_triplets"),
        ({}, {"diverged": 7}, "rate_too_high"),
        ({}, {"share": 0.0}, "start_kept"),
    ],
)
def test_what_else_can_be_read(changes, options, check):
    assert check in diagnoses(epochs(**changes), **options)


def test_what_cannot_be_known_better_was_not_learnt_by_heart():
    found = diagnoses(epochs(accuracy=1.0, measure=0.99), start_measure=0.99)
    assert set(found) == {"trained_well"}


def test_nothing_was_trained():
    assert set(diagnoses([], diverged=0)) == {"rate_too_high"}


def test_no_rate_is_advised_at_which_nothing_would_be_learnt():
    gone = epochs(mean_negative_cosine=(0.999,), effective_rank=1.1, measure=0.1)
    for lr, words in ((3e-5, "train at a tenth of the rate (--lr 3e-06)"), (3e-6, "--lr out")):
        said = diagnoses(gone, recipe=MetricRecipe(lr=lr))["collapse"].remedy
        assert words in said[0].lower() + said[1:]
        assert ("--lr 3e-07" in said) is False
    assert (
        "--lr 1e-05"
        in diagnoses([], recipe=MetricRecipe(lr=3e-5), diverged=0)["rate_too_high"].remedy
    )
