"""The plain files of a run: records, tables that odd names survive, thumbnails."""

import csv
import json

import numpy as np
import pytest
from PIL import Image

from headstart.cells import csv_name
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes, Numbers
from headstart.fingerprint import fingerprint_bytes
from headstart.images.pixels import measure
from headstart.predictions import ClassProbabilities, Identities, Intervals
from headstart.results.files import (
    dataset_record,
    environment_record,
    write_json,
    write_mistakes,
    write_predictions,
    write_trials,
)

NAMES = ("a,b.png", 'say "ä".png', "two\nlines.png")


def rows(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_classes_that_are_called_as_columns_are(tmp_path):
    chances = np.array([[0.75, 0.25], [0.4, 0.6], [0.123456789, 0.876543211]])
    answers = ClassProbabilities(NAMES, ("name", "truth"), chances, threshold=0.7)
    labels = Classes(("name", "truth"), np.array([0, 0, -1]))
    write_predictions(tmp_path / "p.csv", answers, labels)
    found = rows(tmp_path / "p.csv")
    assert list(found[0]) == [
        "name", "truth", "class", "probability", "sure", "p(name)", "p(truth)",
    ]  # fmt: skip
    assert [row["name"] for row in found] == list(NAMES)
    assert [row["truth"] for row in found] == ["name", "name", ""]
    assert [row["class"] for row in found] == ["name", "truth", "truth"]
    assert [row["sure"] for row in found] == ["True", "False", "True"]
    assert found[2]["p(name)"] == "0.12346"


def test_numbers_and_identities(tmp_path):
    answers = Intervals(NAMES, np.arange(3.0), np.arange(3.0) - 1, np.arange(3.0) + 1)
    write_predictions(tmp_path / "n.csv", answers, Numbers("age", np.array([0.5, 1, 1e9])))
    found = rows(tmp_path / "n.csv")
    assert list(found[0]) == ["name", "truth", "number", "low", "high"]
    assert [row["truth"] for row in found] == ["0.5", "1", "1000000000"]
    assert [float(row["high"]) for row in found] == [1, 2, 3]
    known = Identities(NAMES, ("Ann",), np.ones((3, 1)))
    write_predictions(tmp_path / "i.csv", known, Classes(("Ann",), np.zeros(3, int)))
    assert list(rows(tmp_path / "i.csv")[0])[2:] == ["identity", "probability", "sure", "p(Ann)"]


def test_names_are_no_formulas_and_come_back(tmp_path):
    odd = ("=cmd|' !A1", "@b")
    found = ClassProbabilities(("-1.png", "+x.png"), odd, np.array([[0.75, 0.25], [0.5, 0.5]]))
    write_predictions(tmp_path / "p.csv", found, Classes(odd, np.array([0, 1])))
    with (tmp_path / "p.csv").open(newline="", encoding="utf-8") as stream:
        head, *rows = csv.reader(stream)
    assert head[4:] == ["sure", "p(=cmd|' !A1)", "p(@b)"]
    for row in rows:
        assert all(cell[:1] not in "=+-@" for cell in row if cell)
    assert [[csv_name(cell) for cell in row[:3]] for row in rows] == [
        ["-1.png", odd[0], odd[0]], ["+x.png", odd[1], odd[0]],
    ]  # fmt: skip


def test_trials_and_records(tmp_path):
    write_trials(tmp_path / "t.csv", [{"C": 1, "chosen": True}, {"C": 10, "chosen": False}])
    assert [row["chosen"] for row in rows(tmp_path / "t.csv")] == ["True", "False"]
    write_trials(tmp_path / "none.csv", [])
    assert (tmp_path / "none.csv").read_text() == "chosen\n"
    write_json(tmp_path / "r.json", {"ä": np.nan})
    assert json.loads((tmp_path / "r.json").read_text(encoding="utf-8")) == {"ä": None}


def test_thumbnails_of_mistakes_keep_their_shape(tmp_path):
    Image.new("RGB", (900, 450), (200, 30, 30)).save(tmp_path / "wide.png")
    Image.new("RGB", (20, 30)).save(tmp_path / "small.png")
    data = Dataset.unlabelled(["wide.png", "small.png"], root=tmp_path)
    write_mistakes(data, [{"name": "small.png"}, {"name": "wide.png"}], tmp_path / "m")
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["0.jpg", "1.jpg"]
    assert Image.open(tmp_path / "m" / "0.jpg").size == (20, 30)
    assert Image.open(tmp_path / "m" / "1.jpg").size == (240, 120)
    write_mistakes(data, [], tmp_path / "none")
    assert not (tmp_path / "none").exists()


def described(root, names):
    for number, name in enumerate(names):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(root / name)
    (root / "z.png").write_bytes(b"")
    every = (*names, "z.png")
    stats = measure(Dataset.unlabelled(every, root=root))
    labels = Classes(("x", "y"), np.array([0, 1, 1]))
    data = Dataset(root, names, labels, np.full(3, ""), set_aside=(("note.txt", "no image"),))
    parts = {"train": np.array([True, True, False]), "test": np.array([False, False, True])}
    return dataset_record(
        data, parts, dropped=np.array([False, True, False]), stats=stats, all_names=every
    )


def test_what_the_data_were(tmp_path):
    found = described(tmp_path, ("a.png", "b.png", "c.png"))
    assert (found["task"], found["quantity"], found["items"]) == ("classification", "class", 3)
    assert found["classes"] == ("x", "y")
    assert found["counts"] == {"train": {"x": 1, "y": 1}, "test": {"x": 0, "y": 1}}
    assert found["left_out_as_leaks"] == ["b.png"]
    assert found["set_aside"][0] == ("note.txt", "no image")
    assert found["set_aside"][1][0] == "z.png"
    assert "empty" in found["set_aside"][1][1]
    (tmp_path / "other").mkdir()
    again = described(tmp_path / "other", ("p.png", "q.png", "r.png"))
    assert again["fingerprint"] == found["fingerprint"], "of the content, not the names"
    assert len(found["fingerprint"]) == len(fingerprint_bytes(b"").hex())


def test_where_and_how_long():
    found = environment_record("torch cpu", 7, {"open": 0.12345})
    assert (found["engine"], found["embedded_now"]) == ("torch cpu", 7)
    assert found["seconds"] == {"open": pytest.approx(0.123)}
    assert "numpy" in found["versions"]
