"""What the command line shows: progress while it works, tables when it is done.

Nothing is computed here; every function renders a record that a verb returned.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from headstart.records import Estimate, Finding, Predictions
from headstart.run import Run, read_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from headstart.gallery.recognition import Recognition
    from headstart.scoring.compare import Comparison
    from headstart.verbs.advise import Advice
    from headstart.verbs.check import Checkup
    from headstart.verbs.demo import Demo
    from headstart.verbs.enroll import Enrolment
    from headstart.verbs.evaluate import Evaluation
    from headstart.verbs.export import Export
    from headstart.verbs.faces import Crops
    from headstart.verbs.identify import Identification
    from headstart.verbs.verify import Verification

__all__ = ["Layout", "progress_bar", "show"]

Layout = Literal["table", "csv"]
_MEASURES = {
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "auroc": "AUROC",
    "log_loss": "log-loss",
    "ece": "calibration error (ECE)",
}
_COLOURS = {"serious": "bold red", "warning": "yellow", "note": "cyan"}
_SHOWN = 6
_CLASSES = 40
_INDENT = 9
_ENDLESS = 10_000


@contextmanager
def progress_bar(*, quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Gives a `Progress` that draws bars with the time left on standard error.

    Args:
        quiet: Draw nothing.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda phase, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks: dict[str, Any] = {}

        def advance(phase: str, done: int, total: int) -> None:
            if phase not in tasks:
                tasks[phase] = bars.add_task(phase, total=total)
            bars.update(tasks[phase], completed=done, total=total)

        yield advance


def show(
    result: Any,
    *,
    layout: Layout = "table",
    top: int = 1,
    abstain_below: float = 0.0,
) -> None:
    """Prints what a verb returned.

    Args:
        result: A record of one of the verbs.
        layout: Of predictions.
        top: How many classes of each prediction are shown.
        abstain_below: Predictions less sure than this are shown as not sure.
    """
    from rich.console import Console

    # A pipe has no width: lines are then as long as they are, and nothing is cut.
    console = Console(highlight=False, width=None if sys.stdout.isatty() else _ENDLESS)
    if isinstance(result, Run):
        _run(result, console)
    elif isinstance(result, Predictions) and layout == "csv":
        _predictions_csv(result, top, abstain_below)
    elif isinstance(result, Predictions):
        _predictions(result, console, top, abstain_below)
    elif result is None:
        return
    elif isinstance(result, Path):
        console.print(str(result), markup=False)
    else:
        by_name: dict[str, Callable[[Any, Console], None]] = {
            "Advice": _advice,
            "Checkup": _checkup,
            "Evaluation": _evaluation,
            "Comparison": _comparison,
            "Crops": _crops,
            "Demo": _demo,
            "Export": _export,
            "Enrolment": _told,
            "Identification": _identification,
            "Recognition": _told,
            "Verification": _told,
        }
        by_name[type(result).__name__](result, console)


def _hang(console: Console, text: Text, *, lead: str = "", style: str = "") -> None:
    """Prints a text whose lines all begin below each other, `_INDENT` characters in."""
    from rich.text import Text

    for line in text.wrap(console, max(20, console.width - _INDENT)):
        line.rstrip()
        console.print(Text.assemble((f"{lead:{_INDENT}}", style), line))
        lead = ""


def _findings(findings: list[Finding] | tuple[Finding, ...], console: Console) -> None:
    from rich.text import Text

    for finding in findings:
        _hang(console, Text(finding.claim), lead=finding.severity, style=_COLOURS[finding.severity])
        evidence = finding.evidence[:_SHOWN]
        for line in evidence:
            _hang(console, Text(line, "dim"))
        if len(finding.evidence) > _SHOWN:
            _hang(console, Text(f"… and more: --json names {len(finding.evidence)}", "dim"))
        _hang(console, Text(f"→ {finding.remedy}"))


def _advice(result: Advice, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    facts = ", ".join(f"{name} {value}" for name, value in result.facts.items())
    console.print(f"{result.data}: {facts}", markup=False)
    _findings(result.findings, console)
    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("backbone", "px", "accuracy", "95 % interval", "k-NN", "stage", "LogME", "s"):
        table.add_column(heading, justify="left" if heading in ("backbone", "stage") else "right")
    for each in result.candidates:
        table.add_row(
            Text(each.backbone), str(each.image_size), f"{each.accuracy.value:.3f}",
            f"{each.accuracy.low:.3f} – {each.accuracy.high:.3f}", f"{each.neighbours:.3f}",
            each.features, f"{each.logme:.2f}", f"{each.seconds:.0f}",
        )  # fmt: skip
    console.print(table)
    _estimates([(arm.name, arm.held) for arm in result.arms if arm.held is not None], console)
    for name, reason in result.skipped.items():
        console.print(f"not tried: {name}: {reason}", markup=False, style="dim")
    for line in result.says:
        console.print(f"• {line}", markup=False)
    console.print(f"  {result.rule_of_thumb}", markup=False, style="dim")
    console.print(f"→ {result.command}", markup=False)


def _checkup(result: Checkup, console: Console) -> None:
    classes = f", {len(result.classes)} classes" if result.classes else ", no labels"
    console.print(f"{result.data}: {result.images:,} images{classes}", markup=False)
    if not result.findings:
        console.print("nothing to report")
    _findings(result.findings, console)


def _crops(result: Crops, console: Console) -> None:
    console.print(f"{result.crops:,} faces of {result.photos:,} photos", markup=False)
    _findings(result.findings, console)
    console.print(result.folder, markup=False)


def _run(run: Run, console: Console) -> None:
    results = run.results
    console.print(_sentence(results["model"]["says"]), markup=False)
    console.print(results["evaluation"]["says"], markup=False)
    _serious(run, console)
    crossed = results["evaluation"]["kind"] == "cv"
    rows = [("accuracy, cross-validated" if crossed else "test accuracy", run.accuracy)]
    rows += [
        (f"  {name.replace('_', ' ')} (baseline)", Estimate.from_json(value["accuracy"]))
        for name, value in results["baselines"].items()
    ]
    if "transfer_gain" in results:
        gain = results["transfer_gain"]
        rows.append(
            (
                f"transfer gain over {gain['over'].replace('_', ' ')}",
                Estimate.from_json(gain["gain"]),
            )
        )
    measures = results["test"]
    rows += [
        (_MEASURES[name], Estimate.from_json(measures[name]))
        for name in _MEASURES
        if name in measures
    ]
    _estimates(rows, console)
    console.print(f"report: {run.report}", markup=False)


def _serious(run: Run, console: Console) -> None:
    """Says in one line what the checks found: whoever reads the measures must know."""
    found = [each["severity"] for each in read_json(run.findings)]
    kinds = [(n, kind) for kind in ("serious", "warning") if (n := found.count(kind))]
    aside = len(read_json(run.dataset)["set_aside"])
    parts = [f"{n} {kind}{'s' * (n > 1 and kind == 'warning')}" for n, kind in kinds]
    parts += [f"{aside} set aside"] if aside else []
    if parts:
        worst = _COLOURS["serious" if "serious" in parts[0] else "warning"]
        console.print(
            f"Checks of the data: {', '.join(parts)}; the report says which.", style=worst
        )


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _estimates(rows: list[tuple[str, Estimate]], console: Console, *, digits: int = 3) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("", "value", "95 % interval", "n"):
        table.add_column(
            heading,
            justify="right" if heading else "left",
            no_wrap=bool(heading),
            overflow="fold",
        )
    for name, estimate in rows:
        form = f"z.{digits}f"  # z: never -0.000
        interval = f"{estimate.low:{form}} – {estimate.high:{form}}"
        table.add_row(Text(name), f"{estimate.value:{form}}", interval, f"{estimate.n:,}")
    console.print(table)


def _evaluation(result: Evaluation, console: Console) -> None:
    console.print(result.says, markup=False)
    rows = [("accuracy", result.test["accuracy"])]
    rows += [(says, result.test[name]) for name, says in _MEASURES.items() if name in result.test]
    rows += [(f"  recall of {row['class']}", row["recall"]) for row in result.per_class[:_CLASSES]]
    _estimates(rows, console)
    if len(result.per_class) > _CLASSES:
        rest = len(result.per_class) - _CLASSES
        console.print(f"… and {rest} more classes: --json has all", style="dim")
    for name, reason in result.errors.items():
        console.print(f"set aside: {name}: {reason}", markup=False)
    for each in result.subgroups:
        console.print(f"\naccuracy by {each.column}", markup=False)
        rows = [(f"  {name}", one) for name, one in each.accuracy.items()]
        if each.gap is not None:
            rows.append((f"gap: {each.best} − {each.worst}", each.gap))
        _estimates(rows, console)
        if each.gap is not None:
            console.print(
                f"So large a gap between the best and the worst arises by chance with "
                f"p = {each.p_value:.2g}."
            )
        if each.left_out:
            few = ", ".join(f"{name or 'unknown'} ({n})" for name, n in each.left_out.items())
            console.print(f"too few images to tell: {few}", markup=False)


def _comparison(result: Comparison, console: Console) -> None:
    console.print(f"A: {result.first}", markup=False)
    console.print(f"B: {result.second}", markup=False)
    rows = [(f"accuracy of {name}", each) for name, each in zip("AB", result.accuracies)]
    rows += [
        (f"B − A, {_MEASURES.get(name, name)}", each) for name, each in result.differences.items()
    ]
    _estimates(rows, console)
    answers = result.answers
    console.print(
        f"Right on an image: both {answers['both']:,}, only A {answers['only_a']:,}, "
        f"only B {answers['only_b']:,}, neither {answers['neither']:,}. "
        f"{result.test}: p = {result.p_value:.2g}."
    )
    console.print(result.says)
    for note in result.notes:
        console.print(note, style="yellow", markup=False)


def _ranked(predictions: Predictions, index: int, top: int) -> list[tuple[str, float]]:
    row = predictions.probabilities[index]
    best = sorted(range(len(row)), key=lambda i: -row[i])[:top]
    return [(predictions.classes[i], float(row[i])) for i in best]


def _predictions(
    predictions: Predictions, console: Console, top: int, abstain_below: float
) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("image", overflow="fold")
    table.add_column("class", overflow="fold")
    table.add_column("probability", justify="right", no_wrap=True)
    for index, name in enumerate(predictions.names):
        if name in predictions.errors:
            table.add_row(Text(name), Text(predictions.errors[name], style="red"), "")
            continue
        ranked = _ranked(predictions, index, top)
        if ranked[0][1] < abstain_below:
            table.add_row(Text(name), Text("not sure", style="yellow"), f"{ranked[0][1]:.3f}")
            continue
        for place, (label, probability) in enumerate(ranked):
            table.add_row(Text(name if not place else ""), Text(label), f"{probability:.3f}")
    console.print(table)


def _predictions_csv(predictions: Predictions, top: int, abstain_below: float) -> None:
    table = csv.writer(sys.stdout, lineterminator="\n")
    heads = [f"{kind}{rank}" for rank in range(1, top + 1) for kind in ("class", "probability")]
    table.writerow(["image", "decision", *heads, "error"])
    for index, name in enumerate(predictions.names):
        if name in predictions.errors:
            table.writerow([name, "", *[""] * len(heads), predictions.errors[name]])
            continue
        ranked = _ranked(predictions, index, top)
        decision = ranked[0][0] if ranked[0][1] >= abstain_below else ""
        cells = [cell for label, p in ranked for cell in (label, f"{p:.5f}")]
        cells += [""] * (len(heads) - len(cells))
        table.writerow([name, decision, *cells, ""])


def _export(result: Export, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="dim", pad_edge=False)
    table.add_column("file", overflow="fold")
    for head in ("MB", "one image, ms", "images/s at 16", "accuracy on training images"):
        table.add_column(head, justify="right")
    for row in result.files:
        table.add_row(
            Text(row["file"]),
            f"{row['megabytes']:.1f}",
            f"{row['p50_ms']:.1f} (95 %: {row['p95_ms']:.1f})",
            f"{row['images_per_second']:.0f}",
            str(row["accuracy"]),
        )
    console.print(table)
    for each in result.says:
        _hang(console, Text(each))
    console.print(result.folder, markup=False)


def _told(result: Enrolment | Recognition | Verification, console: Console) -> None:
    for line in result.lines():
        console.print(line, markup=False)
    if rows := result.rows():
        _estimates(rows, console, digits=4)  # false-accept rates are small
    _set_aside(getattr(result, "errors", {}), console)


def _set_aside(errors: dict[str, str], console: Console) -> None:
    for name, reason in list(errors.items())[:_CLASSES]:
        console.print(f"set aside: {name}: {reason}", markup=False)
    if len(errors) > _CLASSES:
        console.print(f"… and {len(errors) - _CLASSES} more: --json has all", style="dim")


def _identification(result: Identification, console: Console) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, header_style="dim", pad_edge=False)
    for heading in ("photo", "person", "score", "most similar"):
        right = heading == "score"
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for each in result.answers:
        if each.error is not None:
            table.add_row(Text(each.photo), Text(each.error, style="red"), "", "")
            continue
        person = Text(each.person) if each.person is not None else Text("unknown", style="yellow")
        nearest = ", ".join(f"{name} {score:.3f}" for name, score in each.candidates)
        table.add_row(Text(each.photo), person, f"{each.score:.3f}", Text(nearest))
    console.print(table)
    console.print(f"Above a score of {result.threshold:.3f} a person is named.", end="")
    if result.far is not None:
        console.print(f" When that was calibrated, {result.far} of strangers were.", end="")
    console.print()
    if result.measures:
        _estimates(list(result.measures.items()), console)
    for note in result.notes:
        console.print(note, style="yellow", markup=False)


def _demo(result: Demo, console: Console) -> None:
    console.print("\n[bold]headstart check[/]")
    _checkup(result.checkup, console)
    console.print("\n[bold]headstart train[/]")
    _run(result.run, console)
    console.print("\n[bold]headstart predict[/]")
    _predictions(result.predictions, console, 1, 0.0)
