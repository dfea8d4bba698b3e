"""How large the input is, and how a head is trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.strategies.mask_sets import QUIET, discs, material
from tests.tasks.segmentation.masks_here import masks_of

from headstart.data.masks.masks import Masks
from headstart.errors import OptionError
from headstart.images.deep import EIGHT_BITS
from headstart.nets.pretrained.backbone import open_backbone
from headstart.probe.frozen import Frozen
from headstart.strategies.masks.input import (
    asked_tile,
    choose_mask_input,
    head_side,
    mask_recipe,
    shown_at,
    tiny_objects,
    tuned_input,
)
from headstart.strategies.problem import FrozenNetwork
from headstart.training.schedule import Recipe


def lines(width: int) -> Masks:
    mask = np.zeros((512, 512), np.uint8)
    mask[:, :: 8 * width] = 1
    for more in range(1, width):
        mask[:, more :: 8 * width] = 1
    return masks_of([mask, mask.T.copy()], ("ground", "line"))


def test_thin_things_get_a_larger_input(tmp_path):
    dataset = discs(tmp_path, count=2, test=0)
    backbone = open_backbone("starter")
    thin, thick = (replace(dataset, labels=lines(width)) for width in (2, 40))
    assert shown_at(thin, "pad", 256, 4) < 0.9 < shown_at(thick, "pad", 256, 4)
    chosen = [
        choose_mask_input(each, backbone, "auto", "square", EIGHT_BITS, QUIET)
        for each in (thin, thick)
    ]
    assert [each.size for each in chosen] == [512, 256]
    assert {each.geometry for each in chosen} == {"pad"}


def test_a_part_of_the_image_is_refused(tmp_path):
    dataset, backbone = discs(tmp_path, count=2, test=0), open_backbone("starter")
    with pytest.raises(OptionError, match="all of it"):
        choose_mask_input(dataset, backbone, "auto", "crop", EIGHT_BITS, QUIET)
    given = choose_mask_input(dataset, backbone, 100, "squash", EIGHT_BITS, QUIET)
    assert (given.size, given.geometry) == (96, "squash")


def test_heads_of_large_photos_see_more(tmp_path):
    dataset = discs(tmp_path, count=4, test=1, size=(500, 420))
    network = material(dataset, 64)[1]
    assert head_side(dataset, network, "auto") == 320
    assert head_side(dataset, network, 64) == 64


def test_few_images_are_seen_more_often():
    options = {"recipe": "width=32", "epochs": "auto", "lr": None}
    few, many = (mask_recipe(options, Recipe(), images=n) for n in (40, 4000))
    assert few.width == 32
    assert few.epochs == 85
    assert many.epochs == 2
    told = mask_recipe({"recipe": None, "epochs": 3, "lr": 0.01}, Recipe(), images=40)
    assert (told.epochs, told.lr) == (3, 0.01)


def test_rare_things_are_seen_at_a_small_input(tmp_path):
    dataset, backbone = discs(tmp_path, count=2, test=0), open_backbone("starter")
    mask = np.zeros((512, 512), np.uint8)
    mask[100:102] = 1
    rare = replace(dataset, labels=masks_of([mask, mask.T.copy()], ("ground", "line")))
    assert choose_mask_input(rare, backbone, "auto", "square", EIGHT_BITS, QUIET).size == 256


def test_windows_are_cut_from_as_much_as_there_is(tmp_path):
    dataset, backbone = discs(tmp_path, count=2, test=0), open_backbone("starter")
    mask = np.zeros((1000, 1000), np.uint8)
    mask[:, ::8] = mask[:, 1::8] = 1
    network = FrozenNetwork(
        backbone,
        replace(backbone.preprocess, size=512, geometry="pad"),
        1,
        Frozen(np.zeros((2, 0)), {}),
    )
    fine = replace(dataset, labels=masks_of([mask, mask.T.copy()], ("ground", "line")))
    assert tuned_input(fine, network, {}).size == 1024
    assert tuned_input(fine, network, {"image_size": 512}).size == 512
    asked = tuned_input(fine, network, {"tile": 250})
    assert (asked.size, asked.tile) == (1024, 256)
    assert tuned_input(fine, network, {"tile": 2048}).tile is None
    assert tuned_input(fine, network, {}).tile is None
    small = replace(network, preprocess=replace(network.preprocess, size=256))
    assert tuned_input(fine, small, {}).size == 256


def test_tiles_are_those_that_were_asked_for():
    assert asked_tile({}) is asked_tile({"tile": "auto"}) is None
    assert asked_tile({"tile": 500}) == 512


def test_what_no_input_of_whole_images_shows_is_answered_in_tiles(tmp_path):
    dataset, backbone = discs(tmp_path, count=2, test=0), open_backbone("starter")
    tiny, large = np.zeros((2, 2400, 2400), np.uint8)
    for row in range(40, 2400, 160):
        for column in range(40, 2400, 160):
            tiny[row : row + 4, column : column + 4] = 1
    large[400:500, 300:1300] = 1
    told = [
        replace(dataset, labels=masks_of([each, each.T.copy()], ("ground", "dot")))
        for each in (tiny, large)
    ]
    assert [tiny_objects(each) for each in told] == [True, False]
    preprocess = replace(backbone.preprocess, size=256, geometry="pad")
    network = FrozenNetwork(backbone, preprocess, 1, Frozen(np.zeros((2, 0)), {}))
    found = tuned_input(told[0], network, {})
    assert (found.size, found.tile) == (3072, 1024)
    assert tuned_input(told[1], network, {}).size == 256
