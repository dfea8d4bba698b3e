import dataclasses

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from headstart.checks.turned import copy_pairs, turned_copies
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes

from .test_duplicates import jpeg, photo, png, stats_of

WAYS = {
    "mirrored": ImageOps.mirror,
    "flipped": ImageOps.flip,
    "a quarter": lambda image: image.rotate(90),
    "half": lambda image: image.rotate(180),
    "three quarters": lambda image: image.rotate(270),
    "both": lambda image: ImageOps.mirror(image.rotate(90)),
    "the other diagonal": lambda image: ImageOps.mirror(image.rotate(270)),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_turned_copy_is_found_and_nothing_else(way):
    images = [photo(seed) for seed in range(20)]
    turned = ImageEnhance.Brightness(WAYS[way](images[7])).enhance(1.1)
    stats = stats_of([*(png(each) for each in images), jpeg(turned, 85)])
    assert turned_copies(stats).tolist() == [[7, 20]]


def test_labels_that_differ_are_no_copies():
    """An arrow to the left is no arrow to the right."""
    images = [photo(seed) for seed in range(6)]
    stats = stats_of([*map(png, images), png(ImageOps.mirror(images[0]))])
    labels = Classes(("left", "right"), np.array([0, 0, 1, 1, 0, 1, 1]))
    assert len(turned_copies(stats, labels.strata)) == 0
    assert len(turned_copies(stats)) == 1


def test_what_looks_like_itself_turned_is_left_alone():
    discs = []
    for size in (20, 21, 22, 23):
        image = Image.new("RGB", (128, 128), (90, 90, 90))
        ImageDraw.Draw(image).ellipse([64 - size, 64 - size, 64 + size, 64 + size], (200, 30, 30))
        discs.append(png(image))
    assert len(turned_copies(stats_of(discs))) == 0


def test_a_crowd_is_not_joined_and_few_are_no_trouble():
    image = photo(3)
    ways = [image, *(way(image) for way in WAYS.values())]
    shades = [
        ImageEnhance.Brightness(each).enhance(0.7 + 0.1 * k) for k in range(4) for each in ways
    ]
    assert len(turned_copies(stats_of([png(each) for each in shades]))) == 0
    assert turned_copies(stats_of([png(image)])).shape == (0, 2)
    two = stats_of([png(image), png(photo(4))])
    assert turned_copies(dataclasses.replace(two, errors={0: "gone"})).shape == (0, 2)


def test_copies_are_told_together(tmp_path):
    images = [photo(seed) for seed in range(8)]
    stats = stats_of([*map(png, images), jpeg(images[2]), png(images[5].rotate(90))])
    names = tuple(f"{i}.png" for i in range(10))
    labels = Classes(("a", "b"), np.array([0, 1] * 5))
    dataset = Dataset(tmp_path, names, labels, np.full(10, ""))
    assert copy_pairs(dataset, stats).tolist() == [[2, 8], [5, 9]]


def test_a_turned_copy_across_a_given_split_is_a_leak(tmp_path, cli):
    for kind in "ab":
        for i in range(8):
            place = tmp_path / "data" / ("train" if i < 5 else "test") / kind / f"{i}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            photo(20 * (kind == "a") + i).save(place)
        photo(20 * (kind == "a")).rotate(90).save(tmp_path / "data" / "test" / kind / "x.png")
    said = cli("check", tmp_path / "data").stdout
    assert "train/a/0.png = test/a/x.png" in said or "test/a/x.png = train/a/0.png" in said
    assert "both" in said or "across" in said or "leak" in said
