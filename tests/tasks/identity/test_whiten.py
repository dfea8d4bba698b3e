"""The linear start: what varies within a person counts for less, what was never seen does not."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.metrics.retrieval import retrieve
from headstart.tasks.identity.whiten import whitening


def people(count: int, each: int, *, seed: int, d: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Vectors that vary within a person mostly in the first three of many directions."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(count), each)
    own = rng.normal(0, 0.5, (count, d))[who]
    noise = rng.normal(0, 0.3, (len(who), d))
    noise[:, :3] *= 12
    return (4 + own + noise).astype(np.float32), who


def test_people_never_seen_are_known_again_better():
    train, who = people(15, 8, seed=0)
    test, whom = people(15, 8, seed=1)
    plain = retrieve(test, whom).map_at_r.mean()
    better = retrieve(test @ whitening(train, who).T, whom).map_at_r.mean()
    assert better > plain + 0.2
    shorter = whitening(train, who, dimension=24)
    assert shorter.shape == (24, 40)
    assert retrieve(test @ shorter.T, whom).map_at_r.mean() > plain


def test_directions_of_no_variation_keep_their_length_and_the_common_one_goes():
    train, who = people(3, 4, seed=0)
    square = whitening(train, who)
    unit = train / np.linalg.norm(train, axis=1, keepdims=True)
    common = unit.mean(axis=0) / np.linalg.norm(unit.mean(axis=0))
    assert np.abs(square @ common).max() < 1e-4
    lengths = np.linalg.svd(square, compute_uv=False)
    assert lengths.max() == pytest.approx(1, abs=1e-4)
    assert (lengths > 0.99).sum() >= 40 - 12  # twelve vectors cannot vary in more


def test_people_with_one_image_say_nothing():
    train, _ = people(6, 1, seed=0)
    square = whitening(train, np.arange(6))
    assert np.linalg.svd(square, compute_uv=False)[:39] == pytest.approx(np.ones(39), abs=1e-4)
