"""`audit`: what a run's model leans on besides what it should, and what to do about it."""

from __future__ import annotations

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
    the run as `audit.json` and as a page, `audit.html`.

    Returns:
        An `Audit`; it is `serious` where the model leans on a column and surely pays for it.

    Raises:
        ModelError: If the run cannot be read.
        DataError: If a column is not there, or the data have no labels.
        OptionError: If the run's task has no classes to be told apart.
        OutputError: If the page cannot be written.
    """
    from headstart.auditing.run_audit import run_audit
    from headstart.run import Run

    run = Run.open(options.run)
    compute = Compute(options.device, options.workers, options.seed, progress)
    by = [each.strip() for each in (options.by or "").split(",") if each.strip()]
    return run_audit(run, _evidence(options, run, compute), by, compute, name=str(run.folder))


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
