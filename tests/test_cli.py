"""The command line: exit statuses, what goes to which stream, flags and their help."""

import csv
import gc
import io
import json
import os
import shutil
import subprocess
import sys

import pytest
from tests.said import besides_reading

from headstart import cli
from headstart.cli import VERBS, main

OFFLINE = {"HF_HUB_OFFLINE": "1"}


@pytest.fixture
def call(capfd):
    """``call("check", folder)`` runs the command here: (status, standard output, error)."""

    def run(*arguments):
        try:
            status = main([str(each) for each in arguments])
        except SystemExit as end:  # argparse
            status = end.code
        out, err = capfd.readouterr()
        return status, out, besides_reading(err)

    return run


def test_the_process_looks_for_garbage_seldom_and_ends_with_the_status(monkeypatch):
    before, ends = gc.get_threshold(), []
    monkeypatch.setattr(cli, "main", lambda: 3)
    monkeypatch.setattr(os, "_exit", ends.append)
    try:
        cli.entry()
        assert gc.get_threshold()[0] > 10 * before[0]
    finally:
        gc.set_threshold(*before)
    assert ends == [3]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """(data, run folder) of a command that really ran, in a process of its own."""
    from PIL import Image

    root = tmp_path_factory.mktemp("cli")
    import numpy as np

    for colour, name in enumerate(("red", "green")):
        for number in range(14):
            pixels = np.random.default_rng([colour, number]).integers(0, 120, (40, 40, 3), np.uint8)
            pixels[..., colour] += 100
            place = root / "data" / ("train" if number < 9 else "test") / name / f"{number}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(place)
    done = subprocess.run(
        [sys.executable, "-m", "headstart", "train", str(root / "data"), "-o", str(root / "run"),
         "--backbone", "starter", "--json", "--folds", "2"],
        capture_output=True, text=True, check=False,
        env=os.environ | OFFLINE | {"HEADSTART_CACHE": str(root / "cache")},
    )  # fmt: skip
    return root / "data", root / "run", done


def test_train_json_is_alone_on_standard_output(trained):
    _, run, done = trained
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["run"] == str(run)
    assert record["test"]["accuracy"]["n"] == 10
    assert "reading" not in done.stderr, "no progress into pipes"


def test_train_table(trained, call, tmp_path):
    data, *_ = trained
    out = tmp_path / "run"
    status, text, err = call("train", data, "-o", out, "--backbone", "starter", "--folds", "2")
    assert (status, err) == (0, "")
    lines = text.splitlines()
    assert lines[-2] == f"report: {out / 'report.html'}"
    assert lines[-1] == f"next: headstart predict {out} IMAGES, or headstart export {out} -o FOLDER"
    assert any(line.startswith("test accuracy") for line in lines)
    assert any("majority (baseline)" in line for line in lines)
    assert "95% interval" in text
    assert not any(line != line.rstrip() for line in lines)
    status, text, err = call(
        "train", data, "-o", out, "--backbone", "starter", "--folds", "2", "--overwrite", "--quiet"
    )
    assert (status, text, err) == (0, "", "")
    status, text, err = call("train", data, "-o", out, "--backbone", "starter")
    assert (status, text) == (2, "")
    assert err.startswith("headstart: ")
    assert err.count("\n") == 1


def test_check_statuses(images, call):
    status, text, _ = call("check", images)
    assert status == 0
    assert text.startswith(f"{images}: 36 images, 3 classes")
    shutil.copy(images / "class_a" / "00.png", images / "class_b" / "copy.png")
    status, text, _ = call("check", images)
    assert status == 1
    assert "serious  " in text
    assert "class_a/00.png = class_b/copy.png" in text
    status, text, err = call("check", images, "--json")
    assert (status, err) == (1, "")
    assert json.loads(text)["findings"][0]["severity"] == "serious"
    status, text, _ = call("check", images, "--quiet")
    assert status == 1
    assert "serious" in text, "what is found is the answer, which quiet leaves"


def test_long_evidence_is_cut_and_says_so(make_images, call):
    data = make_images(classes=2, per_class=12)
    for path in sorted((data / "class_a").iterdir()):
        shutil.copy(path, path.with_name(f"copy_{path.name}"))
    _, text, _ = call("check", data)
    assert "… and more: --json names 12" in text
    assert len(text.splitlines()) < 40


def test_what_the_user_can_mend_is_one_line_and_status_2(call, tmp_path, images):
    for words, message in (
        (("check", tmp_path / "nowhere"), "is not there"),
        (("train", images, "-o", tmp_path / "r", "--backbone", "satrter"), "starter"),
        (("train", images, "-o", tmp_path / "r", "--folds", "1"), "--folds 1"),
        (("train",), "needs DATA"),
        (("train", "--resume", tmp_path / "r"), "nothing to resume"),
        (("evaluate", tmp_path), "headstart train"),
        (("predict", tmp_path, "x.png"), "headstart train"),
        (("report", tmp_path), "headstart train"),
    ):
        status, out, err = call(*words)
        assert (status, out) == (2, ""), words
        assert err.startswith("headstart: "), err
        assert message in err
        assert err.count("\n") == 1, err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("check x --frobnicate", "check has no --frobnicate: 'headstart check --help' lists its "),
        ("frobnicate", "there is no verb frobnicate: 'headstart --help' lists them"),
        ("trian x", "there is no verb trian; did you mean train?"),
        ("check", "check needs DATA"),
        ("check x y", "check takes DATA only: y is one too many"),
        ("export x", "export needs -o FOLDER"),
        ("train x --seed -1", "--seed -1: at least 0"),
        ("train x --seed", "--seed needs a value: give a whole number"),
        ("train x --workers 0", "--workers 0: at least 1"),
        ("train x --folds many", "--folds many: give a whole number"),
        ("train x --geometry sqare", "--geometry sqare: choose square, crop, pad or squash; did "),
        ("train x --back starter", "train has no --back; did you mean --backbone?"),
        ("train x --drop-leaks=maybe", "--drop-leaks maybe: give true or false"),
        ("predict x y --top 0", "--top 0: at least 1"),
        ("predict x y --abstain-below 1.5", "--abstain-below 1.5: choose between 0 and 1"),
    ],
)
def test_flags_that_make_no_sense(call, words, said):
    status, out, err = call(*words.split())
    assert (status, out) == (2, "")
    assert err.startswith(f"headstart: {said}")
    assert err.count("\n") == 1


def test_after_two_dashes_nothing_is_a_flag(call):
    status, _, err = call("check", "--", "--faces")
    assert (status, "--faces" in err) == (2, True)
    assert "has no" not in err


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb(call, verb):
    status, text, err = call(verb, "--help")
    assert (status, err) == (0, "")
    assert text.startswith(f"usage: headstart {verb}")
    assert "--json" in text
    assert "inspect" not in text
    assert "`" not in text
    assert f"examples:\n  headstart {verb}" in text.replace("HEADSTART_API_KEY=… ", "")
    titles = [line[:-1] for line in text.splitlines() if line[:1].isalpha() and line[-1] == ":"]
    order = ["subject", "data", "model", "training", "measuring", "output", "examples"]
    assert titles == [each for each in order if each in titles]
    following = text.partition("\n\n")[2].splitlines()
    flags = [line.split() for line in following if line[:3] == "  -"]
    for number, line in enumerate(following):
        if line.startswith("  -"):  # each flag says what it does, beside it or on the next line
            beside = len(line.split("  ")) > 2
            assert beside or following[number + 1].startswith("      "), line
    assert len(flags) >= 3


def test_help_and_version(call):
    import headstart

    status, text, _ = call("--help")
    assert status == 0
    for verb in VERBS:
        assert f"    {verb} " in text
    assert call()[:2] == (0, text)
    assert call("--version")[:2] == (0, f"headstart {headstart.__version__}\n")


def test_evaluate(trained, call, images):
    data, run, _ = trained
    status, text, err = call("evaluate", run)
    assert (status, err) == (0, "")
    assert "recall of green" in text
    status, text, _ = call("evaluate", run, data, "--json")
    assert status == 0
    assert json.loads(text)["test"]["accuracy"]["n"] == 10
    status, out, err = call("evaluate", run, images)
    assert (status, out) == (2, "")
    assert "class_a" in err
    assert err.count("\n") == 1


def test_predict(trained, call, tmp_path):
    data, run, _ = trained
    (tmp_path / "broken.png").write_text("x")
    good = data / "test" / "red" / "12.png"
    words = ("predict", run, good, tmp_path / "broken.png", tmp_path / "gone.png")
    status, text, err = call(*words)
    assert (status, err) == (0, "")
    assert f"{good}  red" in text
    assert "a text file, not an image" in text
    assert "no such file" in text

    _, text, _ = call(*words, "--format", "csv", "--top", "2")
    rows = list(csv.DictReader(io.StringIO(text)))
    heads = "name class probability sure choice2 probability2 error"
    assert " ".join(rows[0]) == heads
    assert [row["class"] for row in rows] == ["red", "", ""]
    assert [bool(row["error"]) for row in rows] == [False, True, True]
    assert float(rows[0]["probability"]) + float(rows[0]["probability2"]) == pytest.approx(
        1, abs=1e-4
    )

    _, text, _ = call(*words, "--abstain-below", "1")
    assert "not sure" in text
    _, text, _ = call(*words, "--abstain-below", "1", "--format", "csv")
    assert next(csv.DictReader(io.StringIO(text)))["sure"] in ("no", "False", "false")
    _, text, _ = call(*words, "--json")
    record = json.loads(text)
    assert record["probabilities"][1] == [None, None]
    assert len(record["errors"]) == 2


def test_where_nothing_could_be_answered_the_status_says_so(trained, call, tmp_path):
    _, run, _ = trained
    status, text, err = call("predict", run, tmp_path / "gone.png", tmp_path / "lost.png")
    assert status == 2
    assert text.count("no such file") == 2
    assert err == (
        f"headstart: nothing could be answered: {tmp_path / 'gone.png'}: no such file "
        f"(and 1 more)\n"
    )
    status, text, err = call("predict", run, tmp_path / "gone.png", "--json")
    assert (status, json.loads(text)["errors"]) == (2, {str(tmp_path / "gone.png"): "no such file"})
    assert err.count("\n") == 1
    assert call("predict", run, tmp_path / "gone.mp4")[0] == 2


def test_heat_maps_say_where_they_are(trained, call, tmp_path):
    data, run, _ = trained
    good = data / "test" / "red" / "12.png"
    status, text, err = call("predict", run, good, "--explain", tmp_path / "why")
    assert (status, err) == (0, "")
    assert text.endswith(f"wrote {tmp_path / 'why'}\n")


def test_our_own_bugs_have_a_status_of_their_own(images, call, monkeypatch):
    def broken(*given, **how):
        raise IndexError("bad\x1b[2Jname")

    monkeypatch.setattr("headstart.verbs.check.check.run", broken)
    status, text, err = call("check", images)
    assert (status, text) == (70, "")
    assert "Traceback" in err
    assert "IndexError: bad\\x1b[2Jname" in err
    assert err.splitlines()[-1].startswith("headstart: this is a bug of headstart: please report")


def test_errors_show_names_by_their_escapes(call, tmp_path):
    status, _, err = call("check", tmp_path / "gone\x1b[2J\nx")
    assert (status, err.count("\n")) == (2, 1)
    assert "gone\\x1b[2J\\nx" in err


def test_report(trained, call):
    _, run, _ = trained
    status, text, _ = call("report", run)
    assert (status, text) == (0, f"{run / 'report.html'}\n")


@pytest.mark.skipif(not shutil.which("script"), reason="needs script(1) to fake a terminal")
def test_a_terminal_gets_progress_and_fits_80_columns(images):
    command = f"stty cols 80 2>/dev/null; {sys.executable} -m headstart check images"
    done = subprocess.run(
        ["script", "-qec", command, "/dev/null"],
        capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, cwd=images.parent,
        env=os.environ | {"TERM": "xterm", "NO_COLOR": "1"},
    )  # fmt: skip
    assert "reading images" in done.stdout
    tail = done.stdout.rpartition("36 images, 3 classes")[2]
    assert all(len(line) <= 80 for line in tail.splitlines())


def test_a_reader_that_leaves_is_no_error(images):
    command = [sys.executable, "-m", "headstart", "check", str(images), "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        child.stdout.close()
        err = child.stderr.read()
    assert (child.returncode, besides_reading(err)) == (0, "")


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_an_interruption_is_one_line(trained):
    data, *_ = trained
    code = (
        "import os, signal, sys, headstart.images.pixels as place\n"
        # Shells start background jobs deaf to interruptions.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "place.measure = lambda *a, **k: os.kill(os.getpid(), signal.SIGINT)\n"
        "from headstart.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "check", str(data)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (130, "")
    said = besides_reading(done.stderr)
    assert said == "headstart: interrupted; what was computed is kept in the cache\n"
