"""Light, border, files and cameras, asked before any training whether they tell the classes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from headstart.checks.outside import check_outside, numbers_in_names
from headstart.compute import Compute
from headstart.data.open import open_dataset
from headstart.verbs.check import check


def written(root, *, count=40, mark=False, order=False, quality=None):
    """Two classes of noise that are alike but for what is asked for."""
    rng = np.random.default_rng(0)
    for kind, name in enumerate(("ants", "bees")):
        (root / name).mkdir(parents=True)
        for number in range(count):
            pixels = rng.integers(60, 200, (64, 64, 3)).astype(np.uint8)
            if mark and kind:
                pixels[:4, :4] = 255
            at = number + kind * count if order else 2 * number + kind
            file = root / name / f"IMG_{at:04}.{'jpg' if quality else 'png'}"
            options = {"quality": quality[kind]} if quality else {}
            Image.fromarray(pixels).save(file, **options)
    return open_dataset(root)


def found(data):
    every = np.ones(len(data), bool)
    return {
        each.check: each for each in check_outside(data, every, np.arange(len(data)), Compute())
    }


@pytest.mark.parametrize(
    ("options", "check", "severity"),
    [
        ({"mark": True}, "outside_corners", "warning"),
        ({"order": True}, "outside_number_in_the_file_name", "note"),
        ({"quality": (95, 60)}, "outside_jpeg_tables", "warning"),
        ({"quality": (95, 60)}, "outside_bytes_a_pixel", "warning"),
    ],
)
def test_what_gives_the_class_away_is_told(tmp_path, options, check, severity):
    finding = found(written(tmp_path / "data", **options))[check]
    assert finding.severity == severity
    assert "balanced accuracy" in finding.claim
    cure = "gather the classes alike" if severity == "warning" else "nothing must be done"
    assert cure in finding.remedy


def test_the_same_images_with_nothing_to_tell_say_nothing(tmp_path):
    assert found(written(tmp_path / "data")) == {}


def test_what_may_be_content_is_a_note(tmp_path):
    data = written(tmp_path / "data")
    for row in range(len(data)):
        if data.labels.targets[row]:
            Image.fromarray(np.asarray(Image.open(data.path(row))) // 2).save(data.path(row))
    finding = found(data)["outside_brightness"]
    assert finding.severity == "note"
    assert "may simply look like that" in finding.remedy


def test_few_images_and_no_labels_are_not_asked(tmp_path):
    assert found(written(tmp_path / "few", count=12)) == {}
    for kind in ("ants", "bees"):
        (tmp_path / "data" / kind).mkdir(parents=True)
    data = written(tmp_path / "more")
    gone = np.zeros(len(data), bool)
    assert list(check_outside(data, gone, np.arange(len(data)), Compute())) == []


def test_the_verb_tells_it(tmp_path):
    written(tmp_path / "data", mark=True)
    checks = [each.check for each in check(tmp_path / "data").findings]
    assert "outside_corners" in checks


def test_numbers_are_those_of_the_file_itself():
    names = ["a7/IMG_0012.jpg", "b/frame-3b.png", "10/x.png", "c/2021_05.v2.jpg"]
    assert numbers_in_names(names)[[0, 1, 3]].tolist() == [12, 3, 2]
    assert np.isnan(numbers_in_names(names)[2])
