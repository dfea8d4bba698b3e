import csv
import json
import shutil

import pytest

from headstart.cli import main
from headstart.errors import ModelError, OptionError
from headstart.metrics.interval import wilson
from headstart.records import Estimate, to_json
from headstart.verbs.compare import compare

CLASSES = ("cat", "dog", "truth")  # a class may be called as a column is


def table(wrong, n=60, classes=CLASSES):
    """{name: (truth, predicted, probabilities)}; the images numbered in `wrong` are wrong."""
    rows = {}
    for number in range(n):
        truth = CLASSES[number % 3]
        answer = CLASSES[(number + (number in wrong)) % 3]
        chances = [0.8 if name == answer else 0.1 for name in classes]
        rows[f"test/{truth}/{number}.png"] = (truth, answer, chances)
    return rows


def leave(folder, rows, *, classes=CLASSES, fingerprint="f", accuracy=None):
    """Writes what of a run `compare` reads."""
    folder.mkdir()
    right = sum(truth == answer for truth, answer, _ in rows.values())
    accuracy = accuracy or wilson(right, len(rows))
    results = {"test": {"accuracy": accuracy}, "evaluation": {"kind": "holdout", "summary": ""}}
    (folder / "metrics.json").write_text(to_json(results))
    (folder / "dataset.json").write_text(json.dumps({"fingerprint": fingerprint}))
    with (folder / "predictions.csv").open("w", newline="", encoding="utf-8") as stream:
        out = csv.writer(stream, lineterminator="\n")
        out.writerow(["name", "truth", "predicted", "confidence", *classes])
        for name, (truth, answer, chances) in rows.items():
            out.writerow([name, truth, answer, "0.8", *(f"{each:.5f}" for each in chances)])
    return folder


@pytest.fixture
def runs(tmp_path):
    """A run with 14 mistakes of 60, and one that makes two of these and no others."""
    return leave(tmp_path / "a", table(range(14))), leave(tmp_path / "b", table({3, 7}))


def test_the_better_run_is_named(runs):
    result = compare(*runs)
    assert (result.first, result.second) == tuple(map(str, runs))
    assert result.better == "B"
    assert result.answers == {"both": 46, "only_a": 0, "only_b": 12, "neither": 2}
    assert result.differences["accuracy"].value == pytest.approx(0.2)
    assert result.p_value == pytest.approx(2 / 2**12)
    assert result.notes == ()
    back = compare(*reversed(runs))
    assert back.better == "A"
    assert back.differences["accuracy"].value == pytest.approx(-0.2)


def test_a_real_run_and_itself(trained):
    _, run = trained
    result = compare(run.folder, str(run.folder))
    assert result.better is None
    assert result.accuracies[0].value == result.accuracies[1].value == run.accuracy.value
    assert result.differences["accuracy"].n == 13
    assert result.differences["log_loss"].value == 0
    assert "equally accurate" in result.summary


def test_classes_and_images_in_another_order_are_the_same(runs, tmp_path):
    turned = ("truth", "cat", "dog")
    rows = dict(reversed(table({3, 7}, classes=turned).items()))
    other = leave(tmp_path / "turned", rows, classes=turned)
    result, expected = compare(runs[0], other), compare(*runs)
    assert result.answers == expected.answers
    assert result.differences == expected.differences
    assert compare(runs[1], other).answers["both"] == 58


def test_only_common_images_are_compared(runs, tmp_path):
    fewer = table({3, 7})
    for name in list(fewer)[50:]:
        fewer[f"other/{name}"] = fewer.pop(name)
    result = compare(
        runs[0], leave(tmp_path / "fewer", fewer | {"one more": fewer["test/cat/0.png"]})
    )
    assert result.differences["accuracy"].n == 50
    (note,) = result.notes
    assert note.startswith("Compared on the 50 test images that both measured; 10 of A's and 11 of")
    inside = leave(tmp_path / "inside", dict(list(table({3, 7}).items())[:50]))
    assert "10 of A's and 0 of B's" in compare(runs[0], inside).notes[0]


def test_what_weakens_the_verdict_is_said(runs, tmp_path):
    grouped = Estimate(0.9, 0.8, 0.95, 60, "Wilson 95 % at the cluster bootstrap (9 clusters) …")
    other = leave(tmp_path / "o", table({3, 7}), fingerprint="another", accuracy=grouped)
    notes = compare(runs[0], other).notes
    assert len(notes) == 2
    assert "fingerprints differ" in notes[0]
    assert "belong together" in notes[1]


def test_a_probability_rounded_to_nothing_is_not_an_infinite_loss(tmp_path):
    rows, sure = table({1}), table({1})
    for name, (truth, answer, _) in sure.items():
        sure[name] = (truth, answer, [float(each == answer) for each in CLASSES])
    result = compare(leave(tmp_path / "a", rows), leave(tmp_path / "b", sure))
    expected = (59 * 0.2231 - 2.3026 + 12.2061) / 60 - 59 * 0.2231 / 30
    assert result.differences["log_loss"].value == pytest.approx(expected, abs=1e-3)


def refused(error, *folders, match):
    """The message, which must be one line that names both runs or the file."""
    with pytest.raises(error, match=match) as caught:
        compare(*folders)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_is_no_run(runs, tmp_path):
    for other in (tmp_path, tmp_path / "nowhere", runs[0] / "metrics.json"):
        assert str(other) in refused(ModelError, runs[0], other, match="headstart train")
        refused(ModelError, other, runs[0], match="headstart train")


def test_runs_that_have_nothing_in_common(runs, tmp_path):
    rows = {f"elsewhere/{name}": row for name, row in table({1}, 30).items()}
    text = refused(OptionError, runs[0], leave(tmp_path / "x", rows), match="share no test image")
    assert "60 and 30" in text
    assert "--seed" in text
    one = rows | {"test/cat/0.png": table({})["test/cat/0.png"]}
    refused(OptionError, runs[0], leave(tmp_path / "y", one), match="share one test image")
    refused(OptionError, runs[0], leave(tmp_path / "z", {}), match="60 and 0")


def test_other_classes(runs, tmp_path):
    more = (*CLASSES, "eel")
    other = leave(tmp_path / "x", table({1}, classes=more), classes=more)
    text = refused(OptionError, runs[0], other, match="do not know the same classes")
    assert f"(only {other} has eel)" in text
    refused(OptionError, other, runs[0], match="has eel")


def test_other_truths(runs, tmp_path):
    rows = table({3, 7})
    rows["test/dog/4.png"] = ("cat", "cat", [0.8, 0.1, 0.1])
    other = leave(tmp_path / "x", rows)
    text = refused(OptionError, runs[0], other, match="1 of 60 common test images")
    assert "test/dog/4.png (dog or cat)" in text


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (None, "cannot be read"),
        ("", "not a table of predictions"),
        ("image,class\na.png,cat\n", "begin name,truth,predicted,confidence"),
        ("{head}\na.png,cat,dog,0.8,0.1,0.8\n", "row 1"),
        ("{head}\na.png,cat,cat,0.8,0.8,0.1,0.1\nb.png,cat\n", "row 2"),
        ("{head}\na.png,,cat,0.8,0.8,0.1,0.1\n", "row 1"),
        ("{head}\na.png,cat,eel,0.8,0.8,0.1,0.1\n", "row 1"),
        ("{head}\na.png,cat,cat,0.8,0.8,0.1,much\n", "row 1"),
        ("{head}\na.png,cat,cat,0.8,0.8,0.1,nan\n", "row 1"),
        ("{head}\na.png,cat,cat,0.8,0.8,0.1,0.1\na.png,cat,cat,0.8,0.8,0.1,0.1\n", "row 2"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_damaged_predictions_are_named(runs, text, match):
    place = runs[1] / "predictions.csv"
    if text is None:
        place.unlink()
    elif isinstance(text, bytes):
        place.write_bytes(text)
    else:
        place.write_text(text.format(head="name,truth,predicted,confidence,cat,dog,truth"))
    message = refused(ModelError, *runs, match=match)
    assert str(place) in message
    assert message.endswith("run 'headstart train' again")


def test_the_command(runs, capfd, tmp_path):
    assert main(["compare", *map(str, runs)]) == 0
    text, err = capfd.readouterr()
    assert err == ""
    lines = text.splitlines()
    assert lines[:2] == [f"A: {runs[0]}", f"B: {runs[1]}"]
    assert [line.split("  ")[0] for line in lines[3:8]] == [
        "accuracy of A", "accuracy of B", "B − A, accuracy", "B − A, balanced accuracy",
        "B − A, log-loss",
    ]  # fmt: skip
    assert "only A 0, only B 12, neither 2. McNemar, exact: p = 0.00049." in lines[8]
    assert lines[9].startswith("B is more accurate than A by 20.0 percentage points (")
    shutil.copytree(runs[0], tmp_path / "twin")
    assert main(["compare", str(runs[0]), str(tmp_path / "twin"), "--json", "--seed", "3"]) == 0
    record = json.loads(capfd.readouterr().out)
    assert record["better"] is None
    assert record["differences"]["accuracy"]["value"] == 0
    assert main(["compare", str(runs[0]), str(tmp_path)]) == 2
    assert capfd.readouterr().err.count("\n") == 1
