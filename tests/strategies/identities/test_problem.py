"""Who is held out, what would give them away, and how an embedding is measured on them."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.errors import OptionError
from headstart.images.stats import ImageStats
from headstart.nets.learning.embedder import project
from headstart.probe.frozen import Frozen
from headstart.strategies.identities.problem import (
    IdentityProblem,
    frozen_embeddings,
    make_identity_problem,
)
from headstart.strategies.problem import FrozenNetwork, Prepared
from headstart.tasks.identity.recipe import MetricRecipe
from headstart.tasks.identity.whiten import whitening

PEOPLE, EACH, WIDE = 8, 5, 12


def problem_of(
    *, each: int = EACH, clusters: np.ndarray | None = None, groups: np.ndarray | None = None
) -> IdentityProblem:
    """Identities whose vectors lie around a direction of their own."""
    who = np.repeat(np.arange(PEOPLE), each)
    n, rng = len(who), np.random.default_rng(0)
    vectors = np.eye(PEOPLE, WIDE)[who] + 0.05 * rng.normal(size=(n, WIDE))
    labels = Classes(tuple(f"p{k}" for k in range(PEOPLE)), who)
    names = tuple(f"{i}.jpg" for i in range(n))
    splits = np.full(n, "")
    dataset = Dataset(None, names, labels, splits, groups, task="identity")
    clusters = np.arange(n) if clusters is None else clusters
    prepared = Prepared(dataset, ImageStats.empty(n), clusters, splits, np.zeros(n, bool))
    frozen = Frozen(vectors.astype(np.float32), {"last": np.arange(2, WIDE)})
    backbone = SimpleNamespace(name="net")
    network = FrozenNetwork(backbone, None, 1, frozen)  # type: ignore[arg-type]
    return make_identity_problem(prepared, network, MetricRecipe(), Compute())


def test_nobody_trains_and_tests():
    problem = problem_of()
    trained, tested = (np.unique(problem.identities[i]) for i in (problem.items, problem.test))
    assert len(trained) == len(tested) == PEOPLE // 2
    assert not np.intersect1d(trained, tested).size
    assert problem.unseen.tolist() == tested.tolist()
    assert not problem.dropped.any()


def test_what_would_give_the_test_away_is_left_out_of_the_training():
    plain = problem_of()
    clusters = np.arange(PEOPLE * EACH)
    clusters[plain.items[0]] = clusters[plain.test[0]]
    problem = problem_of(clusters=clusters)
    assert np.flatnonzero(problem.dropped).tolist() == [plain.items[0]]
    assert plain.items[0] not in problem.items
    assert plain.test[0] in problem.test


def test_a_group_is_not_a_copy(monkeypatch):
    """A group may be the person itself; whether images are copies is told by the images."""
    plain = problem_of()
    assert np.array_equal(plain.copies, plain.prepared.clusters)
    n = PEOPLE * EACH
    monkeypatch.setattr(
        "headstart.strategies.identities.problem.find_clusters", lambda stats, groups: np.arange(n)
    )
    who = np.repeat(np.arange(PEOPLE), EACH)
    grouped = problem_of(clusters=who, groups=who.astype(str))
    assert np.array_equal(grouped.copies, np.arange(n))
    assert not grouped.dropped.any()


def test_every_image_asks_for_the_others_of_its_identity():
    problem = problem_of()
    perfect = np.eye(PEOPLE, dtype=np.float32)[problem.identities[problem.test]]
    measured = problem.measure("perfect", "made up", perfect, 2.5)
    assert measured.seconds == 2.5
    assert measured.items.tolist() == problem.test.tolist()
    assert measured.scores.shape == (len(problem.test), len(problem.unseen))
    named = problem.unseen[measured.scores.argmax(axis=1)]
    assert named.tolist() == problem.identities[problem.test].tolist()
    assert measured.found.map_at_r.tolist() == [1.0] * len(problem.test)


def test_who_has_one_image_cannot_be_asked_for():
    problem = problem_of(each=1)
    with pytest.raises(OptionError, match="nobody held out has two different images"):
        problem.measure("any", "", np.eye(len(problem.test), dtype=np.float32))


def test_what_needs_no_training_ends_where_training_begins():
    problem = problem_of()
    vectors, columns = problem.network.features.vectors, problem.columns
    measured, start = frozen_embeddings(problem, MetricRecipe())
    assert [each.name for each in measured] == ["frozen", "whitened"]
    items = problem.items
    assert np.array_equal(start, whitening(vectors[items][:, columns], problem.identities[items]))
    again = problem.measure("", "", project(vectors[problem.test], columns, start))
    assert np.array_equal(measured[-1].scores, again.scores)
    measured, start = frozen_embeddings(problem, MetricRecipe(head="none"))
    assert [each.name for each in measured] == ["frozen"]
    assert start is None
