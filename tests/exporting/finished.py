"""A finished run that nobody trained: images, items, outputs and a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from tests.drawn_masks import write_masked
from tests.models import random_model

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes, Labels
from headstart.data.masks.masks import Masks
from headstart.fingerprint import fingerprint_file
from headstart.nets.model import Model
from headstart.records import Estimate, to_json
from headstart.results.items import Items, write_items
from headstart.results.outputs import write_outputs
from headstart.run import Run

TRAIN, TEST = 9, 5


def finished_run(home: Path, model: Model | None = None, labels: Labels | None = None) -> Run:
    """Nine training images and five test images after them; the i-th is all of the grey 10 i."""
    model = model or random_model()
    n, run = TRAIN + TEST, Run(home / "run")
    labels = labels or Classes(model.spec.names, np.arange(n) % len(model.spec.names))
    (home / "images").mkdir(parents=True)
    names = tuple(f"{i}.png" for i in range(n))
    if isinstance(labels, Masks):
        write_masked(home / "images", n)
    for i, name in enumerate(() if isinstance(labels, Masks) else names):
        Image.new("RGB", (50, 50), (10 * i,) * 3).save(home / "images" / name)
    model.save(run.model)
    tested = np.arange(TRAIN, n)
    dataset = Dataset(home / "images", names, labels, np.full(n, ""), task=model.spec.task)
    prints = tuple(fingerprint_file(home / "images" / name).hex() for name in names)
    splits = np.where(np.arange(n) < TRAIN, "train", "test")
    write_items(run, Items(dataset, splits, (splits == "test").astype(int), np.arange(n), prints))
    chances = np.full((TEST, len(model.spec.names)), 1 / len(model.spec.names), np.float32)
    outputs = {"probabilities": chances}
    if model.spec.task == "segmentation":
        assert isinstance(labels, Masks)
        outputs = mask_outputs(labels, model, tested)
    write_outputs(run, [(tested, outputs, model.spec)])
    about = {
        "root": str(home / "images"), "source": "folder", "task": model.spec.task,
        "quantity": model.spec.settings.get("quantity"), "fingerprint": "f00d",
        "classes": list(model.spec.names),
    }  # fmt: skip
    run.dataset.write_text(to_json(about))
    measured = {
        "format": 2, "task": model.spec.task, "primary": "some_measure",
        "model": {"summary": "a head"}, "evaluation": {"kind": "holdout", "summary": "On five."},
        "test": {"some_measure": Estimate(0.5, 0.25, 0.75, TEST, "")},
    }  # fmt: skip
    run.metrics.write_text(to_json(measured))
    return run


def mask_outputs(labels: Masks, model: Model, tested: np.ndarray) -> dict[str, np.ndarray]:
    """What a good model gives for some items: seven tenths for the true class, of each cell."""
    settings, classes = model.spec.settings, len(labels.names)
    cells = settings["size"] // settings["stride"]
    truth = np.stack([labels.read(int(i), (cells, cells)) for i in tested])
    right = truth[:, None] == np.arange(classes)[:, None, None]
    sizes = labels.sizes[tested]
    matrices = [model.preprocess.matrix(int(width), int(height)) for width, height in sizes]
    return {
        "probabilities": np.where(right, 0.7, 0.3 / (classes - 1)).astype(np.float16),
        "sizes": sizes.astype(np.int32), "matrices": np.array(matrices, np.float32),
    }  # fmt: skip
