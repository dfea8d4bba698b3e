"""From usable items to an embedding: measured on people it never saw, beside what it must beat."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.strategies.problems import asking, material
from tests.tasks.identity.crowds import crowd

from headstart.compute import Compute
from headstart.data.open import open_dataset
from headstart.errors import BackboneError, DataError, OptionError
from headstart.records import to_json
from headstart.scoring.score import score
from headstart.strategies.clock import Clock
from headstart.strategies.train_identities import train_identities
from headstart.tasks.identity.recipe import MetricRecipe

CPU = Compute(device="cpu", workers=1)
QUICK = MetricRecipe(epochs=1, identities=3, each=3, augment="light", hflip="no")


def people(folder, **options):
    return replace(open_dataset(crowd(folder, **options)), task="identity")


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """(data set, what was learnt of it)."""
    root = tmp_path_factory.mktemp("people")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_CACHE", str(root / "cache"))
        data = people(root / "data")
        prepared, network = material(data)
        with asking(root / "run", recipe=QUICK) as ask:
            yield data, train_identities(prepared, network, ask, CPU, Clock())


def test_who_is_measured_was_never_trained_on(learnt):
    data, found = learnt
    who = data.labels.targets
    shown = who[found.histories.items] if found.histories else []
    assert not set(who[found.items]) & set(shown)
    assert len(np.unique(who[found.items])) == 4
    assert found.evaluation[0] == "holdout"
    assert found.clusters.tolist() == who.tolist(), "intervals are over people, not images"


def test_answers_are_of_the_task_and_better_than_chance(learnt):
    data, found = learnt
    labels = data.labels.take(found.items)
    own = score("identity", found.predictions, labels, clusters=found.clusters[found.items])
    assert found.predictions.names == tuple(data.names[i] for i in found.items)
    assert own.value.value > 0.5
    assert found.uncalibrated.labels.tolist() == found.predictions.labels.tolist()
    for each in found.baselines.values():
        assert each.names == found.predictions.names


def test_everybody_is_enrolled_in_the_model(learnt):
    data, found = learnt
    assert (found.model.spec.task, found.model.spec.names) == ("identity", data.labels.names)
    assert found.model.head.n_classes == 8
    assert np.linalg.norm(found.model.head.arrays["prototypes"], axis=1) == pytest.approx(1)


def test_ways_are_told_beside_each_other(learnt):
    _, found = learnt
    read = json.loads(to_json(found.sections))
    names = [each["name"] for each in read["retrieval"]["rows"]]
    assert names == ["triplet", "frozen", "whitened", "softmax"]
    for row in read["retrieval"]["rows"]:
        for one in row["measures"].values():
            assert one["low"] <= one["value"] <= one["high"]
    assert [bool(each["chosen"]) for each in found.trials].count(True) == 1


@pytest.mark.parametrize(
    ("crowded", "error", "message"),
    [({"people": 4}, DataError, "too few for an embedding"), ({"each": 1}, OptionError, "nobody")],
)
def test_what_nobody_can_be_known_again_by(tmp_path, crowded, error, message):
    prepared, network = material(people(tmp_path / "data", **crowded))
    with (
        asking(tmp_path / "run", recipe=QUICK) as ask,
        pytest.raises(error, match=message),
    ):
        train_identities(prepared, network, ask, CPU, Clock())


def test_an_onnx_file_cannot_learn(tmp_path):
    prepared, network = material(people(tmp_path / "data", people=6, each=2))
    source = replace(network.backbone.source, kind="onnx")
    frozen = replace(network, backbone=replace(network.backbone, source=source))
    with (
        asking(tmp_path / "run", recipe=QUICK) as ask,
        pytest.raises(BackboneError, match="can only be used frozen"),
    ):
        train_identities(prepared, frozen, ask, CPU, Clock())
