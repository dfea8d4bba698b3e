"""How large the network's input is where masks are learnt, and how a head is trained."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Literal, cast

import numpy as np

from headstart.choices import Geometry
from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.data.masks.masks import Masks
from headstart.errors import OptionError
from headstart.images.deep import Levels
from headstart.images.preprocess import Preprocess
from headstart.images.tiles import TILE_STEP
from headstart.metrics.segmentation import mean_iou, pixel_counts
from headstart.nets.pretrained.backbone import Backbone
from headstart.probe.dense_targets import are_uneven, cell_shares, mask_square, shares_of
from headstart.strategies.placed.input import names_epochs, told_recipe, whole_input
from headstart.strategies.problem import FrozenNetwork
from headstart.tasks.segmentation.recipe import MaskRecipe
from headstart.tasks.segmentation.upsample import best_of
from headstart.training.schedule import Recipe, epochs_of

__all__ = [
    "asked_tile",
    "choose_mask_input",
    "fine_detail",
    "head_side",
    "mask_recipe",
    "shown_at",
    "tiny_objects",
    "tuned_input",
]

_SIDES = (256, 384, 512)
# Windows cost the same whatever they are cut from: what learns from them may see all there is.
_TUNED_SIDES, _TUNED_STRIDE = (512, 768, 1024, 1536, 2048, 3072, 4096), 2
# Up to here whole images are answered at once, larger ones in tiles; asked for, of any size up to.
_AT_ONCE, _TILE, _MOST = 1536, 1024, 8192
# What the best answer at the largest input of whole images misses more of than this is tiny.
_VISIBLE = 0.8
_ROOM = 8 << 30  # bytes of images and masks that windows are cut out of
_STRIDE = 4
_ENOUGH = 0.97
_LOOKED_AT = 16
_JUDGED = 512
# A head sees more than a linear arm, and small steps of it are cheap: people are told better.
_HEAD_SIDE, _LARGE = 320, 400


def choose_mask_input(
    dataset: Dataset,
    network: Backbone,
    image_size: int | Literal["auto"],
    geometry: Geometry,
    levels: Levels,
    compute: Compute,
) -> Preprocess:
    """Chooses the input's side: the smallest at which the masks could be told at all.

    Args:
        dataset: N items with masks.
        network: It says how its weights were trained to see.
        image_size: Side in pixels, or ``"auto"``.
        geometry: How an image becomes a square; of masks the whole of it must.
        levels: Of images deeper than 8 bits.
        compute: Who hears of progress.

    Raises:
        OptionError: If a part of each image would not be seen, or the side does not fit.
    """
    preprocess, free = whole_input(
        network, image_size, geometry, levels, wanted="masks are of all of it"
    )
    if not free:
        return preprocess
    compute.begin("choosing the size of the input")
    longest = int(np.median(dataset.labels.sizes.max(axis=1)))  # type: ignore[attr-defined]
    sides = [side for side in _SIDES if side == _SIDES[0] or side <= 1.34 * longest]
    if are_uneven(cast(Masks, dataset.labels).pixels.sum(axis=0)):
        sides = sides[:1]  # what is rare wants many steps, and these are cheap at small inputs
    for side in sides:
        if shown_at(dataset, preprocess.geometry, side, _STRIDE) >= _ENOUGH:
            return replace(preprocess, size=side)
    return replace(preprocess, size=sides[-1])


def fine_detail(dataset: Dataset, side: int) -> bool:
    """Tells whether thin things made the input large: what masks of photographs hardly do.

    Args:
        dataset: N items with masks.
        side: Of the input in pixels.
    """
    return side > _SIDES[0] and shown_at(dataset, "pad", _SIDES[0], _STRIDE) < _ENOUGH


def shown_at(dataset: Dataset, geometry: Geometry, side: int, stride: int) -> float:
    """Returns the mean IoU that a network would have that knew every cell of its output.

    It cannot be better than this, because it has one answer for so many pixels.

    Args:
        dataset: N items with masks, of which some are looked at.
        geometry: How an image becomes a square.
        side: Of the input in pixels.
        stride: Of the output.
    """
    masks = cast(Masks, dataset.labels)
    known = np.flatnonzero(masks.known)
    some = known[np.unique(np.linspace(0, len(known) - 1, min(_LOOKED_AT, len(known))).astype(int))]
    classes, total = len(masks.names), np.zeros((len(masks.names), len(masks.names)), np.int64)
    small = Preprocess(size=side, geometry=geometry)
    for item in some.tolist():
        mask = masks.read(item)
        height, width = mask.shape
        judged = min(_JUDGED, max(side, width, height))
        large = Preprocess(size=judged, geometry=geometry)
        shares = shares_of(mask, small.matrix(width, height), side, width, height, classes)
        cells = cell_shares(shares, stride).astype(np.float32) + 1e-3
        truth = mask_square(mask, large.matrix(width, height), judged, width, height)
        seen = np.array([[side / judged, 0, 0], [0, side / judged, 0]])
        for rows, answer, _ in best_of(cells / cells.sum(axis=0), seen, truth.shape, stride):
            told = truth[rows] < classes
            pairs = truth[rows][told].astype(np.int64) * classes + answer[told]
            total += np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
    return float(mean_iou(pixel_counts(total[None]))(np.ones((1, 1)))[0])


def tuned_input(dataset: Dataset, network: FrozenNetwork, options: dict[str, Any]) -> Preprocess:
    """Returns how whole images are seen where windows at full resolution are learnt from.

    The smallest side at which the masks could be told, and no larger than the images are; as large
    as these are where tiles are asked for. Large ones are answered tile by tile.

    Args:
        dataset: N items with masks.
        network: With the linear arm's input.
        options: Of the verb, as it was told.

    Raises:
        OptionError: If tiles are asked for and the network takes one size only.
    """
    tile, preprocess = asked_tile(options), network.preprocess
    if tile is None:
        side = _tuned_side(dataset, network, options.get("image_size", "auto"))
        return replace(preprocess, size=side, tile=_TILE if side > _AT_ONCE else None)
    if not network.backbone.takes_any_size():
        raise OptionError(
            f"--tile {tile}: {network.backbone.name} takes images of {preprocess.size} px only; "
            f"choose another backbone, such as fast or balanced"
        )
    longest = int(np.median(cast(Masks, dataset.labels).sizes.max(axis=1)))
    full = max(TILE_STEP * math.ceil(longest / TILE_STEP), preprocess.size)
    side = min(_MOST, full, max(_AT_ONCE, _most_of(len(dataset))))
    return replace(preprocess, size=side, tile=tile if tile < side else None)


def asked_tile(options: dict[str, Any]) -> int | None:
    """Returns the side of the tiles that a training was asked for; None where none was.

    Args:
        options: Of the verb, as it was told.
    """
    given = options.get("tile", "auto")
    return None if given == "auto" else max(TILE_STEP, TILE_STEP * round(given / TILE_STEP))


def tiny_objects(dataset: Dataset) -> bool:
    """Tells whether no input of whole images shows what the masks are of.

    Args:
        dataset: N items with masks.
    """
    longest = int(np.median(cast(Masks, dataset.labels).sizes.max(axis=1)))
    return longest > _AT_ONCE and shown_at(dataset, "pad", _SIDES[-1], _STRIDE) < _VISIBLE


def _most_of(count: int) -> int:
    """Returns the largest side at which so many images and their masks have room on a disk."""
    return TILE_STEP * int(math.sqrt(_ROOM / (4 * max(1, count))) / TILE_STEP)


def _tuned_side(dataset: Dataset, network: FrozenNetwork, image_size: int | Literal["auto"]) -> int:
    side = network.preprocess.size
    if image_size != "auto" or not network.backbone.takes_any_size():
        return side
    if side < _SIDES[-1] and not tiny_objects(dataset):
        return side
    longest = int(np.median(cast(Masks, dataset.labels).sizes.max(axis=1)))
    most = min(1.34 * longest, max(_AT_ONCE, _most_of(len(dataset))))
    sides = [each for each in _TUNED_SIDES if each == side or side < each <= most]
    geometry = network.preprocess.geometry
    enough = (each for each in sides if shown_at(dataset, geometry, each, _TUNED_STRIDE) >= _ENOUGH)
    return next(enough, sides[-1] if sides else side)


def head_side(dataset: Dataset, network: FrozenNetwork, image_size: int | Literal["auto"]) -> int:
    """Returns the side of a head's input: larger than a linear arm's where images are larger.

    Args:
        dataset: N items with masks.
        network: With the linear arm's input.
        image_size: As asked for.
    """
    side = network.preprocess.size
    longest = int(np.median(cast(Masks, dataset.labels).sizes.max(axis=1)))
    free = image_size == "auto" and network.backbone.takes_any_size()
    return _HEAD_SIDE if free and side < _HEAD_SIDE and longest >= _LARGE else side


def mask_recipe(options: dict[str, Any], given: Recipe, *, images: int) -> MaskRecipe:
    """Returns the recipe of a head, from what a training was told.

    Args:
        options: Of the verb, as it was told.
        given: What they make of a recipe for classes.
        images: Training images; few of them are seen more often.

    Raises:
        OptionError: If the options name what a recipe of masks does not have.
    """
    base = given
    if not isinstance(base, MaskRecipe):  # the task was seen in the data, after the options
        base = MaskRecipe(augment=given.augment, hflip=given.hflip, balance=given.balance)
    read, epochs = told_recipe(options, base), options.get("epochs", "auto")
    if epochs != "auto":
        return replace(read, epochs=int(epochs))
    if names_epochs(options):
        return read
    least, most = (epochs_of(each * read.steps, images, read.batch) for each in (1, 2))
    return replace(read, epochs=min(max(read.epochs, least), max(1, most)))
