"""Filters of a data set, and how they lie beside the maps of a network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.models import write_photos
from tests.strategies.mask_sets import QUIET

from headstart.data.dataset import Dataset
from headstart.features.extract_filters import extract_filters, rows_as_read
from headstart.features.extract_maps import extract_maps
from headstart.images.inputs import InputImages
from headstart.nets.masks.filters import Filters
from headstart.nets.masks.head import FILTER_LEVELS
from headstart.nets.pretrained.backbone import open_backbone
from headstart.strategies.masks.arms import plan_of


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    write_photos(folder / "photos", 3)
    (folder / "photos" / "9.png").write_bytes(b"not an image")
    backbone = open_backbone("starter")
    preprocess = replace(backbone.preprocess, size=64, geometry="pad")
    names = sorted(each.name for each in (folder / "photos").iterdir())
    return Dataset.unlabelled(names, root=folder / "photos"), backbone, preprocess


def test_a_row_is_what_a_head_computes_of_the_same_pixels(given):
    dataset, _, preprocess = given
    maps = extract_filters(dataset, preprocess, QUIET)
    assert maps.rows.shape == (4, maps.layout.bounds[-1])
    assert not maps.rows[3].any()  # of what cannot be read
    assert maps.layout.strides == tuple(stride for _, stride in FILTER_LEVELS)
    pixels = InputImages(dataset.take(np.arange(3)), preprocess, workers=1)[1]
    own = torch.cat([each.flatten() for each in Filters()(torch.from_numpy(pixels[None]))])
    np.testing.assert_allclose(maps.rows[1], own, atol=1e-3)


@pytest.mark.parametrize("stride", [2, 4])
def test_joined_rows_are_what_a_plan_reads_from_fine_to_coarse(given, stride):
    dataset, backbone, preprocess = given
    maps = extract_maps(dataset, backbone, preprocess, QUIET).maps
    filters = extract_filters(dataset, preprocess, QUIET)
    plain = plan_of("linear", maps.layout, stride, 2)
    plan = replace(plain, filters=True)
    assert plan.stride == 2  # whatever the finest stage has
    layout, rows = rows_as_read(plan, maps, filters)
    kept = np.array([2, 0])
    found = layout.split(torch.from_numpy(rows[kept]))
    widths = [each.shape[3] for each in found]
    assert widths == sorted(widths, reverse=True)
    every = [
        *maps.layout.split(torch.from_numpy(maps.rows[kept])),
        *filters.layout.split(torch.from_numpy(filters.rows[kept])),
    ]
    assert all(torch.equal(one, every[at]) for one, at in zip(found, plan.read, strict=True))
    own, alone = rows_as_read(plain, maps, None)
    assert own.shapes == maps.layout.since(plain.stages[0]).shapes
    assert np.array_equal(alone[kept], maps.since(plain.stages[0])[kept])
