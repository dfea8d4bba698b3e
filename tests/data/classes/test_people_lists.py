"""LFW's lists: who is trained on and who is tested on, and pairs that are not read."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.data.classes.people_lists import with_people_lists
from headstart.data.dataset import Dataset
from headstart.data.labels import class_labels

PEOPLE = ("Ann_Lee", "Bob_Ray", "Cid_Fox", "Dan_Oak")
LISTS = {
    "peopleDevTrain.txt": ["2", "Ann_Lee\t2", "Bob_Ray\t2"],
    "peopleDevTest.txt": ["2", "Cid_Fox\t2", "Dan_Oak\t2"],
    "pairs.txt": ["1\t2", "Ann_Lee\t1\t2", "Bob_Ray\t1\tCid_Fox\t2"],
}


def people(tmp_path):
    names = tuple(f"{name}/{name}_{n}.jpg" for name in PEOPLE for n in (1, 2))
    labels = class_labels([name.partition("/")[0] for name in names])
    return Dataset(tmp_path, names, labels, np.array([""] * 8, "U5"), reading={"labels": "4"})


def test_people_of_the_test_are_others(tmp_path):
    dataset = with_people_lists(people(tmp_path), LISTS, apart=True)
    assert dataset.splits.tolist() == ["train"] * 4 + ["test"] * 4
    assert dataset.reading["splits"] == (
        "people by peopleDevTest.txt, peopleDevTrain.txt (test 4, train 4)"
    )
    assert "pairs.txt lists pairs to verify, not read" in dataset.reading["labels"]


def test_classes_must_be_on_both_sides(tmp_path):
    dataset = with_people_lists(people(tmp_path), LISTS, apart=False)
    assert not (dataset.splits != "").any()
    assert "--task identity compares every two images" in dataset.reading["labels"]


@pytest.mark.parametrize(
    "lists",
    [{"train.txt": ["Ann_Lee/Ann_Lee_1.jpg"], "test.txt": ["Cid_Fox/Cid_Fox_1.jpg"]},
     {"people.txt": ["Ann_Lee 2"]}, {"train.txt": []}, {"note.txt": ["Ann_Lee is 4 years old"]},
     {"train.txt": ["Ann_Lee"], "test.txt": ["Ann_Lee"]}],
)  # fmt: skip
def test_other_lists_say_nothing_of_people(tmp_path, lists):
    dataset = people(tmp_path)
    assert with_people_lists(dataset, lists, apart=True) is dataset


def test_pairs_of_each_split_say_who_is_on_which_side(tmp_path):
    lists = {
        "pairsDevTrain.txt": ["2", "Ann_Lee\t1\t2", "Ann_Lee\t1\tBob_Ray\t2"],
        "pairsDevTest.txt": ["2", "Cid_Fox\t1\t2", "Cid_Fox\t1\tDan_Oak\t2"],
    }
    dataset = with_people_lists(people(tmp_path), lists, apart=True)
    assert dataset.splits.tolist() == ["train"] * 4 + ["test"] * 4
    assert "people by pairsDevTest.txt, pairsDevTrain.txt" in dataset.reading["splits"]
    lists["pairsDevTest.txt"].append("Ann_Lee\t1\tDan_Oak\t2")
    assert not (with_people_lists(people(tmp_path), lists, apart=True).splits != "").any()
