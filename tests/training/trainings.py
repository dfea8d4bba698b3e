"""Trainings that take a second: drawn images, a tiny network, and what must be equal of two."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from unittest import mock

import numpy as np
import torch
from PIL import Image
from tests.nets.tiny import sees, tunable
from timm.models.resnet import BasicBlock

from headstart.compute import Compute, silent
from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.images.inputs import InputImages
from headstart.nets.learning.trainable import TrainableModel
from headstart.tasks.classification import learn
from headstart.tasks.classification.validation import Validation
from headstart.training import loop
from headstart.training.loop import Training
from headstart.training.objective import Objective
from headstart.training.schedule import Recipe
from headstart.training.state import tensors_of

SIZE = 32
LARGE = 36


def pictures(
    folder: Path, counts: tuple[int, ...] = (8, 8, 8), *, seed: int = 0, spread: float = 25
) -> Dataset:
    """Writes and lists noisy images, every class of another grey on average."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    names, targets = [], []
    for c, count in enumerate(counts):
        for number in range(count):
            grey = 80 + 40 * c + rng.normal(0, spread)
            pixels = np.clip(grey + rng.normal(0, 20, (LARGE, LARGE, 3)), 0, 255)
            names.append(f"{c}-{number:03}.png")
            targets.append(c)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / names[-1])
    classes = tuple(f"class {c}" for c in range(len(counts)))
    return Dataset(
        folder, tuple(names), Classes(classes, np.array(targets)), np.full(len(names), "")
    )


def training(
    data: Dataset,
    recipe: Recipe,
    *,
    validation: Dataset | None = None,
    net: TrainableModel | None = None,
    balanced: bool = False,
    replicas: int = 1,
    **options: object,
) -> Training:
    """A training at its start; the same one for the same arguments.

    With two replicas it runs as where torch has two threads, although here it has one.
    """
    if net is None:
        net = tunable(
            size=SIZE, classes=len(data.labels.names), dropout=recipe.dropout,
            freeze_bn_stats=recipe.freeze_bn_stats, block=BasicBlock,
            channels=(16, 16, 16, 32), stem_width=8,
        )  # fmt: skip
    net.fuse()
    judged = None
    if validation is not None:
        judged = Validation(
            InputImages(validation, sees(SIZE), workers=1), validation.labels.targets, balanced
        )
    inputs = InputImages(data, sees(LARGE), workers=1)
    n_classes = len(data.labels.names)
    compute = Compute(
        device="cpu", workers=options.pop("workers", 0), seed=options.pop("seed", 0),
        progress=options.pop("progress", silent),
    )  # fmt: skip
    objective = Objective(
        learn.batches(data.labels.targets, recipe, compute.seed, n_classes=n_classes),
        learn.loss(recipe, data.labels.targets, n_classes=n_classes),
        learn.correct,
    )
    before = torch.get_num_threads()
    torch.set_num_threads(replicas)
    try:
        with mock.patch.object(loop, "cpu_count", return_value=replicas):
            return Training(net, recipe, inputs, objective, judged, compute, **options)
    finally:
        torch.set_num_threads(before)


def assert_same(one: Training, other: Training) -> None:
    """Every number of two trainings is the same one, to the last bit; only time may differ."""
    assert (one.step, one.over, one.diverged) == (other.step, other.over, other.diverged)
    mine, theirs = tensors_of(one), tensors_of(other)
    assert set(mine) == set(theirs)
    unequal = [name for name in mine if not torch.equal(mine[name], theirs[name])]
    assert not unequal
    assert len(one.history) == len(other.history)
    for a, b in zip(one.history, other.history, strict=True):
        for key, value in asdict(a).items():
            again = getattr(b, key)
            both_nan = isinstance(value, float) and math.isnan(value) and math.isnan(again)
            assert key == "seconds" or value == again or both_nan, (a.epoch, key)
    assert [each[:3] for each in one.best] == [each[:3] for each in other.best]
