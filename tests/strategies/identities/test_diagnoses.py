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
