"""How well people are told apart: every pair and every search, against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tests.gallery.people import crowd

from headstart.gallery.leave_one_out import leave_one_out
from headstart.gallery.recognition import Recognition, measures_of
from headstart.records import Estimate

FARS = (0.1, 0.01)


@pytest.fixture(scope="module")
def photos():
    """Six people with four photos each, and what comparing them gives."""
    vectors, owners = crowd(6, 4, noise=1.2)
    trials = leave_one_out(vectors, owners, method="knn", k=1)
    return vectors[trials.photos], owners[trials.photos], trials


def pairs(vectors, owners, chosen):
    same, other = [], []
    for a, b in itertools.combinations(np.flatnonzero(chosen), 2):
        (same if owners[a] == owners[b] else other).append(float(vectors[a] @ vectors[b]))
    return np.array(same), np.array(other)


@pytest.mark.parametrize("people", [6, 4, 2])
def test_pairs_are_all_pairs_inside(photos, people):
    from sklearn.metrics import roc_auc_score

    vectors, owners, trials = photos
    chosen = owners < people
    found = measures_of(trials, chosen, 0.3, 0, fars=FARS)
    same, other = pairs(vectors, owners, chosen)
    truth = np.repeat([1, 0], [len(same), len(other)])
    assert found["auc"].value == pytest.approx(
        roc_auc_score(truth, np.concatenate([same, other])), abs=1e-5
    )
    assert found["auc"].n == len(same) + len(other)
    assert found["far_at_threshold"].value == pytest.approx((other > 0.3).mean())
    assert found["tar_at_threshold"].value == pytest.approx((same > 0.3).mean())


def test_ranks_are_searches_among_all(photos):
    vectors, owners, trials = photos
    found = measures_of(trials, np.ones(len(owners), bool), None, 0, fars=FARS)
    scores = vectors @ vectors.T
    np.fill_diagonal(scores, -2)
    assert found["rank_1"].value == pytest.approx((owners[scores.argmax(1)] == owners).mean())
    assert found["rank_1"].value <= found["rank_5"].value
    assert found["rank_1"].n == len(owners)


def test_without_a_threshold_nothing_is_said_of_it(photos):
    _, owners, trials = photos
    found = measures_of(trials, np.ones(len(owners), bool), None, 0, fars=FARS)
    assert set(found) == {"auc", "eer", "tar_at_far_0.1", "tar_at_far_0.01", "rank_1", "rank_5"}
    for each in found.values():
        assert 0 <= each.low <= each.value <= each.high <= 1


def test_where_there_are_no_pairs_there_are_no_measures(photos):
    _, owners, trials = photos
    one_each = np.zeros(len(owners), bool)
    one_each[np.unique(owners, return_index=True)[1]] = True
    assert measures_of(trials, one_each, 0.3, 0, fars=FARS) == {}  # none of one person
    assert measures_of(trials, owners == 2, 0.3, 0, fars=FARS) == {}  # none of two
    assert measures_of(trials, owners < 0, 0.3, 0, fars=FARS) == {}


def test_ranks_beyond_the_people_there_are_mean_nothing():
    vectors, owners = crowd(3, 3)
    trials = leave_one_out(vectors, owners, method="knn", k=1)
    found = measures_of(trials, np.ones(9, bool), None, 0, fars=FARS)
    assert "rank_1" in found
    assert "rank_5" not in found


def record(**more) -> Recognition:
    made = Estimate(0.1, 0.05, 0.2, 100, "Wilson")
    measures = {"auc": made, "eer": made, "tar_at_far_0.001": made, "rank_1": made}
    return Recognition("album", 1200, 3456, measures, **more)


def test_in_words():
    found = record(notes=("One note.",))
    assert found.lines()[0].startswith("Measured on album: 3,456 photos of 1,200 people")
    assert found.lines()[1:] == ["One note."]
    names = [name for name, _ in found.rows()]
    assert names == ["AUC", "equal error rate", "TAR at FAR 0.001", "rank-1"]
    assert repr(found) == "Recognition(1,200 people, EER 0.100 (0.050–0.200))"


def test_subgroups_are_named_once_and_the_empty_left_out():
    nothing = Estimate(float("nan"), 0, 1, 0, "undefined")
    some = Estimate(0.9, 0.8, 1, 10, "Wilson")
    found = record(subgroups={"age": {"old": {"auc": some, "rank_1": some},
                                      "young": {"auc": nothing}}})  # fmt: skip
    names = [name for name, _ in found.rows()]
    assert names[4:] == ["age old: AUC", "  rank-1"]


def test_as_a_table_nothing_runs():
    found = record(notes=("<b>",), subgroups={"<age>": {"<1>": record().measures}})
    page = found._repr_html_()
    assert "&lt;b&gt;" in page
    assert "&lt;age&gt; &lt;1&gt;: AUC" in page
