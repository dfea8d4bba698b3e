"""Tasks by name: each with its two halves, all checks in one list, several models as one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.checks.sets import clean, relabelled

from headstart.checks.duplicates import near_duplicates
from headstart.errors import OptionError
from headstart.records import OutputSpec
from headstart.tasks import (
    TASKS,
    check_everything,
    decode_parts,
    learner_of,
    task_of,
)


@pytest.mark.parametrize("name", sorted(TASKS))
def test_a_name_means_a_package_and_its_learner(name):
    assert task_of(name).__name__ == TASKS[name] == f"headstart.tasks.{name}"
    assert learner_of(name).__name__ == f"{TASKS[name]}.learn"
    assert callable(learner_of(name).batches)


def test_no_other_name_means_anything():
    with pytest.raises(OptionError, match=r"--task ranking: .*choose classification, regression, "):
        task_of("ranking")


def test_checks_of_any_data_and_of_the_labels_come_together_the_worst_first():
    dataset, stats = clean(60)
    targets = np.zeros(60, int)
    targets[0] = 1  # a class of one image: the task's own to find
    dataset = relabelled(dataset, targets=targets)
    stats.errors.update(dict.fromkeys(range(1, 4), "torn"))  # for any data
    pairs = near_duplicates(stats)
    found = check_everything(dataset, stats, pairs)
    names = [each.check for each in found]
    own = [each.check for each in task_of("classification").check(dataset, stats, np.arange(60))]
    assert own
    assert set(own) < set(names)
    assert "unreadable_files" in names
    order = [("serious", "warning", "note").index(each.severity) for each in found]
    assert order == sorted(order)
    assert order[0] < order[-1]
    nameless = relabelled(dataset, targets=np.full(60, -1))
    left = [each.check for each in check_everything(nameless, stats, pairs)]
    assert "unreadable_files" in left
    assert not set(own) & set(left)


def test_answers_of_several_models_come_in_the_order_of_the_items():
    spec = OutputSpec("classification", ("ant", "bee"))
    # The second model names its classes the same way but is of other items.
    first = np.array([4, 0]), {"probabilities": np.array([[0.1, 0.9], [0.8, 0.2]])}, spec
    second = np.array([3]), {"probabilities": np.array([[0.7, 0.3]])}, spec
    items, found = decode_parts([first, second], ("a", "b", "c", "d", "e"))
    assert items.tolist() == [0, 3, 4]
    assert found.names == ("a", "d", "e")
    assert found.probabilities.tolist() == [[0.8, 0.2], [0.7, 0.3], [0.1, 0.9]]
    assert found.text(2).startswith("bee")
    assert found.models.tolist() == [0, 1, 0]  # whose probabilities may be ranked together
    assert decode_parts([first], ("a", "b", "c", "d", "e"))[1].models is None


def test_every_part_is_decoded_by_its_own_spec():
    edges = {"edges": [0.0, 10.0, 20.0], "quantity": "age"}
    low = OutputSpec("regression", ("0 to 10", "10 to 20"), edges)
    high = replace(low, settings={**edges, "edges": [0.0, 100.0, 200.0]})
    sure = {"probabilities": np.array([[0.0, 1.0]])}
    _, found = decode_parts([(np.array([1]), sure, low), (np.array([0]), sure, high)], ("a", "b"))
    numbers = np.asarray(found.answers(), float)
    assert 100 <= numbers[0] <= 200
    assert 10 <= numbers[1] <= 20
