"""Images are seen as their task needs it."""

from __future__ import annotations

import numpy as np
from tests.strategies.mask_sets import QUIET, discs

from headstart.data.open import open_dataset
from headstart.features.extract_maps import MapFeatures
from headstart.images.deep import EIGHT_BITS
from headstart.nets.pretrained.backbone import open_backbone
from headstart.strategies.look import Sight, look_at, maps_of


def test_masks_are_learnt_from_maps_and_classes_from_vectors(tmp_path, images):
    backbone, wish = open_backbone("starter"), Sight(64, "square", 1, None)
    dense, fitted = look_at(discs(tmp_path / "masks", 5, 2), backbone, wish, EIGHT_BITS, QUIET)
    assert isinstance(dense, MapFeatures)
    assert fitted.geometry == "pad"
    kept = np.array([True, True, False, True, True])
    assert len(maps_of(dense, kept).since(0)) == 4
    flat, fitted = look_at(open_dataset(str(images)), backbone, wish, EIGHT_BITS, QUIET)
    assert flat.vectors.shape[1]
    assert fitted.geometry == "square"
    assert maps_of(flat, np.ones(len(flat.vectors), bool)) is None
