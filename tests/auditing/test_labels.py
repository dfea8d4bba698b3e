import csv
import dataclasses
import io

import numpy as np
import pytest
from tests.confounded import planted

from headstart.auditing.evidence import evidence_of_vectors
from headstart.auditing.labels import (
    Suspect,
    filled_in,
    said_of_labels,
    sheet_of,
    suspect_labels,
    tells,
)
from headstart.data.labels import Classes
from headstart.errors import DataError


@pytest.fixture
def exchanged():
    """Evidence in which the first ten labels are exchanged, and prints of which two are alike."""
    dataset, vectors, clusters = planted(60)
    targets = dataset.labels.targets.copy()
    vectors[:, :2] += 1.5 * (2 * targets[:, None] - 1)
    targets[:10] = 1 - targets[:10]
    dataset = dataclasses.replace(dataset, labels=Classes(("old", "young"), targets))
    prints = [f"{row:04}" for row in range(240)]
    prints[200] = prints[3]
    clusters[200] = clusters[3]
    return evidence_of_vectors(dataset, vectors, clusters), prints


def test_copies_come_first_and_then_the_surest(exchanged):
    evidence, prints = exchanged
    targets = evidence.targets
    targets[200] = 1 - targets[3]
    found = suspect_labels(evidence, prints)
    assert {found[0].name, found[1].name} == {"0003.png", "0200.png"}
    assert {found[0].copy, found[1].copy} == {"0003.png", "0200.png"}
    rest = [each for each in found if not each.copy]
    assert [each.margin for each in rest] == sorted(each.margin for each in rest)
    first = {each.name for each in rest[:8]}
    assert len(first & {f"{row:04}.png" for row in range(10)}) >= 7
    assert rest[0].given != rest[0].likely


def test_a_person_is_no_copy(exchanged):
    evidence, prints = exchanged
    groups = np.array([f"p{cluster // 2}" for cluster in evidence.clusters])
    dataset = dataclasses.replace(evidence.dataset, groups=groups)
    people = dataclasses.replace(evidence, dataset=dataset, clusters=evidence.clusters // 2)
    apart = [*prints[:200], "x", *prints[201:]]
    assert all(not each.copy for each in suspect_labels(people, apart))


def test_a_sheet_to_be_filled_in():
    first, second = Suspect("=a.png", "old", "young", -0.5), Suspect("b", "old", "young", 0, "c")
    text = sheet_of([first, second])
    rows = list(csv.DictReader(io.StringIO(text)))
    assert rows[0]["file"] == "'=a.png"
    assert rows[0]["margin"] == "-0.500"
    assert rows[1]["copy"] == "c"
    assert all(row["corrected"] == "" for row in rows)


def test_what_somebody_filled_in_stays(tmp_path):
    sheet = tmp_path / "label_suspects.csv"
    assert filled_in(sheet) == {}
    first, second = Suspect("=a.png", "old", "young", -0.5), Suspect("b", "old", "young", 0)
    sheet.write_text(sheet_of([first, second], {"=a.png": ("old", "young"), "c": ("young", "old")}))
    assert filled_in(sheet) == {"=a.png": ("old", "young"), "c": ("young", "old")}
    rows = list(csv.DictReader(io.StringIO(sheet.read_text())))
    assert [row["file"] for row in rows] == ["'=a.png", "b", "c"]
    sheet.write_text("something else\n1\n")
    with pytest.raises(DataError, match="would be lost; move it away"):
        filled_in(sheet)


def test_a_weak_model_says_so():
    one = [Suspect("a", "old", "young", -0.5)]
    assert "half of the others" in said_of_labels(one, 0.7)
    assert said_of_labels(one, 0.95) == "1 label to look at"
    assert "leans on sex, so images that contradict" in said_of_labels(one, 0.95, ["sex"])


def test_a_model_that_guesses_doubts_no_label_but_those_of_copies(exchanged):
    evidence, prints = exchanged
    assert tells(evidence)
    drawn = np.random.default_rng(0).permutation(evidence.scores)
    guessing = dataclasses.replace(evidence, scores=drawn)
    assert not tells(guessing)
    assert suspect_labels(guessing, prints) == ()
    targets = guessing.targets
    targets[200] = 1 - targets[3]
    assert {each.name for each in suspect_labels(guessing, prints)} == {"0003.png", "0200.png"}
    always = np.where(np.arange(2) == 0, 1.0, -1.0) * np.ones((len(targets), 1))
    assert not tells(dataclasses.replace(evidence, scores=always)), "the most frequent class"
