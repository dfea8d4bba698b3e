"""Estimates, the rows they are printed as, and the least that a run says of itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from headstart.records import Estimate, to_json
from headstart.run import Run

HEAD = ["value", "95% interval", "n"]


def estimate(value: float, n: int = 50) -> Estimate:
    return Estimate(value, value - 0.125, value + 0.125, n, "")


def row(name: str, value: float, n: int = 50) -> list[str]:
    """The same in a table, with its name."""
    return [name, f"{value:.3f}", f"{value - 0.125:.3f} – {value + 0.125:.3f}", str(n)]


def run_of(folder: Path, *, kind: str, found: str = "", aside: int = 0, **more: Any) -> Run:
    """A run whose checks found problems of some severities and set some images aside."""
    run = Run(folder)
    value = {
        "format": 2, "task": "classification", "primary": "accuracy",
        "model": {"summary": "a head on a net"},
        "evaluation": {"kind": kind, "summary": "On 50 [test] images."},
        "test": {"log_loss": estimate(0.5), "accuracy": estimate(0.75)},
        "baselines": {"raw_pixels": {"accuracy": estimate(0.25)}},
        "transfer_gain": {"over": "raw_pixels", "gain": estimate(0.375)},
    }  # fmt: skip
    run.metrics.write_text(to_json(value | more))
    run.findings.write_text(json.dumps([{"severity": each} for each in found.split()]))
    run.dataset.write_text(json.dumps({"set_aside": [["x", "why"]] * aside}))
    return run
