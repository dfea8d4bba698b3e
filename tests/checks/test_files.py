"""`check_dataset`: every planted trap is named, and clean data are left in peace."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
from tests.checks.sets import clean, relabelled

from headstart.checks.duplicates import near_duplicates
from headstart.checks.files import check_dataset
from headstart.data.dataset import Dataset
from headstart.data.open import open_dataset
from headstart.errors import ImageError
from headstart.fingerprint import fingerprint_bytes
from headstart.images.decode import decode, read_bytes
from headstart.images.stats import ImageStats, image_stats
from headstart.records import Finding
from headstart.tasks import check_everything

REAL = Path(os.environ.get("HEADSTART_DATA", Path(__file__).parents[3] / "shared" / "data"))
needs_real_sets = pytest.mark.skipif(not REAL.is_dir(), reason=f"no real image sets at {REAL}")


def everything(dataset, stats):
    """What any data can have wrong, and what classes can."""
    return check_everything(dataset, stats, near_duplicates(stats))


def found(dataset: Dataset, stats: ImageStats) -> dict[str, Finding]:
    return {finding.check: finding for finding in everything(dataset, stats)}


def copy_row(stats: ImageStats, source: int, to: int, *, same_bytes: bool) -> None:
    stats.dhashes[to] = stats.dhashes[source]
    stats.thumbnails[to] = stats.thumbnails[source]
    if same_bytes:
        stats.keys[to] = stats.keys[source]


def test_clean_data_are_left_in_peace():
    for classes in (2, 10):
        assert found(*clean(200, classes)) == {}


def test_unreadable_and_set_aside():
    dataset, stats = clean()
    stats.errors[3] = "the file is empty (0 bytes)"
    dataset = dataclasses.replace(dataset, set_aside=(("c9", "an empty folder"),))
    got = found(dataset, stats)
    assert got["unreadable_files"].evidence == ("c1/0003.jpg: the file is empty (0 bytes)",)
    assert got["unreadable_files"].severity == "warning"
    assert got["set_aside"].evidence == ("c9: an empty folder",)
    stats.errors.update(dict.fromkeys(range(40), "broken"))
    assert found(dataset, stats)["unreadable_files"].severity == "serious"


def test_nothing_readable():
    dataset, stats = clean(10)
    stats.errors.update(dict.fromkeys(range(10), "broken"))
    assert found(dataset, stats)["unreadable_files"].count == 10


def test_no_items():
    empty = Dataset.unlabelled(())
    assert check_dataset(empty, ImageStats.empty(0)) == []


def test_unlabelled_names_the_columns_there_are():
    dataset, stats = clean()
    dataset = relabelled(
        dataset,
        classes=(),
        targets=np.full(100, -1),
        attributes={"species": np.full(100, "x")},
    )
    got = found(dataset, stats)
    assert set(got) == {"unlabelled"}
    assert "species" in got["unlabelled"].remedy


@pytest.mark.parametrize("same_bytes", [True, False])
def test_copies_within_a_class_across_classes_and_across_splits(same_bytes):
    dataset, stats = clean()
    copy_row(stats, 0, 2, same_bytes=same_bytes)
    kind = "exact_duplicates" if same_bytes else "near_duplicates"
    got = found(dataset, stats)
    assert set(got) == {kind}
    assert got[kind].evidence == ("c0/0000.jpg = c0/0002.jpg",)

    copy_row(stats, 4, 5, same_bytes=same_bytes)
    conflict = "conflicting_labels" + ("" if same_bytes else "_near")
    got = found(dataset, stats)
    assert got[conflict].severity == "serious"
    assert got[conflict].evidence == ("c0/0004.jpg = c1/0005.jpg",)

    splits = np.where(np.arange(100) < 2, "test", "train")
    got = found(dataclasses.replace(dataset, splits=splits), stats)
    assert got["duplicates_across_splits"].severity == "serious"
    assert got["duplicates_across_splits"].count == 1
    assert got["duplicates_across_splits"].evidence == ("c0/0000.jpg = c0/0002.jpg",)


def test_groups_across_splits():
    dataset, stats = clean()
    splits = np.where(np.arange(100) < 30, "test", "train")
    groups = np.array(["" if i % 2 else f"p{i % 40}" for i in range(100)])
    got = found(dataclasses.replace(dataset, splits=splits, groups=groups), stats)
    assert got["groups_across_splits"].count == 15
    groups = np.array([f"p{i // 10}" for i in range(100)])
    assert found(dataclasses.replace(dataset, splits=splits, groups=groups), stats) == {}


def test_groups_of_two_spellings_are_told():
    dataset, stats = clean()
    groups = np.array(
        [["Anna M\u00fcller", "m\u00fcller, anna", "p-1", "p 2"][i % 4] for i in range(100)]
    )
    got = found(dataclasses.replace(dataset, groups=groups), stats)["similar_group_names"]
    assert got.severity == "warning"
    assert got.evidence == ("Anna M\u00fcller = m\u00fcller, anna",)


def test_a_repeated_image_may_be_a_placeholder():
    dataset, stats = clean()
    for i in range(2, 20, 2):
        copy_row(stats, 0, i, same_bytes=True)
    assert "(10 times)" in found(dataset, stats)["repeated_image"].evidence[0]


def test_identical_classes_and_spellings():
    dataset, stats = clean(40)
    for i in range(0, 40, 2):
        copy_row(stats, i, i + 1, same_bytes=True)
    got = found(relabelled(dataset, classes=("Sea Lion", "sea_lion")), stats)
    assert got["identical_classes"].evidence == ("Sea Lion = sea_lion",)
    assert got["similar_class_names"].severity == "warning"


def test_one_class():
    dataset, stats = clean(20, classes=1)
    assert found(dataset, stats)["one_class"].severity == "serious"


def test_small_classes_and_imbalance():
    dataset, stats = clean(120, classes=2)
    targets = np.array([0] * 116 + [1] * 3 + [2])
    dataset = relabelled(dataset, targets=targets, classes=("a", "b", "c"))
    got = found(dataset, stats)
    assert got["small_classes"].evidence == ("b: 3",)
    assert got["classes_of_one"].evidence == ("c: 1",)
    assert got["imbalance"].severity == "warning"


def test_classes_missing_from_a_split():
    dataset, stats = clean(200, classes=4)
    splits = np.where(np.arange(200) < 40, "test", "train")
    splits = np.where(
        dataset.labels.targets == 0, "train", np.where(dataset.labels.targets == 1, "test", splits)
    )
    got = found(dataclasses.replace(dataset, splits=splits), stats)
    assert got["classes_missing_from_train"].evidence == ("c1",)
    assert got["classes_missing_from_train"].severity == "serious"
    assert got["classes_missing_from_test"].evidence == ("c0",)


def test_names_that_hint_at_groups():
    dataset, stats = clean(100)
    names = tuple(f"c{i % 2}/p{i // 5:02d}_frame{i}.jpg" for i in range(100))
    hinted = dataclasses.replace(dataset, names=names)
    assert found(hinted, stats)["possible_groups"].count == 20
    grouped = dataclasses.replace(hinted, groups=np.array([n[3:6] for n in names]))
    assert "possible_groups" not in found(grouped, stats)
    plain = dataclasses.replace(dataset, names=tuple(f"c0/image_{i}.jpg" for i in range(100)))
    assert "possible_groups" not in found(plain, stats)


def test_serious_findings_come_first():
    dataset, stats = clean(200)
    stats.modes[:4] = "L"
    stats.contrast[0] = 0
    copy_row(stats, 4, 5, same_bytes=True)
    severities = [finding.severity for finding in everything(dataset, stats)]
    order = ["serious", "warning", "note"]
    assert severities == sorted(severities, key=order.index)
    assert set(severities) == set(order)


def stats_of(dataset: Dataset) -> ImageStats:
    stats = ImageStats.empty(len(dataset))
    for i in range(len(dataset)):
        try:
            data = read_bytes(dataset.path(i))
            stats.keys[i] = np.frombuffer(fingerprint_bytes(data), np.uint8)
            stats.put(i, image_stats(decode(data, short_side=64)))
        except ImageError as error:
            stats.errors[i] = str(error)
    return stats


@needs_real_sets
@pytest.mark.parametrize(
    ("name", "serious", "others"),
    [
        ("hymenoptera", set(), {"format_outliers"}),
        ("flowers12", {"duplicates_across_splits"}, {"exact_duplicates", "names_tell_class"}),
        ("brain_tumor", {"shortcut_size"}, {"exact_duplicates", "wrong_extensions"}),
        ("cifar10_small", set(), {"small_images"}),
        ("omniglot", set(), set()),
        ("orl", set(), set()),
        ("lfw10", set(), set()),
        (
            "utkface_a",
            {"conflicting_labels"},
            {"exact_duplicates", "names_tell_class", "column_tells_class"},
        ),
    ],
)
def test_real_sets(name, serious, others):
    dataset = open_dataset(REAL / name, group="drawer" if name == "omniglot" else None)
    got = everything(dataset, stats_of(dataset))
    assert {finding.check for finding in got if finding.severity == "serious"} == serious
    assert others <= {finding.check for finding in got}
    by_name = {finding.check: finding for finding in got}
    if name == "hymenoptera":
        assert "imageNotFound.gif" in by_name["format_outliers"].evidence[0]
    if name in ("hymenoptera", "brain_tumor", "cifar10_small", "omniglot", "orl", "lfw10"):
        assert not [check for check in by_name if "tell" in check]
    if name == "omniglot":
        assert "alphabet and character" in by_name["columns_of_label"].claim
    if name == "utkface_a":
        assert "possible_groups" not in by_name  # the names begin with the age
    if name == "flowers12":
        assert by_name["duplicates_across_splits"].count == 23
    if name == "brain_tumor":
        assert by_name["exact_duplicates"].count == 25
        assert by_name["wrong_extensions"].count == 6


def test_people_on_both_sides_of_a_given_split_are_told_though_nobody_grouped():
    dataset, stats = clean(60)
    splits = np.where(np.arange(60) % 4 == 0, "test", "train")
    people = np.array([f"p{i // 6}" for i in range(60)])
    told = dataclasses.replace(dataset, splits=splits, attributes={"Patient ID": people})
    finding = found(told, stats)["people_across_splits"]
    assert (finding.severity, finding.count) == ("serious", 15)
    assert finding.evidence[0] == "p0: 4 training images, 2 of test"
    assert "--group Patient ID --split none" in finding.remedy
    apart = np.where(np.arange(60) < 12, "test", "train")
    measured = np.tile([f"{n / 7:.3f}" for n in range(20)], 3)
    for kept in (
        dataclasses.replace(told, splits=apart),
        dataclasses.replace(told, attributes={"camera": people}),
        dataclasses.replace(told, attributes={"patient": np.tile(["yes", "no"], 30)}),
        dataclasses.replace(told, attributes={"patient": np.tile(["none", "mild", "ill"], 20)}),
        dataclasses.replace(told, attributes={"patient": measured}),
        dataclasses.replace(told, groups=people),
        dataclasses.replace(told, splits=np.full(60, "")),
    ):
        assert "people_across_splits" not in found(kept, stats)
