"""A model that answers with places gives on files what it gives on pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.box_models import box_model
from tests.dense_models import dense_model
from tests.strategies.mask_sets import QUIET, SIZE, discs, material

from headstart.images.inputs import InputImages
from headstart.nets.place_runner import PlaceRunner
from headstart.strategies.placed.model import run_model, sizes_and_matrices


def test_files_and_pixels_agree(tmp_path):
    prepared, _ = material(discs(tmp_path, 6, 2))
    model, items = dense_model(), np.array([4, 1])

    def run(model, batch=1):
        parts = [
            each["probabilities"] for each in run_model(model, prepared, items, QUIET, batch=batch)
        ]
        assert len(parts) == 2 // batch
        return np.concatenate(parts)

    found = run(model)
    inputs = InputImages(prepared.dataset.take(items), model.preprocess, workers=1)
    pixels = np.stack([inputs[0], inputs[1]])
    wanted = PlaceRunner(model, images=2, exact=True)(pixels[:, None])["probabilities"]
    assert np.abs(found - wanted).max() < 2e-3
    both = run(replace(model, tta=2), 2)
    turned = np.stack((pixels, pixels[:, :, ::-1]), axis=1)
    wanted = PlaceRunner(model, images=4, exact=True)(turned)["probabilities"]
    assert np.abs(both - wanted).max() < 2e-3
    assert np.abs(both - found).max() > 1e-3
    small = replace(model, preprocess=replace(model.preprocess, size=32))
    assert run(small, 2).shape[2] < found.shape[2]


def test_boxes_come_with_their_own_names_and_images_with_their_places(tmp_path):
    prepared, _ = material(discs(tmp_path, 6, 2))
    model, items = box_model(), np.array([2, 0, 5])
    found = list(run_model(model, prepared, items, QUIET, batch=2))
    assert [len(each["scores"]) for each in found] == [2, 1]
    assert set(found[0]) == {"scores", "boxes"}


def test_places_are_those_of_the_images(tmp_path):
    prepared, network = material(discs(tmp_path))
    found = sizes_and_matrices(prepared, np.array([0, 3]), network.preprocess)
    assert found["sizes"].tolist() == [[90, 70], [90, 70]]
    assert np.allclose(found["matrices"][0, :, :2].diagonal(), SIZE / 90, atol=0.01)
