"""What file names say: heads that recur, and numbers and dates that tell the class."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.checks.sets import clean

from headstart.checks.file_names import check_name_heads, check_name_numbers
from headstart.data.dataset import Dataset
from headstart.records import Finding


def named(names: list[str], classes: int = 2, **more) -> Dataset:
    """Images of classes in turn, called so."""
    dataset, _ = clean(len(names), classes)
    folders = [f"c{i % classes}" for i in range(len(names))]
    full = tuple(f"{folder}/{name}.jpg" for folder, name in zip(folders, names, strict=True))
    return dataclasses.replace(dataset, names=full, **more)


def numbers(names: list[str], classes: int = 2, clusters=None) -> list[Finding]:
    own = np.arange(len(names)) if clusters is None else clusters
    return list(check_name_numbers(named(names, classes), own))


def heads(names: list[str], **more) -> list[Finding]:
    return list(check_name_heads(named(names, **more)))


# --- heads --------------------------------------------------------------------------------------


def test_heads_that_recur_hint_at_groups():
    names = [f"p{i // 5:02d}_frame{i}" for i in range(100)]
    (finding,) = heads(names)
    assert finding.count == 20
    assert "persons" in finding.claim
    assert not heads(names, groups=np.array([name[:3] for name in names]))
    assert not heads([f"image_{i}" for i in range(100)])


def test_a_column_that_holds_the_same_says_what_the_heads_are():
    ages = [str(3 + 7 * (i // 8)) for i in range(160)]
    names = [f"{age}_{i}" for i, age in enumerate(ages)]
    assert not heads(names, attributes={"age": np.array(ages)})
    (finding,) = heads(names, attributes={"other": np.array(ages)[::-1]})
    assert "person" not in finding.claim  # 3, 10, 101: as wide as the number is
    assert "an age" in finding.claim
    (finding,) = heads([f"{i // 8:03d}_{i}" for i in range(160)])
    assert "persons" in finding.claim


# --- numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["image_{:04d}", "{}", "DSC{:05d}", "{}_copyright", "c7 ({})"])
def test_numbers_that_rise_class_by_class(form):
    place = [1_000 + 100 * (i % 4) + i // 4 for i in range(400)]
    (finding,) = numbers([form.format(each) for each in place], 4)
    assert finding.check == "names_tell_class"
    assert finding.severity == "note"
    assert "numbers in the file names" in finding.claim
    assert "100%" in finding.claim or "9" in finding.claim
    assert finding.evidence[1].startswith("c1: 1100 to 1199")


def test_numbers_of_ranges_that_alternate_tell_the_class_too():
    blocks = [(i // 2) % 50 + 50 * (2 * (i // 100) + i % 2) for i in range(400)]
    (finding,) = numbers([f"img{each:04d}" for each in blocks])
    assert "at least" in finding.claim


def test_the_first_class_may_begin_at_one():
    (finding,) = numbers([f"{1 + 100 * (i % 2) + i // 2}" for i in range(200)])
    assert finding.count == 200


@pytest.mark.parametrize("share", [1, 4])
def test_numbers_that_begin_anew_in_each_class_tell_nothing(share):
    """Only how many images it has."""
    rng = np.random.default_rng(0)
    names, seen = [], [rng.permutation(share * 60), rng.permutation(share * 400)]
    dataset, _ = clean(400)
    targets = np.where(np.arange(400) % 7 == 0, 0, 1)
    for i, target in enumerate(targets):
        rank = int((targets[:i] == target).sum())
        names.append(f"c{target}/{seen[target][rank] + 1}.jpg")
    labels = dataclasses.replace(dataset.labels, targets=targets)
    dataset = dataclasses.replace(dataset, names=tuple(names), labels=labels)
    assert not list(check_name_numbers(dataset, np.arange(400)))


def test_one_numbering_for_all_and_codes_of_classes_tell_nothing():
    rng = np.random.default_rng(0)
    assert not numbers([f"{each}" for each in rng.permutation(300) + 5_000], 3)
    assert not numbers([f"{i % 3:04d}_{i // 3:02d}" for i in range(300)], 3)  # 0001_07
    assert not numbers([f"n{i % 3 + 40}_x" for i in range(300)], 3)
    assert not numbers([f"{rng.integers(16**9):09x}" for _ in range(300)], 3)
    assert not numbers(["photo"] * 300, 3)


def test_dates_tell_by_themselves_though_they_recur():
    rng = np.random.default_rng(0)
    names = [f"IMG_2024{4 + i % 2:02d}{rng.integers(1, 4):02d}_{i % 9}" for i in range(200)]
    (finding,) = numbers(names)
    assert finding.severity == "warning"
    assert "The dates in the file names" in finding.claim
    names = [f"2024-0{rng.integers(1, 9)}-1{rng.integers(9)} 12.0{i % 9}.11" for i in range(200)]
    assert not numbers(names)


def test_frames_of_few_clips_prove_little():
    place = [1_000 + 20 * (i // 20) + i % 20 for i in range(200)]  # ten clips, in turn of a class
    dataset, _ = clean(200)
    targets = (np.arange(200) // 20) % 2
    labels = dataclasses.replace(dataset.labels, targets=targets)
    names = tuple(f"x/f{each}.jpg" for each in place)
    dataset = dataclasses.replace(dataset, names=names, labels=labels)
    assert list(check_name_numbers(dataset, np.arange(200)))
    assert not list(check_name_numbers(dataset, np.arange(200) // 20))
