from __future__ import annotations

import numpy as np
import pytest

from headstart.errors import ModelError
from headstart.tasks.segmentation.kept import read_labels, write_labels

from .masks_here import CLASSES, PALETTE, masks_of, scene


def test_masks_come_back(tmp_path):
    odd = np.array([[0, 255, 1], [2, 2, 2]], np.uint8)
    arrays = [scene(0), None, odd, scene(1, 31, 47), np.zeros((1, 1), np.uint8)]
    before = masks_of(arrays)
    write_labels(before, tmp_path / "labels.safetensors")
    after = read_labels(CLASSES, 5, tmp_path / "labels.safetensors")
    assert after.known.tolist() == [True, False, True, True, True]
    assert (after.pixels == before.pixels).all()
    assert (after.palette == PALETTE).all()
    for i in (0, 2, 3, 4):
        assert (after.read(i) == arrays[i]).all()
        assert after.text(i) == before.text(i)
    assert not after.conflict(0, 0)


def test_a_damaged_file_is_named(tmp_path):
    file = tmp_path / "labels.safetensors"
    with pytest.raises(ModelError, match=r"labels\.safetensors"):
        read_labels(CLASSES, 1, file)
    file.write_bytes(b"nothing of the kind")
    with pytest.raises(ModelError, match="cannot be read"):
        read_labels(CLASSES, 1, file)
    write_labels(masks_of([scene(0)]), file)
    with pytest.raises(ModelError, match="cannot be read"):
        read_labels(CLASSES[:2], 1, file)


def test_nothing_annotated_is_kept_too(tmp_path):
    write_labels(masks_of([None, None]), tmp_path / "a")
    assert not read_labels(CLASSES, 2, tmp_path / "a").known.any()
