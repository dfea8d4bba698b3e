"""A tiny detector through the real loader, loop and checkpoints: does the seam carry boxes?

Boxes are ragged, move with their image, are assigned in the loading processes and judged by
overlap: the hardest that a task may ask of the training. Nothing here is meant to detect well.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tests.nets.tiny import network, sees
from tests.training.trainings import assert_same
from timm.models.resnet import BasicBlock
from torch import nn

from headstart.compute import Compute
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.images.geometry import map_boxes
from headstart.images.inputs import InputImages
from headstart.nets.batches.augment import Augment
from headstart.nets.batches.batch import Targets
from headstart.nets.batches.loader import Plan, batches
from headstart.nets.batches.places import ImagePlaces
from headstart.nets.learning.trainable import TrainableModel
from headstart.training.checkpoint import Checkpoints
from headstart.training.loop import Training
from headstart.training.objective import Objective
from headstart.training.record import Judged
from headstart.training.schedule import Recipe

SIZE, LARGE, STRIDE = 32, 36, 4
CELLS = SIZE // STRIDE
RECIPE = Recipe(
    epochs=12, batch=8, lr=5e-3, augment="light", ema=0.0, layer_decay=1.0, weight_decay=0.0
)
# Middles of the cells in pixels, (CELLS * CELLS, 2) x, y.
MIDDLES = (np.stack(np.meshgrid(*[np.arange(CELLS)] * 2), -1).reshape(-1, 2) + 0.5) * STRIDE


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# --- drawn squares ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Drawn:
    """Images with none, one or two bright squares, and their boxes on the files."""

    data: Dataset
    boxes: list[np.ndarray]


def draw(folder: Path, count: int, seed: int) -> Drawn:
    folder.mkdir()
    rng = np.random.default_rng(seed)
    names, boxes = [], []
    for number in range(count):
        # Not square, so that what the network sees is not the file.
        pixels = rng.integers(0, 60, (LARGE, 2 * LARGE, 3), dtype=np.uint8)
        own = []
        # One of a kind to the left, another to the right: never across each other.
        for half in range(2):
            if (number + half) % 4:
                side = int(rng.integers(12, 20))
                left, top = half * LARGE + rng.integers(2, 14), rng.integers(2, LARGE - side - 2)
                pixels[top : top + side, left : left + side] = 230
                own.append((left, top, left + side, top + side))
        if number % 7 == 0:  # looked at, and nothing there
            pixels, own = rng.integers(0, 60, pixels.shape, dtype=np.uint8), []
        names.append(f"{number:03}.png")
        boxes.append(np.array(own, np.float32).reshape(-1, 4))
        Image.fromarray(pixels).save(folder / names[-1])
    splits = np.full(count, "")
    return Drawn(
        Dataset(folder, tuple(names), Classes(("square",), np.zeros(count, int)), splits), boxes
    )


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Drawn, Drawn]:
    root = tmp_path_factory.mktemp("drawn")
    return draw(root / "train", 32, 0), draw(root / "validation", 12, 1)


# --- what a task of detection would give --------------------------------------------------------


@dataclass(frozen=True)
class PlacesOf:
    """Item to its boxes on the input that is augmented."""

    boxes: list[np.ndarray]
    size: int

    def __call__(self, item: int) -> ImagePlaces:
        matrix = replace(sees(self.size), geometry="pad").matrix(2 * LARGE, LARGE)
        boxes = map_boxes(matrix, self.boxes[item])
        return ImagePlaces(boxes.astype(np.float32), np.zeros(len(boxes), int))


def assign(items: np.ndarray, places: list[ImagePlaces | None]) -> dict[str, torch.Tensor]:
    """FCOS (Tian et al., 2019): every cell in a box answers for it, the smallest box first."""
    inside = np.zeros((len(items), len(MIDDLES)), np.float32)
    sides = np.zeros((len(items), len(MIDDLES), 4), np.float32)
    for row, each in enumerate(places):
        order = np.argsort(-np.prod(each.boxes[:, 2:] - each.boxes[:, :2], axis=1))
        for box in each.boxes[order]:
            reach = np.concatenate((MIDDLES - box[:2], box[2:] - MIDDLES), axis=1)
            own = (reach > 0).all(axis=1)
            inside[row, own], sides[row, own] = 1, reach[own]
    return {
        "inside": torch.from_numpy(inside),
        "sides": torch.from_numpy(sides),
        "boxes": [torch.from_numpy(each.boxes) for each in places],  # ragged as they are
    }


class Head(nn.Module):
    """The first map to (n, cells, 5): score, and how far the box's sides are."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 32, 3, padding=1), nn.ReLU(), nn.Conv2d(32, 5, 1)
        )

    def forward(self, maps: list[torch.Tensor]) -> torch.Tensor:
        (found,) = [each for each in maps if each.shape[2] == CELLS]
        return self.layers(found).flatten(2).transpose(1, 2)


def sides_of(outputs: torch.Tensor) -> torch.Tensor:
    return nn.functional.softplus(outputs[..., 1:]) * STRIDE


def overlap(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """IoU of boxes around one middle, by their (…, 4) sides."""
    wide = torch.minimum(one, other)
    both = (wide[..., 0] + wide[..., 2]) * (wide[..., 1] + wide[..., 3])
    areas = [(each[..., 0] + each[..., 2]) * (each[..., 1] + each[..., 3]) for each in (one, other)]
    return both / (areas[0] + areas[1] - both).clamp(min=1e-6)


def loss(outputs: torch.Tensor, targets: dict[str, torch.Tensor]) -> torch.Tensor:
    inside = targets["inside"]
    scores = nn.functional.binary_cross_entropy_with_logits(
        outputs[..., 0], inside, reduction="none"
    )
    apart = (1 - overlap(sides_of(outputs), targets["sides"])) * inside
    return scores.mean(1) + apart.sum(1) / inside.sum(1).clamp(min=1)


def watch(outputs: torch.Tensor, targets: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    inside = targets["inside"]
    assert len(targets["boxes"]) == len(outputs)  # the ragged ones come in the same parts
    found = overlap(sides_of(outputs), targets["sides"]) * inside
    return {"iou": found.sum(1) / inside.sum(1).clamp(min=1)}


@dataclass(frozen=True)
class ValidationBoxes:
    """Mean IoU of every true box with the best-scored answer in it."""

    inputs: InputImages
    places: PlacesOf

    def judge(self, outputs: np.ndarray) -> Judged:
        assert outputs.shape == (len(self.inputs), CELLS**2, 5)
        every = [self.places(item) for item in range(len(self.inputs))]
        targets = assign(np.arange(len(every)), every)
        answers = torch.from_numpy(outputs)
        sides = sides_of(answers).numpy()
        found = []
        for row, each in enumerate(every):
            for box in each.boxes:
                own = ((box[:2] < MIDDLES) & (box[2:] > MIDDLES)).all(axis=1)
                best = int(np.where(own, outputs[row, :, 0], -np.inf).argmax())
                reach = np.concatenate((MIDDLES[best] - box[:2], box[2:] - MIDDLES[best]))
                pair = torch.from_numpy(sides[row, best]), torch.from_numpy(reach).float()
                found.append(float(overlap(*pair)))
        return Judged(float(np.mean(found)), math.nan, float(loss(answers, targets).mean()))


def detector(drawn: tuple[Drawn, Drawn], recipe: Recipe = RECIPE, *, workers: int = 0) -> Training:
    train, held = drawn
    padded = replace(sees(SIZE), geometry="pad")
    options = {"block": BasicBlock, "channels": (16, 16, 16, 32), "stem_width": 8}
    net = network(size=SIZE, **options)
    probe = TrainableModel(net, padded, None, nn.Identity()).pool
    maps = probe.maps(torch.zeros((1, SIZE, SIZE, 3), dtype=torch.uint8))
    (channels,) = {each.shape[1] for each in maps if each.shape[2] == CELLS}
    made = TrainableModel(net, padded, None, Head(channels))
    made.fuse()
    inputs = InputImages(train.data, replace(padded, size=LARGE), workers=1)
    plan = Plan(
        np.zeros(len(inputs), int), batch=recipe.batch, epochs=recipe.epochs, seed=0,
        targets=Targets(assign, PlacesOf(train.boxes, LARGE)),
    )  # fmt: skip
    judge = ValidationBoxes(InputImages(held.data, padded, workers=1), PlacesOf(held.boxes, SIZE))
    return Training(
        made,
        recipe,
        inputs,
        Objective(plan, loss, watch),
        judge,
        Compute(device="cpu", workers=workers),
    )


# --- does it carry them? ------------------------------------------------------------------------


def bright_box(pixels: np.ndarray) -> np.ndarray:
    grey = pixels.mean(axis=2)
    # Colours are jittered, so bright is what is nearer to the brightest than to the middle.
    bright = grey > (np.median(grey) + grey.max()) / 2 + 0.1 * np.ptp(grey)
    x, y = np.flatnonzero(bright.any(axis=0)), np.flatnonzero(bright.any(axis=1))
    return np.array([x[0], y[0], x[-1] + 1, y[-1] + 1])


@pytest.mark.parametrize("policy", ["none", "light", "strong"])
@pytest.mark.parametrize("workers", [0, 2])
def test_boxes_land_where_the_squares_are(drawn, policy, workers):
    train, _ = drawn
    places = PlacesOf(train.boxes, LARGE)
    padded = replace(sees(LARGE), geometry="pad")
    inputs = InputImages(train.data, padded, workers=1)
    plan = Plan(
        np.zeros(len(inputs), int), batch=8, epochs=2, seed=0, targets=Targets(assign, places)
    )
    augment = Augment(policy, replace(padded, size=SIZE))
    seen, mirrored = 0, 0
    for batch in batches(inputs, augment, plan.since(0), targets=plan.targets, workers=workers):
        assert batch.targets["inside"].shape == (len(batch.items), CELLS**2)
        for image, item, boxes in zip(batch.images, batch.items, batch.targets["boxes"]):
            if len(boxes) != 1 or len(train.boxes[item]) != 1:
                continue
            off = np.abs(bright_box(image.numpy()) - boxes[0].numpy())
            assert off.max() <= 1.5, (policy, item, off)
            seen += 1
            left = train.boxes[item][0][0] < LARGE
            mirrored += bool((boxes[0][0] + boxes[0][2] < SIZE) != left)
    assert seen > 15
    assert bool(mirrored) == (policy != "none")


def test_a_detector_learns(drawn):
    one = detector(drawn)
    one.run()
    first, last = one.history[0], one.history[-1]
    assert one.diverged == -1
    assert last.loss < 0.7 * first.loss
    assert last.measure > first.measure + 0.1
    assert last.measure > 0.5
    assert last.others["iou"] > first.others["iou"]
    assert math.isnan(last.accuracy)
    assert math.isnan(last.val_accuracy)


def test_stopped_and_gone_on_it_is_the_same(drawn, tmp_path):
    recipe = replace(RECIPE, epochs=3)
    whole = detector(drawn, recipe)
    whole.run()

    class Stopped(Exception):
        pass

    def stop(phase: str, done: int, total: int) -> None:
        if done == 7:
            raise Stopped

    killed = detector(drawn, recipe)
    killed.compute = replace(killed.compute, progress=stop)
    states = Checkpoints(tmp_path, every=0)
    with pytest.raises(Stopped):
        states.run(killed, name="boxes", fingerprint="mark")
    resumed = detector(drawn, recipe, workers=2)
    states.run(resumed, name="boxes", fingerprint="mark")
    assert_same(whole, resumed)


def test_parts_of_a_batch_have_the_gradient_of_the_whole(drawn):
    found = []
    for accumulate in (1, 3):
        one = detector(drawn, replace(RECIPE, accumulate=accumulate, clip=1e9))
        gradients: list[torch.Tensor] = []
        parameters = list(one.net.parameters())
        one.optimiser.step = lambda p=parameters, g=gradients: g.extend(
            x.grad.clone()
            for x in p
            if x.grad is not None  # none above the map that is read
        )
        one.run(until=1)
        found.append(gradients)
    assert found[0]
    for mine, theirs in zip(*found, strict=True):
        assert torch.allclose(mine, theirs, rtol=1e-3, atol=1e-4)
