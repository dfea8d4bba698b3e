"""`suspect_labels`: labels that are probably wrong, the surest first; nothing is changed.

Copies of one image with two labels come before all else: they are proof.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headstart.auditing.evidence import Evidence
from headstart.cells import csv_cell, csv_name
from headstart.data.tables.tables import read_table
from headstart.data.words import plural
from headstart.errors import DataError
from headstart.metrics.interval import wilson
from headstart.metrics.label_errors import doubted_labels, label_margins

__all__ = ["Suspect", "filled_in", "said_of_labels", "sheet_of", "suspect_labels", "tells"]

_MOST = 200
_RELIABLE = 0.85


@dataclass(frozen=True)
class Suspect:
    """One label that should be looked at.

    Attributes:
        name: Of the image.
        given: Its label.
        likely: The class that held-out models say, or that its copy has.
        margin: How far the label leads, from -1 (surely another) to 1.
        copy: Name of a copy with another label; empty where it is no such case.
    """

    name: str
    given: str
    likely: str
    margin: float
    copy: str = ""


def suspect_labels(evidence: Evidence, fingerprints: Sequence[str]) -> tuple[Suspect, ...]:
    """Returns labels to look at, conflicting copies first, then by how surely another is said.

    A model that tells nothing (`tells`) doubts no label: its list would be drawn by lot.

    Args:
        evidence: Held-out answers to N images of classes.
        fingerprints: N of the files' content.
    """
    log_p = evidence.scores - np.logaddexp(0, evidence.scores)
    probabilities = np.exp(log_p - np.logaddexp.reduce(log_p, axis=1)[:, None])
    margins = label_margins(probabilities, evidence.targets)
    names, kinds = evidence.dataset.names, evidence.kinds
    found: list[Suspect] = []
    done = set()
    for row, other in _conflicts(evidence, fingerprints, margins):
        done.add(row)
        given, likely = (kinds[evidence.targets[each]] for each in (row, other))
        found.append(Suspect(names[row], given, likely, float(margins[row]), names[other]))
    if not tells(evidence):
        return tuple(found[:_MOST])
    doubted = doubted_labels(probabilities, evidence.targets)
    for row in np.argsort(margins, kind="stable").tolist():
        if len(found) >= _MOST:
            break
        said = int(doubted[row])
        if said < 0 and margins[row] < 0:  # not said confidently, and said all the same
            said = int(probabilities[row].argmax())
        if said >= 0 and row not in done:
            given, likely = kinds[evidence.targets[row]], kinds[said]
            found.append(Suspect(names[row], given, likely, float(margins[row])))
    return tuple(found[:_MOST])


def tells(evidence: Evidence) -> bool:
    """Whether held-out answers surely agree with the labels more often than by chance.

    By chance: if the same answers were dealt to the images anew (the expected agreement of Cohen's
    kappa).

    Args:
        evidence: Of N images of classes.
    """
    right, of = evidence.right, len(evidence.kinds)
    answers = np.bincount(evidence.scores.argmax(axis=1), minlength=of) / len(right)
    labels = np.bincount(evidence.targets, minlength=of) / len(right)
    clusters = len(np.unique(evidence.clusters))
    return wilson(float(right.mean()) * clusters, clusters).low > float(answers @ labels)


def _conflicts(
    evidence: Evidence, fingerprints: Sequence[str], margins: np.ndarray
) -> list[tuple[int, int]]:
    """Returns (image, its copy with another label), the less likely label of a pair first."""
    sets = defaultdict(list)
    for row, each in enumerate(fingerprints):
        sets[each].append(row)
    if evidence.dataset.groups is None:  # then a cluster is of copies, and of nothing else
        for row, cluster in enumerate(evidence.clusters.tolist()):
            sets[f"cluster {cluster}"].append(row)
    pairs: dict[int, int] = {}
    for rows in sets.values():
        for row in rows:
            others = [each for each in rows if evidence.targets[each] != evidence.targets[row]]
            if others:
                pairs.setdefault(row, others[0])
    return sorted(pairs.items(), key=lambda pair: margins[pair[0]])


def filled_in(sheet: Path) -> dict[str, tuple[str, str]]:
    """Returns file -> its label and what somebody corrected it to, of an earlier sheet.

    Raises:
        DataError: If a sheet is there and cannot be read: somebody's work must not be lost.
    """
    if not sheet.is_file():
        return {}
    try:
        columns = read_table(sheet).columns
        cells = [columns[name] for name in ("file", "label", "corrected")]
    except (DataError, KeyError) as error:
        raise DataError(
            f"{sheet} is not as an audit wrote it ({error}): what was filled in there would be "
            f"lost; move it away"
        ) from None
    rows = [tuple(csv_name(cell).strip() for cell in row) for row in zip(*cells, strict=True)]
    return {file: (label, corrected) for file, label, corrected in rows if corrected}


def sheet_of(
    suspects: Sequence[Suspect], filled: Mapping[str, tuple[str, str]] | None = None
) -> str:
    """Returns the CSV that `train --corrections` reads once its last column is filled in.

    Args:
        suspects: What is on the list.
        filled: What somebody corrected already, see `filled_in`; it stays.
    """
    left = dict(filled or {})
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["file", "label", "suggested", "margin", "copy", "corrected"])
    for each in suspects:
        _, corrected = left.pop(each.name, ("", ""))
        row = [each.name, each.given, each.likely, f"{each.margin:.3f}", each.copy, corrected]
        table.writerow([csv_cell(cell) for cell in row])
    for name, (label, corrected) in left.items():  # not suspected any more, but corrected
        table.writerow([csv_cell(cell) for cell in (name, label, "", "", "", corrected)])
    return text.getvalue()


def said_of_labels(suspects: Sequence[Suspect], right: float, leant: Sequence[str] = ()) -> str:
    """Returns one sentence about the list.

    Args:
        suspects: What is on it.
        right: Share of held-out answers that agree with the labels.
        leant: Columns that the model leans on: what contradicts those is on the list for it.
    """
    copies = sum(1 for each in suspects if each.copy)
    said = f"{plural(len(suspects), 'label')} to look at"
    if copies:
        said += f", {copies} of copies that are labelled differently"
    if right < _RELIABLE:
        said += (
            f"; the model itself is right on {100 * right:.0f}% only: half of the others are "
            f"wrong labels at best"
        )
    if leant:
        said += (
            f"; the model leans on {' and '.join(leant)}, so images that contradict that are among "
            f"them with right labels: correct none without looking"
        )
    return said
