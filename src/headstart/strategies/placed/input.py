"""What a training whose answers have a place makes of what it was told: input and recipe."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, TypeVar

from headstart.choices import Geometry
from headstart.errors import OptionError
from headstart.images.deep import Levels
from headstart.images.preprocess import Preprocess
from headstart.nets.pretrained.backbone import Backbone
from headstart.training.schedule import Recipe, names_in, parse_recipe

__all__ = ["names_epochs", "told_recipe", "whole_input"]

R = TypeVar("R", bound=Recipe)


def whole_input(
    network: Backbone,
    image_size: int | Literal["auto"],
    geometry: Geometry,
    levels: Levels,
    *,
    wanted: str,
) -> tuple[Preprocess, bool]:
    """Returns how whole images are seen, and whether the side is still to be chosen.

    Args:
        network: It says how its weights were trained to see.
        image_size: Side in pixels, or ``"auto"``.
        geometry: How an image becomes a square.
        levels: Of images deeper than 8 bits.
        wanted: Why all of an image must be seen, for people.

    Raises:
        OptionError: If a part of each image would not be seen.
    """
    if geometry == "crop":
        raise OptionError(
            f"--geometry crop shows a network a part of the image, and {wanted}: leave it out, or "
            f"say squash"
        )
    whole: Geometry = "squash" if geometry == "squash" else "pad"
    preprocess = replace(network.preprocess, geometry=whole, levels=levels)
    free = network.takes_any_size()
    if image_size != "auto":
        size = max(32, 32 * round(int(image_size) / 32)) if free else int(image_size)
        return replace(preprocess, size=size), False
    return preprocess, free


def names_epochs(options: dict[str, Any]) -> bool:
    """Tells whether a training was told its epochs, which no budget cuts.

    Args:
        options: Of the verb, as it was told.
    """
    return options.get("epochs", "auto") != "auto" or "epochs" in names_in(options.get("recipe"))


def told_recipe(options: dict[str, Any], base: R) -> R:
    """Returns a recipe with what was said of it, but for its epochs.

    Args:
        options: Of the verb, as it was told.
        base: What is not said.

    Raises:
        OptionError: If the options name what such a recipe does not have.
    """
    read, rate = parse_recipe(options.get("recipe"), base), options.get("lr")
    return replace(read, lr=rate) if isinstance(rate, float) else read
