"""How the embeddings of a batch lie, against what can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tests.tasks.identity.embedders import LABELS

from headstart.tasks.identity.health import health

THREE = torch.from_numpy(LABELS)


def test_health_of_a_collapse_and_of_the_opposite():
    labels = torch.from_numpy(LABELS)
    rng = torch.Generator().manual_seed(0)
    point = torch.ones(12, 8) + 1e-5 * torch.randn(12, 8, generator=rng)
    gone = health(point, labels, margin=0.2)
    assert gone.mean_negative_cosine > 0.999
    assert gone.effective_rank == 1.0
    assert gone.active_triplets == 1.0
    assert health(torch.zeros(12, 8), labels, margin=0.2) == (1.0, 1.0, 1.0)
    assert health(torch.full((12, 8), 1e38), labels, margin=0.2) == (1.0, 1.0, 1.0)
    apart = health(torch.eye(8)[labels] + 0.0, labels, margin=0.2)
    assert apart.mean_negative_cosine == pytest.approx(0)
    assert apart.effective_rank == pytest.approx(2)  # three points lie in a plane
    assert apart.active_triplets == 0
    spread = health(torch.randn(12, 64, generator=rng), labels, margin=0.2)
    assert spread.effective_rank > 8
    assert 0.3 < spread.active_triplets < 1
    broken = health(torch.full((12, 8), float("nan")), labels, margin=0.2)
    assert np.isnan(broken.mean_negative_cosine)


def drawn(count: int = 12, width: int = 16, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("margin", [0.0, 0.2, 0.7])
def test_against_brute_force(seed, margin):
    vectors = drawn(seed=seed)
    unit = torch.nn.functional.normalize(vectors, dim=1).numpy().astype(float)
    cosines, apart = unit @ unit.T, np.linalg.norm(unit[:, None] - unit[None], axis=2)
    others = [cosines[a, b] for a in range(12) for b in range(12) if LABELS[a] != LABELS[b]]
    triplets = [
        apart[a, p] - apart[a, n] + margin > 0
        for a in range(12)
        for p in range(12)
        for n in range(12)
        if a != p and LABELS[a] == LABELS[p] and LABELS[a] != LABELS[n]
    ]
    shares = np.linalg.svd(unit - unit.mean(axis=0), compute_uv=False) ** 2
    shares = shares[shares > 1e-9] / shares.sum()
    got = health(vectors, THREE, margin=margin)
    assert got.mean_negative_cosine == pytest.approx(np.mean(others), abs=1e-5)
    assert got.active_triplets == pytest.approx(np.mean(triplets), abs=1 / len(triplets))
    assert got.effective_rank == pytest.approx(np.exp(-(shares * np.log(shares)).sum()), rel=1e-4)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
def test_lengths_do_not_count(scale):
    one, other = health(drawn(), THREE, margin=0.2), health(scale * drawn(), THREE, margin=0.2)
    assert other == pytest.approx(one, abs=1e-5)


def test_neither_order_nor_rotation_counts():
    vectors, order = drawn(), torch.randperm(12, generator=torch.Generator().manual_seed(1))
    wanted = health(vectors, THREE, margin=0.2)
    assert health(vectors[order], THREE[order], margin=0.2) == pytest.approx(wanted, abs=1e-5)
    turn = torch.linalg.qr(drawn(16, 16, seed=3))[0]
    assert health(vectors @ turn, THREE, margin=0.2) == pytest.approx(wanted, abs=1e-4)


def test_one_person_has_no_triplets():
    got = health(drawn(4), torch.zeros(4, dtype=torch.long), margin=0.2)
    assert math.isnan(got.mean_negative_cosine)
    assert math.isnan(got.active_triplets)
    assert got.effective_rank > 1


def test_one_image_each_has_no_triplets_but_cosines():
    got = health(torch.eye(4), torch.arange(4), margin=0.2)
    assert got.mean_negative_cosine == pytest.approx(0)
    assert math.isnan(got.active_triplets)


@pytest.mark.parametrize("dimensions", [1, 2, 5])
def test_rank_counts_directions(dimensions):
    basis = torch.eye(16)[:dimensions]
    vectors = torch.cat([basis, -basis])
    labels = torch.arange(2 * dimensions)
    got = health(vectors, labels, margin=0.2)
    assert got.effective_rank == pytest.approx(dimensions, rel=1e-4)


def test_some_that_died_are_one_point_among_others():
    vectors = drawn()
    vectors[:4] = 0
    got = health(vectors, THREE, margin=0.2)
    assert all(math.isfinite(each) for each in got)
    assert got.mean_negative_cosine < 0.5


def test_nothing_is_kept_for_a_gradient():
    vectors = drawn().requires_grad_()
    health(vectors, THREE, margin=0.2)
    assert vectors.grad is None
