"""`check`: what the data have to say before anything is trained on them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headstart.compute import Compute, Progress, silent
from headstart.options.check import CheckOptions
from headstart.options.command import command

if TYPE_CHECKING:
    from headstart.results.checkup import Checkup

__all__ = ["check"]


@command(CheckOptions)
def check(options: CheckOptions, progress: Progress = silent) -> Checkup:
    """Looks for what would make a training wrong: leaks, conflicts, bad files, shortcuts.

    Returns:
        A `Checkup`.

    Raises:
        DataError: If the data cannot be opened at all.
        BackboneError: If embedder or detector cannot be had.
        OptionError: If `faces` has no embedder.
        OutputError: If the page cannot be written.
    """
    from headstart.checks.duplicates import clusters
    from headstart.checks.files import most_serious_first
    from headstart.checks.outside import check_outside
    from headstart.checks.turned import copy_pairs
    from headstart.data.labels import counts_of
    from headstart.data.open import open_dataset
    from headstart.images.pixels import measure
    from headstart.images.store import trim_cache
    from headstart.results.checkup import Checkup, check_faces
    from headstart.tasks import check_everything

    progress("finding the images", 0, 1)
    dataset = open_dataset(
        options.data, label=options.label, group=options.group, split=options.split,
        image=options.image, task=options.task, annotations=options.annotations,
        masks=options.masks,
    )  # fmt: skip
    stats = measure(dataset, workers=options.workers, progress=progress)
    progress("checking the data", 0, 1)
    pairs = copy_pairs(dataset, stats)
    findings = check_everything(dataset, stats, pairs)
    together = clusters(stats, dataset.groups, pairs=pairs)
    compute = Compute("auto", options.workers, 0, progress)
    outside = check_outside(dataset, stats.readable, together, compute)
    findings = most_serious_first([*findings, *outside])
    if options.faces and options.backbone is not None:
        progress("opening the network", 0, 1)
        findings += check_faces(dataset, options.backbone, options.detector, compute)
    trim_cache()
    checkup = Checkup(
        data=str(options.data),
        images=int(stats.readable.sum()),
        classes=counts_of(dataset.labels),
        task=dataset.task,
        findings=tuple(findings),
        set_aside=(
            *dataset.set_aside,
            *((dataset.names[i], why) for i, why in sorted(stats.errors.items())),
        ),
    )
    if options.out is not None:
        from headstart.output import parents_made
        from headstart.reporting.checks import write_checks

        progress("writing the page", 0, 1)
        with parents_made(Path(options.out)):
            write_checks(Path(options.out), checkup, dataset)
    return checkup
