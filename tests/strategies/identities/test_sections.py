"""What a run says of a learnt embedding: rows, gains, and honest columns of their own."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from tests.strategies.identities.test_problem import problem_of

from headstart.metrics.retrieval import MEASURES
from headstart.records import to_json
from headstart.strategies.identities.problem import IdentityProblem, MeasuredEmbedding
from headstart.strategies.identities.sections import (
    describe_embedding,
    embedding_trials,
    finetuning_section,
    retrieval_section,
)
from headstart.tasks.identity.health import Health
from headstart.tasks.identity.recipe import MetricRecipe


@pytest.fixture(scope="module")
def problem() -> IdentityProblem:
    return problem_of()


def measured(problem: IdentityProblem, name: str, noise: float) -> MeasuredEmbedding:
    """A perfect embedding but for noise."""
    exact = np.eye(8)[problem.identities[problem.test]]
    vectors = exact + noise * np.random.default_rng(0).normal(size=exact.shape)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return problem.measure(name, f"{name} way", unit.astype(np.float32), 1.25)


def trained(before: MeasuredEmbedding, after: MeasuredEmbedding, **other) -> SimpleNamespace:
    kept = SimpleNamespace(share=0.5, epochs=(2, 3), start_measure=0.4, measure=0.9)
    return SimpleNamespace(
        start=Health(0.2, 6.0, 0.5), people=(3, 2), validation=after.found, val_start=before.found,
        kept=kept, refitted=True, recipe=MetricRecipe(), history=(), diverged=-1, **other,
    )  # fmt: skip


def test_rows_are_measured_beside_what_was_kept(problem):
    good, poor = measured(problem, "triplet", 0.0), measured(problem, "frozen", 1.0)
    found = retrieval_section(problem, [good, poor], "embedding", trained(poor, good), 12)
    assert found["kept"] == "embedding"
    assert found["identities"] == {"trained": 4, "deciding": 2, "unseen": 4}
    first, second = found["rows"]
    assert set(first["measures"]) == set(found["measures"]) == set(MEASURES)
    assert first["gain"] is None
    difference = first["measures"]["map_at_r"].value - second["measures"]["map_at_r"].value
    assert second["gain"]["map_at_r"].value == pytest.approx(difference)
    assert second["gain"]["map_at_r"].low <= difference <= second["gain"]["map_at_r"].high
    assert '"rows"' in to_json(found)
    rows = embedding_trials(found)
    assert list(rows[0]) == [
        "embedding", "dimension", "recall_at_1", "low", "high", "map_at_r", "seconds", "chosen",
    ]  # fmt: skip
    assert [row["chosen"] for row in rows] == [True, False]
    assert rows[0] | {"low": ""} == {
        "embedding": "triplet way", "dimension": 12, "recall_at_1": "1.0000", "low": "",
        "high": "1.0000", "map_at_r": "1.0000", "seconds": "1.200", "chosen": True,
    }  # fmt: skip


def test_the_people_who_decided_are_quoted(problem):
    good, poor = measured(problem, "triplet", 0.0), measured(problem, "frozen", 1.0)
    said = finetuning_section(trained(poor, good), "embedding", (), 0)
    assert said["kept"] == "finetune"
    assert said["measure"] == "recall@1"
    assert "accuracy" not in to_json(said)
    assert said["validation"]["n"] == len(good.found.items)
    assert said["validation"]["finetune"].value == 1.0
    assert said["validation"]["gain"].value == pytest.approx(
        1.0 - said["validation"]["probe"].value
    )
    assert said["summary"].startswith("The embedding was kept: among 2 people")
    stayed = finetuning_section(trained(poor, poor), "whitened", (), 0)
    assert stayed["kept"] == "probe"
    assert stayed["summary"].startswith("The whitened frozen features")


def test_a_model_is_described_by_what_was_kept(problem):
    own = measured(problem, "triplet", 0.0)
    model = SimpleNamespace(
        head=SimpleNamespace(arrays={"prototypes": np.zeros((8, 16))}),
        backbone=SimpleNamespace(name="net"),
        preprocess=SimpleNamespace(size=96),
    )
    text = describe_embedding(model, own, "embedding")
    assert text == (
        "the mean embedding of each of 8 people, by the triplet way of net (16 numbers), images at "
        "96 px"
    )
    assert "whitened within people" in describe_embedding(model, own, "whitened")
