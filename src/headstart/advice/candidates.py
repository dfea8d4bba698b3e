"""What is compared for advice: the networks that can be had, and the images as they see them."""

from __future__ import annotations

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.errors import BackboneError
from headstart.features.extract import extract
from headstart.images.deep import Levels
from headstart.images.pixels import measure
from headstart.images.stats import ImageStats
from headstart.nets.files.hub import why_missing
from headstart.nets.pretrained.backbone import Backbone, open_backbone
from headstart.nets.pretrained.face_detector import find_detector
from headstart.nets.pretrained.source import PRESETS
from headstart.options.advise import AdviseOptions
from headstart.strategies.prepare import choose_preprocess

__all__ = ["image_stats_of", "open_networks", "usable_detector"]


def usable_detector(options: AdviseOptions, *, people: bool) -> str | None:
    """Returns what finds faces; of people none where it cannot be had and nobody named one.

    Raises:
        BackboneError: If what was asked for cannot be had.
    """
    if not options.faces:
        return None
    try:
        find_detector(options.detector)
    except BackboneError:
        if not people or options.detector != "yunet":
            raise
        return None
    return options.detector


def image_stats_of(
    dataset: Dataset,
    network: Backbone,
    options: AdviseOptions,
    compute: Compute,
    *,
    levels: Levels,
    detector: str | None,
) -> ImageStats:
    """Measures the images; which photos have a face is known only after looking.

    Args:
        dataset: N items.
        network: That looks at the faces.
        options: How images are fitted.
        compute: Where the network runs, and who is told.
        levels: Of images deeper than 8 bits.
        detector: Of faces, or None.
    """
    if detector is None:
        return measure(dataset, workers=compute.workers, progress=compute.progress)
    fitted = choose_preprocess(
        dataset, network, "auto", options.geometry, levels=levels, detector=detector
    )
    return extract(
        dataset, network, preprocess=fitted, device=compute.device, workers=compute.workers,
        progress=compute.progress,
    ).stats  # fmt: skip


def open_networks(names: str) -> tuple[list[Backbone], dict[str, str]]:
    """Opens every backbone that can be had.

    Args:
        names: With commas between; or ``"presets"``.

    Returns:
        The networks, and name -> why it cannot be had.

    Raises:
        BackboneError: If there is none.
    """
    wanted = list(PRESETS) if names == "presets" else [each.strip() for each in names.split(",")]
    found, skipped, first = [], {}, None
    for name in wanted:
        try:
            found.append(open_backbone(name))
        except BackboneError as error:
            if names != "presets":
                raise
            skipped[name] = why_missing(error)
            first = first or error
            break  # what keeps one preset from coming keeps the others too
    if first is not None and not found:
        raise BackboneError(f"no preset can be had: {first}") from first
    return found, skipped
