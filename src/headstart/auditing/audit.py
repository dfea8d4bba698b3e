"""`Audit`: what a run's model leans on, column by column, and what to do about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from headstart.auditing.against import Against
from headstart.auditing.asked import Asked
from headstart.auditing.attribute import Attribute, nearly_the_same, read_attribute
from headstart.auditing.border import Border
from headstart.auditing.class_maps import ClassMap
from headstart.auditing.confound import Confound, Taught, Verdict, confound_of, judged
from headstart.auditing.corruptions import Robustness
from headstart.auditing.evidence import Evidence
from headstart.auditing.gather import what_to_gather
from headstart.auditing.labels import Suspect
from headstart.auditing.outer import Outer
from headstart.auditing.wording import claim_of, evidence_of, remedy_of, title_of
from headstart.data.labels import Numbers
from headstart.metrics.confound import holm

__all__ = ["Audit", "Said", "audit_columns", "pick_columns", "read_with"]

_ORDER = {"serious": 0, "warning": 1, "fine": 2}


@dataclass(frozen=True)
class Said:
    """A verdict in words.

    Attributes:
        column: What it is about.
        verdict: ``"serious"``, ``"warning"`` or ``"fine"``.
        title: In a few words.
        claim: In one or two sentences.
        remedy: What to do.
        evidence: The figures, one line each.
    """

    column: str
    verdict: Verdict
    title: str
    claim: str
    remedy: str
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Audit:
    """What `audit` found.

    Attributes:
        run: The run's folder.
        summary: Whose answers were looked at, in one sentence.
        images: How many.
        classes: Their names.
        columns: Of each that could be asked, the worst first.
        said: The same in words.
        skipped: Column -> why it could not be asked.
        repair: What was tried to lean less on a column, and what came of it.
        outer: Properties that no column names and that tell the class, the worst first.
        border: How well the classes are told by the border of the images alone, or None.
        maps: Where on the image each class differs most from others: an illustration.
        corruptions: What blur, noise, light and the like do to the answers, or None.
        gaps: Of masks, boxes and identities: which images are answered worse (`Gap`).
        against: How another run differs, where one was named.
        labels: Labels that are probably wrong, the surest first.
        labels_said: One sentence about those; empty where there are none.
        data: Where the images lie, in full; empty where they are the run's own.
        by: The columns that were named; none where all were asked, and what no column names.
        of: Fingerprint of the model and of its answers.
        asked: Part (see `asked.PARTS`) -> when it was measured, of those there are.
    """

    run: str
    summary: str
    images: int
    classes: tuple[str, ...]
    columns: tuple[Confound, ...]
    said: tuple[Said, ...]
    skipped: dict[str, str] = field(default_factory=dict)
    repair: tuple[str, ...] = ()
    outer: tuple[Outer, ...] = ()
    border: Border | None = None
    maps: tuple[ClassMap, ...] = ()
    corruptions: Robustness | None = None
    gaps: tuple[Any, ...] = ()
    against: Against | None = None
    labels: tuple[Suspect, ...] = ()
    labels_said: str = ""
    data: str = ""
    by: tuple[str, ...] = ()
    of: str = ""
    asked: dict[str, Asked] = field(default_factory=dict)

    @property
    def serious(self) -> bool:
        """Whether something serious was found."""
        found = [each.verdict for each in self.columns] + [each.verdict for each in self.outer]
        return "serious" in found

    def __repr__(self) -> str:
        worst = self.said[0].title if self.said else "no column could be asked"
        return f"Audit({self.run!r}: {worst}; {len(self.columns)} columns of {self.images} images)"

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{each.verdict}</td><td>{escape(each.claim)}</td></tr>" for each in self.said
        )
        return f"<table><caption>{escape(self.run)}: {escape(self.summary)}</caption>{rows}</table>"


def pick_columns(evidence: Evidence, by: Sequence[str]) -> dict[str, np.ndarray]:
    """Returns the columns that are asked: those named, or all.

    Args:
        evidence: Held-out answers.
        by: Names; none for all.

    Raises:
        DataError: If a column is not there.
    """
    evidence.dataset.require_columns(by, "--by")
    known = evidence.dataset.attributes
    return {name: known[name] for name in (by or known)}


def audit_columns(
    evidence: Evidence,
    columns: dict[str, np.ndarray],
    *,
    name: str,
    repaired: str = "",
    seed: int = 0,
) -> Audit:
    """Asks columns whether the model leans on them.

    Args:
        evidence: Held-out answers to N images.
        columns: Name -> (N,) str cells.
        name: Of the run's folder, as a command names it.
        repaired: Column that a repair of the head was tried for already; empty where none was.
        seed: Of permutations and draws.
    """
    found: list[tuple[Confound, Attribute, Taught | None]] = []
    skipped: dict[str, str] = {}
    for column, cells in columns.items():
        read, taught = read_with(evidence, column, cells)
        one = read if isinstance(read, str) else confound_of(evidence, read, taught, seed=seed)
        if isinstance(one, str):
            skipped[column] = one
        else:
            assert isinstance(read, Attribute)
            found.append((one, read, taught))
    done = []
    adjusted = holm([each.p_value for each, *_ in found])
    for (one, read, taught), p in zip(found, adjusted, strict=True):
        one = dataclasses.replace(one, p_adjusted=p)
        one = dataclasses.replace(one, verdict=judged(one))
        if one.verdict != "fine":
            pair = (evidence.kinds.index(one.kind), read.words.index(one.value))
            words = (one.kind, one.others[0], one.value, one.others[1])
            learnt = None if taught is None else (taught.targets, taught.values)
            gather = what_to_gather(evidence, read.values, pair, words, learnt=learnt, seed=seed)
            others = [other for _, other, _ in found if other is not read]
            alike = tuple(each.name for each in others if nearly_the_same(read, each))
            one = dataclasses.replace(one, gather=gather, alike=alike)
        done.append(one)
    numbers = isinstance(evidence.dataset.labels, Numbers)  # their heads cannot be repaired
    done.sort(key=lambda each: (_ORDER[each.verdict], not each.leans, each.p_adjusted))
    return Audit(
        run=name, summary=evidence.said, images=len(evidence), classes=evidence.kinds,
        columns=tuple(done), skipped=skipped, data=evidence.data,
        said=tuple(_said(each, name, each.column == repaired or numbers) for each in done),
    )  # fmt: skip


def read_with(
    evidence: Evidence, column: str, cells: np.ndarray
) -> tuple[Attribute | str, Taught | None]:
    """Reads a column of the images together with that of those that the model learnt from.

    Args:
        evidence: Held-out answers to N images.
        column: Its name.
        cells: (N,) str.

    Returns:
        The attribute of the N images, or why it cannot be asked; and that of what was learnt from,
        where those are other images that have the column.
    """
    labels = evidence.dataset.labels
    if isinstance(labels, Numbers) and column == labels.name:
        return "is the number itself that the model learnt", None
    groups, earlier = evidence.dataset.groups, evidence.earlier
    if earlier is None or column not in earlier.dataset.attributes:
        return read_attribute(column, cells, evidence.targets, groups), None
    before = earlier.dataset.attributes[column]
    every = np.concatenate([cells, before])
    read = read_attribute(column, every, np.concatenate([evidence.targets, earlier.targets]))
    if isinstance(read, str):
        return read, None
    n = len(cells)
    taught = Taught(earlier.targets, read.values[n:], earlier.clusters)
    return dataclasses.replace(read, values=read.values[:n]), taught


def _said(found: Confound, run: str, repaired: bool) -> Said:
    return Said(
        found.column, found.verdict, title_of(found), claim_of(found),
        remedy_of(found, run=run, repaired=repaired), evidence_of(found),
    )  # fmt: skip
