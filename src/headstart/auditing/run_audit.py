"""`run_audit`: an audit from beginning to end, written into the run."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from headstart.auditing.audit import Audit, audit_columns, pick_columns
from headstart.auditing.evidence import Evidence
from headstart.auditing.from_run import evidence_of_run
from headstart.auditing.pictures import cells_shown
from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.errors import HeadstartError
from headstart.reporting.audit import write_audit
from headstart.run import Run

__all__ = ["audit_while_training", "run_audit"]

_log = logging.getLogger(__name__)
_MOST = 20  # columns that are asked without being named
_ASKED = ("classification", "regression")


def run_audit(
    run: Run, evidence: Evidence, by: Sequence[str], compute: Compute, *, name: str
) -> Audit:
    """Asks columns, and writes `audit.json` and `audit.html`.

    Args:
        run: Whose model it is; written to.
        evidence: Held-out answers.
        by: Columns; none for all.
        compute: Its seed is that of permutations and draws.
        name: The run's folder, for people.

    Raises:
        DataError: If a column is not there.
        OutputError: If it cannot be written.
    """
    columns = pick_columns(evidence, by)
    compute.begin("asking whether the model leans on columns")
    found = audit_columns(evidence, columns, name=name, seed=compute.seed)
    write_audit(run, found, cells_shown(found, evidence), name=Path(name).name)
    return found


def audit_while_training(run: Run, dataset: Dataset, compute: Compute, *, name: str) -> None:
    """Asks the columns of a run that is just being written, where it has any.

    What cannot be asked is logged: a training must not fail for it.

    Args:
        run: All but its report is written.
        dataset: Its images.
        compute: Where, and from which seed.
        name: The run's final folder.
    """
    if not dataset.attributes or dataset.task not in _ASKED:
        return
    columns = tuple(dataset.attributes)
    if len(columns) > _MOST:
        _log.warning(
            "%d of %d columns are audited: 'headstart audit %s --by COLUMN,…' asks others",
            _MOST, len(columns), name,
        )  # fmt: skip
    try:
        evidence = evidence_of_run(run, compute)
        run_audit(run, evidence, columns[:_MOST], compute, name=name)
    except HeadstartError as error:
        _log.warning("the columns were not audited: %s", error)
