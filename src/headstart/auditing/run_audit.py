"""`run_audit`: an audit from beginning to end, written into the run."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headstart.auditing.against import Against
from headstart.auditing.asked import PARTS, asked_now
from headstart.auditing.audit import Audit, audit_columns, pick_columns
from headstart.auditing.border import border_alone
from headstart.auditing.class_maps import ClassMap, class_maps, map_pictures
from headstart.auditing.corruptions import audit_corruptions, examples_of, one_input
from headstart.auditing.evidence import Evidence
from headstart.auditing.from_run import evidence_of_run
from headstart.auditing.labels import filled_in, said_of_labels, sheet_of, suspect_labels, tells
from headstart.auditing.outer import Outside, audit_outer, measure_outer
from headstart.auditing.pictures import CORRUPTED, MAPS, cells_shown, suspects_shown
from headstart.auditing.remembered import carried_over, told_of, what_was_measured
from headstart.auditing.repaired_run import after_repair, repair_run, write_repaired
from headstart.auditing.wording import remedy_of_border
from headstart.compute import Compute
from headstart.errors import DataError, HeadstartError, OutputError
from headstart.nets.model import Model
from headstart.output import write_atomic
from headstart.reporting.audit import write_audit
from headstart.results.items import read_items
from headstart.run import Run
from headstart.tasks import told_apart

__all__ = ["AuditAsk", "audit_while_training", "run_audit"]

_log = logging.getLogger(__name__)
_LABELS = "which labels are wrong"
_MOST = 20  # columns that are asked without being named


@dataclass(frozen=True)
class AuditAsk:
    """What is asked besides columns.

    Attributes:
        unnamed: Light, border and files, which reads the images.
        corruptions: What blur, noise, light and the like do to the answers.
        against: How another run differs, which is kept with what is found.
        repaired: Column that a repair of the head was tried for; empty where none was.
        by: Columns that a user named, whose audit stands beside that of all; none for all.
    """

    unnamed: bool = False
    corruptions: bool = False
    against: Against | None = None
    repaired: str = ""
    by: tuple[str, ...] = ()


def run_audit(
    run: Run,
    evidence: Evidence,
    by: Sequence[str],
    compute: Compute,
    *,
    name: str,
    repair: Sequence[str] = (),
    ask: AuditAsk | None = None,
) -> Audit:
    """Asks columns, and writes `audit.json` and `audit.html`.

    What an earlier audit of the same model and the same images measured besides stays in them.

    Args:
        run: Whose model it is; written to.
        evidence: Held-out answers.
        by: Columns; none for all.
        compute: Its seed is that of permutations and draws.
        name: The run's folder, for people.
        repair: What was tried to lean less on a column, and what came of it.
        ask: What else.

    Raises:
        DataError: If a column is not there, or none of those that were named can be asked.
        OutputError: If it cannot be written.
    """
    columns = pick_columns(evidence, by)
    compute.begin("asking whether the model leans on columns")
    ask = ask or AuditAsk()
    before = (run.results.get("repair") or {}).get("column", "")
    found = audit_columns(
        evidence, columns, name=name, repaired=ask.repaired or before, seed=compute.seed
    )
    if ask.by and not found.columns and not repair:
        said = "; ".join(f"{column}: it {why}" for column, why in found.skipped.items())
        raise DataError(f"--by {said}")
    found = dataclasses.replace(
        found, repair=tuple(repair), against=ask.against, by=ask.by, of=told_of(run, evidence)
    )
    found, more = _besides(run, evidence, found, ask, compute)
    pictures = cells_shown(found, evidence) | suspects_shown(found, evidence) | more
    write_audit(
        run, found, pictures, name=Path(name).name, border_said=remedy_of_border(found.border)
    )
    return found


def _besides(
    run: Run, evidence: Evidence, found: Audit, ask: AuditAsk, compute: Compute
) -> tuple[Audit, dict[str, list[dict[str, Any]]]]:
    """Adds what is asked besides columns, and what was measured of that before."""
    before = what_was_measured(run.audit_files(found.data, found.by)[0], found.of)
    now = asked_now(compute.seed)
    was = None if before is None else before.asked.get("corruptions")
    measured = {
        "unnamed": ask.unnamed,
        "corruptions": ask.corruptions and not (was is not None and was.same_way(now)),
        "against": found.against is not None, "repair": bool(found.repair),
    }  # fmt: skip
    asked = {part: now for part, wanted in measured.items() if wanted}
    found = dataclasses.replace(found, asked=asked)
    found = carried_over(found, before, [part for part in PARTS if part not in asked])
    more: dict[str, list[dict[str, Any]]] = {}
    if measured["unnamed"]:
        found, more = _unnamed(run, evidence, found, compute)
        if not evidence.data and told_apart(evidence.dataset.task) == "classes":
            found = _with_labels(run, evidence, found)
    elif found.maps:
        more = _maps_again(evidence, found, compute)
    if measured["corruptions"]:
        found = _corrupted(run, evidence, found, compute)
    if found.corruptions is not None:
        example = one_input(Model.load(run.folder), evidence, compute)
        more |= {} if example is None else {CORRUPTED: examples_of(example)}
    return found, more


def _unnamed(
    run: Run, evidence: Evidence, found: Audit, compute: Compute
) -> tuple[Audit, dict[str, list[dict[str, Any]]]]:
    """Adds what no column names, with pictures of where classes differ."""
    border = border_alone(Model.load(run.folder), evidence, compute)
    outside = measure_outer(evidence, compute)
    outer = tuple(audit_outer(evidence, outside))
    found = dataclasses.replace(found, outer=outer, border=border)
    maps, pictures = _maps(evidence, outside)
    return dataclasses.replace(found, maps=maps), {MAPS: pictures}


def _maps(
    evidence: Evidence, outside: Outside
) -> tuple[tuple[ClassMap, ...], list[dict[str, Any]]]:
    """Returns where classes differ in light and colour, and pictures of that."""
    if not outside.each:
        return (), []
    small = np.stack([each.small for each in outside.each])
    maps, heats, means = class_maps(small, evidence.targets[outside.rows], evidence.kinds)
    return maps, [{"picture": each} for each in map_pictures(heats, means)]


def _maps_again(
    evidence: Evidence, found: Audit, compute: Compute
) -> dict[str, list[dict[str, Any]]]:
    """Returns pictures of maps that an earlier audit made: those are not kept, only read again."""
    then = dataclasses.replace(compute, seed=found.asked["unnamed"].seed)
    maps, pictures = _maps(evidence, measure_outer(evidence, then))
    of = {each.kind: picture for each, picture in zip(maps, pictures, strict=False)}
    shown = [each.kind for each in found.maps[: len(pictures)]]
    return {MAPS: [of[kind] for kind in shown]} if set(shown) <= set(of) else {}


def _corrupted(run: Run, evidence: Evidence, found: Audit, compute: Compute) -> Audit:
    """Adds what corruptions do."""
    learnt_from = evidence.earlier is None and run.results["evaluation"]["kind"] == "cv"
    compute.begin("making images worse")
    done = audit_corruptions(Model.load(run.folder), evidence, compute, learnt_from=learnt_from)
    return dataclasses.replace(found, corruptions=done)


def _with_labels(run: Run, evidence: Evidence, found: Audit) -> Audit:
    """Adds the labels that are probably wrong, and writes them as a sheet to fill in."""
    items = read_items(run)
    prints = dict(zip(items.dataset.names, items.fingerprints, strict=True))
    suspects = suspect_labels(evidence, [prints[name] for name in evidence.dataset.names])
    filled = filled_in(run.label_suspects)
    if not tells(evidence):
        why = "cannot be told by a model that is not surely better than guessing"
        found = dataclasses.replace(found, skipped=found.skipped | {_LABELS: why})
    if not suspects and not filled:
        run.label_suspects.unlink(missing_ok=True)
        return found
    leant = [each.column for each in found.columns if each.verdict != "fine"]
    said = said_of_labels(suspects, float(evidence.right.mean()), leant)
    try:
        write_atomic(run.label_suspects, sheet_of(suspects, filled))
    except OSError as error:
        raise OutputError(
            f"{run.label_suspects} cannot be written: {error.strerror or error}"
        ) from None
    return dataclasses.replace(found, labels=suspects, labels_said=said if suspects else "")


def audit_while_training(
    run: Run, compute: Compute, *, name: str, balance: str | None = None
) -> None:
    """Asks the columns of a run that is just being written, where it has any.

    What cannot be asked is logged: a training must not fail for it.

    Args:
        run: All but its report is written.
        compute: Where, and from which seed.
        name: The run's final folder.
        balance: Column whose values shall count alike within every class, where that pays.

    Raises:
        DataError: If `balance` cannot be asked: a wish is not passed over.
    """
    dataset = read_items(run).dataset
    if not dataset.attributes or not told_apart(dataset.task):
        return
    columns = tuple(dataset.attributes)
    if len(columns) > _MOST:
        _log.warning(
            "%d of %d columns are audited: 'headstart audit %s --by COLUMN,…' asks others",
            _MOST, len(columns), name,
        )  # fmt: skip
    evidence, said = _balanced(run, balance, compute) if balance is not None else (None, ())
    try:
        evidence = evidence or evidence_of_run(run, compute)
        ask = AuditAsk(repaired=balance or "")
        run_audit(run, evidence, columns[:_MOST], compute, name=name, repair=said, ask=ask)
    except HeadstartError as error:
        _log.warning("the columns were not audited: %s", error)


def _balanced(run: Run, column: str, compute: Compute) -> tuple[Evidence, tuple[str, ...]]:
    """Repairs a run where it lies, if that pays; returns its answers then, and what was tried."""
    tried = repair_run(run, column, None, compute)
    if tried.kept is None:
        return tried.evidence, tried.said
    write_repaired(run, run, tried.evidence, tried.kept, column, seed=compute.seed)
    return after_repair(tried.evidence, tried.kept), tried.said
