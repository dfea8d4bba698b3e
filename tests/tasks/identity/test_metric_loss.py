"""Losses: each falls as people come apart, and begins where the frozen vectors are."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.tasks.identity.embedders import LABELS

from headstart.tasks.identity.metric_loss import MARGIN, Criterion, make_criterion
from headstart.tasks.identity.recipe import MetricRecipe

RNG = np.random.default_rng(0)
CENTRES = RNG.normal(size=(3, 16)).astype(np.float32)


@pytest.mark.parametrize(
    "recipe",
    [
        *(MetricRecipe(mining=each) for each in ("semihard", "hard", "distance", "all")),
        *(MetricRecipe(loss=each) for each in
          ("contrastive", "supcon", "arcface", "cosface", "proxyanchor", "softmax")),
    ],
    ids=lambda recipe: f"{recipe.loss}-{recipe.mining}",
)  # fmt: skip
def test_every_loss_falls_when_people_come_apart(recipe):
    """Vectors at their own centre cost less than vectors at random."""
    rng = np.random.default_rng(0)
    centres = np.linalg.qr(rng.normal(size=(16, 3)))[0].T.astype(np.float32)
    criterion = make_criterion(recipe, centres)
    labels = torch.from_numpy(LABELS)
    torch.manual_seed(0)
    apart = torch.from_numpy(centres[LABELS] + 0.01 * rng.normal(size=(12, 16))).float()
    mixed = torch.from_numpy(rng.normal(size=(12, 16))).float()
    near, far = (float(criterion(each, labels).detach()) for each in (apart, mixed))
    assert near < far
    vectors = mixed.clone().requires_grad_()
    criterion(vectors, labels).backward()
    assert torch.isfinite(vectors.grad).all()


def drawn(count: int = 12, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 16, generator=generator)


def value(criterion: Criterion, vectors: torch.Tensor, labels: np.ndarray = LABELS) -> float:
    return float(criterion(vectors, torch.from_numpy(labels)).detach())


def test_all_triplets_by_hand():
    criterion = make_criterion(MetricRecipe(mining="all"), CENTRES)
    vectors = torch.nn.functional.normalize(drawn(), dim=1)
    apart = torch.cdist(vectors, vectors).numpy()
    losses = [
        apart[a, p] - apart[a, n] + MARGIN
        for a in range(12)
        for p in range(12)
        for n in range(12)
        if a != p and LABELS[a] == LABELS[p] and LABELS[a] != LABELS[n]
    ]
    active = [each for each in losses if each > 0]
    assert value(criterion, vectors) == pytest.approx(np.mean(active), rel=1e-4)


def test_contrastive_by_hand():
    criterion = make_criterion(MetricRecipe(loss="contrastive", margin=0.8), CENTRES)
    vectors = torch.nn.functional.normalize(drawn(), dim=1)
    apart = torch.cdist(vectors, vectors).numpy()
    same = LABELS[:, None] == LABELS[None, :]
    pulled = [d for d in apart[same & ~np.eye(12, dtype=bool)] if d > 0]
    pushed = [0.8 - d for d in apart[~same] if d < 0.8]
    wanted = np.mean(pulled) + (np.mean(pushed) if pushed else 0)
    assert value(criterion, vectors) == pytest.approx(wanted, rel=1e-4)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_softmax_is_torchs_cross_entropy(smoothing):
    weights, bias = RNG.normal(size=(3, 16)), RNG.normal(size=3)
    given = {"weights": weights.astype(np.float32), "bias": bias.astype(np.float32)}
    recipe = MetricRecipe(loss="softmax", label_smoothing=smoothing)
    criterion = make_criterion(recipe, CENTRES, classifier=given)
    scores = drawn() @ torch.from_numpy(given["weights"]).T + torch.from_numpy(given["bias"])
    wanted = torch.nn.functional.cross_entropy(
        scores, torch.from_numpy(LABELS), label_smoothing=smoothing
    )
    assert value(criterion, drawn()) == pytest.approx(float(wanted), rel=1e-5)


def test_cosface_by_hand():
    criterion = make_criterion(MetricRecipe(loss="cosface", margin=0.25), CENTRES)
    cosines = (
        torch.nn.functional.normalize(drawn(), dim=1)
        @ torch.nn.functional.normalize(torch.from_numpy(CENTRES), dim=1).T
    )
    cosines[torch.arange(12), torch.from_numpy(LABELS)] -= 0.25
    wanted = torch.nn.functional.cross_entropy(64 * cosines, torch.from_numpy(LABELS))
    assert value(criterion, drawn()) == pytest.approx(float(wanted), rel=1e-4)


@pytest.mark.parametrize("loss", ["arcface", "cosface", "proxyanchor", "softmax"])
def test_weights_of_identities_begin_at_their_means(loss):
    criterion = make_criterion(MetricRecipe(loss=loss), CENTRES)
    found = [p for p in criterion.parameters() if p.ndim == 2]
    assert len(found) == 1
    weights = found[0].detach().numpy()
    assert np.array_equal(weights if weights.shape == CENTRES.shape else weights.T, CENTRES)
    assert found[0].requires_grad


@pytest.mark.parametrize("loss", ["triplet", "contrastive", "supcon"])
def test_pairwise_losses_have_nothing_to_learn(loss):
    assert list(make_criterion(MetricRecipe(loss=loss), CENTRES).parameters()) == []


@pytest.mark.parametrize("loss", ["contrastive", "supcon", "arcface", "cosface", "triplet"])
def test_the_length_of_vectors_does_not_count(loss):
    criterion = make_criterion(MetricRecipe(loss=loss, mining="semihard"), CENTRES)
    near, far = (value(criterion, scale * drawn()) for scale in (1.0, 30.0))
    assert near == pytest.approx(far, rel=1e-3)


@pytest.mark.parametrize("loss", ["triplet", "contrastive", "cosface"])
def test_a_wider_margin_costs_more(loss):
    costs = [
        value(
            make_criterion(MetricRecipe(loss=loss, mining="semihard", margin=margin), CENTRES),
            drawn(),
        )
        for margin in (0.1, 0.4, 1.2)
    ]
    assert costs == sorted(costs)
    assert costs[0] < costs[-1]


@pytest.mark.parametrize("mining", ["semihard", "hard", "distance", "all"])
def test_one_person_alone_teaches_nothing(mining):
    criterion = make_criterion(MetricRecipe(mining=mining), CENTRES)
    assert value(criterion, drawn(4), np.zeros(4, int)) == 0
