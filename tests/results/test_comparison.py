"""Two runs on one set of images: which answers are compared, and what belongs together."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from headstart.errors import OptionError
from headstart.records import OutputSpec
from headstart.results.comparison import compare_runs
from headstart.results.items import read_items, write_items
from headstart.results.outputs import read_parts, write_outputs
from headstart.run import Run

AB = ("a", "b")


@pytest.fixture
def pair(grouped, tmp_path):
    """The run, and a copy whose answers to whole films were changed to nonsense."""
    _, run = grouped
    shutil.copytree(run.folder, tmp_path / "b")
    other = Run(tmp_path / "b")
    items, parts = read_items(other), read_parts(other)
    spoilt = []
    for rows, outputs, spec in parts:
        films = items.dataset.groups[rows]
        odd = np.array([film.endswith(("0", "1")) for film in films])
        chances = outputs["probabilities"].copy()
        chances[odd] = np.roll(chances[odd], 1, axis=1)
        spoilt.append((rows, outputs | {"probabilities": chances}, spec))
    write_outputs(other, spoilt)
    return run, other


def test_groups_are_resampled_whole(pair, tmp_path):
    run, other = pair
    found = compare_runs(run, other, AB, seed=0)
    assert (found.first, found.second, found.primary) == ("a", "b", "accuracy")
    assert found.values[0].value == pytest.approx(run.primary.value)
    assert found.values[0].value > found.values[1].value
    change = found.differences["accuracy"]
    assert change.n == 36
    assert "12 clusters" in change.method
    assert "12 clusters" in found.test
    assert found.notes == (), "groups are respected, so there is nothing to warn of"
    # The same answers of images that stand alone: the interval is narrower.
    copies = []
    for number, each in enumerate(pair):
        shutil.copytree(each.folder, tmp_path / f"alone{number}")
        copy = Run(tmp_path / f"alone{number}")
        write_items(copy, replace(read_items(copy), clusters=np.arange(36)))
        copies.append(copy)
    alone = compare_runs(*copies, AB, seed=0).differences["accuracy"]
    assert alone.value == pytest.approx(change.value)
    assert alone.high - alone.low < change.high - change.low


def test_a_run_and_itself(grouped):
    _, run = grouped
    found = compare_runs(run, run, AB, seed=0)
    assert found.better is None
    assert found.p_value == 1
    assert all(each.value == 0 for each in found.differences.values())
    assert found.answers["only_a"] == found.answers["only_b"] == 0


def test_images_are_matched_by_content_and_copies_by_name_too(pair):
    run, other = pair
    wanted = compare_runs(run, other, AB, seed=0)
    items = read_items(other)
    names = tuple(f"elsewhere/{name}" for name in items.dataset.names)
    write_items(other, replace(items, dataset=replace(items.dataset, names=names)))
    assert compare_runs(run, other, AB, seed=0).differences == wanted.differences
    items = read_items(other)
    twice = (items.fingerprints[0], items.fingerprints[0], *items.fingerprints[2:])
    write_items(other, replace(items, fingerprints=twice))
    assert compare_runs(run, other, AB, seed=0).differences["accuracy"].n == 34


def test_other_labels_tasks_and_classes_are_refused(pair):
    run, other = pair
    items = read_items(other)
    targets = items.dataset.labels.targets.copy()
    targets[5] = (targets[5] + 1) % 3
    labels = replace(items.dataset.labels, targets=targets)
    write_items(other, replace(items, dataset=replace(items.dataset, labels=labels)))
    with pytest.raises(OptionError, match=r"a and b disagree about the label of 1 of 36 .*train"):
        compare_runs(run, other, AB, seed=0)
    write_items(other, items)
    parts = [
        (rows, outputs, OutputSpec(spec.task, ("x", "y", "z")))
        for rows, outputs, spec in read_parts(other)
    ]
    write_outputs(other, parts)
    with pytest.raises(OptionError, match="b does not know the labels of the other run"):
        compare_runs(run, other, AB, seed=0)
    value = json.loads(other.metrics.read_text(encoding="utf-8"))
    other.metrics.write_text(json.dumps(value | {"task": "identity"}), encoding="utf-8")
    with pytest.raises(OptionError, match="a is a run of classification and b of identity"):
        compare_runs(run, Run(other.folder), AB, seed=0)
