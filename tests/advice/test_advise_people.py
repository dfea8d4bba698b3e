"""Advice about people: every network measured on all of them, and the training to run."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.crowds import crowd
from tests.strategies.problems import material

from headstart.advice.advise_people import advise_people
from headstart.compute import Compute
from headstart.data.open import open_dataset

CPU = Compute(device="cpu", workers=1)


@pytest.fixture
def ground(tmp_path):
    return material(open_dataset(crowd(tmp_path / "data", people=6, each=3)))


def advised(prepared, network, **options):
    looks = [(network.backbone, network.preprocess)]
    return advise_people("DATA", prepared, looks, {"gone": "no"}, CPU, faces=None, **options)


def test_frozen_features_are_measured_and_a_training_named(ground):
    prepared, network = ground
    advice = advised(prepared, network)
    assert (advice.facts.identities, advice.facts.images) == (6, 18)
    assert list(advice.rows) == [network.backbone.name]
    for one in advice.rows[network.backbone.name].values():
        assert one.low <= one.value <= one.high
    assert advice.command.endswith("--image-size 32 --task identity -o RUN")
    assert advice.skipped == {"gone": "no"}
    assert "recall@1" in advice.summary[0]
    assert advice.findings[0].check == "too_few_identities"


def test_what_cannot_learn_an_embedding_is_told_to_classify(ground, tmp_path):
    prepared, network = ground
    few, _ = material(open_dataset(crowd(tmp_path / "few", people=3, each=3)))
    assert "--strategy auto" in advised(few, network).command
    source = replace(network.backbone.source, kind="onnx")
    frozen = replace(network, backbone=replace(network.backbone, source=source))
    assert "--strategy probe" in advised(prepared, frozen).command


def test_faces_are_part_of_the_command(ground):
    assert "--faces" in advised(*ground, detector="yunet").command


def test_where_nobody_has_two_images_nothing_is_measured(ground, tmp_path):
    single, _ = material(open_dataset(crowd(tmp_path / "single", people=6, each=1)))
    advice = advised(single, ground[1])
    assert advice.rows == {}
    assert advice.facts.frozen is None
