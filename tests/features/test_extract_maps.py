"""Maps of a data set: in memory or in a file, the same numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.models import write_photos
from tests.strategies.mask_sets import QUIET

from headstart.data.dataset import Dataset
from headstart.errors import DataError
from headstart.features import extract_maps as under_test
from headstart.features.extract_maps import extract_maps
from headstart.nets.pretrained import maps
from headstart.nets.pretrained.backbone import open_backbone


def extracted(folder, **asked):
    backbone = open_backbone("starter")
    preprocess = replace(backbone.preprocess, size=64, geometry="pad")
    names = sorted(each.name for each in folder.iterdir())
    return extract_maps(
        Dataset.unlabelled(names, root=folder), backbone, preprocess, QUIET, **asked
    )


def test_few_are_held_in_memory_and_many_in_a_file(tmp_path, monkeypatch):
    write_photos(tmp_path / "photos", 5)
    (tmp_path / "photos" / "9.png").write_bytes(b"not an image")
    few = extracted(tmp_path / "photos")
    assert few.maps.rows.shape == (6, few.maps.layout.bounds[-1])
    assert "memory" in few.maps.place
    assert list(few.stats.errors) == [5]
    assert not few.maps.rows[5].any()
    assert (few.maps.rows[:5] != 0).any(axis=1).all()
    monkeypatch.setattr(under_test, "_MEMORY", 0)
    many = extracted(tmp_path / "photos")
    assert isinstance(many.maps.rows, np.memmap)
    assert "disk" in many.maps.place
    assert np.array_equal(many.maps.rows, few.maps.rows)


def test_where_nothing_reads_them_only_the_images_are_measured(tmp_path, monkeypatch):
    write_photos(tmp_path / "photos", 3)
    whole = extracted(tmp_path / "photos")
    monkeypatch.setattr(maps, "maps_engine", None)
    found = extracted(tmp_path / "photos", wanted=False)
    assert found.maps.layout == whole.maps.layout
    assert (found.maps.rows.size, found.computed, found.engine) == (0, 0, "none")
    assert np.array_equal(found.stats.widths, whole.stats.widths)


def test_nothing_readable_is_said(tmp_path):
    (tmp_path / "a.png").write_bytes(b"no")
    with pytest.raises(DataError, match="can be read"):
        extracted(tmp_path)
