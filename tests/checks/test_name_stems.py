"""Names that say that images are versions of one another."""

from __future__ import annotations

import numpy as np

from headstart.checks.name_stems import check_name_stems
from headstart.data.dataset import Dataset
from headstart.data.labels import class_labels


def dataset(names: list[str], groups: np.ndarray | None = None) -> Dataset:
    labels = class_labels([name.partition("/")[0] for name in names])
    return Dataset(None, tuple(names), labels, np.full(len(names), ""), groups=groups)


VERSIONS = [f"a/p{i}_jpg.rf.{h * 8}.jpg" for i in range(10) for h in "0f"]


def test_versions_are_a_warning():
    [finding] = check_name_stems(dataset(VERSIONS))
    assert (finding.check, finding.severity, finding.count) == ("copies_by_name", "warning", 10)
    assert finding.claim.startswith("20 images are by their names versions of 10 images")
    assert finding.evidence[0] == "a/p0_jpg.rf.00000000.jpg = a/p0_jpg.rf.ffffffff.jpg"


def test_bursts_are_a_note_with_the_flag():
    names = [f"{c}/scene{s}_{n:03}.jpg" for c in "ab" for s in range(6) for n in range(4)]
    [finding] = check_name_stems(dataset(names))
    assert (finding.check, finding.severity) == ("stems_by_name", "note")
    assert "--group stem" in finding.remedy
    assert finding.evidence[0] == "scene0: 4 images"


def test_plain_numbers_and_known_groups_say_nothing():
    assert list(check_name_stems(dataset([f"a/img_{i}.jpg" for i in range(40)]))) == []
    assert list(check_name_stems(dataset(VERSIONS, np.array(["x"] * 20)))) == []
