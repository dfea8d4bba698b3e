"""Pictures for the page of an audit: a few images of every cell, mistakes first."""

from __future__ import annotations

from typing import Any

import numpy as np

from headstart.auditing.attribute import Attribute
from headstart.auditing.audit import Audit, read_with
from headstart.auditing.confound import Confound
from headstart.auditing.evidence import Evidence
from headstart.reporting.pictures import picture_of

__all__ = ["CORRUPTED", "MAPS", "SUSPECTS", "cells_shown", "suspects_shown"]

SUSPECTS = ""
"""Stands for a column where pictures are those of labels."""

MAPS, CORRUPTED = " maps", " corrupted"
"""Stand for columns where pictures show where classes differ, and what corruptions do."""

_SHOWN = 6
_COLUMNS = 4
_SUSPECTS = 24


def cells_shown(audit: Audit, evidence: Evidence) -> dict[str, list[dict[str, Any]]]:
    """Returns column -> its four cells with images, of the columns that are not fine.

    Args:
        audit: What was found.
        evidence: In what.
    """
    found = {}
    for each in [one for one in audit.columns if one.verdict != "fine"][:_COLUMNS]:
        cells = evidence.dataset.attributes[each.column]
        read, _ = read_with(evidence, each.column, cells)
        if isinstance(read, Attribute):
            found[each.column] = _cells(each, read, evidence)
    return found


def suspects_shown(audit: Audit, evidence: Evidence) -> dict[str, list[dict[str, Any]]]:
    """Returns the images of the first labels that are probably wrong, as one cell.

    Args:
        audit: What was found.
        evidence: In what.
    """
    root = evidence.dataset.root
    pictures = [
        {
            "name": each.name,
            "picture": picture_of(root / each.name),
            "answer": f"{each.given}: {each.likely}?",
            "wrong": True,
            "twin": each.copy,
        }
        for each in audit.labels[:_SUSPECTS]
    ]
    shown = [each for each in pictures if each["picture"]]
    return {SUSPECTS: [{"name": "labels", "said": "", "pictures": shown}]} if shown else {}


def _cells(found: Confound, read: Attribute, evidence: Evidence) -> list[dict[str, Any]]:
    kind, value = evidence.kinds.index(found.kind), read.words.index(found.value)
    own, has = evidence.targets == kind, read.values == value
    answers = evidence.scores.argmax(axis=1)
    right = (answers == kind) == own
    shown = []
    for aligned in (False, True):
        for is_kind in (True, False):
            with_value = is_kind == aligned
            rows = np.flatnonzero(read.known & (own == is_kind) & (has == with_value))
            if not len(rows):
                continue
            # Wrong ones are what an opposing cell is about; of others the evenly spread ones.
            some = rows[np.unique(np.linspace(0, len(rows) - 1, _SHOWN).astype(int))]
            if not aligned:
                some = rows[np.argsort(right[rows], kind="stable")][:_SHOWN]
            pictures = [_picture(evidence, row, int(answers[row])) for row in some.tolist()]
            name = (
                f"{found.kind if is_kind else found.others[0]} with {found.column} "
                f"{found.value if with_value else found.others[1]}"
            )
            wrong = int((~right[rows]).sum())
            said = "agrees" if aligned else "contradicts, mistakes first"
            shown.append({
                "name": name, "said": f"{len(rows)} images, {wrong} wrong; {said}",
                "pictures": [each for each in pictures if each["picture"]],
            })  # fmt: skip
    return [each for each in shown if each["pictures"]]


def _picture(evidence: Evidence, row: int, answer: int) -> dict[str, Any]:
    wrong = answer != int(evidence.targets[row])
    return {
        "name": evidence.dataset.names[row],
        "picture": picture_of(evidence.dataset.path(row)),
        "answer": ("called " if wrong else "") + evidence.kinds[answer],
        "wrong": wrong,
    }
