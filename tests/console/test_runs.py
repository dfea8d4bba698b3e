"""Runs, and what is measured on them, as they are printed."""

from __future__ import annotations

import pytest
from tests.console.measured import HEAD, estimate, row, run_of

from headstart.console import runs
from headstart.exporting.record import Export, Parity
from headstart.metrics.groups import Subgroups
from headstart.metrics.retrieval import MEASURES
from headstart.records import Estimate, Finding
from headstart.results.evaluation import Evaluation
from headstart.scoring.compare import Comparison


@pytest.mark.parametrize(
    ("kind", "first", "found", "aside", "said"),
    [
        ("cv", "accuracy, cross-validated", "serious note serious", 0, "2 serious"),
        ("holdout", "test accuracy", "warning serious warning", 3, "1 serious, 2 warnings, 3 set"),
    ],
)
def test_a_run_stands_beside_its_baselines(
    tmp_path, console, cells, kind, first, found, aside, said
):
    run = run_of(tmp_path, kind=kind, found=found, aside=aside)
    runs.show_run(run, console)
    assert cells()[:2] == [["A head on a net."], ["On 50 [test] images."]]
    assert cells()[2][0].startswith(f"Checks of the data: {said}")
    assert cells()[3:] == [
        HEAD, row(first, 0.75), row("raw pixels (baseline)", 0.25),
        row("transfer gain over raw pixels", 0.375), row("log-loss", 0.5),
        [f"report: {run.report}"],
        [f"next: headstart predict {run.folder} IMAGES, or headstart export {run.folder}"
         " -o FOLDER"],
    ]  # fmt: skip


def test_what_fine_tuning_brought_and_what_the_network_did_not_is_said_first(
    tmp_path, console, lines
):
    unsure = {"over": "raw_pixels", "gain": Estimate(-0.02, -0.1, 0.06, 50, "")}
    tried = {"summary": "fine-tuning changed accuracy by +0.0 points; the probe was kept"}
    runs.show_run(run_of(tmp_path, kind="cv", finetuning=tried, transfer_gain=unsure), console)
    assert "Fine-tuning changed accuracy by +0.0 points; the probe was kept." in lines()
    advised = {"summary": ["the budget is too small", "--budget 10 would do"]}
    runs.show_run(run_of(tmp_path, kind="cv", advice=advised), console)
    assert "--budget 10 would do." in lines()
    [doubt] = [each for each in lines() if each.startswith("Not surely better than raw pixels")]
    assert "headstart advise DATA" in doubt


def test_what_the_curves_say_stands_on_the_screen_too(tmp_path, console, lines):
    said = Finding(
        "overfitting", "warning", "Held-out loss rises.", ("epoch 1: loss 1",), "Freeze."
    )
    tried = {"summary": "fine-tuned, as asked", "diagnoses": [said]}
    runs.show_run(run_of(tmp_path, kind="holdout", finetuning=tried), console)
    assert "warning  Held-out loss rises." in lines()


def test_images_of_another_kind_are_spoken_of(tmp_path, console, lines):
    said = "Your validation images are unlike the training images: …; chosen by validation."
    alike = {"unlike": False, "summary": "Your test images are like the training images: …."}
    unlike = {"unlike": True, "summary": said}
    runs.show_run(run_of(tmp_path, kind="holdout", validation=unlike, test_shift=alike), console)
    assert said in " ".join(lines())
    assert "are like the training" not in " ".join(lines())


def test_a_run_on_people_says_what_every_step_brought(tmp_path, console, lines, cells):
    measures = {name: estimate(0.1 * place) for place, name in enumerate(reversed(MEASURES), 2)}
    rows = [{"summary": name, "measures": measures} for name in ("frozen", "whitened")]
    rows[1]["gain"] = {"map_at_r": Estimate(0.031, -0.004, 0.07, 50, "")}
    more = {"diagnoses": [Finding("x", "warning", "It was short.", ("epoch 1",), "Go on.")]}
    runs.show_run(run_of(tmp_path, kind="cv", retrieval={"rows": rows}, finetuning=more), console)
    assert ["people never seen", *MEASURES.values()] in cells()
    assert ["frozen", *(str(measures[name]) for name in MEASURES)] in cells()
    assert "mAP@R, points more than whitened: +3.1 (-0.4 to +7.0)" in lines()
    assert "warning  It was short." in lines()


def test_an_evaluation_tells_classes_and_subgroups(console, cells):
    values = {"f": estimate(0.5), "m": estimate(0.75)}
    sex = Subgroups("sex", "accuracy", values, estimate(0.25), "m", "f", 0.0312, {"": 3, "x": 9})
    recalls = [{"class": f"c{i}", "recall": estimate(0.5, i)} for i in range(42)]
    test, broken = {"macro_f1": estimate(0.75)}, {"a[1].jpg": "empty"}
    given = (
        "classification",
        "accuracy",
        test,
        {"per_class": recalls},
        broken,
        (sex,),
        ("It proves nothing.",),
    )
    runs.show_evaluation(Evaluation("On 9 images.", *given), console)
    found = cells()
    assert found[:4] == [["On 9 images."], HEAD, row("macro F1", 0.75), row("recall of c0", 0.5, 0)]
    assert found[42:] == [
        row("recall of c39", 0.5, 39), ["… and 2 more classes: --json has all"],
        ["set aside: a[1].jpg: empty"], [""], ["accuracy by sex"], HEAD,
        row("f", 0.5), row("m", 0.75), row("gap: m better than f", 0.25),
        ["By chance so large a gap arises with p = 0.031; its interval does not know that best and "
         "worst were picked by looking."],
        ["too few images to tell: unknown (3), x (9)"], ["It proves nothing."],
    ]  # fmt: skip


def test_a_comparison_is_b_minus_a(console, cells):
    answers = {"both": 1000, "only_a": 3, "only_b": 12, "neither": 7}
    values, change = (estimate(0.25), estimate(0.75)), {"log_loss": estimate(-0.25)}
    given = (
        values,
        change,
        0.0351,
        "McNemar's test",
        answers,
        None,
        ("Few [b].",),
        "classification",
    )
    runs.show_comparison(Comparison("[a]", "b", "macro_f1", "B is better.", "B", *given), console)
    assert cells() == [
        ["A: [a]"], ["B: b"], HEAD, row("macro F1 of A", 0.25), row("macro F1 of B", 0.75),
        row("B − A, log-loss", -0.25),
        ["Right on an image: both 1,000, only A 3, only B 12, neither 7."],
        ["McNemar's test: p = 0.035."], ["B is better."], ["Few [b]."],
    ]  # fmt: skip


def test_exported_files_by_size_speed_and_quality(console, cells):
    file = {"file": "m [1].onnx", "megabytes": 12.34, "p50_ms": 3.21, "p95_ms": 9.87}
    file |= {"images_per_second": 432.1, "accuracy": estimate(0.75)}
    same = Parity(9, 0, 0.0, True)
    runs.show_exported(Export("out/x", ("As torch.",), "accuracy", (file,), same, None), console)
    assert cells() == [
        ["file", "MB", "ms an image, now", "images/s at 16",
         "accuracy on images it learnt from"],
        ["m [1].onnx", "12.3", "3.2 (95%: 9.9)", "432", "0.750 (0.625–0.875)"],
        ["As torch."],
    ]  # fmt: skip
