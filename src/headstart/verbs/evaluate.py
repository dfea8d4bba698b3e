"""`evaluate`: the measures of a run, or of its model on other labelled images."""

from __future__ import annotations

from pathlib import Path

from headstart.compute import Compute
from headstart.data.open import open_dataset
from headstart.images.pixels import Progress, silent
from headstart.nets.backbone import Device
from headstart.nets.model import Model
from headstart.results.evaluation import Evaluation, evaluate_on, evaluation_of_run
from headstart.run import Run

__all__ = ["evaluate"]


def evaluate(
    run: str | Path,
    data: str | Path | None = None,
    *,
    by: str | None = None,
    label: str | None = None,
    group: str | None = None,
    split: str | None = None,
    seed: int = 0,
    device: Device = "auto",
    workers: int | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Returns the measures of a run, or measures its model on other labelled images.

    Args:
        run: The folder that `train` wrote.
        data: Labelled images to measure on; by default the run's own test, as it was measured.
        by: Columns, joined by commas, whose values are measured apart (age, sex, camera), with the
            gap between the best and the worst; numbers are put into five bands.
        label: Column of a table that holds the class, or the number.
        group: Column that says who belongs together, or `folder:N`: the name of the Nth folder of
            each path; intervals respect it.
        split: Column of a table that holds `train`, `val` or `test`.
        seed: Of the intervals.
        device: Where the network runs.
        workers: Decoding threads; by default one a processor.
        progress: Called as images are done.

    Returns:
        An `Evaluation`. Where the data has a test split, that part of it is measured.

    Raises:
        ModelError: If the run cannot be read.
        DataError: If the data have no labels, classes that the model does not know, or not the
            columns of `by`.
    """
    columns = [each.strip() for each in (by or "").split(",") if each.strip()]
    if data is None:
        return evaluation_of_run(Run.open(run), columns, seed=seed)
    model = Model.load(run)
    dataset = open_dataset(data, label=label, group=group, split=split, task=model.spec.task)
    return evaluate_on(model, dataset, str(data), columns, Compute(device, workers, seed, progress))
