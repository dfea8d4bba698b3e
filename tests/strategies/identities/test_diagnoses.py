"""What is said about a learnt embedding, where something simpler is as good."""

from __future__ import annotations

import pytest
from tests.strategies.identities.test_problem import problem_of
from tests.strategies.identities.test_sections import measured, trained

from headstart.strategies.identities.diagnoses import describe_recipe, diagnoses
from headstart.strategies.identities.problem import IdentityProblem, MeasuredEmbedding
from headstart.tasks.identity.recipe import MetricRecipe


@pytest.fixture(scope="module")
def problem() -> IdentityProblem:
    return problem_of()


def test_something_simpler_that_is_as_good_is_named(problem):
    good, poor = measured(problem, "triplet", 0.0), measured(problem, "frozen", 1.0)

    def said(own: MeasuredEmbedding, *others: MeasuredEmbedding, kept: str = "embedding"):
        rows = [(each.name, each.summary, each.found) for each in (own, *others)]
        return {
            each.check: each.severity for each in diagnoses(trained(poor, own), rows, kept, seed=0)
        }

    assert said(good, poor) == {}
    frozen = measured(problem, "frozen", 0.0)
    assert said(good, frozen) == {"no_better_than_frozen": "warning"}
    assert said(poor, frozen) == {"no_better_than_frozen": "serious"}
    assert said(good, frozen, kept="frozen") == {}
    softmax = measured(problem, "softmax", 0.0)
    assert said(good, softmax) == {"no_better_than_softmax": "warning"}
    assert said(good, softmax, kept="frozen") == {}, "untrained features are the simpler ones"
    assert said(poor, softmax, kept="frozen") == {"no_better_than_softmax": "serious"}
    assert said(good, measured(problem, "whitened", 0.0)) == {"no_better_than_whitened": "note"}


def test_what_is_as_good_is_to_be_had_without_a_rate_that_means_none(problem):
    good = measured(problem, "triplet", 0.5)
    for name, way in (("frozen", "headstart enroll"), ("whitened", "--recipe freeze=head")):
        other = measured(problem, name, 0.0)
        rows = [(each.name, each.summary, each.found) for each in (good, other)]
        found = diagnoses(trained(good, good), rows, "embedding", seed=0)
        remedy = next(each.remedy for each in found if each.check == f"no_better_than_{name}")
        assert way in remedy or "No action needed" in remedy
        assert "--lr" not in remedy


@pytest.mark.parametrize(
    ("recipe", "words"),
    [
        (MetricRecipe(mining="hard"), "triplet loss (hard)"),
        (MetricRecipe(loss="arcface"), "ArcFace"),
        (MetricRecipe(loss="softmax"), "plain softmax classifier"),
    ],
)
def test_recipes_in_words(recipe, words):
    assert words in describe_recipe(recipe)
