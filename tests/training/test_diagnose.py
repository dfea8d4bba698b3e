"""Verdicts: each from curves that anyone would read the same way."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from headstart.records import Finding
from headstart.training.diagnose import diagnose
from headstart.training.record import Epoch


def curves(loss, accuracy, val_loss, val_accuracy) -> list[Epoch]:
    rows = zip(loss, accuracy, val_loss, val_accuracy, strict=True)
    return [
        Epoch(number, 5, 1e-3, lost, right, validation, val_right, val_right, 1.0, 100)
        for number, (lost, right, validation, val_right) in enumerate(rows, 1)
    ]


GOOD = curves(
    [0.6, 0.4, 0.35, 0.33], [0.8, 0.9, 0.92, 0.93], [0.5, 0.4, 0.36, 0.36], [0.82, 0.88, 0.9, 0.9]
)


def diagnoses(history, **options) -> list[str]:
    return [each.check for each in findings(history, **options)]


def findings(history, **options) -> list[Finding]:
    start = {"start_loss": 0.6, "start_accuracy": 0.8, "n_classes": 4}
    found = diagnose(history, **{**start, **options})
    for each in found:
        assert each.claim.endswith(".")
        assert each.remedy.endswith(".")
        assert len(each.evidence) <= 6
        assert "nan" not in each.claim or options.get("diverged", -1) >= 0
    return found


def test_a_good_training():
    (found,) = findings(GOOD)
    assert (found.check, found.severity) == ("trained_well", "note")
    assert "from 0.600 before the first step to 0.360; the best epoch was 3 of 4." in found.claim
    assert found.remedy == "No action needed."
    (found,) = findings(GOOD, start_accuracy=0.95)
    assert "held-out accuracy did not rise (0.950 to 0.900)" in found.claim
    assert "--strategy probe" in found.remedy
    assert found.evidence[0].startswith("epoch 1: loss 0.600, accuracy 0.800; held out: loss 0.500")


def test_a_loss_that_is_no_number():
    (found,) = findings([], diverged=0)
    assert (found.check, found.severity) == ("rate_too_high", "warning")
    assert "step 1" in found.claim
    assert "--lr" in found.remedy
    found, *_ = findings(GOOD[:2], diverged=70)
    assert found.check == "rate_too_high"
    assert "step 71" in found.claim


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_held_out_losses_that_are_no_numbers(bad):
    history = curves([0.6, 9e9], [0.8, 0.3], [bad, bad], [0.25, 0.25])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert diagnoses(history, diverged=9)[0] == "rate_too_high"
        assert diagnoses(history) == ["rate_too_high"]
        assert diagnoses(GOOD[:1] + history, diverged=9)[0] == "rate_too_high"


def test_no_epoch_and_nothing_went_wrong():
    assert diagnoses([]) == []


def test_what_was_known_is_undone():
    history = curves([1.9, 1.4, 1.2], [0.4, 0.5, 0.55], [1.5, 1.3, 1.25], [0.5, 0.55, 0.56])
    found = findings(history)
    assert found[0].check == "rate_too_high"
    assert "0.800 to 0.500" in found[0].claim
    assert "--recipe freeze=last" in found[0].remedy


def test_a_bad_first_epoch_that_is_made_good_is_not_blamed():
    history = curves([1.9, 0.6, 0.4], [0.4, 0.8, 0.9], [1.5, 0.5, 0.39], [0.5, 0.85, 0.9])
    assert "rate_too_high" not in diagnoses(history)


def test_by_heart():
    history = curves(
        [0.7, 0.3, 0.1, 0.05], [0.7, 0.9, 0.99, 1.0], [0.6, 0.5, 0.55, 0.7], [0.8, 0.83, 0.82, 0.8]
    )
    (found,) = findings(history)
    assert found.check == "overfitting"
    assert "best in epoch 2 (0.500) and ends at 0.700" in found.claim


def test_by_heart_without_ever_helping():
    history = curves([0.7, 0.3, 0.1], [0.8, 0.95, 1.0], [0.62, 0.61, 0.61], [0.77, 0.77, 0.77])
    assert diagnoses(history) == ["overfitting"]


def test_still_falling():
    history = curves(
        [1.3, 1.2, 1.1, 1.0],
        [0.5, 0.55, 0.6, 0.65],
        [0.59, 0.5, 0.45, 0.4],
        [0.8, 0.81, 0.82, 0.83],
    )
    (found,) = findings(history)
    assert (found.check, found.severity) == ("underfitting", "note")
    assert "0.500 to 0.400" in found.claim
    assert "--epochs" in found.remedy


@pytest.mark.parametrize("n_groups", [2, 12])
def test_too_few_groups(n_groups):
    history = curves([0.5, 0.1], [0.9, 1.0], [0.6, 0.7], [0.75, 0.7])
    (found,) = findings(history, n_groups=n_groups)
    assert (found.check, found.severity) == ("too_few_groups", "serious")
    assert f"{n_groups} groups" in found.claim


def test_many_groups_or_none_are_not_blamed():
    history = curves([0.5, 0.1], [0.9, 1.0], [0.6, 0.7], [0.75, 0.7])
    assert diagnoses(history, n_groups=200) == diagnoses(history) == ["overfitting"]
    assert diagnoses(GOOD, n_groups=3) == ["trained_well"]


def test_held_out_images_of_another_kind():
    history = curves([0.9, 0.3, 0.1], [0.6, 0.95, 1.0], [1.4, 1.6, 1.9], [0.28, 0.25, 0.27])
    (found,) = findings(history, start_loss=1.4, start_accuracy=0.3)
    assert (found.check, found.severity) == ("validation_unlike_training", "serious")
    assert "1.000" in found.claim
    assert "0.270" in found.claim


def test_chance_depends_on_the_number_of_classes():
    history = curves([0.9, 0.1], [0.6, 1.0], [1.4, 1.9], [0.5, 0.55])
    two = {"start_loss": 0.7, "start_accuracy": 0.52, "n_classes": 2}
    assert diagnoses(history, **two) == ["validation_unlike_training"]
    assert diagnoses(history, **{**two, "n_classes": 100}) == ["overfitting"]


def test_long_histories_are_told_in_six_lines():
    n = 40
    validation = np.linspace(1, 0.5, n)
    history = curves(np.linspace(1, 0.3, n), np.linspace(0.5, 0.9, n), validation, np.full(n, 0.85))
    (found,) = findings(history, start_loss=1.2)
    assert len(found.evidence) == 6
    assert found.evidence[0].startswith("epoch 1:")
    assert found.evidence[-1].startswith("epoch 40:")


@pytest.mark.parametrize("n", [1, 2])
def test_one_epoch_is_enough_for_a_verdict(n):
    assert len(diagnoses(GOOD[:n])) == 1


def test_rare_classes_are_judged_by_balanced_accuracy():
    """Plain accuracy falls on purpose where the rare class is given its due."""
    rows = [(0.5, 0.97, 0.5, 0.4), (0.4, 0.96, 0.4, 0.9), (0.35, 0.96, 0.36, 0.91)]
    history = [
        Epoch(number, 5, 1e-3, 3.0 * loss, right, validation, plain, 0.85, 1.0, 100)
        for number, (loss, right, validation, plain) in enumerate(rows, 1)
    ]
    assert "rate_too_high" not in diagnoses(history, start_loss=0.1, start_accuracy=0.8)


@pytest.mark.parametrize(
    ("loss", "held_out", "accuracy", "said", "cure"),
    [
        ([0.34, 0.28, 0.23], [0.12, 0.116, 0.13], [0.92, 0.96, 0.92], "does not hold", "probe"),
        ([0.34, 0.34, 0.34], [0.12, 0.12, 0.12], [0.92, 0.92, 0.92], "hardly learns", "--lr"),
        ([0.34, 0.28, 0.23], [0.12, 0.116, 0.13], [0.92, 0.98, 0.98], "surer", "No action"),
    ],
)
def test_held_out_loss_that_never_falls_is_never_called_well(loss, held_out, accuracy, said, cure):
    history = curves(loss, [0.9, 0.99, 0.98], held_out, accuracy)
    (found,) = findings(history, start_loss=0.05, start_accuracy=0.97, n_classes=2)
    assert found.check == "not_falling"
    assert "did not fall below the 0.050" in found.claim
    assert said in found.claim
    assert cure in found.remedy
