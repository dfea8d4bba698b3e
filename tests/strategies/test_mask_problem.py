"""Who trains and who tests where masks are learnt, and how large the input is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.strategies.mask_sets import QUIET, discs, material
from tests.tasks.segmentation.masks_here import masks_of

from headstart.data.masks import Masks
from headstart.errors import DataError, OptionError
from headstart.images.deep import EIGHT_BITS
from headstart.nets.backbone import open_backbone
from headstart.strategies.mask_problem import (
    choose_mask_input,
    head_side,
    make_mask_problem,
    mask_folds,
    mask_recipe,
    shown_at,
)
from headstart.training.schedule import Recipe


@pytest.fixture
def prepared(tmp_path):
    return material(discs(tmp_path))[0]


def test_a_given_split_is_kept(prepared):
    problem = make_mask_problem(prepared, "auto", folds=5, seed=0)
    [(train, test)] = problem.rounds
    assert (len(train), len(test), problem.kind) == (8, 4, "holdout")
    assert "own test split" in problem.summary


def test_cross_validation_answers_for_every_image_once(prepared):
    problem = make_mask_problem(prepared, "cv", folds=3, seed=0)
    tested = np.concatenate([test for _, test in problem.rounds])
    assert sorted(tested.tolist()) == list(range(12))
    assert len(problem.final) == 12


def test_nothing_to_measure_on_is_said(prepared):
    together = replace(prepared, clusters=np.zeros(12, int))
    with pytest.raises(DataError, match="stay together"):
        make_mask_problem(together, "auto", folds=5, seed=0)
    nobody = replace(prepared, splits=np.full(12, "train"))
    with pytest.raises(DataError, match="test on"):
        make_mask_problem(nobody, "auto", folds=5, seed=0)


def test_folds_keep_together_what_belongs_together(prepared):
    pairs = replace(prepared, clusters=np.arange(12) // 2)
    of, k = mask_folds(pairs, np.arange(8), folds=5, seed=0)
    assert 2 <= k <= 4
    assert (of[::2] == of[1::2]).all()
    assert (
        mask_folds(replace(prepared, clusters=np.zeros(12, int)), np.arange(8), folds=5, seed=0)[1]
        == 1
    )


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
