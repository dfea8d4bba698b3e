"""`audit`: what a run's model leans on besides what it should, and what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headstart.compute import Compute, Progress, silent
from headstart.options.audit import AuditOptions
from headstart.options.command import command

if TYPE_CHECKING:
    from headstart.auditing.audit import Audit

__all__ = ["audit"]


@command(AuditOptions)
def audit(options: AuditOptions, progress: Progress = silent) -> Audit:
    """Asks whether a run's model leans on columns such as gender or camera, and what that costs.

    Every image is answered by a model that did not learn from it. What is found is written into
    the run as `audit.json` and as a page, `audit.html`.

    Returns:
        An `Audit`; it is `serious` where the model leans on a column and surely pays for it.

    Raises:
        ModelError: If the run cannot be read.
        DataError: If a column is not there, or there is none.
        OptionError: If the run's task has no classes to be told apart.
        OutputError: If the page cannot be written.
    """
    from headstart.auditing.audit import audit_columns, pick_columns
    from headstart.auditing.evidence import evidence_of_run
    from headstart.auditing.pictures import cells_shown
    from headstart.reporting.audit import write_audit
    from headstart.run import Run

    run = Run.open(options.run)
    compute = Compute("auto", options.workers, options.seed, progress)
    compute.begin("gathering held-out answers")
    evidence = evidence_of_run(run, compute)
    by = [each.strip() for each in (options.by or "").split(",") if each.strip()]
    columns = pick_columns(evidence, by)
    compute.begin("asking the columns")
    found = audit_columns(evidence, columns, name=str(run.folder), seed=options.seed)
    compute.begin("writing the page")
    write_audit(run, found, cells_shown(found, evidence))
    return found
