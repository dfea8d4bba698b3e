"""Given columns that tell the class: which are named, as what, and which are left in peace."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.checks.sets import clean

from headstart.checks.columns import check_columns
from headstart.records import Finding

RNG = np.random.default_rng(0)


def found(classes: int = 2, n: int = 240, groups=None, **columns) -> dict[str, Finding]:
    dataset, _ = clean(n, classes)
    given = {name: np.array(cells).astype(str) for name, cells in columns.items()}
    dataset = dataclasses.replace(dataset, attributes=given, groups=groups)
    clusters = np.arange(n) if groups is None else np.unique(groups, return_inverse=True)[1]
    return {each.check: each for each in check_columns(dataset, clusters)}


def targets_of(classes: int = 2, n: int = 240) -> np.ndarray:
    return np.arange(n) % classes


def noisy(share: float, classes: int = 2, n: int = 240) -> np.ndarray:
    """The class, but for a share of the images any."""
    rng = np.random.default_rng(5)
    return np.where(rng.random(n) < share, rng.integers(0, classes, n), targets_of(classes, n))


@pytest.mark.parametrize("name", ["camera", "labeller", "image_source", "siteID"])
def test_how_an_image_came_to_be_tells_the_class(name):
    names = np.array(["ann", "bob"])
    (finding,) = found(**{name: names[noisy(0.2)]}).values()
    assert finding.check == "column_tells_class"
    assert finding.severity == "serious"
    assert f"Column {name} alone tells the class with a balanced accuracy of 9" in finding.claim
    assert "at least" in finding.claim
    assert "are c" in finding.evidence[0]
    assert f"--by {name}" in finding.remedy


def test_a_camera_for_each_class_is_no_other_name_of_the_label():
    (finding,) = found(camera=np.array(["canon", "nikon"])[targets_of()]).values()
    assert finding.severity == "serious"
    assert "100%" in finding.claim


def test_other_columns_are_a_warning_and_weak_ones_a_note():
    assert found(wear=np.array(["a", "b"])[noisy(0.2)])["column_tells_class"].severity == (
        "warning"
    )
    assert found(camera=np.array(["a", "b"])[noisy(0.65)])["column_tells_class"].severity == (
        "note"
    )


def test_the_label_under_another_name_is_said_to_be_it():
    truth = targets_of(4)
    got = found(
        4,
        diagnosis=np.array(["mel", "nev", "bcc", "bkl"])[truth],  # one to one
        malignant=np.array(["yes", "no", "yes", "no"])[truth],  # a kind of classes
        second=np.array(["c0", "c1", "c2", "c3"])[noisy(0.2, 4)],  # the same names, nearly
    )
    assert set(got) == {"columns_of_label"}
    finding = got["columns_of_label"]
    assert finding.severity == "note"
    assert "Columns diagnosis and malignant and second have" in finding.claim
    assert finding.count == 3


def test_persons_of_nearly_one_class():
    person = np.array([f"p{i % 2}{i // 12}" for i in range(240)])
    finding = found(person=person)["column_tells_class"]
    assert finding.severity == "serious"
    assert "--group person" in finding.remedy
    assert "nearly all its values" in finding.claim
    assert found(breed=person)["column_tells_class"].severity == "warning"
    # Grouped by them, no person is on both sides, and there is nothing to know again.
    assert found(person=person, groups=person) == {}


def test_ids_constants_and_noise_are_left_in_peace():
    rng = np.random.default_rng(1)
    n = 240
    by_class = np.argsort(np.argsort(targets_of(), kind="stable"))
    got = found(
        name=[f"x{i}" for i in range(n)],
        nr=by_class,  # each its own, and numbered class by class
        constant=["same"] * n,
        camera=rng.choice(["a", "b", "c"], n),
        length=[f"{v:.2f}" for v in rng.normal(size=n)],
        patient=rng.integers(0, 40, n),
    )
    assert got == {}


def test_measurements_and_dates_tell_by_their_order():
    truth = targets_of()
    rng = np.random.default_rng(2)
    (finding,) = found(weight=[f"{v:.2f}" for v in rng.normal(size=240) + 3 * truth]).values()
    assert finding.severity == "warning"
    assert "half of them from" in finding.evidence[0]
    days = [f"2024-{3 + 4 * t:02d}-{rng.integers(1, 28):02d} 10:{i % 60:02d}" for i, t in
            enumerate(truth)]  # fmt: skip
    (finding,) = found(date=days).values()
    assert finding.severity == "serious"
    assert finding.evidence[0].startswith("c0: half of them from 2024-03")


def test_one_class_of_twelve_by_one_labeller():
    truth = targets_of(12, 600)
    rng = np.random.default_rng(3)
    who = np.where(truth == 5, "ann", rng.choice(["bob", "cy"], 600))
    (finding,) = found(12, 600, labeller=who).values()
    assert "tells c5 from all other classes" in finding.claim
    assert finding.severity == "serious"
    assert found(12, 600, labeller=rng.choice(["bob", "cy"], 600)) == {}


def test_missing_cells_tell_too():
    cells = np.where((targets_of() == 1) & (np.arange(240) % 8 > 2), "arm", "")
    (finding,) = found(site=cells).values()
    assert any("(empty)" in line for line in finding.evidence)


def test_few_images_prove_nothing():
    assert found(n=30, camera=np.array(["a", "b"])[targets_of(n=30)]) == {}


def test_sets_without_a_shortcut_are_left_in_peace():
    told = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        classes, n = int(rng.choice([2, 3, 12])), int(rng.choice([60, 240, 480]))
        told += bool(
            found(
                classes, n,
                camera=rng.choice(["a", "b", "c"], n, p=[0.7, 0.2, 0.1]),
                age=rng.integers(1, 90, n),
                patient=rng.integers(0, n // 5, n),
                note=np.where(rng.random(n) < 0.1, "blurred", ""),
            )
        )  # fmt: skip
    assert told <= 1
