"""`advise`: what to do with these images, from short measurements on them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from headstart.advice.advise_classes import Advice, Wanted, advise_classes
from headstart.advice.advise_people import PeopleAdvice, advise_people
from headstart.compute import Compute
from headstart.data.open import open_dataset
from headstart.errors import BackboneError
from headstart.features.extract import extract
from headstart.images.pixels import Progress, measure, silent
from headstart.images.preprocess import Geometry
from headstart.nets.backbone import Backbone, Device, open_backbone
from headstart.nets.detector import find_detector
from headstart.nets.source import PRESETS
from headstart.strategies.clock import Clock
from headstart.strategies.prepare import check_and_split, choose_preprocess, drop_unlabelled
from headstart.training.schedule import Recipe, parse_recipe

__all__ = ["Goal", "advise"]

Goal = Literal["classify", "embed"]


def advise(
    data: str | Path,
    *,
    goal: Goal = "classify",
    backbone: str = "presets",
    budget: float = 5.0,
    recipe: str | None = None,
    image_size: int | Literal["auto"] = "auto",
    geometry: Geometry = "square",
    faces: bool = False,
    detector: str = "yunet",
    folds: int = 5,
    task: str = "auto",
    label: str | None = None,
    group: str | None = None,
    split: str | None = None,
    seed: int = 0,
    device: Device = "auto",
    workers: int | None = None,
    progress: Progress = silent,
) -> Advice | PeopleAdvice:
    """Says whether to freeze or fine-tune, how deep, with which backbone, and what to expect.

    Everything is measured on the training images; a test split is not looked at.

    Args:
        data: Class folders (with or without train and test), or a CSV or Parquet table.
        goal: `classify`, or `embed`: whether the images can teach to know people again who were
            never trained on (`train --strategy embed`); classes are the people.
        backbone: One or several, joined by commas, as `train` takes them; `presets` is every
            preset that can be had.
        budget: Minutes that fine-tuning may take, trials included.
        recipe: Of fine-tuning, as `train` takes it.
        image_size: Side in pixels; `auto` tries several.
        geometry: How an image becomes a square, as `train` takes it.
        faces: Look at the largest face of each photo, as `train` takes it. With `--goal embed`, and
            no detector to be had, it says that the images are faces as they are.
        detector: What finds faces, as `train` takes it.
        folds: Folds of every cross-validation.
        task: What the labels are: classes (`classification`), numbers (`regression`), or `auto`.
        label: Column of a table that holds the class, or the number.
        group: Column that says who belongs together (person, patient, video), or `folder:N`: the
            name of the Nth folder of each path (`folder:2` of class/person/photo.jpg).
        split: Column of a table that holds `train`, `val` or `test`.
        seed: Of splits, folds and trials.
        device: Where the networks run.
        workers: Decoding threads; by default one a processor.
        progress: Called as work goes on.

    Returns:
        An `Advice`; for `goal="embed"` a `PeopleAdvice`.

    Raises:
        DataError: If the data cannot be used.
        BackboneError: If no backbone can be had.
    """
    if goal == "embed":
        return _people(
            data, faces=faces, detector=detector, backbone=backbone, image_size=image_size,
            geometry=geometry, label=label, group=group, split=split, seed=seed, device=device,
            workers=workers, progress=progress,
        )  # fmt: skip
    clock, compute = Clock(), Compute(device, workers, seed, progress)
    base = parse_recipe(recipe, Recipe())
    dataset = drop_unlabelled(open_dataset(data, label=label, group=group, split=split, task=task))
    networks, skipped = _networks(backbone)
    found_by = detector if faces else None
    if faces:  # which photos have one is known only after looking
        fitted = choose_preprocess(dataset, networks[0], "auto", geometry, detector=found_by)
        stats = extract(
            dataset, networks[0], preprocess=fitted, device=device, workers=workers,
            progress=progress,
        ).stats  # fmt: skip
    else:
        stats = measure(dataset, workers=workers, progress=progress)
    findings, _, prepared = check_and_split(dataset, stats, seed=seed, drop_leaks=True)
    looks = [
        (each, choose_preprocess(prepared.dataset, each, image_size, geometry, detector=found_by))
        for each in networks
    ]
    columns = {
        "task": dataset.task,
        "label": label, "group": group, "split": split,
    }  # fmt: skip
    wanted = Wanted(
        str(data), base, budget, folds, image_size == "auto", found_by, columns, skipped
    )
    return advise_classes(prepared, findings, looks, wanted, compute, clock)


def _people(
    data: str | Path,
    *,
    faces: bool,
    detector: str,
    backbone: str,
    image_size: int | Literal["auto"],
    geometry: Geometry,
    label: str | None,
    group: str | None,
    split: str | None,
    seed: int,
    device: Device,
    workers: int | None,
    progress: Progress,
) -> PeopleAdvice:
    """Answers for `goal="embed"`."""
    dataset = drop_unlabelled(
        open_dataset(data, label=label, group=group, split=split, task="identity")
    )
    networks, skipped = _networks(backbone)
    share, found_by = (1.0 if faces else None), None
    if faces:
        try:
            find_detector(detector)
            found_by = detector
        except BackboneError:
            if detector != "yunet":
                raise
    if found_by is None:
        stats = measure(dataset, workers=workers, progress=progress)
    else:
        preprocess = choose_preprocess(
            dataset, networks[0], image_size, geometry, detector=found_by
        )
        stats = extract(
            dataset, networks[0], preprocess=preprocess, device=device, workers=workers,
            progress=progress,
        ).stats  # fmt: skip
        share = float(stats.readable.mean())
    _, _, whole = check_and_split(dataset, stats, seed=seed, drop_leaks=True)
    fitted = [
        (each, choose_preprocess(whole.dataset, each, image_size, geometry, detector=found_by))
        for each in networks
    ]
    return advise_people(
        data, whole, fitted, skipped, faces=share, detector=found_by, seed=seed, device=device,
        workers=workers, progress=progress,
    )  # fmt: skip


def _networks(names: str) -> tuple[list[Backbone], dict[str, str]]:
    """Opens every backbone that can be had.

    Raises:
        BackboneError: If there is none.
    """
    wanted = list(PRESETS) if names == "presets" else [each.strip() for each in names.split(",")]
    found, skipped = [], {}
    for name in wanted:
        try:
            found.append(open_backbone(name))
        except BackboneError as error:
            if names != "presets":
                raise
            skipped[name] = str(error)
            break  # what keeps one preset from coming keeps the others too
    if not found:
        raise BackboneError(
            f"no preset can be had ({next(iter(skipped.values()))}); name backbones that are here "
            f"with --backbone, such as starter"
        )
    return found, skipped
