"""`check_dataset`: every planted trap is named, and clean data are left in peace."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

from headstart.checks.appearance import skill
from headstart.checks.files import check_dataset
from headstart.data.dataset import Dataset
from headstart.data.open import open_dataset
from headstart.errors import ImageError
from headstart.fingerprint import fingerprint_bytes
from headstart.images.decode import decode, read_bytes
from headstart.images.stats import Facts, image_facts
from headstart.records import Finding

REAL = Path(os.environ.get("HEADSTART_DATA", Path(__file__).parents[3] / "shared" / "data"))
needs_real_sets = pytest.mark.skipif(not REAL.is_dir(), reason=f"no real image sets at {REAL}")


def clean(n: int = 100, classes: int = 2) -> tuple[Dataset, Facts]:
    """Random facts of an ordinary set of JPEG photos, all different."""
    rng = np.random.default_rng(0)
    facts = Facts.empty(n)
    facts.keys[:] = rng.integers(0, 256, facts.keys.shape)
    facts.dhashes[:] = rng.integers(0, 256, facts.dhashes.shape)
    facts.thumbs[:] = rng.integers(0, 256, facts.thumbs.shape)
    facts.spreads[:] = 50
    facts.widths[:] = rng.integers(300, 400, n)
    facts.heights[:] = rng.integers(300, 400, n)
    facts.modes[:] = "RGB"
    facts.formats[:] = "JPEG"
    targets = np.arange(n) % classes
    names = tuple(f"c{t}/{i:04d}.jpg" for i, t in enumerate(targets))
    kinds = tuple(f"c{c}" for c in range(classes))
    return Dataset(Path(), names, kinds, targets, np.full(n, "", "U5")), facts


def found(dataset: Dataset, facts: Facts) -> dict[str, Finding]:
    return {finding.check: finding for finding in check_dataset(dataset, facts)}


def copy_row(facts: Facts, source: int, to: int, *, same_bytes: bool) -> None:
    facts.dhashes[to] = facts.dhashes[source]
    facts.thumbs[to] = facts.thumbs[source]
    if same_bytes:
        facts.keys[to] = facts.keys[source]


def test_clean_data_are_left_in_peace():
    for classes in (2, 10):
        assert found(*clean(200, classes)) == {}


def test_unreadable_and_set_aside():
    dataset, facts = clean()
    facts.errors[3] = "the file is empty (0 bytes)"
    dataset = dataclasses.replace(dataset, set_aside=(("c9", "an empty folder"),))
    got = found(dataset, facts)
    assert got["unreadable_files"].evidence == ("c1/0003.jpg: the file is empty (0 bytes)",)
    assert got["unreadable_files"].severity == "warning"
    assert got["set_aside"].evidence == ("c9: an empty folder",)
    facts.errors.update(dict.fromkeys(range(40), "broken"))
    assert found(dataset, facts)["unreadable_files"].severity == "serious"


def test_nothing_readable():
    dataset, facts = clean(10)
    facts.errors.update(dict.fromkeys(range(10), "broken"))
    assert found(dataset, facts)["unreadable_files"].count == 10


def test_no_items():
    empty = Dataset(Path(), (), (), np.zeros(0, int), np.zeros(0, "U5"), source="unlabelled")
    assert check_dataset(empty, Facts.empty(0)) == []


def test_unlabelled_names_the_columns_there_are():
    dataset, facts = clean()
    dataset = dataclasses.replace(
        dataset,
        classes=(),
        targets=np.full(100, -1),
        attributes={"species": np.full(100, "x")},
    )
    got = found(dataset, facts)
    assert set(got) == {"unlabelled"}
    assert "species" in got["unlabelled"].remedy


@pytest.mark.parametrize("same_bytes", [True, False])
def test_copies_within_a_class_across_classes_and_across_splits(same_bytes):
    dataset, facts = clean()
    copy_row(facts, 0, 2, same_bytes=same_bytes)
    kind = "exact_duplicates" if same_bytes else "near_duplicates"
    got = found(dataset, facts)
    assert set(got) == {kind}
    assert got[kind].evidence == ("c0/0000.jpg = c0/0002.jpg",)

    copy_row(facts, 4, 5, same_bytes=same_bytes)
    conflict = "conflicting_labels" + ("" if same_bytes else "_near")
    got = found(dataset, facts)
    assert got[conflict].severity == "serious"
    assert got[conflict].evidence == ("c0/0004.jpg = c1/0005.jpg",)

    splits = np.where(np.arange(100) < 2, "test", "train")
    got = found(dataclasses.replace(dataset, splits=splits), facts)
    assert got["duplicates_across_splits"].severity == "serious"
    assert got["duplicates_across_splits"].count == 1
    assert got["duplicates_across_splits"].evidence == ("c0/0000.jpg = c0/0002.jpg",)


def test_groups_across_splits():
    dataset, facts = clean()
    splits = np.where(np.arange(100) < 30, "test", "train")
    groups = np.array(["" if i % 2 else f"p{i % 40}" for i in range(100)])
    got = found(dataclasses.replace(dataset, splits=splits, groups=groups), facts)
    assert got["groups_across_splits"].count == 15
    groups = np.array([f"p{i // 10}" for i in range(100)])
    assert found(dataclasses.replace(dataset, splits=splits, groups=groups), facts) == {}


def test_a_repeated_image_may_be_a_placeholder():
    dataset, facts = clean()
    for i in range(2, 20, 2):
        copy_row(facts, 0, i, same_bytes=True)
    assert "(10 times)" in found(dataset, facts)["repeated_image"].evidence[0]


def test_identical_classes_and_spellings():
    dataset, facts = clean(40)
    for i in range(0, 40, 2):
        copy_row(facts, i, i + 1, same_bytes=True)
    got = found(dataclasses.replace(dataset, classes=("Sea Lion", "sea_lion")), facts)
    assert got["identical_classes"].evidence == ("Sea Lion = sea_lion",)
    assert got["similar_class_names"].severity == "warning"


def test_one_class():
    dataset, facts = clean(20, classes=1)
    assert found(dataset, facts)["one_class"].severity == "serious"


def test_small_classes_and_imbalance():
    dataset, facts = clean(120, classes=2)
    targets = np.array([0] * 116 + [1] * 3 + [2])
    dataset = dataclasses.replace(dataset, targets=targets, classes=("a", "b", "c"))
    got = found(dataset, facts)
    assert got["small_classes"].evidence == ("b: 3",)
    assert got["classes_of_one"].evidence == ("c: 1",)
    assert got["imbalance"].severity == "warning"


def test_classes_missing_from_a_split():
    dataset, facts = clean(200, classes=4)
    splits = np.where(np.arange(200) < 40, "test", "train")
    splits = np.where(dataset.targets == 0, "train", np.where(dataset.targets == 1, "test", splits))
    got = found(dataclasses.replace(dataset, splits=splits), facts)
    assert got["classes_missing_from_train"].evidence == ("c1",)
    assert got["classes_missing_from_train"].severity == "serious"
    assert got["classes_missing_from_test"].evidence == ("c0",)


@pytest.mark.parametrize("what", ["size", "format", "mode"])
def test_shortcuts(what):
    dataset, facts = clean(200)
    second = dataset.targets == 1
    if what == "size":
        facts.widths[second] += 300
    elif what == "format":
        facts.formats[second] = "PNG"
    else:
        facts.modes[second] = "L"
    got = found(dataset, facts)
    assert got[f"shortcut_{what}"].severity == "serious"
    assert "100%" in got[f"shortcut_{what}"].claim


def test_a_weak_shortcut_is_a_warning_and_copies_are_no_proof():
    dataset, facts = clean(200)
    rng = np.random.default_rng(1)
    facts.widths[(dataset.targets == 1) & (rng.random(200) < 0.3)] = 900
    assert found(dataset, facts)["shortcut_size"].severity == "warning"
    _, low = skill(
        rng.normal(size=(40, 1)).repeat(20, axis=0),
        rng.integers(0, 2, 40).repeat(20),
        np.arange(40).repeat(20),
    )
    assert low < 0.1


def test_skill_of_noise_is_none():
    rng = np.random.default_rng(0)
    lows = [
        skill(rng.normal(size=(150, 2)), rng.integers(0, 3, 150), np.arange(150))[1]
        for _ in range(20)
    ]
    assert max(lows) < 0.1


def test_blank_tiny_and_odd_images():
    dataset, facts = clean(200)
    facts.spreads[0] = 0.5
    facts.widths[1] = facts.heights[1] = 16
    facts.modes[2], facts.formats[2] = "P", "GIF"
    got = found(dataset, facts)
    assert got["blank_images"].evidence == ("c0/0000.jpg",)
    assert got["tiny_images"].evidence == ("c1/0001.jpg (16 x 16)",)
    assert got["odd_ones_out"].count == 1
    assert got["wrong_extensions"].evidence == ("c0/0002.jpg is GIF",)


def test_modes_shapes_and_small_images():
    dataset, facts = clean(200)
    facts.modes[:4], facts.modes[4:6] = "L", "RGBA"
    facts.widths[:] = 99
    facts.heights[:] = 60
    got = found(dataset, facts)
    assert got["mixed_modes"].count == 4
    assert got["transparency"].count == 2
    assert got["small_images"].count == 200
    assert got["long_images"].severity == "note"
    assert "39%" in got["long_images"].claim


def test_a_fixed_camera_is_told():
    dataset, facts = clean()
    noise = np.random.default_rng(0).normal(0, 5, facts.thumbs.shape)
    facts.thumbs[:] = (facts.thumbs[0] + noise).clip(0, 255)
    assert set(found(dataset, facts)) == {"all_alike"}


def test_names_that_hint_at_groups():
    dataset, facts = clean(100)
    names = tuple(f"c{i % 2}/p{i // 5:02d}_frame{i}.jpg" for i in range(100))
    hinted = dataclasses.replace(dataset, names=names)
    assert found(hinted, facts)["groups_hinted"].count == 20
    grouped = dataclasses.replace(hinted, groups=np.array([n[3:6] for n in names]))
    assert "groups_hinted" not in found(grouped, facts)
    plain = dataclasses.replace(dataset, names=tuple(f"c0/image_{i}.jpg" for i in range(100)))
    assert "groups_hinted" not in found(plain, facts)


def test_serious_findings_come_first():
    dataset, facts = clean(200)
    facts.modes[:4] = "L"
    facts.spreads[0] = 0
    copy_row(facts, 4, 5, same_bytes=True)
    severities = [finding.severity for finding in check_dataset(dataset, facts)]
    order = ["serious", "warning", "note"]
    assert severities == sorted(severities, key=order.index)
    assert set(severities) == set(order)


def facts_of(dataset: Dataset) -> Facts:
    facts = Facts.empty(len(dataset))
    for i in range(len(dataset)):
        try:
            data = read_bytes(dataset.path(i))
            facts.keys[i] = np.frombuffer(fingerprint_bytes(data), np.uint8)
            facts.put(i, image_facts(decode(data, short_side=64)))
        except ImageError as error:
            facts.errors[i] = str(error)
    return facts


@needs_real_sets
@pytest.mark.parametrize(
    ("name", "serious", "others"),
    [
        ("hymenoptera", set(), {"odd_ones_out"}),
        ("flowers12", {"duplicates_across_splits"}, {"exact_duplicates"}),
        ("brain_tumor", {"shortcut_size"}, {"exact_duplicates", "wrong_extensions"}),
        ("cifar10_small", set(), {"small_images"}),
        ("omniglot", set(), set()),
        ("orl", set(), set()),
        ("lfw10", set(), set()),
        ("utkface_a", {"conflicting_labels"}, {"exact_duplicates"}),
    ],
)
def test_real_sets(name, serious, others):
    dataset = open_dataset(REAL / name, group="drawer" if name == "omniglot" else None)
    got = check_dataset(dataset, facts_of(dataset))
    assert {finding.check for finding in got if finding.severity == "serious"} == serious
    assert others <= {finding.check for finding in got}
    by_name = {finding.check: finding for finding in got}
    if name == "hymenoptera":
        assert "imageNotFound.gif" in by_name["odd_ones_out"].evidence[0]
    if name == "flowers12":
        assert by_name["duplicates_across_splits"].count == 23
    if name == "brain_tumor":
        assert by_name["exact_duplicates"].count == 25
        assert by_name["wrong_extensions"].count == 6
