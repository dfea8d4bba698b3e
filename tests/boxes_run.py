"""A run of boxes without a training of its own: squares, a model that finds them, its answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from tests.squares import squares_model, write_squares

from headstart.checks.duplicates import clusters as find_clusters
from headstart.data.open import open_dataset
from headstart.images.pixels import measure
from headstart.reporting.page import write_report
from headstart.results.write_run import Told, write_run
from headstart.run import Run
from headstart.scoring.run_predictor import RunPredictor
from headstart.strategies.clock import Clock
from headstart.strategies.problem import Prepared
from headstart.strategies.trained import Trained
from headstart.tasks import decode_parts, task_of

TRAIN, TEST = 20, 12


def write_boxes_run(
    home: Path,
    *,
    report: bool = True,
    data: Path | None = None,
    columns: dict[str, np.ndarray] | None = None,
) -> Run:
    """A run in `home/run` on the squares in `home/data`: 20 training images, 12 tested ones.

    They are drawn where they are not there. Of given data what comes after the first twenty
    is tested; `columns` are those of all images.
    """
    if data is None and not (data := home / "data").is_dir():
        write_squares(data, TRAIN + TEST)
    dataset = open_dataset(data, task="detection")
    if columns:
        dataset = replace(dataset, attributes=columns)
    n, stats = len(dataset), measure(dataset)
    clusters = find_clusters(stats, dataset.groups)
    model, tested = squares_model(), np.arange(TRAIN, n)
    predictor = RunPredictor(model, exact=True)
    paths = [dataset.path(i) for i in tested.tolist()]
    outputs = predictor._answers(paths, None, lambda *_: None)[1]
    parts = [(tested, outputs, model.spec)]
    items, predictions = decode_parts(parts, dataset.names)
    train = np.arange(TRAIN)
    baselines = task_of("detection").baselines(dataset.labels, dataset.names, train, items)
    nobody = np.zeros(n, bool)
    trained = Trained(
        Prepared(dataset, stats, clusters, np.full(n, ""), nobody), model, "a model of squares",
        ("holdout", f"On {n - TRAIN} test images."), tuple(parts), predictions, None, clusters,
        nobody,
        baselines, ({"chosen": True, "classifier": "squares", "map": 0.5},),
    )  # fmt: skip
    features = SimpleNamespace(stats=stats, engine="none", computed=0)
    run = Run(home / "run")
    run.folder.mkdir()
    write_run(trained, Told({"seed": 0}, [], features, dataset.names, Clock()), run)
    if report:
        write_report(run.folder)
    return run
