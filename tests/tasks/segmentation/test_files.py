from __future__ import annotations

import csv
import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from headstart.compute import silent
from headstart.data.annotations.rle import decode_runs, parse_runs
from headstart.errors import OutputError
from headstart.tasks.segmentation.files import write_answers

from .masks_here import CLASSES, PALETTE, maps_of, scene

SCENES = [scene(seed) for seed in range(3)]


@pytest.fixture
def written(tmp_path):
    maps = maps_of(SCENES, certain=0.9)
    maps.probabilities[1] = np.nan
    maps.errors["001.png"] = "torn"
    maps.probabilities[2, :, :20] = 1 / 3
    maps = dataclasses.replace(maps, threshold=0.5)
    images = [PALETTE[each] for each in SCENES]
    write_answers(maps, images, tmp_path / "out", silent)
    return tmp_path / "out"


def test_masks_are_index_images_of_the_images_own_size(written):
    with Image.open(written / "masks" / "000.png") as image:
        assert image.mode == "P"
        assert (np.asarray(image) == SCENES[0]).all()
        assert image.getpalette()[3:6] == PALETTE[1].tolist()
    with Image.open(written / "masks" / "002.png") as image:
        found = np.asarray(image)
    assert (found[:20] == 255).all(), "not sure"
    assert (found[20:] == SCENES[2][20:]).all()
    assert not (written / "masks" / "001.png").exists()


def test_areas_are_a_table(written):
    with (written / "areas.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["name"] for row in rows] == ["000.png", "001.png", "002.png"]
    assert int(rows[0]["pixels(disc)"]) == (SCENES[0] == 1).sum()
    assert float(rows[0]["share(disc)"]) == pytest.approx((SCENES[0] == 1).mean(), abs=1e-5)
    assert rows[0]["regions(disc)"] == "1"
    assert len(rows[0]["share(disc)"]) <= 10, "six digits are enough"
    assert float(rows[2]["unsure"]) == pytest.approx(1 / 3, abs=1e-5)
    assert rows[1]["error"] == "torn"
    assert rows[1]["pixels(disc)"] == ""


def test_json_is_that_of_coco(written):
    found = json.loads((written / "masks.json").read_text())
    assert [each["name"] for each in found["categories"]] == list(CLASSES)
    assert len(found["images"]) == 2
    number = next(each["id"] for each in found["images"] if each["file_name"] == "000.png")
    mine = [each for each in found["annotations"] if each["image_id"] == number]
    assert len(mine) == 3
    for each in mine:
        runs = each["segmentation"]
        mask = decode_runs(parse_runs(runs["counts"]), tuple(runs["size"][::-1]))
        assert (mask == (SCENES[0] == each["category_id"] - 1)).all()
        assert each["area"] == mask.sum()
        left, top, width, height = each["bbox"]
        assert mask[top : top + height, left : left + width].sum() == mask.sum()


def test_overlays_are_images_of_the_images_size(written):
    with Image.open(written / "overlays" / "000.jpg") as image:
        assert image.size == (90, 60)
        found = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(found - PALETTE[SCENES[0]]).mean() < 30


def test_nothing_is_overwritten(written):
    with pytest.raises(OutputError):
        write_answers(maps_of(SCENES), [PALETTE[each] for each in SCENES], written, silent)
