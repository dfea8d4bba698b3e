"""Advice about identities: each condition by itself, and the case that has them all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headstart.advice.people import (
    PeopleFacts,
    people_facts,
    people_findings,
    people_sentences,
)
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.records import Estimate


def reached(value: float) -> dict[str, Estimate]:
    names = ("recall_at_1", "map_at_r", "r_precision", "one_shot")
    return {name: Estimate(value, value - 0.1, min(1, value + 0.1), 90, "test") for name in names}


FINE = PeopleFacts(
    identities=400, images=8000, per_identity=20, short_side=160, input_size=224,
    backbone="mobilenet", pretraining_classes=1000, trainable=True, faces=None, split=False,
    both_sides=0, frozen=reached(0.7),
)  # fmt: skip
THREE = replace(
    FINE, identities=3, images=10_000, per_identity=3333, short_side=80, faces=0.98, split=True,
    both_sides=3, frozen=reached(0.9),
)  # fmt: skip


def checks(facts: PeopleFacts) -> dict[str, str]:
    found = people_findings(facts)
    for each in found:
        assert each.claim.endswith(".")
        assert each.remedy.endswith(".")
    return {each.check: each.severity for each in found}


def test_ten_thousand_faces_of_three_people():
    """Exactly this: too few, split by image, wrong domain, small; unfreeze or a face embedder."""
    assert checks(THREE) == {
        "too_few_identities": "serious",
        "split_not_by_identity": "serious",
        "wrong_source_domain": "serious",
        "input_too_small": "warning",
    }
    by_name = {each.check: each for each in people_findings(THREE)}
    assert "3 identities are too few to learn an embedding" in by_name["too_few_identities"].claim
    assert "3,333 images" in by_name["too_few_identities"].claim
    assert "no split by identity is possible" in by_name["split_not_by_identity"].remedy
    remedy = by_name["wrong_source_domain"].remedy
    assert "unfreeze the network" in remedy
    assert "trained on faces" in remedy
    assert "80 pixels" in by_name["input_too_small"].claim
    assert "Do not learn an embedding here" in " ".join(people_sentences(THREE, []))


def test_nothing_is_said_where_nothing_is_wrong():
    assert checks(FINE) == {}
    assert "compare it with the frozen features" in people_sentences(FINE, [])[-1]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"identities": 40}, {"too_few_identities": "note"}),
        ({"identities": 9}, {"too_few_identities": "serious"}),
        ({"split": True, "both_sides": 12}, {"split_not_by_identity": "serious"}),
        ({"faces": 0.9}, {"wrong_source_domain": "warning"}),
        ({"faces": 0.1}, {}),
        ({"frozen": reached(0.2)}, {"wrong_source_domain": "warning"}),
        ({"frozen": reached(0.2), "pretraining_classes": 0}, {}),
        ({"faces": 0.9, "pretraining_classes": 0}, {}),
        ({"short_side": 80}, {"input_too_small": "warning"}),
        ({"short_side": 80, "input_size": 112}, {}),
        ({"frozen": None}, {}),
    ],
)
def test_each_condition_by_itself(change, expected):
    assert checks(replace(FINE, **change)) == expected


def test_a_frozen_file_is_not_told_to_unfreeze():
    frozen = replace(FINE, faces=0.9, trainable=False)
    [finding] = people_findings(frozen)
    assert "unfreeze" not in finding.remedy.lower()
    assert "only be used frozen" in people_sentences(frozen, [finding])[-1]


def test_what_is_counted():
    targets, splits = np.repeat([0, 1, 2], [4, 4, 2]), np.array(["train", "val"] * 5)
    data = Dataset(None, tuple(map(str, range(10))), Classes(("a", "b", "c"), targets), splits)
    sizes = np.full((10, 2), (120, 80))
    facts = people_facts(
        data, sizes, backbone="x", input_size=224, pretraining_classes=1000, trainable=True,
        faces=None, frozen=None,
    )  # fmt: skip
    assert (facts.identities, facts.per_identity, facts.short_side) == (3, 4, 80)
    assert (facts.split, facts.both_sides) == (True, 3)
    assert not facts.mostly_faces
