"""A model of masks on files gives what it gives on pixels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from tests.dense_models import dense_model
from tests.strategies.mask_sets import QUIET, discs, material

from headstart.images.inputs import InputImages
from headstart.nets.place_runner import PlaceRunner
from headstart.strategies.mask_run import run_model


def test_files_and_pixels_agree(tmp_path):
    prepared, _ = material(discs(tmp_path, 6, 2))
    model, items = dense_model(), np.array([4, 1])
    found = run_model(model, prepared, items, QUIET)
    inputs = InputImages(prepared.dataset.take(items), model.preprocess, workers=1)
    pixels = np.stack([inputs[0], inputs[1]])
    wanted = PlaceRunner(model, images=2, exact=True)(pixels[:, None])["probabilities"]
    assert np.abs(found - wanted).max() < 2e-3
    both = run_model(replace(model, tta=2), prepared, items, QUIET)
    turned = np.stack((pixels, pixels[:, :, ::-1]), axis=1)
    wanted = PlaceRunner(model, images=4, exact=True)(turned)["probabilities"]
    assert np.abs(both - wanted).max() < 2e-3
    assert np.abs(both - found).max() > 1e-3
    small = replace(model, preprocess=replace(model.preprocess, size=32))
    assert run_model(small, prepared, items, QUIET).shape[2] < found.shape[2]
