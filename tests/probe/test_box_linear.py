"""Class layers are fitted side by side, and stay where nothing is to be learnt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from headstart.probe import box_linear
from headstart.probe.box_cells import BACKGROUND, UNCOUNTED, Cells
from headstart.probe.box_linear import (
    CellRows,
    fit_level,
    level_scores,
    rows_of_cells,
)
from headstart.probe.level_fit import LevelFit

START = LevelFit(np.zeros((2, 5), np.float32), np.full(2, -4.6, np.float32))


def rows(seed: int, images: int = 12) -> CellRows:
    """Two kinds of cells that a feature each tells from background."""
    rng, parts = np.random.default_rng(seed), []
    for image in range(images):
        maps = rng.normal(size=(5, 60)).astype(np.float32) * 3 + 7
        kinds = np.full(60, BACKGROUND)
        kinds[:3], kinds[3:6] = 0, 1
        maps[0, :3] += 20
        maps[1, 3:6] += 20
        kinds[50:] = UNCOUNTED
        quality = np.where(kinds >= 0, 0.8, 0).astype(np.float32)
        cells = Cells(kinds, quality, np.zeros((60, 4), np.float32))
        taken = np.arange(60) < 10
        parts.append(
            rows_of_cells(maps, cells, image, rng, taken=taken, certain=np.ones(60), share=0.5)
        )
    return CellRows.joined(parts)


def fitted(given, learns, strengths, start=START):
    """The layers of models whose boxes all show as much."""
    quality = np.repeat(given.quality[:, None], learns.shape[1], axis=1)
    return fit_level(given, start, learns, strengths, quality)


def test_background_is_drawn_and_stands_for_more():
    found = rows(0)
    own = found.of(found.images == 0)
    assert (own.kinds >= 0).sum() == 6
    assert (own.weights[:10] == 1).all()
    assert (own.weights[own.kinds >= 0] == 1).all()
    drawn = own.weights == 2
    assert 8 <= drawn.sum() <= 32
    assert (own.kinds != UNCOUNTED).all()


def test_of_too_many_cells_the_rare_ones_stay_and_the_rest_stand_for_more():
    given = rows(0)
    kinds = given.kinds.copy()
    objects = np.flatnonzero(kinds >= 0)
    kinds[objects] = 0
    kinds[objects[:5]] = 1
    many = CellRows.joined([replace(given, kinds=kinds)] * 20)
    few = many.fewer(400, np.random.default_rng(0))
    assert 330 < len(few.kinds) < 470
    assert (few.kinds == 1).sum() == 100
    assert (few.kinds == BACKGROUND).sum() > 150
    for kind in (BACKGROUND, 0, 1):
        before, after = (each.weights[each.kinds == kind].sum() for each in (many, few))
        assert 0.7 < after / before < 1.3
    assert given.fewer(10_000, np.random.default_rng(0)) is given


def test_a_layer_tells_what_it_learnt_from_and_each_model_its_own():
    given = rows(1)
    learns = np.ones((len(given.images), 2), bool)
    learns[given.kinds == 1, 1] = False  # the second model never sees the second class
    [[one, other]] = fitted(given, learns, [1.0])
    fresh = rows(2)
    scores = level_scores(one, fresh.features.T, fresh.certain)
    for kind in (0, 1):
        own = fresh.kinds == kind
        assert 0.6 < scores[own, kind].mean() < 0.95
        assert scores[own, 1 - kind].mean() < 0.2
    assert scores[fresh.kinds < 0].mean() < 0.15
    blind = level_scores(other, fresh.features.T, fresh.certain)
    assert blind[fresh.kinds == 1, 1].mean() < 0.1
    alone = fitted(given, learns[:, :1], [1.0])[0][0]
    assert np.abs(level_scores(alone, fresh.features.T, fresh.certain) - scores).mean() < 0.03


def test_where_nothing_is_learnt_a_layer_stays():
    nothing = rows(0).of(np.zeros(len(rows(0).images), bool))
    assert fitted(nothing, np.ones((0, 3), bool), [1.0, 2.0]) == [[START] * 3] * 2
    given = rows(3)
    background = given.of(given.kinds < 0)
    known = LevelFit(np.full((2, 5), 0.1, np.float32), np.full(2, -8.0, np.float32))
    learns = np.ones((len(background.images), 1), bool)
    [[fit]] = fitted(background, learns, [1e-4], known)
    assert np.abs(fit.weights - known.weights).max() < 0.05


def test_each_model_learns_how_well_its_own_boxes_show_things():
    given = rows(6)
    learns = np.ones((len(given.images), 2), bool)
    quality = given.quality[:, None] * np.array([1, 0.5], np.float32)
    [[one, other]] = fit_level(given, START, learns, [1.0], quality)
    own = given.kinds == 0
    told = [level_scores(each, given.features[own].T, np.ones(own.sum()))[:, 0].mean()
            for each in (one, other)]  # fmt: skip
    assert told[0] > 0.65
    assert 0.3 < told[1] < 0.5


def test_strengths_are_fitted_from_the_most_regularised_on_and_told_in_the_order_asked():
    given = rows(4)
    learns = np.ones((len(given.images), 2), bool)
    weak, strong = fitted(given, learns, [10.0, 0.01])
    [alone] = fitted(given, learns, [10.0])
    assert np.abs(strong[0].weights).sum() < 0.9 * np.abs(weak[0].weights).sum()
    told = [level_scores(each[0], given.features.T, given.certain) for each in (weak, alone)]
    assert np.abs(told[0] - told[1]).max() < 0.05


def test_objectness_is_a_part_of_the_score():
    fit = LevelFit(np.ones((1, 1), np.float32), np.zeros(1, np.float32))
    scores = level_scores(fit, np.zeros((1, 2), np.float32), np.array([1.0, 0.5], np.float32))
    assert scores[:, 0].tolist() == [0.5, 0.25]


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_slopes_are_those_of_the_loss(beta):
    torch.manual_seed(0)
    logits = torch.randn(40, 3, 2, dtype=torch.float64)
    wanted = torch.rand(40, 1, 2, dtype=torch.float64) * (torch.rand(40, 1, 2) < 0.3)
    certain = torch.rand(40, 1, 1, dtype=torch.float64) * 0.9 + 0.05
    free = logits.clone().requires_grad_(True)
    score = (free.sigmoid() * certain).clamp(1e-6, 1 - 1e-6)
    losses = -(wanted * score.log() + (1 - wanted) * (1 - score).log())
    losses = losses * (wanted - score).abs() ** beta
    losses.sum().backward()
    found, slopes = box_linear._focal(logits.clone(), wanted, certain, beta)
    assert torch.allclose(found, losses.detach(), atol=1e-9)
    assert torch.allclose(slopes, free.grad, atol=1e-7)


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
@pytest.mark.parametrize("sure", [True, False])
def test_background_is_the_same_loss_sooner(beta, sure):
    torch.manual_seed(0)
    logits = torch.randn(40, 3, 2, dtype=torch.float64)
    certain = None if sure else torch.rand(40, 1, 1, dtype=torch.float64) * 0.9 + 0.05
    full = torch.ones(40, 1, 1, dtype=torch.float64) if certain is None else certain
    nothing = torch.zeros(40, 1, 2, dtype=torch.float64)
    wanted = box_linear._focal(logits.clone(), nothing, full, beta)
    found = box_linear._background(logits.clone(), certain, beta)
    for one, other in zip(found, wanted, strict=True):
        assert torch.allclose(one, other, atol=1e-9)


def test_blocks_give_what_all_rows_at_once_give(monkeypatch):
    given = rows(5)
    learns = np.random.default_rng(0).random((len(given.images), 2)) < 0.8
    whole = fitted(given, learns, [1.0])
    monkeypatch.setattr(box_linear, "_BLOCK", 1)
    parts = fitted(given, learns, [1.0])
    assert np.abs(whole[0][1].weights - parts[0][1].weights).max() < 2e-2
