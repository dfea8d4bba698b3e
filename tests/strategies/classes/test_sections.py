"""What is said of a training: sentences about models, and parts of `metrics.json`."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from headstart.images.preprocess import Preprocess
from headstart.images.views import Look
from headstart.metrics.interval import paired_difference, wilson
from headstart.probe.classifiers import Config
from headstart.records import Finding, to_json
from headstart.strategies.classes.sections import advice, describe, describe_tuned, finetuning
from headstart.strategies.finetuning.plan import FinetuneCandidate, FinetuneOutcome, FinetunePlan
from headstart.training.schedule import Recipe

SEEN = Preprocess(96, "square")
MODEL = SimpleNamespace(backbone=SimpleNamespace(name="resnet18"), preprocess=SEEN, tta=1)


def probe_on(features: str, classifier: str = "logistic") -> SimpleNamespace:
    config = SimpleNamespace(features=features, classifier=classifier)
    return SimpleNamespace(config=config, criterion="accuracy", trials=(None,) * 12, members=())


def tuning_of(recipe: Recipe, *, share: float = 1.0) -> SimpleNamespace:
    right = np.arange(40) < 30
    gain = paired_difference(right | (np.arange(40) == 35), right)
    kept = SimpleNamespace(share=share, epochs=(2, 3))
    return SimpleNamespace(
        kept="finetune", summary="Fine-tuning was kept.", recipe=recipe,
        rounds=(SimpleNamespace(kept=kept, refitted=True),), probe=wilson(30, 40),
        finetuned=wilson(31, 40), gain=gain,
        diagnoses=(Finding("underfitting", "note", "Loss fell.", (), "Train longer."),),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ("all", "on all stages of resnet18"), ("last", "on the last layer of"),
        ("upper", "on the upper stages of"), ("stage3", "on stage 3 of"),
    ],
)  # fmt: skip
def test_a_probe_in_one_sentence(features, said):
    found = describe(MODEL, probe_on(features))
    assert found.startswith("logistic regression on")
    assert said in found
    assert "resized to 96 px; chosen by cross-validated accuracy among 12 trials" in found
    assert "views" not in found
    by = describe(MODEL, probe_on(features), by="validation")
    assert "; chosen by validation accuracy among 12 trials" in by


def averaged(*features: str) -> SimpleNamespace:
    """An average of logistic regressions."""
    parts = [(Config("logistic", each, 1.0), np.arange(3), 1.0) for each in features]
    return SimpleNamespace(
        **{**vars(probe_on("all")), "members": tuple(features), "parts": lambda: parts}
    )


def test_a_small_image_among_an_average_is_told():
    assert describe(MODEL, averaged("all (a)", "pixels (a)")).startswith(
        "average of 2 linear classifiers on the stages and on the pixels of a small image of "
    )


def test_crops_faces_and_views_are_told():
    views = SimpleNamespace(**{**vars(MODEL), "tta": 3})
    assert ", 3 views averaged;" in describe(views, probe_on("all"))
    padded = SimpleNamespace(**{**vars(MODEL), "preprocess": replace(SEEN, geometry="pad")})
    assert "images padded to 96 px" in describe(padded, probe_on("all", "neighbours"))
    seen = replace(SEEN, geometry="squash", beside=(Look("crop", 0.74),))
    several = SimpleNamespace(**{**vars(MODEL), "preprocess": seen})
    mean = averaged("all (a)", "last (b)", "upper (b)")
    assert describe(several, mean).startswith(
        "average of 3 linear classifiers on the stages of resnet18, each image seen 2 ways (the "
        "whole, squashed; the middle 74%), resized to 96 px; chosen by"
    )
    faces = SimpleNamespace(backbone=MODEL.backbone, tta=1)
    faces.preprocess = SimpleNamespace(geometry="square", faces=object(), size=112, looks=(None,))
    assert "largest face of each photo set upright" in describe(faces, probe_on("last", "svm"))


def test_a_fine_tuned_network_in_one_sentence():
    whole = describe_tuned(MODEL, tuning_of(Recipe(epochs=9)))
    assert whole == (
        "resnet18 fine-tuned in all its layers for 9 epochs from a linear probe, the largest "
        "square of each image at 96 px"
    )
    part = describe_tuned(MODEL, tuning_of(Recipe(epochs=1, freeze="last"), share=0.75))
    assert "its last 2 stages for 1 epoch from a linear probe, 75% of the way" in part
    assert "in its head" in describe_tuned(MODEL, tuning_of(Recipe(freeze="head")))


def test_the_part_about_fine_tuning_is_ready_for_json():
    assert finetuning(FinetuneOutcome(None, None, None)) is None
    found = finetuning(FinetuneOutcome(None, tuning_of(Recipe(epochs=3)), None))
    read = json.loads(to_json(found))
    assert (read["kept"], read["share"], read["epochs"]) == ("finetune", 1.0, [2, 3])
    assert read["recipe"]["epochs"] == 3
    assert read["validation"]["n"] == 40
    for name in ("probe", "finetune", "gain"):
        one = read["validation"][name]
        assert one["low"] < one["value"] < one["high"], "every number has its interval"
    assert read["diagnoses"][0]["check"] == "underfitting"


def test_the_part_about_what_was_tried():
    assert advice(FinetuneOutcome(None, None, None)) is None
    rows = (
        FinetuneCandidate("frozen probe", None, wilson(30, 40), 0.0),
        FinetuneCandidate("all layers, 2 epochs", Recipe(epochs=2), wilson(31, 40), 12.345),
    )
    plan = FinetunePlan(Recipe(epochs=8), True, ("It will take 3 minutes.",), rows, 181.26)
    read = json.loads(to_json(advice(FinetuneOutcome(plan, None, None))))
    assert read["summary"][0] == "It will take 3 minutes."
    assert "frozen probe 0.750" in read["summary"][1]
    assert "all layers, 2 epochs 0.775" in read["summary"][1]
    assert read["summary"][1].endswith(", 12 s.")
    alone = advice(FinetuneOutcome(FinetunePlan(None, False, ("Few.",), rows[:1], 0.0), None, None))
    assert alone["summary"] == ("Few.",)
    assert read["announced_seconds"] == 181.3
    assert [(each["epochs"], each["seconds"]) for each in read["rows"]] == [(0, 0.0), (2, 12.3)]
    assert read["rows"][0]["accuracy"]["value"] == 0.75
