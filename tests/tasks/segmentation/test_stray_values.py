"""Values of no class, and files that lose or hide what they hold."""

from __future__ import annotations

import numpy as np
from PIL import Image
from tests.tasks.segmentation.scenes import found, made


def test_stray_values_name_the_worst_masks(tmp_path):
    def strays(number, image, mask):
        mask = mask.copy()
        mask[0, : 2 + number] = 3 if number == 1 else 254
        return image, mask

    finding = found(made(tmp_path, 4, strays))["stray_values"]
    assert finding.severity == "note"
    assert finding.evidence[0].startswith("images/003.png: ")


def test_masks_saved_as_jpeg_are_named(tmp_path):
    made(tmp_path, 4)
    for number in range(4):
        with Image.open(tmp_path / f"masks/{number:03}.png") as mask:
            mask.save(tmp_path / f"masks/{number:03}.jpg", quality=50)
        (tmp_path / f"masks/{number:03}.png").unlink()
    findings = found(tmp_path)
    assert findings["lossy_masks"].count == 4
    assert "PNG" in findings["lossy_masks"].remedy
    assert "stray_values" in findings


def test_cut_outs_are_a_note(tmp_path):
    def cut(number, image, mask):
        return image, np.dstack([np.full((*mask.shape, 3), 255, np.uint8), mask])

    assert found(made(tmp_path, 4, cut))["transparent_masks"].severity == "note"
