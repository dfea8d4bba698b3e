"""Recipes: the rate's known points, who learns when, and what is refused."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from headstart.errors import OptionError
from headstart.training.schedule import Length, Recipe, epochs_of, names_in, parse_recipe

SHAPES = ("cosine", "one-cycle", "triangular", "cyclical", "constant", "plateau")


@pytest.mark.parametrize(
    ("shape", "points"),
    [
        # Up in the first tenth, half at the middle of the rest, nothing at the end.
        ("cosine", {0.05: 0.5, 0.1: 1.0, 0.55: 0.5, 0.325: 0.8536, 1.0: 0.0}),
        ("one-cycle", {0.0: 0.04, 0.15: 0.52, 0.3: 1.0, 0.65: 0.5, 1.0: 0.0}),
        ("triangular", {0.05: 0.5, 0.1: 1.0, 0.55: 0.5, 0.775: 0.25, 1.0: 0.0}),
        ("cyclical", {0.125: 1.0, 0.0625: 0.5, 0.25: 0.0, 0.375: 0.5, 0.5: 0.0, 0.625: 0.25,
                      0.875: 0.125, 1.0: 0.0}),
        ("constant", {0.05: 0.5, 0.1: 1.0, 0.5: 1.0, 1.0: 1.0}),
        ("plateau", {0.05: 0.5, 0.1: 1.0, 0.5: 1.0, 1.0: 1.0}),
    ],
)  # fmt: skip
def test_known_points(shape, points):
    recipe = Recipe(schedule=shape, warmup=0.1)
    for share, factor in points.items():
        assert recipe.factor(share) == pytest.approx(factor, abs=2e-3), share


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5])
@pytest.mark.parametrize("shape", SHAPES)
def test_the_rate_is_never_nothing_and_never_more_than_asked(shape, warmup):
    recipe = Recipe(schedule=shape, warmup=warmup)
    factors = np.array([recipe.factor(share) for share in np.linspace(0, 1, 1001)])
    assert (factors > 0).all()
    assert factors.max() == pytest.approx(1.0, abs=0.01)
    if shape != "cyclical":
        top = int(factors.argmax())
        assert (np.diff(factors[: top + 1]) >= -1e-9).all()  # up
        assert (np.diff(factors[top:]) <= 1e-9).all()  # and down, once


def test_without_warmup_it_starts_at_the_top():
    for shape in ("cosine", "triangular", "constant", "plateau"):
        assert Recipe(schedule=shape, warmup=0.0).factor(0.0) == pytest.approx(1.0)


@pytest.mark.parametrize("n_stages", [1, 2, 5, 9])
def test_who_learns(n_stages):
    def learning(share: float, **options) -> int:
        return Recipe(**options).trainable_stages(share, n_stages=n_stages)

    for share in (0.0, 0.3, 0.5, 0.99):
        assert learning(share) == n_stages
        assert learning(share, freeze="norms") == n_stages
        assert learning(share, freeze="head") == 1
        for stages in (0, 1, 3, 100):
            assert learning(share, freeze="last", stages=stages) == min(1 + stages, n_stages)


@pytest.mark.parametrize("n_stages", [1, 2, 5, 9])
def test_gradual_begins_with_the_head_and_reaches_all_in_the_second_half(n_stages):
    recipe = Recipe(freeze="gradual")
    found = [recipe.trainable_stages(share, n_stages=n_stages) for share in np.arange(0, 1, 0.001)]
    assert found[0] == 1
    assert set(found[500:]) == {n_stages}
    assert sorted(set(found)) == list(range(1, n_stages + 1))
    assert (np.diff(found) >= 0).all()
    assert found[499] == n_stages
    if n_stages > 1:
        assert found[round(500 * (n_stages - 1) / n_stages) - 2] < n_stages


def test_layers_further_from_the_head_learn_slower():
    recipe = Recipe(layer_decay=0.5, backbone_lr=0.2)
    scales = [recipe.lr_scale(depth, n_layers=4) for depth in range(4)]
    assert scales == pytest.approx([0.025, 0.05, 0.1, 1.0])
    assert [Recipe(layer_decay=1.0, backbone_lr=1.0).lr_scale(d, n_layers=3) for d in range(3)] == [
        1.0, 1.0, 1.0,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "values"),
    {
        "batch": [0, -4],
        "accumulate": [0],
        "lr": [0.0, -1e-3, math.nan, math.inf],
        "layer_decay": [0.0, 1.1],
        "backbone_lr": [-1.0],
        "warmup": [-0.1, 1.5, math.nan],
        "stages": [-1],
        "frozen_views": [-1],
        "weight_decay": [-0.1],
        "anchor_decay": [-0.1],
        "label_smoothing": [1.0, -0.1],
        "dropout": [1.0, -0.1],
        "drop_path": [1.0],
        "mixup": [-1.0],
        "ema": [1.0, -0.5],
        "clip": [0.0, -1.0, math.nan],
        "patience": [-1],
    }.items(),
)
def test_what_makes_no_sense_is_refused_by_name(name, values):
    for value in values:
        given = f"--lr {value}: " if name == "lr" else f"--recipe {name}={value}: "
        with pytest.raises(OptionError, match=given):
            Recipe(**{name: value})
        with pytest.raises(OptionError, match=given):
            parse_recipe(f"{name}={value}", Recipe())


@pytest.mark.parametrize("epochs", [0, -3])
def test_no_epochs(epochs):
    with pytest.raises(OptionError, match=rf"--epochs {epochs}: at least 1"):
        Recipe(epochs=epochs)


def test_a_changed_recipe_is_checked_too():
    with pytest.raises(OptionError):
        replace(Recipe(), epochs=-1)


def test_the_edges_of_sense_are_allowed():
    Recipe(epochs=1, batch=1, layer_decay=1.0, label_smoothing=0.0, warmup=0.0, ema=0.0)


# --- written by hand ----------------------------------------------------------------------------


def test_a_recipe_is_changed_by_name():
    base = Recipe(epochs=7)
    assert parse_recipe(None, base) is parse_recipe("", base) is base
    found = parse_recipe("freeze=last, augment=light,lr=1e-3,stages=3,hflip=no,mixup=0.2", base)
    assert found == Recipe(
        epochs=7, freeze="last", augment="light", lr=1e-3, stages=3, hflip="no", mixup=0.2
    )
    assert isinstance(found.stages, int)


@pytest.mark.parametrize("text", ["freeze_bn_stats=false", "freeze_bn_stats=0"])
def test_false_is_false(text):
    assert parse_recipe(text, Recipe()).freeze_bn_stats is False


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ("freez=last", "give name=value with a name of epochs, batch"),
        ("freeze", "give name=value"),
        ("freeze=top", "freeze=top: choose none, head, last, gradual, norms"),
        ("schedule=linear", "choose cosine"),
        ("augment=wild", "choose none, light"),
        ("optimiser=adam", "choose adamw, sgd"),
        ("hflip=maybe", "hflip=maybe: choose auto, yes, no"),
        ("freeze_bn_stats=maybe", "freeze_bn_stats=maybe: true or false"),
        ("lr=fast", "lr=fast: not a number"),
        ("stages=1.5", "stages=1.5: not a number"),
        ("lr=", "lr=: not a number"),
        ("epochs=3,,lr=1", "give name=value"),
    ],
)
def test_slips_of_the_pen_are_named(text, summary):
    with pytest.raises(OptionError, match=re.escape(summary)):
        parse_recipe(text, Recipe())


def test_learning_on_is_a_share_of_the_epochs_at_a_share_of_the_rate():
    after = Recipe(epochs=10, lr=0.1).shortened(0.25, 0.5)
    assert (after.epochs, after.lr) == (3, 0.05)
    assert Recipe(epochs=1).shortened(0.1, 1.0).epochs == 1


def test_steps_become_epochs():
    assert [epochs_of(100, images, 8) for images in (1000, 80, 8, 1)] == [1, 10, 100, 100]


def test_what_changes_the_loss_does_not_change_how_often_images_come():
    found = {name: Recipe(balance=name).sampled for name in ("weights", "oversample", "none")}
    assert found == {"weights": "none", "oversample": "oversample", "none": "none"}


def test_steps_of_a_training_and_the_epochs_that_they_make():
    recipe = Recipe(epochs=4)
    assert (recipe.steps_in(10), recipe.passes(10)) == (40, 4)
    cut = replace(recipe, most_steps=25)
    assert (cut.steps_in(10), cut.passes(10)) == (25, 2.5)
    assert replace(recipe, most_steps=99).steps_in(10) == 40
    onward = cut.shortened(0.25, 0.5)
    assert (onward.epochs, onward.most_steps) == (1, 7)
    assert recipe.shortened(0.25, 0.5).most_steps == 0


def test_no_share_jumps_where_the_end_moves():
    plain, moved = Length(10, 0, 10), Length(10, 5, 20)
    assert [plain.share(step) for step in (0, 5, 10)] == [0, 0.5, 1]
    assert [moved.share(step) for step in (0, 5, 20)] == [0, 0.5, 1]
    assert moved.share(6) - moved.share(5) == pytest.approx(1 / 30)
    assert Length(10, 5, 5).share(5) == 0.5


def test_names_of_a_recipe_are_those_that_it_would_change():
    assert names_in("lr=1e-3, head_epochs = 2") == {"lr", "head_epochs"}
    assert names_in(None) == names_in("") == set()


def test_a_name_that_is_nearly_one_of_the_recipe_is_guessed():
    with pytest.raises(OptionError, match=r"'freze=last': .*; did you mean freeze\?"):
        parse_recipe("freze=last", Recipe())
