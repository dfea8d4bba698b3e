import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from headstart.errors import ModelError
from headstart.ship.report import write_report

VOID = {"meta", "img", "br", "link", "input", "hr"}
SVG_LEAVES = {"circle", "line", "polyline"}


class Page(HTMLParser):
    """Checks that tags nest, and remembers what is on the page."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.text = [], [], [], ""
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in SVG_LEAVES | VOID
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def page_of(run):
    path = write_report(run)
    assert path == run / "report.html"
    assert path.stat().st_size < 1_500_000
    return Page(path.read_text(encoding="utf-8"))


CASES = {
    "binary": {"classes": ["defect", "fine"], "n": 100, "strength": 3.0},
    "ten": {"classes": [f"kind {i}" for i in range(10)], "n": 300, "strength": 3.0},
    "many": {"classes": [f"species {i:03d}" for i in range(136)], "n": 816},
    "perfect": {"classes": ["a", "b", "c"], "n": 60, "strength": 30.0},
}


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_run_gives_a_sound_page(make_run, case):
    page = page_of(make_run(**CASES[case]))
    for tag in ("script", "link", "iframe", "object", "form"):
        assert tag not in page.tags
    assert page.tags.count("h1") == 1
    for tag, attributes in page.attributes:
        if tag == "img":
            assert attributes["src"].startswith("data:image/jpeg;base64,")
            assert attributes["alt"]
        if tag == "svg":
            assert attributes["role"] == "img"
            assert attributes["aria-label"]
        for name in ("href", "src"):
            assert not attributes.get(name, "data:").startswith("http")
    identifiers = [a["id"] for _, a in page.attributes if "id" in a]
    assert len(identifiers) == len(set(identifiers))
    for _, attributes in page.attributes:
        if "aria-labelledby" in attributes:
            assert attributes["aria-labelledby"] in identifiers
    for wrong in ("None", "nan", "Undefined", "{{", "{%"):
        assert wrong not in page.text


def test_the_headline_is_the_accuracy_in_words(make_run):
    run = make_run(**CASES["binary"])
    accuracy = json.loads((run / "metrics.json").read_text())["test"]["accuracy"]
    text = " ".join(page_of(run).text.split())
    assert f"Of 100 new pictures like these, about {100 * accuracy['value']:.0f} would" in text
    assert f"{100 * accuracy['low']:.0f} to {100 * accuracy['high']:.0f} with 95%" in text
    assert "more than raw pixels" in text


def test_findings_come_serious_first(make_run):
    text = page_of(make_run(**CASES["ten"])).text
    assert text.index("near-duplicates") < text.index("nearly blank") < text.index("largest class")
    assert "Which" in text
    assert "found 1 serious problem, below" in " ".join(text.split())


def test_a_perfect_run_says_so(make_run):
    text = page_of(make_run(**CASES["perfect"])).text
    assert "every test picture was named rightly" in text
    assert "No picture was given a wrong name" in text
    assert "about 100 would" in " ".join(text.split())


def test_many_classes_show_pairs_instead_of_a_matrix(make_run):
    page = page_of(make_run(**CASES["many"]))
    assert "these pairs were confused most" in page.text
    assert not any("matrix" in a.get("class", "") for _, a in page.attributes)


def test_names_cannot_break_out(make_run, nasty):
    run = make_run(classes=nasty, n=80, strength=2.0)
    raw = write_report(run).read_text(encoding="utf-8")
    assert "<script" not in raw
    assert "&lt;script&gt;" in raw
    page = page_of(run)
    assert "{{ 7*7 }}" in page.text
    assert nasty[1] in page.text
    assert not any(name.startswith("on") for _, a in page.attributes for name in a)


@pytest.mark.parametrize(
    "missing",
    ["metrics", "dataset", "findings", "options", "environment", "trials", "mistakes", "all but"],
)
def test_a_missing_part_is_left_out_and_named(make_run, missing):
    run = make_run(**CASES["ten"])
    gone = [p for p in run.iterdir() if p.is_file() and p.stem == missing]
    if missing == "all but":
        gone = [p for p in run.iterdir() if p.is_file() and p.stem != "metrics"]
    if missing == "mistakes":
        for picture in (run / "mistakes").iterdir():
            picture.unlink()
    for path in gone:
        path.unlink()
    page = page_of(run)
    for path in gone:
        assert path.name in page.text.split("Left out")[1]
    if missing == "metrics":
        assert "No accuracy was measured" in page.text
    if missing == "mistakes":
        assert "img" not in page.tags
        assert "most confident mistakes" in page.text


PARTS = (
    "test per_class confusion reliability reliability_uncalibrated mistakes baselines "
    "transfer_gain learning_curve calibration model evaluation"
)


@pytest.mark.parametrize("key", PARTS.split())
@pytest.mark.parametrize("null", [False, True])
def test_a_missing_measure_is_no_crash(make_run, key, null):
    run = make_run(**CASES["binary"], pictures=False)
    metrics = json.loads((run / "metrics.json").read_text())
    if null:
        metrics[key] = None
    else:
        del metrics[key]
    (run / "metrics.json").write_text(json.dumps(metrics))
    page = page_of(run)
    assert "every test picture was named rightly" not in page.text
    if key == "confusion":
        assert "No picture was given a wrong name" not in page.text


def test_numbers_that_are_not_known_are_dashes(make_run):
    run = make_run(**CASES["binary"])
    metrics = json.loads((run / "metrics.json").read_text())
    nothing = {"value": None, "low": None, "high": None, "n": 0, "method": "undefined"}
    metrics["test"]["auroc"] = nothing
    metrics["per_class"][0] |= {"precision": nothing, "f1": nothing}
    metrics["learning_curve"]["forecast"] = None
    (run / "metrics.json").write_text(json.dumps(metrics))
    page = page_of(run)
    assert "–" in page.text
    assert "cannot be said" in page.text


def test_the_command_can_be_given_again(make_run):
    page = page_of(make_run(**CASES["binary"]))
    assert "headstart train '/data/pictures of things' --out runs/first --seed 0" in page.text


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(ModelError, match="is not a run"):
        write_report(tmp_path)


@pytest.mark.parametrize("text", ["{", "[1, 2]"])
def test_a_broken_file_is_named(make_run, text):
    run = make_run(**CASES["binary"])
    (run / "metrics.json").write_text(text)
    with pytest.raises(ModelError, match=r"metrics\.json"):
        write_report(run)


def test_pictures_never_make_the_page_large(make_run):
    run = make_run(**CASES["binary"])
    metrics = json.loads((run / "metrics.json").read_text())
    metrics["mistakes"] = metrics["mistakes"][:1] * 24
    (run / "metrics.json").write_text(json.dumps(metrics))
    for k in range(24):
        (run / "mistakes" / f"{k}.jpg").write_bytes(b"\xff\xd8" + bytes(200_000))
    assert page_of(run).tags.count("img") == 3


def test_it_draws_without_heavy_imports(make_run):
    run = make_run(**CASES["binary"])
    code = (
        "import sys; from pathlib import Path; from headstart.verbs.report import report; "
        f"report({str(run)!r}); "
        "print([m for m in ('torch', 'matplotlib', 'sklearn', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=None
    )
    assert re.sub(r"\s", "", done.stdout) == "[]"
