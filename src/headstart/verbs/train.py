"""`train`: a folder of images in; a model, its measure and its report out."""

from __future__ import annotations

import contextlib
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

from headstart.choices import Balance, BoxDetector
from headstart.compute import Compute, Progress, silent
from headstart.errors import OptionError, OutputError
from headstart.options.command import command
from headstart.options.kinds import joined_words, near
from headstart.options.train import TORCHVISION, TrainOptions
from headstart.output import check_output

if TYPE_CHECKING:
    from headstart.data.dataset import Dataset
    from headstart.run import Run
    from headstart.strategies.ask import Ask

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
    from headstart.auditing.run_audit import audit_while_training
    from headstart.images.depths import data_set_levels
    from headstart.images.store import trim_cache
    from headstart.nets.pretrained.backbone import open_backbone
    from headstart.probe.frozen import Frozen
    from headstart.reporting.page import write_report
    from headstart.results.write_run import Told, write_run
    from headstart.run import Run, new_run
    from headstart.strategies.clock import Clock
    from headstart.strategies.look import Sight, look_at, maps_of
    from headstart.strategies.prepare import check_and_split, drop_unlabelled
    from headstart.strategies.problem import FrozenNetwork
    from headstart.strategies.ways import reads_maps, refuse_early, way_of

    if options.data is None:
        options = _resumed(options)
    folder = _folder(options)
    check_output(folder, overwrite=options.overwrite)
    clock = Clock()
    compute = Compute(options.device, options.workers, options.seed, progress)
    with clock.phase("open"):
        dataset = drop_unlabelled(_open(options, folder, compute), asked=options.task)
    compute.begin("opening the network")
    backbone = open_backbone(_backbone_of(options))
    refuse_early(dataset, backbone, options.given_recipe(), seed=options.seed)
    levels = data_set_levels(dataset, workers=options.workers, progress=progress)
    wish = Sight(
        options.image_size,
        options.geometry,
        options.tta,
        options.face_detector,
        reads_maps(dataset.task, asdict(options)),
    )
    features, preprocess = look_at(dataset, backbone, wish, levels, compute)
    clock.seconds |= features.seconds
    compute.begin("checking the data")
    with clock.phase("check"):
        findings, kept, prepared = check_and_split(
            dataset, features.stats, seed=options.seed, drop_leaks=options.drop_leaks,
            last=features.vectors[:, features.slices["last"]] if features.slices else None,
        )  # fmt: skip
    frozen = Frozen.of_stages(features.vectors, features.slices).take(kept)
    network = FrozenNetwork(backbone, preprocess, options.tta, frozen, maps_of(features, kept))
    with contextlib.ExitStack() as stack:
        ask = _ask(options, folder, stack)
        trained = way_of(dataset.task)(prepared, network, ask, compute, clock)
        with new_run(folder, overwrite=options.overwrite) as run:
            compute.begin("writing run and report")
            told = Told(ask.options, findings, features, dataset.names, clock)
            write_run(trained, told, run)
            audit_while_training(run, compute, name=str(folder), balance=options.balance_column)
            # While it is written, the run lies in a hidden folder; the page bears its final name.
            write_report(run.folder, name=folder.absolute().name)
    trim_cache()
    return Run(folder)


def _folder(options: TrainOptions) -> Path:
    """Returns where the run will be."""
    if options.out is not None:
        return Path(options.out)
    return Path("runs") / (Path(str(options.data)).resolve().name or "run")


def _backbone_of(options: TrainOptions) -> str:
    """Returns what the network is opened by; torchvision's own is fetched first."""
    if options.backbone != TORCHVISION:
        return options.backbone
    from headstart.nets.torchvision.coco import fetch_coco

    return str(fetch_coco(cast(BoxDetector, options.detector)))


def _resumed(options: TrainOptions) -> TrainOptions:
    """Returns what the run that is to go on was once told."""
    from headstart.resume import Unfinished

    resume = options.resume
    assert resume is not None, "the record demands one of both"
    saved = Unfinished(Path(resume)).options()
    return TrainOptions(**saved | {"out": resume, "resume": resume})


def _open(options: TrainOptions, folder: Path, compute: Compute) -> Dataset:
    """Opens the data, which must not have the run among them."""
    from headstart.data.classes.corrections import apply_corrections
    from headstart.data.open import open_dataset

    compute.begin("finding the images")
    dataset = open_dataset(
        str(options.data), label=options.label, group=options.group, split=options.split,
        image=options.image, task=options.task, annotations=options.annotations,
        masks=options.masks,
    )  # fmt: skip
    if options.corrections is not None:
        dataset = apply_corrections(dataset, Path(options.corrections))
    _check_balance(options, dataset)
    replace(options, task=dataset.task)  # refuses what could not be while the task was unknown
    if dataset.source == "folders" and folder.resolve().is_relative_to(dataset.root.resolve()):
        raise OutputError(
            f"the run would lie among the images, where its images would be a class next time: "
            f"choose an -o outside {dataset.root}"
        )
    return dataset


def _check_balance(options: TrainOptions, dataset: Dataset) -> None:
    """Refuses to balance by a column that is not there, or what has no classes."""
    from headstart.tasks import told_apart

    column = options.balance_column
    if column is None:
        return
    if told_apart(dataset.task) != "classes":
        raise OptionError(
            f"--balance {column}: a column is balanced within classes, and this is {dataset.task}"
        )
    if column not in dataset.attributes:
        ways = [*get_args(Balance), *dataset.attributes]
        raise OptionError(
            f"--balance {column}: choose {joined_words(ways)}, where what comes after "
            f"{get_args(Balance)[-1]} are columns of the data{near(column, ways)}"
            if dataset.attributes
            else f"--balance {column}: choose {joined_words(ways)}; these data have no columns "
            f"to balance by{near(column, ways)}"
        )


def _ask(options: TrainOptions, folder: Path, stack: contextlib.ExitStack) -> Ask:
    """Returns what the way of training is asked for."""
    from headstart.strategies.ask import Ask

    kept: dict[str, Any] = asdict(options)
    kept |= {"out": str(folder), "data": str(options.data), "resume": None}
    kept |= {"annotations": options.annotations and str(options.annotations)}
    if options.corrections is not None:
        kept["corrections"] = str(options.corrections)
    return Ask(
        strategy=options.strategy if options.balance_column is None else "probe",
        recipe=options.given_recipe(),
        epochs=None if options.epochs == "auto" else int(options.epochs),
        find_rate=options.lr == "auto",
        budget=options.budget,
        views=None if options.views == "auto" else int(options.views),
        evaluation=options.evaluation,
        folds=options.folds,
        baselines=options.baselines,
        run=folder,
        options=kept,
        log=options.log,
        resuming=options.resume is not None,
        overwrite=options.overwrite,
        until_written=stack,
    )
