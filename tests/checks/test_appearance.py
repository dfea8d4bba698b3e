"""How images look from outside: what gives labels away, and what is odd among the rest."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.checks.sets import clean, relabelled

from headstart.checks.appearance import check_appearance
from headstart.data.dataset import Dataset
from headstart.images.stats import ImageStats
from headstart.records import Finding


def found(dataset: Dataset, stats: ImageStats) -> dict[str, Finding]:
    findings = check_appearance(dataset, stats, np.arange(len(dataset)))
    assert len({each.check for each in findings}) == len(findings)
    return {each.check: each for each in findings}


def test_blank_tiny_and_odd_images():
    dataset, stats = clean(200)
    stats.contrast[0] = 0.5
    stats.widths[1] = stats.heights[1] = 16
    stats.modes[2], stats.formats[2] = "P", "GIF"
    got = found(dataset, stats)
    assert got["blank_images"].evidence == ("c0/0000.jpg",)
    assert got["tiny_images"].evidence == ("c1/0001.jpg (16 x 16)",)
    assert got["format_outliers"].count == 1
    assert got["wrong_extensions"].evidence == ("c0/0002.jpg is GIF",)


def test_modes_shapes_and_small_images():
    dataset, stats = clean(200)
    stats.modes[:4], stats.modes[4:6] = "L", "RGBA"
    stats.widths[:] = 99
    stats.heights[:] = 60
    got = found(dataset, stats)
    assert got["mixed_modes"].count == 4
    assert got["transparency"].count == 2
    assert got["small_images"].count == 200
    assert got["long_images"].severity == "note"
    assert "39%" in got["long_images"].claim


def test_a_fixed_camera_is_told():
    dataset, stats = clean()
    noise = np.random.default_rng(0).normal(0, 5, stats.thumbnails.shape)
    stats.thumbnails[:] = (stats.thumbnails[0] + noise).clip(0, 255)
    assert set(found(dataset, stats)) == {"all_alike"}


# --- findings -----------------------------------------------------------------------------------


def test_nothing_readable_says_nothing():
    dataset, stats = clean(20)
    stats.errors.update(dict.fromkeys(range(20), "broken"))
    assert found(dataset, stats) == {}
    assert check_appearance(*clean(0), np.zeros(0, int)) == []


def test_unreadable_images_are_not_looked_at():
    dataset, stats = clean(50)
    stats.contrast[3] = stats.widths[3] = stats.heights[3] = 0
    stats.errors[3] = "broken"
    assert found(dataset, stats) == {}


@pytest.mark.parametrize("n", [30, 38])
def test_few_images_prove_no_shortcut(n):
    dataset, stats = clean(n)
    stats.widths[dataset.labels.targets == 1] += 500
    assert "shortcut_size" not in found(dataset, stats)


def test_classes_without_labels_or_with_few_images_are_left_out():
    dataset, stats = clean(100, 2)
    stats.formats[dataset.labels.targets == 1] = "PNG"
    unknown = relabelled(dataset, targets=np.where(dataset.labels.targets == 1, -1, 0))
    assert "shortcut_format" not in found(unknown, stats)
    few = np.zeros(100, int)
    few[:4] = 1
    stats.formats[:] = "JPEG"
    stats.formats[:4] = "PNG"
    assert "shortcut_format" not in found(relabelled(dataset, targets=few), stats)


def test_a_shortcut_shows_every_class():
    dataset, stats = clean(120, 3)
    stats.formats[dataset.labels.targets == 2] = "PNG"
    stats.formats[np.flatnonzero(dataset.labels.targets == 1)[:10]] = "BMP"
    evidence = found(dataset, stats)["shortcut_format"].evidence
    assert evidence == ("c0: JPEG 100%", "c1: JPEG 75%, BMP 25%", "c2: PNG 100%")
    stats.widths[dataset.labels.targets == 2] = 900
    stats.heights[dataset.labels.targets == 2] = 700
    evidence = found(dataset, stats)["shortcut_size"].evidence
    assert evidence[2] == "c2: median 900 x 700"


@pytest.mark.parametrize(("count", "shown"), [(1, 1), (24, 24), (40, 24)])
def test_evidence_is_bounded_and_the_count_is_not(count, shown):
    dataset, stats = clean(200)
    stats.contrast[:count] = 0
    blank = found(dataset, stats)["blank_images"]
    assert (blank.count, len(blank.evidence)) == (count, shown)
    assert blank.claim.startswith("1 image " if count == 1 else f"{count} images ")


@pytest.mark.parametrize(
    ("form", "name", "wrong"),
    [
        ("JPEG", "a.jpg", False), ("JPEG", "a.JPEG", False), ("JPEG", "a.png", True),
        ("MPO", "a.jpg", False), ("PNG", "a.jpg", True), ("TIFF", "a.tif", False),
        ("PPM", "a.pgm", False), ("NEW", "a.jpg", False), ("GIF", "a", True),
    ],
)  # fmt: skip
def test_endings(form, name, wrong):
    dataset, stats = clean(100)
    dataset = dataclasses.replace(dataset, names=(name, *dataset.names[1:]))
    stats.formats[0] = form
    found_one = found(dataset, stats).get("wrong_extensions")
    assert (found_one is not None) == wrong
    if wrong:
        assert found_one.evidence == (f"{name} is {form}",)


@pytest.mark.parametrize(("count", "told"), [(0, False), (4, True), (5, False), (100, False)])
def test_a_few_with_a_palette_are_odd_and_many_are_not(count, told):
    dataset, stats = clean(200)
    stats.modes[:count] = "P"
    assert ("format_outliers" in found(dataset, stats)) == told


@pytest.mark.parametrize(("grey", "words"), [(10, "grey among colour"), (190, "in colour among")])
def test_the_fewer_are_named(grey, words):
    dataset, stats = clean(200)
    stats.modes[:grey] = "L"
    mixed = found(dataset, stats)["mixed_modes"]
    assert mixed.count == 10
    assert words in mixed.claim
    stats.modes[:] = "L"
    assert "mixed_modes" not in found(dataset, stats)


def test_tiny_is_far_smaller_than_the_rest():
    dataset, stats = clean(100)
    stats.widths[0], stats.heights[0] = 47, 1000
    stats.widths[1], stats.heights[1] = 48, 48
    tiny = found(dataset, stats)["tiny_images"]
    assert tiny.evidence == ("c0/0000.jpg (47 x 1000)",)
    stats.widths[:] = stats.heights[:] = 40
    assert "tiny_images" not in found(dataset, stats)  # all are, and that is another finding
    assert "small_images" in found(dataset, stats)


@pytest.mark.parametrize(("count", "told"), [(5, False), (6, True)])
def test_long_images_are_told_from_one_in_twenty_on(count, told):
    dataset, stats = clean(100)
    stats.widths[:], stats.heights[:] = 300, 300
    stats.widths[:count] = 451
    assert ("long_images" in found(dataset, stats)) == told


def test_the_longest_come_first():
    dataset, stats = clean(100)
    stats.widths[:], stats.heights[:] = 300, 300
    stats.widths[[7, 8, 9, 10, 11, 12]] = [600, 900, 500, 3000, 700, 480]
    evidence = found(dataset, stats)["long_images"].evidence
    assert [name[-8:-4] for name in evidence] == ["0010", "0008", "0011", "0007", "0009", "0012"]
