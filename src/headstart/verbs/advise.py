"""`advise`: what to do with these images, from short measurements on them."""

from __future__ import annotations

from headstart.advice.advise_classes import Advice, Wanted, advise_classes
from headstart.advice.advise_people import PeopleAdvice, advise_people
from headstart.compute import Compute, Progress, silent
from headstart.data.dataset import Dataset
from headstart.data.open import open_dataset
from headstart.errors import BackboneError
from headstart.features.extract import extract
from headstart.images.pixels import measure
from headstart.images.stats import ImageStats
from headstart.nets.backbone import Backbone, open_backbone
from headstart.nets.detector import find_detector
from headstart.nets.source import PRESETS
from headstart.options.advise import AdviseOptions
from headstart.options.command import command
from headstart.options.ways import OWN_WAY
from headstart.strategies.clock import Clock
from headstart.strategies.prepare import check_and_split, choose_preprocess, drop_unlabelled
from headstart.training.schedule import Recipe, parse_recipe

__all__ = ["advise"]


@command(AdviseOptions)
def advise(options: AdviseOptions, progress: Progress = silent) -> Advice | PeopleAdvice:
    """Says whether to freeze or fine-tune, how deep, with which backbone, and what to expect.

    Everything is measured on the training images; a test split is not looked at.

    Returns:
        An `Advice`; of identities a `PeopleAdvice`.

    Raises:
        DataError: If the data cannot be used.
        BackboneError: If no backbone can be had.
    """
    clock = Clock()
    compute = Compute(options.device, options.workers, options.seed, progress)
    dataset = drop_unlabelled(
        open_dataset(
            options.data,
            label=options.label,
            group=options.group,
            split=options.split,
            task=options.task,
        )
    )
    networks, skipped = _networks(options.backbone)
    people = dataset.task in OWN_WAY
    detector = _detector(options, people)
    stats = _stats(dataset, networks[0], options, detector, compute)
    findings, _, prepared = check_and_split(dataset, stats, seed=options.seed, drop_leaks=True)
    looks = [
        (
            each,
            choose_preprocess(
                prepared.dataset, each, options.image_size, options.geometry, detector=detector
            ),
        )
        for each in networks
    ]
    if people:
        share = float(stats.readable.mean()) if detector else 1.0 if options.faces else None
        return advise_people(
            options.data, prepared, looks, skipped, compute, faces=share, detector=detector
        )
    columns = {
        "task": dataset.task, "label": options.label, "group": options.group,
        "split": options.split,
    }  # fmt: skip
    wanted = Wanted(
        str(options.data), parse_recipe(options.recipe, Recipe()), options.budget, options.folds,
        options.image_size == "auto", detector, columns, skipped,
    )  # fmt: skip
    return advise_classes(prepared, findings, looks, wanted, compute, clock)


def _detector(options: AdviseOptions, people: bool) -> str | None:
    """Returns what finds faces; of people none where it cannot be had and nobody named one."""
    if not options.faces:
        return None
    try:
        find_detector(options.detector)
    except BackboneError:
        if not people or options.detector != "yunet":
            raise
        return None
    return options.detector


def _stats(
    dataset: Dataset,
    network: Backbone,
    options: AdviseOptions,
    detector: str | None,
    compute: Compute,
) -> ImageStats:
    """Measures the images; which photos have a face is known only after looking."""
    if detector is None:
        return measure(dataset, workers=compute.workers, progress=compute.progress)
    fitted = choose_preprocess(dataset, network, "auto", options.geometry, detector=detector)
    return extract(
        dataset, network, preprocess=fitted, device=compute.device, workers=compute.workers,
        progress=compute.progress,
    ).stats  # fmt: skip


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
