"""`train`: a folder of images in; a model, its measure and its report out."""

from __future__ import annotations

import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

import numpy as np

from headstart.data.open import open_dataset
from headstart.errors import BackboneError, OutputError
from headstart.features.extract import extract
from headstart.images.pixels import Progress, silent
from headstart.images.store import trim_cache
from headstart.nets.backbone import open_backbone
from headstart.nets.model import Model
from headstart.options.command import command
from headstart.options.train import TrainOptions
from headstart.probe.cross_validate import cross_validate, learning_curve
from headstart.probe.probe import feature_sets
from headstart.results.write_run import TrainingResult, write_run
from headstart.resume import Unfinished
from headstart.run import Run, check_output, new_run
from headstart.strategies.baselines import measure_baselines
from headstart.strategies.plan import FinetuneOutcome, keep_probe
from headstart.strategies.prepare import (
    check_and_split,
    choose_preprocess,
    drop_unlabelled,
    make_splits,
)
from headstart.tasks.identity.recipe import MetricRecipe
from headstart.tasks.identity.split import split_identities

__all__ = ["train"]


@command(TrainOptions)
def train(options: TrainOptions, progress: Progress = silent) -> Run:
    """Trains, measures and reports on a folder or table of labelled images.

    Frozen features of a pretrained network are probed with cross-validation; the best
    classifier becomes the model, or the network fine-tuned from there where that is wanted
    and held-out images say that it pays. It is measured once on images that nothing has seen.

    Returns:
        The finished `Run`.

    Raises:
        DataError: If the data cannot be used.
        BackboneError: If the backbone cannot be had.
        OptionError: If an argument makes no sense.
        OutputError: If `out` cannot be written.
        ModelError: If there is nothing to resume, or its data have changed.
    """
    started = time.perf_counter()
    told = asdict(options)
    if options.data is None:
        assert options.resume is not None  # the record has seen to that
        saved = Unfinished(Path(options.resume)).options()
        return train(**saved | {"out": options.resume, "resume": options.resume}, progress=progress)
    given = options.given_recipe()
    folder = (
        Path(options.out)
        if options.out is not None
        else Path("runs") / (Path(options.data).resolve().name or "run")
    )
    check_output(folder, overwrite=options.overwrite)
    dataset = open_dataset(
        options.data,
        label=options.label,
        group=options.group,
        split=options.split,
        same_classes=options.strategy != "embed",
        task="classification" if options.strategy == "embed" else options.task,
    )
    dataset = drop_unlabelled(dataset)
    if dataset.source == "folders" and folder.resolve().is_relative_to(dataset.root.resolve()):
        raise OutputError(
            f"the run would lie among the images, where its images would be a class next time: "
            f"choose an -o outside {dataset.root}"
        )
    seconds = {"open": time.perf_counter() - started}

    network = open_backbone(options.backbone)
    found_by = options.detector if options.faces else None
    if isinstance(given, MetricRecipe):  # what would be refused later is refused now
        if network.source.kind == "onnx":
            raise BackboneError(
                f"{network.name} is an ONNX file and can only be used frozen: --strategy probe"
            )
        split_identities(dataset.targets, dataset.splits, unseen=given.unseen, seed=options.seed)
    preprocess = choose_preprocess(
        dataset, network, options.image_size, options.geometry, detector=found_by
    )
    features = extract(
        dataset,
        network,
        preprocess=preprocess,
        tta=options.tta,
        device=options.device,
        workers=options.workers,
        progress=progress,
    )
    seconds |= features.seconds

    mark = time.perf_counter()
    findings, kept, whole = check_and_split(
        dataset, features.stats, seed=options.seed, drop_leaks=options.drop_leaks
    )
    seconds["check"] = time.perf_counter() - mark

    vectors = features.vectors if kept.all() else features.vectors[kept]
    told |= {"out": str(folder), "data": str(options.data), "resume": None}
    if isinstance(given, MetricRecipe):
        from headstart.results.embedding import train_embedding

        return train_embedding(
            whole,
            features,
            vectors,
            network,
            given,
            preprocess,
            findings,
            folder,
            told,
            all_names=dataset.names,
            started=started,
            seconds=seconds,
            baselines=options.baselines,
            seed=options.seed,
            device=options.device,
            workers=options.workers,
            log=options.log,
            resuming=options.resume is not None,
            overwrite=options.overwrite,
            progress=progress,
        )

    mark = time.perf_counter()
    rounds, kind, summary = make_splits(
        whole, options.evaluation, folds=options.folds, seed=options.seed
    )
    y, n_classes = whole.dataset.targets, len(whole.dataset.classes)
    sets = feature_sets(features.slices)
    outcome = cross_validate(
        vectors, sets, y, whole.clusters, rounds,
        n_classes=n_classes, folds=options.folds, seed=options.seed, progress=progress,
    )  # fmt: skip
    seconds["fit"] = time.perf_counter() - mark

    mark = time.perf_counter()
    trained_on = np.unique(np.concatenate([train_items for train_items, _ in rounds]))
    with ThreadPoolExecutor(1, "curve") as pool:  # one processor each for curve and baselines
        curve = pool.submit(
            learning_curve,
            vectors, outcome.probe.head.columns, y, whole.clusters, outcome.probe.config,
            items=trained_on, n_classes=n_classes, folds=options.folds, seed=options.seed,
        )  # fmt: skip
        controls = measure_baselines(
            options.baselines,
            whole,
            rounds,
            network,
            preprocess,
            vectors,
            sets,
            given,
            epochs=None if options.epochs == "auto" else int(options.epochs),
            folds=options.folds,
            seed=options.seed,
            device=options.device,
            workers=options.workers,
            progress=progress,
        )
    seconds["baselines and learning curve"] = time.perf_counter() - mark

    model = Model(
        network, outcome.probe.head, whole.dataset.classes, preprocess, options.tta,
        outcome.probe.temperature, whole.dataset.bins,
    )  # fmt: skip
    with contextlib.ExitStack() as stack:
        tuned: FinetuneOutcome | None = None
        plan = (
            keep_probe(outcome, y, network, tta=options.tta) if options.strategy == "auto" else None
        )
        if plan is not None:
            tuned = FinetuneOutcome(
                plan, None, None
            )  # said without torch, whose import takes seconds
        elif options.strategy != "probe":
            place = stack.enter_context(
                Unfinished(folder).held(
                    told, resuming=options.resume is not None, overwrite=options.overwrite
                )
            )
            mark = time.perf_counter()
            from headstart.strategies.finetune import fine_tune
            from headstart.training.track import open_trackers

            on_epoch, close = open_trackers(
                options.log, run=folder.name, options=told, folder=folder.absolute().parent
            )
            stack.callback(close)

            tuned = fine_tune(
                options.strategy,
                whole,
                vectors,
                sets,
                outcome,
                network,
                given,
                preprocess=preprocess,
                tta=options.tta,
                budget=60 * options.budget,
                place=place,
                seed=options.seed,
                device=options.device,
                epochs=None if options.epochs == "auto" else int(options.epochs),
                workers=options.workers,
                find_rate=options.lr == "auto",
                on_epoch=on_epoch,
                progress=progress,
            )
            seconds["fine-tune"] = time.perf_counter() - mark
            outcome = tuned.tuning.outcome if tuned.tuning else outcome
            model = tuned.model or model
        result = TrainingResult(
            options=told,
            dataset=whole.dataset,
            splits=whole.splits,
            clusters=whole.clusters,
            dropped=whole.dropped,
            stats=features.stats,
            all_names=dataset.names,
            findings=findings,
            evaluation=(kind, summary),
            outcome=outcome,
            controls=controls,
            curve=curve.result(),
            model=model,
            engine=features.engine,
            computed=features.computed,
            seconds=seconds,
            started=started,
            tuned=tuned,
        )
        with new_run(folder, overwrite=options.overwrite) as run:
            write_run(result, run)
    trim_cache()
    return Run(folder)
