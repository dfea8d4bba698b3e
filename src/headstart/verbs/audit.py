"""`audit`: what a run's model leans on besides what it should, and what to do about it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headstart.compute import Compute, Progress, silent
from headstart.options.audit import AuditOptions
from headstart.options.command import command

if TYPE_CHECKING:
    from headstart.auditing.audit import Audit
    from headstart.auditing.evidence import Evidence
    from headstart.run import Run

__all__ = ["audit"]


@command(AuditOptions)
def audit(options: AuditOptions, progress: Progress = silent) -> Audit:
    """Asks whether a run's model leans on columns such as gender or camera, and what that costs.

    Every image is answered by a model that did not learn from it. What is found is written into
    the run as `audit.json` and as a page, `audit.html`; with `by`, beside them as
    `audit-by-COLUMN.json` and `.html`.

    With `repair` a second run is written, whose head leans less on that column, where that pays.

    Returns:
        An `Audit`, of the repaired run where there is one; it is `serious` where the model leans
        on a column and surely pays for it.

    Raises:
        ModelError: If the run cannot be read.
        DataError: If a column is not there, or the data have no labels.
        OptionError: If the run's task has no classes to be told apart.
        OutputError: If the page or the repaired run cannot be written.
    """
    from headstart.auditing.run_audit import AuditAsk, run_audit
    from headstart.run import Run
    from headstart.tasks import told_apart

    run = Run.open(options.run)
    compute = Compute(options.device, options.workers, options.seed, progress)
    by = [each.strip() for each in (options.by or "").split(",") if each.strip()]
    task = run.results["task"]
    if not told_apart(task):
        return _gaps(options, run, task, by, compute)
    if options.repair is not None:
        return _repaired(options, run, by, compute)
    evidence = _evidence(options, run, compute)
    beside = None if options.against is None else Run.open(options.against)
    if beside is not None:
        return _compared(options, run, beside, by, evidence, compute)
    ask = AuditAsk(unnamed=not by, corruptions=options.corruptions, by=tuple(by))
    return run_audit(run, evidence, by, compute, name=str(run.folder), ask=ask)


def _repaired(options: AuditOptions, run: Run, by: list[str], compute: Compute) -> Audit:
    """Returns the audit of the repaired run; of the run as it is where no repair was kept."""
    from headstart.auditing.repaired_run import after_repair, repair_run, write_repaired
    from headstart.auditing.run_audit import AuditAsk, run_audit
    from headstart.auditing.second import SecondAsk
    from headstart.data.open import open_dataset
    from headstart.output import check_output
    from headstart.reporting.page import write_report
    from headstart.run import new_run

    column, folder = str(options.repair), Path(str(options.out))
    check_output(folder, overwrite=options.overwrite)
    pool = None if options.attribute_pool is None else open_dataset(options.attribute_pool)
    second = None
    if options.backbone is not None:
        second = SecondAsk(options.backbone, options.detector if options.faces else None)
    tried = repair_run(run, column, pool, compute, second)
    if tried.kept is None:
        ask = AuditAsk(repaired=column, by=tuple(by))
        said = (*tried.said, f"{folder} was not written: {run.folder} stays as it is.")
        return run_audit(
            run, tried.evidence, by, compute, name=str(run.folder), repair=said, ask=ask
        )
    with new_run(folder, overwrite=options.overwrite) as new:
        compute.begin("writing the repaired run")
        write_repaired(run, new, tried.evidence, tried.kept, column, seed=options.seed)
        after = after_repair(tried.evidence, tried.kept)
        found = run_audit(new, after, by, compute, name=str(folder), repair=tried.said)
        write_report(new.folder, name=folder.absolute().name)
    return found


def _gaps(
    options: AuditOptions, run: Run, task: str, by: list[str], compute: Compute
) -> Audit:  # fmt: skip
    """Returns which images a model of another task answers worse."""
    from headstart.auditing.gaps import audit_gaps
    from headstart.errors import OptionError
    from headstart.reporting.audit import write_audit

    asked = {
        f"--repair {options.repair}": options.repair, "--corruptions": options.corruptions,
        f"--against {options.against}": options.against, str(options.data): options.data,
    }  # fmt: skip
    for words, wanted in asked.items():
        if wanted:
            raise OptionError(
                f"{words}: this run is of {task}, of which only the gaps between its own tested "
                f"images are audited; 'headstart evaluate RUN DATA --by COLUMN' tells those of "
                f"other images"
            )
    found = audit_gaps(run, by, compute, name=str(run.folder), unnamed=not by)
    write_audit(run, found, {}, name=run.folder.name)
    return found


def _compared(
    options: AuditOptions, run: Run, beside: Run, by: list[str], evidence: Evidence,
    compute: Compute,
) -> Audit:  # fmt: skip
    """Returns the audit of the first of two runs, with how the second differs."""
    from headstart.auditing.against import audit_against
    from headstart.auditing.audit import audit_columns, pick_columns
    from headstart.auditing.from_run import evidence_of_run
    from headstart.auditing.run_audit import AuditAsk, run_audit

    compute.begin(f"gathering held-out answers of {beside.folder.name}")
    other = evidence_of_run(beside, compute)
    names = str(run.folder), str(beside.folder)
    mine, theirs = (
        audit_columns(each, pick_columns(each, by), name=name, seed=options.seed).columns
        for each, name in zip((evidence, other), names, strict=True)
    )
    found = audit_against(
        (run, beside), (evidence, other), (mine, theirs), names, seed=options.seed
    )
    ask = AuditAsk(not by, options.corruptions, against=found, by=tuple(by))
    return run_audit(run, evidence, by, compute, name=names[0], ask=ask)


def _evidence(options: AuditOptions, run: Run, compute: Compute) -> Evidence:
    """Returns the answers that are looked at: of the run, or to other images."""
    from headstart.auditing.from_data import evidence_of_data
    from headstart.auditing.from_run import evidence_of_run
    from headstart.data.open import open_dataset
    from headstart.nets.model import Model

    if options.data is None:
        compute.begin("gathering held-out answers")
        return evidence_of_run(run, compute)
    compute.begin("finding the images")
    model = Model.load(run.folder)
    dataset = open_dataset(
        options.data, label=options.label, group=options.group, split=options.split,
        image=options.image, task=model.spec.task,
    )  # fmt: skip
    return evidence_of_data(run, model, dataset, str(options.data), compute)
