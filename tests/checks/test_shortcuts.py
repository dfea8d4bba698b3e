"""What gives labels away from outside, over all classes and of one of many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.checks.sets import clean, relabelled

from headstart.checks.shortcuts import check_shape, check_shortcuts, measurable
from headstart.checks.skill import skill
from headstart.data.dataset import Dataset
from headstart.data.masks.masks import Masks
from headstart.images.stats import ImageStats
from headstart.records import Finding


def found(dataset: Dataset, stats: ImageStats) -> dict[str, Finding]:
    n = len(dataset)
    return {f.check: f for f in check_shortcuts(dataset, stats, np.arange(n), np.arange(n))}


@pytest.mark.parametrize("what", ["size", "format", "mode"])
def test_shortcuts(what):
    dataset, stats = clean(200)
    second = dataset.labels.targets == 1
    if what == "size":
        stats.widths[second] += 300
    elif what == "format":
        stats.formats[second] = "PNG"
    else:
        stats.modes[second] = "L"
    got = found(dataset, stats)
    assert got[f"shortcut_{what}"].severity == "serious"
    assert "100%" in got[f"shortcut_{what}"].claim


def test_a_weak_shortcut_is_a_warning_and_copies_are_no_proof():
    dataset, stats = clean(200)
    rng = np.random.default_rng(1)
    stats.widths[(dataset.labels.targets == 1) & (rng.random(200) < 0.3)] = 900
    assert found(dataset, stats)["shortcut_size"].severity == "warning"
    _, low = skill(
        rng.normal(size=(40, 1)).repeat(20, axis=0),
        rng.integers(0, 2, 40).repeat(20),
        np.arange(40).repeat(20),
    )
    assert low < 0.1


@pytest.mark.parametrize("what", ["size", "format", "mode"])
def test_one_class_of_twelve_is_given_away(what):
    dataset, stats = clean(480, classes=12)
    own = dataset.labels.targets == 7
    if what == "size":  # one size, which is nobody else's
        stats.widths[own], stats.heights[own] = 350, 350
    elif what == "format":
        stats.formats[own] = "PNG"
    else:
        stats.modes[own] = "L"
    got = found(dataset, stats)
    (finding,) = got.values()
    assert finding.check == f"shortcut_{what}_of_class"
    assert finding.severity == "serious"
    assert " tells c7 from all other classes " in finding.claim
    assert finding.count == 1
    assert finding.evidence[0].startswith("c7: ")


def test_several_classes_are_named_the_surest_first():
    dataset, stats = clean(600, classes=10)
    targets = dataset.labels.targets
    stats.formats[targets == 2] = "PNG"
    stats.formats[targets == 5] = "BMP"
    stats.formats[np.arange(600) % 60 == 5] = "JPEG"
    finding = found(dataset, stats)["shortcut_format_of_class"]
    assert "tells c2 and 1 other class from all other classes, the best with" in finding.claim
    assert [line[:2] for line in finding.evidence] == ["c2", "c5"]
    assert "PNG 100%" in finding.evidence[0]


def test_a_few_png_in_every_class_give_nothing_away():
    dataset, stats = clean(480, classes=12)
    stats.formats[np.random.default_rng(0).random(480) < 0.2] = "PNG"
    assert found(dataset, stats) == {}


def test_what_can_be_measured():
    dataset, _ = clean(100)
    assert len(measurable(dataset, np.arange(100))) == 100
    assert len(measurable(dataset, np.arange(39))) == 0
    few = relabelled(dataset, targets=np.where(np.arange(100) < 96, 0, 1))
    assert len(measurable(few, np.arange(100))) == 0  # four of a class are too few to say
    many, _ = clean(5_000)
    assert len(measurable(many, np.arange(5_000))) == 4_000


def test_an_image_with_a_mask_has_no_class_that_its_size_could_tell():
    dataset, stats = clean(200)
    stats.widths[dataset.labels.targets == 1] += 300
    assert "size" in str(found(dataset, stats))
    pixels = np.eye(2, dtype=np.int64)[dataset.labels.targets]
    masks = Masks(("a", "b"), (object(),) * 200, pixels, np.ones((200, 2)), np.zeros((2, 3)))
    assert found(replace(dataset, labels=masks), stats) == {}


def shape_of(dataset, stats, *geometries: str) -> list[Finding]:
    return list(check_shape(dataset, stats, np.arange(len(dataset)), set(geometries)))


def test_a_shape_that_tells_the_class_is_said_where_the_model_is_shown_it():
    dataset, stats = clean(200)
    stats.widths[dataset.labels.targets == 1] = 2 * stats.heights[dataset.labels.targets == 1]
    assert shape_of(dataset, stats, "square", "crop") == []
    (finding,) = shape_of(dataset, stats, "square", "squash")
    assert (finding.check, finding.severity) == ("shape_seen", "serious")
    assert "sees images squashed, which" in finding.claim
    assert "tells the class with a balanced accuracy of 9" in finding.claim
    (both,) = shape_of(dataset, stats, "pad", "squash")
    assert "squashed and padded" in both.claim


def test_a_shape_that_tells_nothing_is_not_said():
    dataset, stats = clean(200)
    assert shape_of(dataset, stats, "squash") == []
    # Size tells the class here, shape does not: a square of the network knows no size.
    stats.widths[:], stats.heights[:] = 300, 200
    second = dataset.labels.targets == 1
    stats.widths[second], stats.heights[second] = 600, 400
    assert shape_of(dataset, stats, "squash") == []
