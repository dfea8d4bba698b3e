"""`train --strategy embed`: from usable items to a run; imported only when it is wanted (torch)."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import numpy as np

from headstart.choices import Device
from headstart.features.extract import Features
from headstart.images.pixels import Progress
from headstart.images.preprocess import Preprocess
from headstart.images.store import trim_cache
from headstart.nets.backbone import Backbone
from headstart.records import Finding
from headstart.results.write_embedding_run import write_embedding_run
from headstart.resume import Unfinished
from headstart.run import Run, new_run
from headstart.strategies.identities import learn_embedding
from headstart.strategies.prepare import Prepared
from headstart.tasks.identity.recipe import MetricRecipe
from headstart.training.track import open_trackers

__all__ = ["train_embedding"]


def train_embedding(
    data: Prepared,
    features: Features,
    vectors: np.ndarray,
    network: Backbone,
    recipe: MetricRecipe,
    preprocess: Preprocess,
    findings: list[Finding],
    folder: Path,
    options: dict[str, Any],
    *,
    all_names: tuple[str, ...],
    started: float,
    seconds: dict[str, float],
    baselines: str,
    seed: int,
    device: Device,
    workers: int | None,
    log: str | None,
    resuming: bool,
    overwrite: bool,
    progress: Progress,
) -> Run:
    """Learns an embedding and leaves a run of it.

    Args:
        data: The usable items.
        features: The frozen ones, of all items.
        vectors: (N, D) those of the usable items.
        network: The backbone.
        recipe: How.
        preprocess: Of the network.
        findings: Of the checks of the data.
        folder: The run's.
        options: Of the training.
        all_names: Of all items, the unreadable ones too.
        started: `time.perf_counter()` at the beginning.
        seconds: Phase -> wall seconds so far.
        baselines: ``"none"`` leaves plain softmax out; frozen features are always measured.
        seed: Of everything drawn.
        device: Where it runs.
        workers: Processes that decode and augment.
        log: Names of trackers.
        resuming: Whether an interrupted training goes on.
        overwrite: Whether an earlier run may be replaced.
        progress: Called as steps are done.
    """
    with contextlib.ExitStack() as stack:
        place = stack.enter_context(
            Unfinished(folder).held(options, resuming=resuming, overwrite=overwrite)
        )
        mark = time.perf_counter()
        on_epoch, close = open_trackers(
            log, run=folder.name, options=options, folder=folder.absolute().parent
        )
        stack.callback(close)
        learnt = learn_embedding(
            data, features, network, recipe, vectors=vectors, preprocess=preprocess,
            softmax_too=baselines != "none", place=place, seed=seed, device=device,
            workers=workers, on_epoch=on_epoch, progress=progress,
        )  # fmt: skip
        seconds["learn the embedding"] = time.perf_counter() - mark
        with new_run(folder, overwrite=overwrite) as run:
            write_embedding_run(
                learnt, data, features, findings, run,
                options=options, all_names=all_names, seconds=seconds, started=started,
            )  # fmt: skip
    trim_cache()
    return Run(folder)
