"""A run of masks without a training: made-up images, masks and answers, written as any run."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
from PIL import Image
from tests.tasks.segmentation.masks_here import scene

from headstart.checks.duplicates import clusters as find_clusters
from headstart.data.open import open_dataset
from headstart.images.pixels import measure
from headstart.images.preprocess import Preprocess
from headstart.records import OutputSpec
from headstart.reporting.page import write_report
from headstart.results.write_run import Told, write_run
from headstart.run import Run
from headstart.strategies.clock import Clock
from headstart.strategies.problem import Prepared
from headstart.strategies.trained import Trained
from headstart.tasks import decode_parts, task_of

SIDE, STRIDE = 64, 2
COLOURS = np.array([[90, 110, 90], [200, 120, 60], [70, 90, 190]])


def draw_scenes(root: Path, count: int = 24, size=(180, 120)) -> Path:
    """`images/` and `masks/` of discs and bars, and who took them."""
    rows = ["file,camera"]
    for folder in ("images", "masks"):
        (root / folder).mkdir(parents=True)
    for i in range(count):
        mask = scene(i, *size)
        noise = np.random.default_rng(i).normal(0, 18, (*mask.shape, 3))
        pixels = np.clip(COLOURS[mask] + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(root / "images" / f"{i:02}.png")
        Image.fromarray(mask).save(root / "masks" / f"{i:02}.png")
        rows.append(f"images/{i:02}.png,{'ab'[i % 2]}")
    (root / "attributes.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return root


def answers_to(dataset, items, seed: int, skill: float):
    """Outputs of a model that is right at a share of its cells, and the spec of them."""
    labels, rng = dataset.labels, np.random.default_rng(seed)
    spec = task_of("segmentation").encode(labels, items).spec
    spec = OutputSpec(spec.task, spec.names, spec.settings | {"stride": STRIDE, "size": SIDE})
    preprocess, cells, count = (
        Preprocess(size=SIDE, geometry="pad"),
        SIDE // STRIDE,
        len(spec.names),
    )
    sizes = labels.sizes[items]
    matrices = np.array([preprocess.matrix(*each) for each in sizes.tolist()])
    given = np.zeros((len(items), count, cells, cells), np.float32)
    for row, item in enumerate(items.tolist()):
        (width, height), matrix = sizes[row].tolist(), matrices[row]
        middles = (np.arange(cells) + 0.5) * STRIDE
        across = np.clip((middles - matrix[0, 2]) / matrix[0, 0], 0, width - 1).astype(int)
        down = np.clip((middles - matrix[1, 2]) / matrix[1, 1], 0, height - 1).astype(int)
        truth = labels.read(item)[down[:, None], across[None]]
        wrong = rng.random(truth.shape) > skill - 0.02 * (row % 7)
        truth = np.where(wrong, rng.integers(0, count, truth.shape), truth)
        given[row] = np.moveaxis(0.85 * np.eye(count)[truth] + 0.15 / count, 2, 0)
    outputs = {
        "probabilities": given.astype(np.float16),
        "sizes": sizes.astype(np.int32), "matrices": matrices.astype(np.float32),
    }  # fmt: skip
    return outputs, spec


def write_masks_run(root: Path, folder: Path, *, seed: int = 0, skill: float = 0.97) -> Run:
    """A run of two rounds on drawn scenes, with its report."""
    dataset = open_dataset(root, task="segmentation")
    n = len(dataset)
    stats = measure(dataset)
    clusters = find_clusters(stats, dataset.groups)
    parts = [
        (items, *answers_to(dataset, items, seed, skill))
        for items in (np.arange(0, n, 2), np.arange(1, n, 2))
    ]
    items, predictions = decode_parts(parts, dataset.names)
    baselines = task_of("segmentation").baselines(dataset.labels, dataset.names, items, items)
    model = SimpleNamespace(temperature=1.0, save=lambda place: place.mkdir())
    nobody = np.zeros(n, bool)
    trained = Trained(
        Prepared(dataset, stats, clusters, np.full(n, "train"), nobody), model, "a made-up model",
        ("cv", f"Two rounds on {n} images."), tuple(parts), predictions, None, clusters, nobody,
        baselines, ({"chosen": True, "classifier": "made up", "accuracy": 0.9},),
    )  # fmt: skip
    features = SimpleNamespace(stats=stats, engine="none", computed=0)
    folder.mkdir()
    run = Run(folder)
    write_run(trained, Told({"seed": 0}, [], features, dataset.names, Clock()), run)
    write_report(folder)
    return run
