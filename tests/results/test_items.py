"""What a run keeps of its items: written, read again, and found again wherever the files went."""

import json
from pathlib import Path

import numpy as np
import pytest

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes, Numbers
from headstart.errors import DataError, ModelError
from headstart.fingerprint import fingerprint_file
from headstart.results.items import Items, read_items, where_now, write_items
from headstart.run import Run

NAMES = ("a,b;'c'.png", "ünïcödé 猫 😀.png", "two\nlines.png", 'say "so".png', "deep/er/-rf.png")


def made(root, labels, *, groups=None, folds=(1, 0, 0, 2, 2), attributes=None):
    """Items of five files that are there, and the run that keeps them."""
    for number, name in enumerate(NAMES):
        (root / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "data" / name).write_bytes(bytes([number]) * 9)
    task = "regression" if isinstance(labels, Numbers) else "classification"
    data = Dataset(
        root / "data", NAMES, labels, np.full(5, ""), groups, attributes or {}, "table", task=task
    )
    prints = tuple(fingerprint_file(data.path(i)).hex() for i in range(5))
    splits = np.array(["test" if fold else "train" for fold in folds])
    splits[2] = "dropped"
    items = Items(data, splits, np.array(folds), np.array([4, 4, 0, 1, 2]), prints)
    run = Run(root / "run")
    run.folder.mkdir()
    about = {"root": str(data.root), "source": "table", "task": task}
    quantity = labels.name if isinstance(labels, Numbers) else "class"
    run.dataset.write_text(json.dumps(about | {"quantity": quantity}))
    write_items(run, items)
    return run, items


CLASSES = Classes(("fold", "größe [red] 犬", "name"), np.array([2, 0, 1, -1, 2]))


def same(found, items):
    assert found.dataset.names == items.dataset.names
    assert found.dataset.root == items.dataset.root
    assert found.dataset.task == items.dataset.task
    assert found.splits.tolist() == items.splits.tolist()
    assert found.folds.tolist() == items.folds.tolist()
    assert found.clusters.tolist() == items.clusters.tolist()
    assert found.fingerprints == items.fingerprints


def test_classes_come_back(tmp_path):
    groups = np.array(["p,1", "p,1", "", "Ann", "Bo"])
    attributes = {"name": np.array(["x", "", "z", "n", "m"]), "age": np.array([1, 2, 3, 4, 5])}
    run, items = made(tmp_path, CLASSES, groups=groups, attributes=attributes)
    found = read_items(run)
    same(found, items)
    assert found.dataset.labels.names == CLASSES.names
    assert found.dataset.labels.targets.tolist() == CLASSES.targets.tolist()
    assert found.dataset.groups.tolist() == groups.tolist()
    assert found.dataset.attributes["name"].tolist() == ["x", "", "z", "n", "m"]
    assert found.dataset.attributes["age"].tolist() == ["1", "2", "3", "4", "5"]


def test_numbers_come_back(tmp_path):
    values = np.array([-3.25, 1 / 3, np.nan, 1e12, 0.0])
    run, items = made(tmp_path, Numbers("age, in years", values))
    found = read_items(run)
    same(found, items)
    assert found.dataset.labels.name == "age, in years"
    assert found.dataset.labels.values == pytest.approx(values, rel=1e-9, nan_ok=True)
    assert found.dataset.groups is None
    assert found.dataset.attributes == {}


def test_who_was_tested_and_who_taught(tmp_path):
    _, crossed = made(tmp_path, CLASSES)
    assert crossed.cross_validated
    assert crossed.tested.tolist() == [True, False, False, True, True]
    assert crossed.trained.all(), "the model that is kept learnt from every item"
    once = made(tmp_path / "once", CLASSES, folds=(1, 0, 0, 0, 1))[1]
    assert not once.cross_validated
    assert once.trained.tolist() == [False, True, False, True, False], "nor is what was dropped"
    assert once.at([NAMES[3], "gone.png", NAMES[0]]).tolist() == [3, -1, 0]


def test_files_are_where_they_were(tmp_path):
    _, items = made(tmp_path, CLASSES)
    root = items.dataset.root
    assert where_now(items) == [root / name for name in NAMES]
    (root / NAMES[1]).unlink()
    assert where_now(items)[1] is None
    assert where_now(items)[4] == root / NAMES[4]


def test_files_are_known_again_under_other_names_by_their_content(tmp_path):
    _, items = made(tmp_path, CLASSES)
    other = tmp_path / "moved"
    (other / "x").mkdir(parents=True)
    for number, name in enumerate(NAMES[:4]):
        place = other / name if number == 0 else other / "x" / f"{number}.png"
        (items.dataset.root / name).rename(place)
    (other / "x" / "stranger.png").write_bytes(b"somebody else")
    wanted = [other / NAMES[0], *(other / "x" / f"{n}.png" for n in (1, 2, 3)), None]
    assert where_now(items, other) == wanted
    (other / "t.csv").write_text("a table beside them")
    assert where_now(items, other / "t.csv") == wanted
    with pytest.raises(DataError, match="there is no such folder"):
        where_now(items, tmp_path / "no" / "where")


@pytest.mark.parametrize("damage", ["gone", "columns", "numbers", "short"])
def test_damage_is_one_clear_line(tmp_path, damage):
    run, _ = made(tmp_path, Numbers("age", np.arange(5.0)))
    text = run.items.read_text(encoding="utf-8")
    if damage == "gone":
        run.items.unlink()
    else:
        change = {
            "columns": text.replace("cluster", "clutter"),
            "numbers": text.replace(",3,", ",three,"),
            "short": text.rstrip("\n").rsplit(",", 2)[0],
        }
        assert change[damage] != text
        run.items.write_text(change[damage], encoding="utf-8")
    with pytest.raises(ModelError, match="run 'headstart train' again") as caught:
        read_items(run)
    assert str(run.items) in str(caught.value)
    assert Path(run.items).name in str(caught.value)
