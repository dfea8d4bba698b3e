"""How images are seen before anything is learnt: vectors, or maps for answers with a place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from headstart.choices import Geometry
from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.errors import OptionError
from headstart.features.extract import Features, extract
from headstart.images.deep import Levels
from headstart.images.preprocess import Preprocess
from headstart.nets.pretrained.backbone import Backbone
from headstart.strategies.prepare import choose_preprocess
from headstart.strategies.ways import input_of
from headstart.training.memory import keep_freed_memory

if TYPE_CHECKING:
    from headstart.features.extract_maps import Maps

__all__ = ["Sight", "look_at", "maps_of"]


@dataclass(frozen=True)
class Sight:
    """How images were asked to be seen.

    Attributes:
        image_size: Side of the input in pixels, or ``"auto"``.
        geometry: How an image becomes a square.
        tta: How many views of an image are averaged.
        detector: Of faces, which then take the place of the photos; None for whole photos.
        maps: Whether anything reads what the network gives, of a task with places.
    """

    image_size: int | Literal["auto"]
    geometry: Geometry
    tta: int
    detector: str | None
    maps: bool = True


def look_at(
    dataset: Dataset, backbone: Backbone, wish: Sight, levels: Levels, compute: Compute
) -> tuple[Features, Preprocess]:
    """Runs the frozen network on every image, as the task of the data needs it.

    Args:
        dataset: N items.
        backbone: The network.
        wish: How images were asked to be seen.
        levels: Of images deeper than 8 bits.
        compute: Where, and who hears of progress.

    Returns:
        Features of N rows (`MapFeatures` for answers with a place), and how images were fitted.

    Raises:
        OptionError: If they cannot be seen so.
    """
    choose = input_of(dataset.task)
    if choose is not None:  # needs torch in any case, as training does
        from headstart.features.extract_maps import extract_maps

        keep_freed_memory()  # what a layer gives is freed and wanted again, image by image
        preprocess = choose(dataset, backbone, wish.image_size, wish.geometry, levels, compute)
        found = extract_maps(dataset, backbone, preprocess, compute, wanted=wish.maps)
        return found, preprocess
    if wish.tta == 8:
        raise OptionError(
            "--tta 8 turns images by quarters, as masks can be turned back: choose 1, 2, 3 or 6"
        )
    preprocess = choose_preprocess(
        dataset, backbone, wish.image_size, wish.geometry, levels=levels, detector=wish.detector
    )
    features = extract(
        dataset, backbone, preprocess=preprocess, tta=wish.tta, device=compute.device,
        workers=compute.workers, progress=compute.progress,
    )  # fmt: skip
    return features, preprocess


def maps_of(features: Features, kept: np.ndarray) -> Maps | None:
    """Returns the maps of the items that are kept, (N,) bool; None where there are vectors."""
    maps: Maps | None = getattr(features, "maps", None)
    return None if maps is None else maps.take(kept)
