import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from headstart.errors import ModelError
from headstart.reporting.page import write_report

VOID = {"meta", "img", "br", "link", "input", "hr"}
SVG_LEAVES = {"circle", "line", "polyline", "polygon"}


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


def assert_sound(page):
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


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_run_gives_a_sound_page(make_run, case):
    page = page_of(make_run(**CASES[case]))
    assert_sound(page)
    identifiers = [a["id"] for _, a in page.attributes if "id" in a]
    assert not {"finetuning", "advice"} & set(identifiers)


def test_the_headline_is_the_accuracy_in_words(make_run):
    run = make_run(**CASES["binary"])
    accuracy = json.loads((run / "metrics.json").read_text())["test"]["accuracy"]
    text = " ".join(page_of(run).text.split())
    assert f"Of 100 new images like these, about {100 * accuracy['value']:.0f} would" in text
    assert f"{100 * accuracy['low']:.0f} to {100 * accuracy['high']:.0f} with 95%" in text
    assert "more than raw pixels" in text


def test_findings_come_serious_first(make_run):
    text = page_of(make_run(**CASES["ten"])).text
    assert text.index("near-duplicates") < text.index("nearly blank") < text.index("largest class")
    assert "Which" in text
    assert "found 1 serious problem, below" in " ".join(text.split())


def test_a_perfect_run_says_so(make_run):
    text = page_of(make_run(**CASES["perfect"])).text
    assert "every test image was classified correctly" in text
    assert "No image was given a wrong name" in text
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
    home = metrics["details"] if key in metrics["details"] else metrics
    if null:
        home[key] = None
    else:
        del home[key]
    (run / "metrics.json").write_text(json.dumps(metrics))
    page = page_of(run)
    assert "every test image was classified correctly" not in page.text
    if key == "confusion":
        assert "No image was given a wrong name" not in page.text


def test_numbers_that_are_not_known_are_dashes(make_run):
    run = make_run(**CASES["binary"])
    metrics = json.loads((run / "metrics.json").read_text())
    nothing = {"value": None, "low": None, "high": None, "n": 0, "method": "undefined"}
    metrics["test"]["auroc"] = nothing
    metrics["details"]["per_class"][0] |= {"precision": nothing, "f1": nothing}
    metrics["learning_curve"]["forecast"] = None
    (run / "metrics.json").write_text(json.dumps(metrics))
    page = page_of(run)
    assert "–" in page.text
    assert "cannot be said" in page.text


def test_a_forecast_that_does_not_hold_is_not_made(make_run):
    run = make_run(**CASES["binary"])
    metrics = json.loads((run / "metrics.json").read_text())
    forecast = metrics["learning_curve"]["forecast"]["summary"]
    assert forecast in page_of(run).text
    said = "Your test images are unlike the training images: folds inside training say 0.97."
    metrics["test_shift"] = {"unlike": True, "summary": said}
    reason = "your test images are unlike the training images"
    metrics["learning_curve"] |= {"forecast": None, "withdrawn": reason}
    (run / "metrics.json").write_text(json.dumps(metrics))
    page = page_of(run)
    assert said in page.text
    assert f"No forecast is made: {reason}" in page.text
    assert forecast not in page.text
    assert "cannot be said" not in page.text


def test_the_command_can_be_given_again(make_run):
    page = page_of(make_run(**CASES["binary"]))
    assert "headstart train '/data/images of things' --out runs/first\n" in page.text


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
    metrics["details"]["mistakes"] = metrics["details"]["mistakes"][:1] * 24
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


def text_from(page, words):
    """The text of the page from some words on."""
    text = " ".join(page.text.split())
    return text[text.index(words) :]


def test_a_finetuning_is_told(make_finetuned):
    page = page_of(make_finetuned())
    assert_sound(page)
    text = text_from(page, "Fine-tuning Fine-tuning was kept")
    for part in (
        "on 460 held-out images, with its 95% interval; the line runs from 80% to 100%",
        "fine-tuned kept",
        "gain+3 points (+1 to +5)",
        "averaged over epochs 8, 9 and 10, 75% of the way there from where training began",
        "the held-out ones included",
        "learning rate, at most 0.002",
        "Held-out loss was still falling in the last epoch",
        "layer decay",
        "(augmentation: standard). If one of them",
    ):
        assert part in text
    assert "Drawn is" not in text
    assert "in metrics.json" in text
    labels = [a["aria-label"] for tag, a in page.attributes if tag == "svg"]
    assert any(label.startswith("Loss by epoch") for label in labels)
    assert any("the probe 92%" in label for label in labels)
    kept = [a for tag, a in page.attributes if "kept" in a.get("class", "") and tag == "circle"]
    assert len(kept) == 6  # three epochs in two figures
    assert "serious problem" not in text  # which is said of findings about the data


def test_a_probe_that_was_kept_rings_no_epoch(make_finetuned):
    page = page_of(make_finetuned(kept="probe"))
    assert_sound(page)
    assert not any("kept" in a.get("class", "") for _, a in page.attributes)
    text = text_from(page, "Fine-tuning Fine-tuning")
    assert "frozen (probe) kept" in text
    assert "averaged over" not in text


def change(run, **fields):
    metrics = json.loads((run / "metrics.json").read_text())
    metrics["finetuning"] |= fields
    (run / "metrics.json").write_text(json.dumps(metrics))


def test_weights_that_stayed_where_they_began_ring_no_epoch(make_finetuned):
    run = make_finetuned()
    change(run, share=0.0)
    page = page_of(run)
    assert_sound(page)
    assert "no epoch was better than where training began" in page.text
    assert not any("kept" in a.get("class", "") for tag, a in page.attributes if tag == "circle")


@pytest.mark.parametrize("policy", ["none", "light", "strong"])
def test_the_preview_is_told_by_its_policy(make_finetuned, policy):
    text = page_of(make_finetuned(recipe={"augment": policy})).text
    assert ("unchanged, because" in text) == (policy == "none")
    assert ("(augmentation: light)" in text) == (policy == "light")
    assert ("--recipe augment=light" in text) == (policy == "strong")


def test_training_from_random_weights_is_not_called_fine_tuning(make_finetuned):
    run = make_finetuned()
    (run / "options.json").write_text(json.dumps({"data": "pictures", "strategy": "scratch"}))
    page = page_of(run)
    assert "Training from random weights" in page.text
    assert "fine-tuned" not in page.text


@pytest.mark.parametrize("epochs", [1, 2, 20, 60, 400])
@pytest.mark.parametrize("validation", [True, False])
def test_histories_of_any_length(make_finetuned, make_history, epochs, validation):
    page = page_of(make_finetuned(make_history(epochs, validation=validation)))
    assert_sound(page)
    said = [a["class"] for tag, a in page.attributes if tag == "span" and "class" in a]
    assert ("validation" in said, "rate" in said) == (validation, epochs > 1)
    assert ("The first 300 are shown" in page.text) == (epochs > 300)
    assert ("of epoch 1," in " ".join(page.text.split())) == (epochs == 1)


def test_of_several_trainings_the_first_is_drawn(make_finetuned, make_history):
    rows = [row for k in range(1, 6) for row in make_history(4, training=f"round{k}", seed=k)]
    page = page_of(make_finetuned(rows))
    text = " ".join(page.text.split())
    assert "Drawn is round1, the first of 5 trainings in history.csv; the dashed line" in text
    # The epochs that were kept are those of the last.
    assert not any("kept" in a.get("class", "") for tag, a in page.attributes if tag == "circle")
    label = next(a["aria-label"] for _, a in page.attributes if "Loss" in a.get("aria-label", ""))
    assert f"epoch 4 training {rows[3][4]:.3f}, held out {rows[3][6]:.3f}" in label
    assert label.count("epoch 4") == 1


def test_a_training_that_diverged_is_drawn_as_far_as_it_is_known(make_finetuned, make_history):
    rows = make_history(5)
    rows[3][4:9] = ["inf", 0.3, "", "", -1.0]
    rows[4][3:9] = [""] * 6
    assert_sound(page_of(make_finetuned(rows)))


def test_a_long_recipe_is_folded(make_finetuned, nasty):
    recipe = {f"setting_{k}": k / 7 for k in range(60)}
    recipe |= {"stages": [1, 2], "hflip": False, "augment": nasty[0], "note": nasty[3]}
    run = make_finetuned(recipe=recipe)
    assert "<script" not in write_report(run).read_text(encoding="utf-8")
    page = page_of(run)
    assert_sound(page)
    text = text_from(page, "The recipe")
    for part in ("setting 59", "stages1, 2", "hflipno", nasty[3]):
        assert part in text


@pytest.mark.parametrize("gone", ["history.csv", "augmentation.jpg", "finetuning", "all"])
def test_a_missing_part_of_a_finetuning_is_left_out(make_finetuned, gone):
    run = make_finetuned()
    for name in ("history.csv", "augmentation.jpg"):
        if gone in (name, "all"):
            (run / name).unlink()
    if gone in ("finetuning", "all"):
        metrics = json.loads((run / "metrics.json").read_text())
        metrics["finetuning"] = None
        (run / "metrics.json").write_text(json.dumps(metrics))
    page = page_of(run)
    assert_sound(page)
    raw = (run / "report.html").read_text(encoding="utf-8")
    assert ('id="finetuning"' in raw) == (gone != "all")
    assert ("Loss by epoch" in raw) == (gone not in ("history.csv", "all"))
    assert ("What training sees" in raw) == (gone not in ("augmentation.jpg", "all"))
    assert "Left out" not in page.text  # a run without a fine-tuning lacks nothing


FIELDS = "kept summary share epochs refitted recipe validation diagnoses probe finetune gain n"


@pytest.mark.parametrize("key", FIELDS.split())
@pytest.mark.parametrize("null", [False, True])
def test_a_missing_field_of_a_finetuning_is_no_crash(make_finetuned, key, null):
    run = make_finetuned()
    metrics = json.loads((run / "metrics.json").read_text())
    place = metrics["finetuning"]
    place = place if key in place else place["validation"]
    if null:
        place[key] = None
    else:
        del place[key]
    (run / "metrics.json").write_text(json.dumps(metrics))
    assert_sound(page_of(run))


@pytest.mark.parametrize("text", [b"", b"training,epoch\n", b"training,epoch,loss\nround1,,\n"])
def test_a_history_without_epochs_draws_nothing(make_finetuned, text):
    run = make_finetuned()
    (run / "history.csv").write_bytes(text)
    page = page_of(run)
    assert_sound(page)
    assert "Epoch by epoch" not in page.text


def test_a_broken_history_is_named(make_finetuned):
    run = make_finetuned()
    (run / "history.csv").write_bytes(b"training,epoch\nround1,\xff\n")
    with pytest.raises(ModelError, match=r"history\.csv"):
        write_report(run)


@pytest.mark.parametrize("data", [b"", b"no image", b"\xff\xd8" + bytes(2_000_000)])
def test_a_preview_that_is_none_or_too_large_is_left_out(make_finetuned, data):
    run = make_finetuned()
    (run / "augmentation.jpg").write_bytes(data)
    assert "What training sees" not in page_of(run).text


def test_the_ways_to_train_are_compared(make_run, advise):
    run = make_run(**CASES["binary"])
    advise(run)
    page = page_of(run)
    assert_sound(page)
    text = text_from(page, "Which way to train")
    for part in (
        "Fine-tuning is worth its time here.",
        "the line runs from 80% to 100%",
        "convnext_tiny, 224 px, 10 epochs",
        "3.6 min",
        "convnext_small, 288 px, 20 epochs –2.2 h",
        "seldom beaten",
    ):
        assert part in text
    assert not any(a.get("id") == "finetuning" for _, a in page.attributes)


def test_a_way_is_compared_by_what_is_known_of_it(make_run, advise):
    run = make_run(**CASES["binary"])
    advise(run)
    metrics = json.loads((run / "metrics.json").read_text())
    for row in metrics["advice"]["rows"]:
        del row["backbone"], row["image_size"]
    del metrics["advice"]["rule_of_thumb"]
    (run / "metrics.json").write_text(json.dumps(metrics))
    page = page_of(run)
    assert_sound(page)
    text = text_from(page, "Which way to train")
    assert "fine-tune 10 epochs" in text
    assert "probe92%" in text.replace(" ", "")


def test_trials_of_another_kind_are_shown_as_they_were_written(make_run):
    run = make_run(**CASES["binary"])
    (run / "trials.csv").write_text(
        "arm,mean_iou,macro_f1,chosen\nhead,0.91,40.2,True\nlinear,0.86,12.1,False\n"
    )
    assert_sound(page_of(run))
    page = (run / "report.html").read_text()
    assert '<th scope="col" class="n">mean iou</th>' in page
    assert '<th scope="col" class="n">macro F1</th>' in page, "in the words of the run's task"
    assert '<th scope="row">head<span class="tag">chosen</span></th><td class="n">0.91</td>' in page


def test_doubts_are_told_with_what_the_test_says_of_them(make_run):
    run = make_run(**CASES["binary"])
    assert "When to doubt it" not in page_of(run).text, "an earlier run has none"
    metrics = json.loads((run / "metrics.json").read_text())
    share = {"value": 0.04, "low": 0.02, "high": 0.08, "n": 200, "method": "Wilson 95%"}
    covered = share | {"value": 0.91, "low": 0.86, "high": 0.94}
    metrics["doubts"] = {
        "unlike": {"bytes": 1000, "tested": share},
        "sets": {"held_out": 1234, "by_class": 2, "tested": covered, "classes": 1.26},
    }
    (run / "metrics.json").write_text(json.dumps(metrics))
    text = page_of(run).text
    assert "it calls 4% (2–8) unlike" in text
    assert "1,234 held-out training images, for 2 classes by their own images" in text
    assert "1.3 classes on average" in text
    metrics["doubts"] = {"unlike": {"bytes": 1000, "tested": None}}
    (run / "metrics.json").write_text(json.dumps(metrics))
    text = page_of(run).text
    assert "The network itself learnt" in text
    assert "Which classes are possible" not in text


def test_the_first_thing_said_of_a_model_that_leans_on_a_column_is_what_it_is_worth_without(
    make_run,
):
    run = make_run(**CASES["binary"])
    share = {"value": 0.61, "low": 0.52, "high": 0.7, "n": 200, "method": "Wilson 95%"}
    said = {"column": "sex", "claim": "It does.", "remedy": "Gather.", "evidence": []}
    columns = [
        {"column": "sex", "verdict": "serious", "unrelated": share},
        {"column": "hue", "verdict": "fine", "unrelated": share},
    ]
    given = {
        "columns": columns,
        "said": [
            said | {"verdict": "serious", "title": "The model leans on sex"},
            said | {"verdict": "fine", "title": "hue sways the score", "claim": "It tells little."},
        ],
    }
    (run / "audit.json").write_text(json.dumps(given))
    text = page_of(run).text
    first = text[: text.index("What to do next")]
    assert "But it leans on sex: where sex and the class would be unrelated, 61% (52–70)" in first
    assert "leans on hue" not in text
    assert "hue sways the score: It tells little." in text
