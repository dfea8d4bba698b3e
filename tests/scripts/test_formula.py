"""Images by formula are reproducible and varied; the bundled weights load and are small."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
ROOT = Path(__file__).resolve().parents[2]
STARTER = ROOT / "src/headstart/nets/pretrained/starter"


@pytest.fixture(scope="module", autouse=True)
def _scripts():
    """Puts the folder of the scripts on the path, as running one of them does."""
    sys.path.insert(0, str(ROOT / "scripts/starter"))
    yield
    sys.path.remove(str(ROOT / "scripts/starter"))


@pytest.fixture(scope="module")
def tiny():
    from formula import Recipe

    return Recipe(glyphs=4, fractals=3, shapes=4, textures=8, instances=2, plate=40, tile=64)


@pytest.fixture(scope="module")
def world(tiny):
    from scenes import World

    return World(tiny, seed=3)


def test_banks_have_the_stated_shapes_and_differ_by_class(tiny, world):
    assert world.plates.shape == (11, 2, 40, 40)
    assert world.tiles.shape == (8, 64, 64)
    assert world.plates.dtype == world.tiles.dtype == torch.uint8
    for bank in (world.plates[:, 0], world.tiles):
        assert len(torch.unique(bank.flatten(1), dim=0)) == len(bank)
        assert (bank.flatten(1).float().std(1) > 5).all()  # nothing is blank


def test_the_same_seed_gives_the_same_scenes_and_another_does_not(tiny, world):
    from formula import seeded
    from scenes import World

    again = World(tiny, seed=3)
    assert torch.equal(again.plates, world.plates)
    first, second = world.sample(16, 32, seeded(1)), again.sample(16, 32, seeded(1))
    assert torch.equal(first.images, second.images)
    assert all(torch.equal(first.labels[name], second.labels[name]) for name in first.labels)
    assert not torch.equal(first.images, world.sample(16, 32, seeded(2)).images)
    assert not torch.equal(World(tiny, seed=4).plates, world.plates)


def test_scenes_are_images_with_labels_in_range(tiny, world):
    from formula import IGNORE, seeded

    scenes = world.sample(64, 48, seeded(0))
    assert scenes.images.shape == (64, 3, 48, 48)
    assert scenes.images.dtype == torch.float32
    assert scenes.images.min() >= 0
    assert scenes.images.max() <= 1
    assert scenes.images.flatten(1).std(1).gt(0.01).float().mean() > 0.9
    assert scenes.pose.shape == (64, 5)
    assert scenes.pose.isfinite().all()
    assert scenes.labels.keys() == tiny.classes.keys()
    for name, label in scenes.labels.items():
        assert label.dtype == torch.int64
        assert ((label == IGNORE) | (label >= 0) & (label < tiny.classes[name])).all()
    assert torch.equal(scenes.labels["object"] == IGNORE, ~scenes.posed)


def test_instances_of_a_class_are_nearer_than_classes(world):
    plates = world.plates.float().flatten(2)
    within = (plates[:, 0] - plates[:, 1]).square().mean(1).sqrt().mean()
    between = torch.pdist(plates[:, 0]).div(40).mean()
    assert within < between


def test_a_colour_lies_inside_its_name():
    from formula import COLOURS, seeded
    from scenes import colour_of

    red = colour_of(torch.zeros(8, dtype=torch.int64), seeded(0))
    white = colour_of(torch.full((8,), COLOURS - 1), seeded(0))
    assert (red[:, 0] > red[:, 1:].amax(1) + 0.3).all()
    assert (white > 0.8).all()


def test_bundled_weights_are_small_and_load_in_timm():
    timm = pytest.importorskip("timm")
    assert sum(file.stat().st_size for file in STARTER.iterdir()) <= 4_000_000
    model = timm.create_model(f"local-dir:{STARTER}", pretrained=True, num_classes=0).eval()
    with torch.inference_mode():
        images = torch.rand(2, 3, *model.pretrained_cfg["input_size"][1:])
        top, maps = model.forward_intermediates(images)
        vectors = model.forward_head(top, pre_logits=True)
    assert vectors.shape == (2, model.num_features)
    assert vectors.isfinite().all()
    assert len(maps) == 5
    assert not torch.equal(vectors[0], vectors[1])
