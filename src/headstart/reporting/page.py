"""`write_report`: one page about a run, made from the files the run left behind.

The report computes nothing: it reads numbers and arranges them. A file that is missing
leaves its section out, and the page says so at its end.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headstart.errors import ModelError, OutputError
from headstart.reporting import rows
from headstart.reporting.headline import (
    baseline_rows,
    doubt_of,
    gain_sentence,
    headline,
    measure_rows,
    shifts_of,
)
from headstart.reporting.templates import template
from headstart.tasks import task_of, words_of

__all__ = ["write_report"]

_ROWS = 12  # rows of a long table that are shown before "the rest"
_MOST = 300  # rows of a table that are shown at all, to keep the page small
_EVIDENCE = 24  # a finding that lists this many names may know more
_FILES = (
    "metrics.json",
    "dataset.json",
    "findings.json",
    "trials.csv",
    "options.json",
    "environment.json",
)
_ORDER = {"serious": 0, "warning": 1, "note": 2}


def write_report(run_folder: Path, *, name: str | None = None) -> Path:
    """Renders `report.html` of a run: one file, no scripts, nothing fetched.

    Args:
        run_folder: The folder that `train` left behind.
        name: What the run is called; by default as its folder.

    Returns:
        The path of the page.

    Raises:
        ModelError: If the folder is not a run, or one of its files cannot be read.
        OutputError: If the page cannot be written.
    """
    missing = [name for name in _FILES if not (run_folder / name).is_file()]
    if {"metrics.json", "dataset.json", "options.json"} <= set(missing):
        raise ModelError(
            f"{run_folder} is not a run: it has no metrics.json; "
            "give the folder that 'headstart train … -o RUN' wrote"
        )
    page = template("report.html.j2").render(
        run=name or run_folder.resolve().name, **_parts(run_folder, missing)
    )
    path = run_folder / "report.html"
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path} cannot be written: {error.strerror or error}") from error
    return path


def _parts(run_folder: Path, missing: list[str]) -> dict[str, Any]:
    """Returns what the template shows of a run, by the names it uses."""
    metrics = rows.read_part(run_folder, "metrics.json", dict)
    dataset = rows.read_part(run_folder, "dataset.json", dict)
    options = rows.read_part(run_folder, "options.json", dict)
    environment = rows.read_part(run_folder, "environment.json", dict)
    findings = rows.read_part(run_folder, "findings.json", list)
    trials = rows.trials(run_folder)
    cv = (metrics.get("evaluation") or {}).get("kind") == "cv"
    task = task_of(metrics.get("task") or "classification")
    beside = baseline_rows(metrics, task.PRIMARY)
    advice = metrics.get("advice") or {}
    return {
        "cv": cv,
        "serious": sum(found.get("severity") == "serious" for found in findings),
        "evidence_limit": _EVIDENCE,
        "metrics": metrics,
        "test": metrics.get("test") or {},
        "dataset": dataset,
        "environment": environment,
        "options": options,
        "details": metrics.get("details") or {},
        "measures": measure_rows(metrics, task.MEASURES),
        "headline": headline(metrics, task.PRIMARY, beside),
        "baselines": beside,
        "doubt": doubt_of(metrics),
        "shifts": shifts_of(metrics),
        "gain": gain_sentence(metrics, task.PRIMARY),
        "findings": None
        if "findings.json" in missing
        else sorted(findings, key=lambda found: _ORDER.get(found.get("severity"), 3)),
        "balance": rows.balance(dataset, cv=cv),
        "split_images": rows.split_images(dataset, cv=cv),
        "trials": trials[:_MOST],
        "words": words_of(metrics.get("task") or ""),
        "scale": rows.axis_limits(row["estimate"] for row in trials),
        "advice": advice,
        "advice_scale": rows.axis_limits(row.get("accuracy") for row in advice.get("rows") or []),
        "confusion": rows.confusion(metrics),
        "per_class": rows.weakest_first(metrics)[:_MOST],
        "mistakes": rows.pictured(run_folder, metrics, "mistakes"),
        "examples": rows.pictured(run_folder, metrics, "examples"),
        "command": rows.command_line(options, dataset),
        "facts": rows.facts(environment),
        "seconds": rows.seconds(environment),
        "missing": missing,
        "audit": rows.read_part(run_folder, "audit.json", dict),
        "rows": _ROWS,
        "matrix_limit": rows.MATRIX,
        "most": _MOST,
        **_finetuning(run_folder, metrics),
    }


def _finetuning(run_folder: Path, metrics: dict[str, Any]) -> dict[str, Any]:
    """Returns what is shown of a fine-tuning, where there was one."""
    finetuning = metrics.get("finetuning") or {}
    validation = finetuning.get("validation") or {}
    history = rows.history(run_folder)
    return {
        "finetuning": finetuning,
        "val_scale": rows.axis_limits([validation.get("probe"), validation.get("finetune")]),
        "kept_epochs": rows.kept_epochs(finetuning, history),
        "recipe": rows.recipe_rows(finetuning),
        "history": history,
        "preview": rows.picture(run_folder / "augmentation.jpg", rows.PREVIEW),
    }
