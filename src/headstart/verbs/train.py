"""`train`: a folder of images in; a model, its measure and its report out."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path
from typing import Literal

from headstart.compute import Compute
from headstart.data.open import open_dataset
from headstart.errors import OptionError, OutputError
from headstart.features.extract import extract
from headstart.images.pixels import Progress, silent
from headstart.images.preprocess import Geometry
from headstart.images.store import trim_cache
from headstart.nets.augment import Policy
from headstart.nets.backbone import Device, open_backbone
from headstart.probe.frozen import Frozen
from headstart.reporting.page import write_report
from headstart.results.write_run import Told, write_run
from headstart.resume import Unfinished
from headstart.run import Run, check_output, new_run
from headstart.strategies.baselines import Baselines
from headstart.strategies.clock import Clock
from headstart.strategies.prepare import (
    HowToTest,
    Strategy,
    check_and_split,
    choose_preprocess,
    drop_unlabelled,
)
from headstart.strategies.problem import FrozenNetwork
from headstart.strategies.train_classes import Ask
from headstart.strategies.ways import OWN_WAY, recipe_of, refuse_early, way_of
from headstart.training.schedule import Balance, Flip, parse_recipe

__all__ = ["train"]


def train(
    data: str | Path | None = None,
    *,
    out: str | Path | None = None,
    backbone: str = "balanced",
    strategy: Strategy = "auto",
    budget: float = 5.0,
    epochs: int | Literal["auto"] = "auto",
    lr: float | Literal["auto"] | None = None,
    augment: Policy = "standard",
    hflip: Flip = "auto",
    balance: Balance = "auto",
    recipe: str | None = None,
    image_size: int | Literal["auto"] = "auto",
    geometry: Geometry = "square",
    faces: bool = False,
    detector: str = "yunet",
    tta: int = 1,
    evaluation: HowToTest = "auto",
    folds: int = 5,
    baselines: Baselines = "standard",
    drop_leaks: bool = True,
    task: str = "auto",
    label: str | None = None,
    group: str | None = None,
    split: str | None = None,
    seed: int = 0,
    device: Device = "auto",
    workers: int | None = None,
    log: str | None = None,
    resume: str | Path | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Run:
    """Trains, measures and reports on a folder or table of labelled images.

    Frozen features of a pretrained network are probed with cross-validation; the best
    classifier becomes the model, or the network fine-tuned from there where that is wanted
    and held-out images say that it pays. It is measured once on images that nothing has seen.

    Args:
        data: Class folders (with or without train and test), or a CSV or Parquet table.
        out: The run's folder; by default `runs/<name of the data>`.
        backbone: A preset (`fast`, `balanced`, `best`), a timm name, `hf-hub:org/name`, a
            folder in timm's layout, an ONNX file, or `starter` (bundled, offline).
        strategy: `auto` (fine-tunes within the budget where that could be shown to pay, and
            keeps the better on held-out images), `probe` (frozen features only, in seconds),
            `finetune` (from a linear probe on), `scratch` (the same network from random
            weights, for comparison).
        budget: Minutes that `auto` may fine-tune for.
        epochs: Of fine-tuning; `auto` is what the budget allows, or the recipe's own.
        lr: Learning rate of the head; `auto` finds it by a range test; by default the recipe's.
        augment: How training images are varied: `none`, `light` (flips, shifts), `standard` (scale,
            rotation, colour too) or `strong` (TrivialAugment, random erasing).
        hflip: Whether a mirror image keeps its class; `auto` measures it on held-out images.
        balance: What fine-tuning does about classes of different size: `weights` of the loss,
            `oversample`, `undersample`, `logits` (logit adjustment), `none`, or `auto`: logits
            where the largest class is more than twice the smallest.
        recipe: All else of fine-tuning: `name=value` pairs joined by commas, such as
            `freeze=last,dropout=0.2,mixup=0.2` (docs/fine-tuning.md lists the names); for `embed`
            `loss=triplet,mining=semihard` and others too (docs/metric-learning.md).
        image_size: Side in pixels; `auto` is the backbone's own, or 128 where half of the
            images have at most 112.
        geometry: How an image becomes a square: its largest `square`, the smaller `crop` that
            the weights were tested with, or `pad` or `squash` the whole of it.
        faces: Look at the largest face of each photo instead of the photo: found, set upright and
            cut out, then and whenever the model is used. Photos without one are set aside.
        detector: What finds faces: `yunet` (of OpenCV's model zoo, from the hub), or its ONNX file.
        tta: 1, or 2 (mirrored too), 3 (crops along the longer side) or 6 (both), averaged.
        evaluation: `holdout` on a test split, `cv` by nested cross-validation, or `auto`:
            holdout where the data bring a test split or are many enough for one.
        folds: Folds of every cross-validation.
        baselines: `standard` (majority class, raw pixels), `full` (the same network with
            random weights too, frozen and trained from scratch: minutes) or `none`.
        drop_leaks: Remove from training the items that a given split also has in its test,
            as copies, near-duplicates or members of one group. Test items are never removed.
        task: What is predicted: a class (`classification`), a number such as an age or a weight
            (`regression`, docs/regression.md), whom or what an image shows among identities that
            training never saw (`identity`, docs/metric-learning.md), or `auto`: numbers where
            more than 20 different ones have fractions, else classes.
        label: Column of a table that holds the class, or the number.
        group: Column that says who belongs together (person, patient, video), or `folder:N`: the
            name of the Nth folder of each path (`folder:2` of class/person/photo.jpg).
        split: Column of a table that holds `train`, `val` or `test`.
        seed: Of splits, folds and intervals.
        device: Where the network runs.
        workers: Decoding threads; by default one a processor.
        log: Where the curves go while it fine-tunes: `tensorboard`, `mlflow`, `wandb`, or
            several joined by commas. `history.csv` is always written.
        resume: The folder of a run that was interrupted while it fine-tuned: go on with it,
            with the options it had.
        overwrite: Replace an earlier run in `out`.
        progress: Called as work goes on.

    Returns:
        The finished `Run`.

    Raises:
        DataError: If the data cannot be used.
        BackboneError: If the backbone cannot be had.
        OptionError: If an argument makes no sense.
        OutputError: If `out` cannot be written.
        ModelError: If there is nothing to resume, or its data have changed.
    """
    options = {key: value for key, value in locals().items() if key != "progress"}
    if data is None:
        if resume is None:
            raise OptionError("train needs DATA: one folder per class, or a table of images")
        saved = Unfinished(Path(resume)).options()
        return train(**saved | {"out": resume, "resume": resume}, progress=progress)
    if folds < 2:
        raise OptionError(f"--folds {folds}: cross-validation needs at least 2 folds")
    if tta not in (1, 2, 3, 6):
        raise OptionError(f"--tta {tta}: choose 1, 2, 3 or 6")
    if image_size != "auto" and not 16 <= int(image_size) <= 2048:
        raise OptionError(f"--image-size {image_size}: choose between 16 and 2048 pixels")
    if not budget > 0:
        raise OptionError(f"--budget {budget}: a number of minutes above 0")
    if tta > 2 and faces:
        raise OptionError(f"--tta {tta}: of a face choose 1, or 2 for its mirror image too")
    if task in OWN_WAY and (tta > 1 or lr == "auto"):
        raise OptionError(
            f"--task {task} looks at one view of an image, at the rate of its recipe: leave --tta "
            f"and --lr auto out"
        )
    if task in OWN_WAY and strategy in ("probe", "scratch"):
        raise OptionError(
            f"--task {task} begins at the frozen features and measures them beside, whatever the "
            f"strategy: leave --strategy {strategy} out"
        )
    if tta > 2 and strategy in ("finetune", "scratch"):
        raise OptionError(
            f"--tta {tta} averages frozen features of several crops: with --strategy "
            f"{strategy} choose 1, or 2 for the mirror image too"
        )
    base = recipe_of(task)
    base = base if epochs == "auto" else replace(base, epochs=int(epochs))
    base = base if lr in (None, "auto") else replace(base, lr=float(lr))
    base = replace(base, augment=augment, hflip=hflip, balance=balance)
    given = parse_recipe(recipe, base)
    folder = Path(out) if out is not None else Path("runs") / (Path(data).resolve().name or "run")
    check_output(folder, overwrite=overwrite)
    clock = Clock()
    with clock.phase("open"):
        dataset = drop_unlabelled(
            open_dataset(data, label=label, group=group, split=split, task=task)
        )
    if dataset.source == "folders" and folder.resolve().is_relative_to(dataset.root.resolve()):
        raise OutputError(
            f"the run would lie among the images, where its images would be a class next time: "
            f"choose an -o outside {dataset.root}"
        )
    network = open_backbone(backbone)
    refuse_early(dataset, network, given, seed=seed)
    compute = Compute(device, workers, seed, progress)
    found_by = detector if faces else None
    preprocess = choose_preprocess(dataset, network, image_size, geometry, detector=found_by)
    features = extract(
        dataset, network, preprocess=preprocess, tta=tta, device=device, workers=workers,
        progress=progress,
    )  # fmt: skip
    clock.seconds |= features.seconds
    with clock.phase("check"):
        findings, kept, prepared = check_and_split(
            dataset, features.stats, seed=seed, drop_leaks=drop_leaks
        )
    frozen = Frozen.of_stages(features.vectors, features.slices).take(kept)
    options |= {"out": str(folder), "data": str(data), "resume": None}
    looked = FrozenNetwork(network, preprocess, tta, frozen)
    with contextlib.ExitStack() as stack:
        ask = Ask(
            strategy, given, None if epochs == "auto" else int(epochs), lr == "auto", budget,
            evaluation, folds, baselines, folder, options, log, resume is not None, overwrite,
            stack,
        )  # fmt: skip
        trained = way_of(dataset.task)(prepared, looked, ask, compute, clock)
        with new_run(folder, overwrite=overwrite) as run:
            write_run(trained, Told(options, findings, features, dataset.names, clock), run)
            # While it is written, the run lies in a hidden folder; the page bears its final name.
            write_report(run.folder, name=folder.absolute().name)
    trim_cache()
    return Run(folder)
