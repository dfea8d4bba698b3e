"""Lists of labels are recognised, and names of several words are left alone."""

from __future__ import annotations

import numpy as np
import pytest

from headstart.checks.several_labels import (
    check_several_labels,
    indicator_columns,
    refuse_several_labels,
)
from headstart.data.dataset import Dataset
from headstart.data.labels import class_labels
from headstart.errors import DataError


def dataset(labels: list[str], **columns: list[str]) -> Dataset:
    names = tuple(f"{i}.jpg" for i in range(len(labels)))
    attributes = {name: np.array(cells) for name, cells in columns.items()}
    blank = np.full(len(names), "")
    return Dataset(None, names, class_labels(labels), blank, attributes=attributes)


COMBINED = [["rust"], ["scab"], ["rust", "scab"], ["mildew", "rust"], ["scab", "mildew"]]


@pytest.mark.parametrize("mark", ["|", " ", ",", ", ", ";", "+"])
def test_combinations_of_few_words(mark):
    [finding] = check_several_labels(dataset([mark.join(each) for each in COMBINED]))
    assert finding.severity == "serious"
    assert "3 different ones in 5 combinations" in finding.claim
    assert finding.evidence[0] == "rust: in 3 combinations"
    with pytest.raises(DataError, match=r"several per image .*--label; or say --task classificat"):
        refuse_several_labels(dataset([mark.join(each) for each in COMBINED]))


@pytest.mark.parametrize("quote", ['"', "'"])
def test_lists(quote):
    labels = [str(each).replace("'", quote) for each in COMBINED]
    [finding] = check_several_labels(dataset(labels))
    assert "as lists" in finding.claim


@pytest.mark.parametrize(
    "labels",
    [
        ["golden retriever", "great dane", "great pyrenees", "poodle"],
        ["cat", "dog"],
        ["stage 1", "stage 2", "stage 3"],
        ["ac/dc", "dc"],
        ["under 5, male", "under 5, female"],
    ],
)
def test_names_of_several_words(labels):
    assert list(check_several_labels(dataset(labels))) == []


def test_columns_of_yes_and_no():
    found = dataset(["a", "b"], rust=["0", "1"], scab=["1", "0"], site=["1", "2"], one=["1", "1"])
    assert indicator_columns(found) == ["rust", "scab"]
    assert indicator_columns(dataset(["a", "b"], rust=["0", "1"])) == []


def test_a_combination_of_classes_that_are_there_too():
    [finding] = check_several_labels(dataset(["cat", "cat,dog", "dog", "dog,cow,cat"]))
    assert "3 different ones in 4 combinations" in finding.claim
    assert list(check_several_labels(dataset(["red wine", "wine", "beer", "ale", "red"]))) == []


def test_what_may_be_a_name_of_two_words_is_no_reason_to_refuse():
    both = [f"{one} {two}" for one in ("red", "green") for two in ("apple", "pear", "plum")]
    [finding] = check_several_labels(dataset(both))
    assert "separated by a blank" in finding.claim
    refuse_several_labels(dataset(both))
    refuse_several_labels(dataset(["cat", "dog"]))
