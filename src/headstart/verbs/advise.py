"""`advise`: what to do with these images, from short measurements on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from headstart.compute import Compute, Progress, silent
from headstart.options.advise import AdviseOptions
from headstart.options.command import command

if TYPE_CHECKING:
    from headstart.advice.advise_classes import Advice
    from headstart.advice.advise_people import PeopleAdvice
    from headstart.advice.advise_places import PlacedAdvice

__all__ = ["advise"]


@command(AdviseOptions)
def advise(
    options: AdviseOptions, progress: Progress = silent
) -> Advice | PeopleAdvice | PlacedAdvice:
    """Says whether to freeze or fine-tune, how deep, with which backbone, and what to expect.

    Everything is measured on the training images; a test split is not looked at.

    Returns:
        An `Advice`; of identities a `PeopleAdvice`, of masks and boxes a `PlacedAdvice`.

    Raises:
        DataError: If the data cannot be used.
        BackboneError: If no backbone can be had.
    """
    from headstart.advice.advise_classes import Wanted, advise_classes
    from headstart.advice.advise_people import advise_people
    from headstart.advice.candidates import image_stats_of, open_networks, usable_detector
    from headstart.data.open import open_dataset
    from headstart.images.depths import data_set_levels
    from headstart.options.ways import has_own_way
    from headstart.strategies.clock import Clock
    from headstart.strategies.prepare import check_and_split, choose_preprocess, drop_unlabelled
    from headstart.tasks import placed
    from headstart.training.schedule import Recipe, parse_recipe

    clock = Clock()
    compute = Compute(options.device, options.workers, options.seed, progress)
    compute.begin("finding the images")
    opened = open_dataset(
        options.data, label=options.label, group=options.group, split=options.split,
        image=options.image, task=options.task, annotations=options.annotations,
        masks=options.masks,
    )  # fmt: skip
    dataset = drop_unlabelled(opened, asked=options.task)
    compute.begin("opening the networks")
    networks, skipped = open_networks(options.backbone)
    people = has_own_way(dataset.task)
    detector = usable_detector(options, people=people)
    levels = data_set_levels(dataset, workers=compute.workers, progress=progress)
    stats = image_stats_of(dataset, networks[0], options, compute, levels=levels, detector=detector)
    compute.begin("checking the data")
    findings, _, prepared = check_and_split(dataset, stats, seed=options.seed, drop_leaks=True)
    if placed(dataset.task):
        from headstart.advice.advise_places import advise_places

        return advise_places(prepared, findings, networks, options, skipped, levels, compute)
    fitted = [
        choose_preprocess(
            prepared.dataset, each, options.image_size, options.geometry, levels=levels,
            detector=detector,
        )
        for each in networks
    ]  # fmt: skip
    looks = list(zip(networks, fitted, strict=True))
    if people:
        share = float(stats.readable.mean()) if detector else 1.0 if options.faces else None
        return advise_people(
            options.data, prepared, looks, skipped, compute, faces=share, detector=detector
        )
    columns = {
        "task": dataset.task, "label": options.label, "group": options.group,
        "split": options.split, "image": options.image,
    }  # fmt: skip
    wanted = Wanted(
        str(options.data), parse_recipe(options.recipe, Recipe()), options.budget, options.folds,
        options.image_size == "auto", detector, columns, skipped,
    )  # fmt: skip
    return advise_classes(prepared, findings, looks, wanted, compute, clock)
