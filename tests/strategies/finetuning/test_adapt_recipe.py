"""Far from the pretraining or near: by the stage that wins, and only with steps enough."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from torch import nn

from headstart.strategies.finetuning.adapt_recipe import (
    adapt_recipe,
    fewest_epochs,
    full_finetune,
    stage_that_wins,
)
from headstart.training.schedule import Recipe

NET = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))


def probe_where(*, n: int = 1000, **accuracies: float) -> SimpleNamespace:
    """A probe that reached these accuracies on these feature sets, and less elsewhere."""
    trials = [
        SimpleNamespace(
            config=SimpleNamespace(features=name), accuracy=SimpleNamespace(value=value, n=n)
        )
        for name, best in accuracies.items()
        for value in (best - 0.1, best)
    ]
    return SimpleNamespace(trials=tuple(trials))


def test_a_stage_wins_by_more_than_chance():
    assert stage_that_wins(probe_where(stage4=0.78, stage3=0.4, last=0.72, all=0.8)) == "stage4"
    assert stage_that_wins(probe_where(stage4=0.64, last=0.71, all=0.74)) is None
    assert stage_that_wins(probe_where(stage4=0.72, last=0.70)) is None  # within the noise
    assert stage_that_wins(probe_where(stage4=0.72, last=0.70, n=100)) is None
    assert stage_that_wins(probe_where(last=0.7, all=0.9)) is None
    assert stage_that_wins(probe_where(stage1=0.3, last=0.0)) == "stage1"


def test_far_from_the_pretraining_all_layers_learn_and_statistics_are_measured():
    recipe, summary = adapt_recipe(
        Recipe(epochs=10, augment="light"), probe_where(stage4=0.8, last=0.7), NET, items=1000
    )
    assert recipe == full_finetune(Recipe(epochs=10, augment="light"))
    assert (recipe.freeze_bn_stats, recipe.backbone_lr) == (False, 1.0)
    assert recipe.lr == pytest.approx(3 * Recipe().lr)
    assert "stage 4 alone" in summary[0]


@pytest.mark.parametrize(
    ("given", "stages", "net", "items"),
    [
        (Recipe(lr=5e-4), {"stage4": 0.8}, NET, 1000),
        (Recipe(freeze="last"), {"stage4": 0.8}, NET, 1000),
        (Recipe(backbone_lr=0.1), {"stage4": 0.8}, NET, 1000),
        (Recipe(), {"stage4": 0.5}, NET, 1000),
        (Recipe(), {"stage4": 0.8}, nn.Sequential(nn.LayerNorm(4)), 1000),
        (Recipe(), {"stage4": 0.8}, NET, 200),
    ],
    ids=["rate given", "depth given", "backbone rate given", "near", "no BatchNorm", "few steps"],
)
def test_else_the_recipe_stays_as_it_is(given, stages, net, items):
    found, summary = adapt_recipe(given, probe_where(**stages, last=0.7), net, items=items)
    assert found == given
    assert summary == ()


def test_the_fewest_epochs_are_those_of_three_hundred_steps():
    assert fewest_epochs(Recipe(), items=960) == 10
    assert fewest_epochs(Recipe(), items=959) == 11
    assert adapt_recipe(Recipe(epochs=10), probe_where(stage4=0.8, last=0.7), NET, items=960)[1]
    assert not adapt_recipe(Recipe(epochs=9), probe_where(stage4=0.8, last=0.7), NET, items=960)[1]
