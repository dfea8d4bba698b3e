"""`write_checks`: one page of what was found in the data, with the images it is about."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.labels import present_of
from headstart.errors import OutputError
from headstart.output import write_atomic
from headstart.records import Finding
from headstart.reporting.pictures import images_of, picture_of
from headstart.reporting.templates import template
from headstart.results.checkup import Checkup

__all__ = ["write_checks"]

_CLASSES = 24
_SAMPLES = 6
_ROWS = 12  # lines of evidence of one finding that are shown as images


def write_checks(file: Path, checkup: Checkup, dataset: Dataset) -> None:
    """Writes a page that stands on its own: a few images of each class, and every finding.

    Args:
        file: Where.
        checkup: What was found.
        dataset: What it was found in.

    Raises:
        OutputError: If it cannot be written.
    """
    shown = {name: number for number, name in enumerate(dataset.names)}
    page = template("checks.html.j2").render(
        title=dataset.root.resolve().name,
        images=len(dataset),
        reading=dataset.reading,
        classes=checkup.classes,
        counted=checkup.counted,
        samples=_samples(dataset),
        most_classes=_CLASSES,
        findings=[_finding(each, dataset, shown) for each in checkup.findings],
        set_aside=checkup.set_aside,
    )
    try:
        write_atomic(file, page)
    except OSError as error:
        raise OutputError(
            f"cannot write {file} ({error.strerror or error}); choose another -o"
        ) from None


def _samples(dataset: Dataset) -> list[dict[str, Any]]:
    """Returns a few images of each of the first classes, evenly over their names."""
    labels, several = dataset.labels, present_of(dataset.labels)
    found = []
    for number, name in list(enumerate(labels.kinds))[:_CLASSES]:
        has = labels.strata == number if several is None else several[:, number]
        items = np.flatnonzero(has & dataset.labelled)
        places = np.linspace(0, len(items) - 1, min(_SAMPLES, len(items))).astype(int)
        pictures = [_picture(dataset, dataset.names[item]) for item in items[places]]
        found.append({"name": name, "images": len(items), "pictures": pictures})
    return found


def _picture(
    dataset: Dataset, name: str, region: tuple[float, float, float, float] | None = None
) -> dict[str, str | None]:
    return {"name": name, "picture": picture_of(dataset.root / name, region)}


def _about(line: str, name: str) -> str:
    """Returns what a line of evidence says beside the name: ``a.jpg (cat 1 2 to 3 4)``."""
    return line.removeprefix(name).strip().removeprefix("(").removesuffix(")")


def _finding(finding: Finding, dataset: Dataset, known: Mapping[str, int]) -> dict[str, Any]:
    """Returns a finding with the images of its first lines of evidence, and the other lines."""
    sets: list[list[dict[str, str | None]]] = []
    others: list[str] = []
    for number, line in enumerate(finding.evidence):
        names = images_of(line, known) if len(sets) < _ROWS else []
        region = finding.regions[number] if finding.regions else None
        pictures = [
            _picture(dataset, name, region)
            | {"label": dataset.labels.text(known[name]) if region is None else _about(line, name)}
            for name in names
        ]
        if any(each["picture"] for each in pictures):
            sets.append(pictures)
        else:
            others.append(line)
    return {
        "severity": finding.severity,
        "claim": finding.claim,
        "remedy": finding.remedy,
        "sets": sets,
        "others": others,
    }
