import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from headstart.cli import main
from headstart.data.dataset import Dataset
from headstart.data.labels import class_labels
from headstart.errors import ModelError, OptionError
from headstart.metrics.interval import wilson
from headstart.records import OutputSpec, to_json
from headstart.results.items import Items, write_items
from headstart.results.outputs import write_outputs
from headstart.run import FORMAT, Run
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


def leave(folder, rows, *, classes=CLASSES, fingerprint="f", clusters=None, contents=None):
    """Writes what of a run `compare` reads; `contents` are {name: of its file} where not its own.

    Classes that nothing shows are known to the model all the same.
    """
    folder.mkdir()
    run, n = Run(folder), len(rows)
    right = sum(truth == answer for truth, answer, _ in rows.values())
    results = {
        "format": FORMAT, "task": "classification", "primary": "accuracy",
        "test": {"accuracy": wilson(right, n) if n else None},
        "evaluation": {"kind": "holdout", "summary": ""},
    }  # fmt: skip
    run.metrics.write_text(to_json(results))
    about = {
        "root": "images", "source": "folders", "fingerprint": fingerprint,
        "task": "classification", "quantity": "class",
    }  # fmt: skip
    run.dataset.write_text(json.dumps(about))
    labels = class_labels([truth for truth, _, _ in rows.values()])
    data = Dataset(Path("images"), tuple(rows), labels, np.full(n, ""))
    contents = contents or {}
    prints = [hashlib.md5(contents.get(name, name).encode()).hexdigest() for name in rows]
    alone = np.arange(n) if clusters is None else clusters
    items = Items(data, np.full(n, "test"), np.ones(n, int), alone, tuple(prints))
    write_items(run, items)
    chances = np.array([each for _, _, each in rows.values()], np.float32)
    outputs = {"probabilities": chances.reshape(n, len(classes))}
    write_outputs(run, [(np.arange(n), outputs, OutputSpec("classification", classes))])
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
    assert result.values[0].value == result.values[1].value == run.primary.value
    assert result.differences["accuracy"].n == 13
    assert result.differences["log_loss"].value == 0
    assert result.summary.startswith("No difference can be shown: the accuracy of both is the same")


def test_classes_and_images_in_another_order_are_the_same(runs, tmp_path):
    turned = ("truth", "cat", "dog")
    rows = dict(reversed(table({3, 7}, classes=turned).items()))
    other = leave(tmp_path / "turned", rows, classes=turned)
    result, expected = compare(runs[0], other), compare(*runs)
    assert result.answers == expected.answers
    for name, one in expected.differences.items():
        other_one = result.differences[name]
        got = (other_one.value, other_one.low, other_one.high)
        assert got == pytest.approx((one.value, one.low, one.high)), name
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


def test_images_are_known_by_their_content_whatever_they_are_called(runs, tmp_path):
    rows = {f"renamed/{name}": row for name, row in table({3, 7}).items()}
    contents = {name: name.removeprefix("renamed/") for name in rows}
    other = leave(tmp_path / "o", rows, contents=contents, fingerprint="another")
    result = compare(runs[0], other)
    assert result.differences == compare(*runs).differences
    (note,) = result.notes
    assert "fingerprints differ" in note
    assert "matched by their content" in note


def test_what_belongs_together_is_resampled_together(runs, tmp_path):
    """Twelve groups of five images: an interval as wide as twelve independent answers give."""
    clusters = np.repeat(np.arange(12), 5)
    grouped = [
        leave(tmp_path / "ga", table(range(15)), clusters=clusters),
        leave(tmp_path / "gb", table({3, 7}), clusters=clusters),
    ]
    alone = compare(leave(tmp_path / "aa", table(range(15))), runs[1])
    result = compare(*grouped)
    both = [each.differences["accuracy"] for each in (result, alone)]
    assert both[0].value == both[1].value == pytest.approx(13 / 60)
    widths = [each.high - each.low for each in both]
    assert widths[0] > 1.3 * widths[1]
    assert "12 clusters" in both[0].method
    assert result.p_value > 100 * alone.p_value
    assert alone.better == "B"
    assert result.better is None, "three groups speak for B, and none for A"
    assert result.notes == ()


def test_no_probability_at_all_is_not_an_infinite_loss(tmp_path):
    rows, sure = table({1}), table({1})
    for name, (truth, answer, _) in sure.items():
        sure[name] = (truth, answer, [float(each == answer) for each in CLASSES])
    result = compare(leave(tmp_path / "a", rows), leave(tmp_path / "b", sure))
    expected = 15.942 / 60 - (59 * 0.2231 + 2.3026) / 60  # 15.942 is -log of what float32 resolves
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
    fewer = {
        name: (truth, answer, chances[:2]) for name, (truth, answer, chances) in table({1}).items()
    }
    other = leave(tmp_path / "x", fewer, classes=CLASSES[:2])
    for pair in ((runs[0], other), (other, runs[0])):
        text = refused(OptionError, *pair, match="does not know the labels of the other run")
        assert text.startswith(str(other))
        assert "truth" in text
        assert "trained on the same classes" in text


def test_a_class_that_only_one_knows_and_no_image_shows_is_no_matter(runs, tmp_path):
    more = (*CLASSES, "eel")
    other = leave(tmp_path / "x", table({3, 7}, classes=more), classes=more)
    assert compare(runs[0], other).answers == compare(*runs).answers


def test_other_tasks(runs, tmp_path):
    shutil.copytree(runs[1], tmp_path / "numbers")
    place = tmp_path / "numbers" / "metrics.json"
    place.write_text(json.dumps(json.loads(place.read_text()) | {"task": "regression"}))
    text = refused(OptionError, runs[0], place.parent, match="a run of classification")
    assert "regression" in text


def test_other_truths(runs, tmp_path):
    rows = table({3, 7})
    rows["test/dog/4.png"] = ("cat", "cat", [0.8, 0.1, 0.1])
    other = leave(tmp_path / "x", rows)
    text = refused(OptionError, runs[0], other, match="1 of 60 common test images")
    assert "test/dog/4.png (dog or cat)" in text


HEAD = "name,split,fold,cluster,group,label,fingerprint"


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (None, "cannot be read"),
        ("", "cannot be read"),
        ("image,class\na.png,cat\n", f"does not have the columns {HEAD.replace(',', ', ')}"),
        (f"{HEAD}\na.png,test,1,0,,cat,00\nb.png,cat\n", "does not have the columns"),
        (f"{HEAD}\na.png,test,one,0,,cat,00\n", "cannot be read"),
        (f"{HEAD}\na.png,test,1,,,cat,00\n", "cannot be read"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_damaged_items_are_named(runs, text, match):
    damaged(runs, runs[1] / "items.csv", text, match)


@pytest.mark.parametrize("text", [None, b"", b"\xff\xfe\x00", "half"])
def test_damaged_outputs_are_named(runs, text):
    place = runs[1] / "outputs.safetensors"
    content = place.read_bytes()
    damaged(runs, place, content[: len(content) // 2] if text == "half" else text, "cannot be read")


def damaged(runs, place, text, match):
    if text is None:
        place.unlink()
    elif isinstance(text, bytes):
        place.write_bytes(text)
    else:
        place.write_text(text)
    message = refused(ModelError, *runs, match=match)
    assert str(place) in message
    assert message.endswith("run 'headstart train' again")


def test_the_command(runs, capfd, tmp_path):
    assert main(["compare", *map(str, runs)]) == 0
    text, err = capfd.readouterr()
    assert err == ""
    lines = text.splitlines()
    assert lines[:2] == [f"A: {runs[0]}", f"B: {runs[1]}"]
    assert [line.split("  ")[0] for line in lines[3:11]] == [
        "accuracy of A", "accuracy of B", "B − A, accuracy", "B − A, balanced accuracy",
        "B − A, macro F1", "B − A, AUROC", "B − A, log-loss", "B − A, calibration error",
    ]  # fmt: skip
    assert lines[11].endswith("only A 0, only B 12, neither 2.")
    assert lines[12] == "McNemar, exact: p = 0.00049."
    verdict = "B is better than A: its accuracy is higher by 20.0 percentage points ("
    assert lines[13].startswith(verdict)
    shutil.copytree(runs[0], tmp_path / "twin")
    assert main(["compare", str(runs[0]), str(tmp_path / "twin"), "--json", "--seed", "3"]) == 0
    record = json.loads(capfd.readouterr().out)
    assert record["better"] is None
    assert record["differences"]["accuracy"]["value"] == 0
    assert main(["compare", str(runs[0]), str(tmp_path)]) == 2
    assert capfd.readouterr().err.count("\n") == 1
