"""Tables of data, runs and what is measured on them."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from headstart.console.parts import CLASSES, COLOURS, hang, sentence, show_estimates, show_findings
from headstart.output import read_json
from headstart.records import Estimate, Finding
from headstart.reporting.headline import doubt_of, shifts_of
from headstart.run import Run
from headstart.tasks import words_of

if TYPE_CHECKING:
    from rich.console import Console

    from headstart.exporting.record import Export
    from headstart.results.checkup import Checkup
    from headstart.results.evaluation import Evaluation
    from headstart.scoring.compare import Comparison

__all__ = [
    "show_checkup",
    "show_comparison",
    "show_evaluation",
    "show_exported",
    "show_retrieval",
    "show_run",
]


def show_checkup(result: Checkup, console: Console) -> None:
    """Prints what was found in a data set."""
    console.print(f"{result.data}: {result.images:,} images, {result.counted}", markup=False)
    if not result.findings:
        console.print("nothing to report")
    show_findings(result.findings, console)


def show_run(run: Run, console: Console) -> None:
    """Prints the measures of a run beside its baselines."""
    results = run.results
    console.print(sentence(results["model"]["summary"]), markup=False)
    console.print(results["evaluation"]["summary"], markup=False)
    # What was tried of fine-tuning, or why nothing was; and what it brought.
    for each in ((results.get(name) or {}).get("summary") for name in ("advice", "finetuning")):
        for said in [each] if isinstance(each, str) else each or ():
            console.print(sentence(said), markup=False)
    _serious(run, console)
    _leaning(run, console)
    for each in shifts_of(results):
        console.print(each, style=COLOURS["warning"], markup=False)
    doubt = doubt_of(results)
    if doubt is not None:
        console.print(doubt, style=COLOURS["warning"], markup=False)
    crossed = results["evaluation"]["kind"] == "cv"
    words, primary = words_of(results["task"]), results["primary"]
    what = words.get(primary, primary)
    rows = [(f"{what}, cross-validated" if crossed else f"test {what}", run.primary)]
    rows += [
        (f"  {name.replace('_', ' ')} (baseline)", Estimate.from_json(value[primary]))
        for name, value in results["baselines"].items()
    ]
    if results.get("transfer_gain"):
        gain = results["transfer_gain"]
        over = gain["over"].replace("_", " ")
        rows.append((f"transfer gain over {over}", Estimate.from_json(gain["gain"])))
    rows += [
        (words.get(name, name), Estimate.from_json(value))
        for name, value in results["test"].items()
        if name != primary
    ]
    show_estimates(rows, console)
    forecast = (results.get("learning_curve") or {}).get("forecast")
    if forecast:
        console.print(forecast["summary"], markup=False)
    if "retrieval" in results:
        _retrieval(results, console)
    _curves(results, console)
    console.print(f"report: {run.report}", markup=False, soft_wrap=True)
    place = shlex.quote(str(run.folder))
    onward = f"next: headstart predict {place} IMAGES, or headstart export {place} -o FOLDER"
    console.print(onward, markup=False, soft_wrap=True)


def _serious(run: Run, console: Console) -> None:
    """Says in one line what the checks found: whoever reads the measures must know."""
    found = [each["severity"] for each in read_json(run.findings)]
    kinds = [(n, kind) for kind in ("serious", "warning") if (n := found.count(kind))]
    aside = len(read_json(run.dataset)["set_aside"])
    parts = [f"{n} {kind}{'s' * (n > 1 and kind == 'warning')}" for n, kind in kinds]
    parts += [f"{aside} set aside"] if aside else []
    if parts:
        worst = COLOURS["serious" if "serious" in parts[0] else "warning"]
        console.print(
            f"Checks of the data: {', '.join(parts)}; the report says which.", style=worst
        )


def _leaning(run: Run, console: Console) -> None:
    """Says what the model leans on besides what it should."""
    if not run.audit.is_file():
        return
    audit = read_json(run.audit)
    for line in audit["repair"]:
        console.print(line, markup=False)
    for each in audit["said"]:
        if each["verdict"] != "fine":
            style = COLOURS[each["verdict"]]
            console.print(f"{each['title']}: {each['claim']}", style=style, markup=False)
    console.print(f"audit: {run.audit_page}", markup=False, soft_wrap=True)


def _retrieval(results: dict[str, Any], console: Console) -> None:
    rows = results["retrieval"]["rows"]
    table = [
        (row["summary"], {name: Estimate.from_json(each) for name, each in row["measures"].items()})
        for row in rows
    ]
    show_retrieval(table, console)
    for row in rows[1:]:
        change = Estimate.from_json(row["gain"]["map_at_r"])
        points = f"{100 * change.value:+.1f} ({100 * change.low:+.1f} to {100 * change.high:+.1f})"
        console.print(f"mAP@R, points more than {row['summary']}: {points}", markup=False)


def _curves(results: dict[str, Any], console: Console) -> None:
    """Says what the curves of a fine-tuning show: why held-out loss does not fall, and the cure."""
    for each in (results.get("finetuning") or {}).get("diagnoses") or []:
        show_findings([Finding(**each | {"evidence": tuple(each["evidence"])})], console)


def show_retrieval(rows: list[tuple[str, dict[str, Estimate]]], console: Console) -> None:
    """Prints how well unseen identities are known again, one row for each way."""
    from rich.table import Table

    from headstart.console.screen import cell
    from headstart.metrics.retrieval import MEASURES

    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("people never seen", overflow="ellipsis")
    for heading in MEASURES.values():
        table.add_column(heading, justify="right")
    for name, measures in rows:
        table.add_row(cell(name), *(str(measures[each]) for each in MEASURES))
    console.print(table)


def show_evaluation(result: Evaluation, console: Console) -> None:
    """Prints measures, recall by class, and subgroups where asked for."""
    console.print(result.summary, markup=False)
    words = words_of(result.task)
    rows = [(words.get(name, name), each) for name, each in result.test.items()]
    per_class = result.details.get("per_class") or []
    for row in per_class[:CLASSES]:
        what, one = ("IoU", row["iou"]) if "iou" in row else ("recall", row["recall"])
        rows.append((f"  {what} of {row['class']}", one))
    show_estimates(rows, console)
    if len(per_class) > CLASSES:
        rest = len(per_class) - CLASSES
        console.print(f"… and {rest} more classes: --json has all", style="dim")
    for name, reason in result.errors.items():
        console.print(f"set aside: {name}: {reason}", markup=False)
    for each in result.subgroups:
        console.print()
        console.print(f"{each.measure} by {each.column}", markup=False)
        rows = [(f"  {name}", one) for name, one in each.values.items()]
        if each.gap is not None:
            rows.append((f"gap: {each.best} better than {each.worst}", each.gap))
        show_estimates(rows, console)
        if each.gap is not None:
            console.print(
                f"By chance so large a gap arises with p = {each.p_value:.2g}; its interval does "
                f"not know that best and worst were picked by looking."
            )
        if each.left_out:
            few = ", ".join(f"{name or 'unknown'} ({n})" for name, n in each.left_out.items())
            console.print(f"too few images to tell: {few}", markup=False)
    for note in result.notes:
        console.print(note, style=COLOURS["warning"], markup=False)


def show_comparison(result: Comparison, console: Console) -> None:
    """Prints whether two runs differ."""
    console.print(f"A: {result.first}", markup=False)
    console.print(f"B: {result.second}", markup=False)
    words = words_of(result.task)
    what = words.get(result.primary, result.primary)
    rows = [(f"{what} of {name}", each) for name, each in zip("AB", result.values)]
    rows += [(f"B − A, {words.get(name, name)}", each) for name, each in result.differences.items()]
    show_estimates(rows, console)
    if answers := result.answers:
        console.print(
            f"Right on an image: both {answers['both']:,}, only A {answers['only_a']:,}, "
            f"only B {answers['only_b']:,}, neither {answers['neither']:,}."
        )
    console.print(sentence(f"{result.test}: p = {result.p_value:.2g}"))
    console.print(result.summary)
    for note in result.notes:
        console.print(note, style="yellow", markup=False)


def show_exported(result: Export, console: Console) -> None:
    """Prints size, speed and quality of exported files."""
    from rich.table import Table

    from headstart.console.screen import cell

    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("file", overflow="ellipsis")
    primary = words_of(result.task).get(result.primary, result.primary)
    learnt = f"{primary} on images it learnt from"
    for head in ("MB", "ms an image, now", "images/s at 16", learnt):
        table.add_column(head, justify="right")
    for row in result.files:
        table.add_row(
            cell(row["file"]),
            f"{row['megabytes']:.1f}",
            f"{row['p50_ms']:.1f} (95%: {row['p95_ms']:.1f})",
            f"{row['images_per_second']:.0f}",
            str(row[result.primary]),
        )
    console.print(table)
    for each in result.summary:
        hang(console, cell(each))
