"""Small problems: drawn images, the starter network at 32 pixels, and what belongs together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from headstart.data.dataset import Dataset
from headstart.data.labels import Classes
from headstart.features.extract import extract
from headstart.nets.pretrained.backbone import open_backbone
from headstart.probe.frozen import Frozen
from headstart.strategies.ask import Ask
from headstart.strategies.problem import FrozenNetwork, Prepared
from headstart.training.schedule import Recipe

SIZE = 32


def data_of(targets, splits=None, **more) -> Dataset:
    """Images of up to three classes by their numbers, without files."""
    n = len(targets)
    labels = Classes(("ant", "bee", "cat"), np.asarray(targets))
    names = tuple(f"{i:03}.png" for i in range(n))
    given = np.full(n, "") if splits is None else np.asarray(splits)
    return Dataset(Path("/data"), names, labels, given, **more)


def material(
    data: Dataset, *, clusters: np.ndarray | None = None
) -> tuple[Prepared, FrozenNetwork]:
    """All items of a data set, each by itself unless clusters are given, and their features."""
    backbone, n = open_backbone("starter"), len(data)
    preprocess = replace(backbone.preprocess, size=SIZE)
    found = extract(data, backbone, preprocess=preprocess, device="cpu", workers=1)
    own = np.arange(n) if clusters is None else clusters
    prepared = Prepared(data, found.stats, own, data.splits, np.zeros(n, bool))
    frozen = Frozen.of_stages(found.vectors, found.slices)
    return prepared, FrozenNetwork(backbone, preprocess, 1, frozen)


@contextlib.contextmanager
def asking(run: Path, **options: Any) -> Iterator[Ask]:
    """What a quick training is asked for; what it leaves beside `run` stays until the end."""
    with contextlib.ExitStack() as stack:
        usual: dict[str, Any] = {
            "strategy": "probe", "recipe": Recipe(), "epochs": None, "find_rate": False,
            "budget": 1.0, "views": 1, "evaluation": "auto", "folds": 2,
            "baselines": "standard", "run": run,
            "options": {}, "log": None, "resuming": False, "overwrite": False,
            "until_written": stack,
        }  # fmt: skip
        yield Ask(**{**usual, **options})
