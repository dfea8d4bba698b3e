"""What fine-tuning leaves in a run: its epochs, and what training saw."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from headstart.data.dataset import Dataset
from headstart.images.preprocess import Preprocess

if TYPE_CHECKING:
    from headstart.training.record import Epoch
    from headstart.training.schedule import Recipe

__all__ = ["write_history", "write_preview"]

_COLUMNS = (
    "epoch",
    "trainable_stages",
    "lr",
    "loss",
    "accuracy",
    "val_loss",
    "val_accuracy",
    "measure",
    "seconds",
    "images",
)
_PREVIEWS, _LOOKS = 6, 4


def write_history(
    path: Path, trainings: Mapping[str, Sequence[Epoch]], *, more: tuple[str, ...] = ()
) -> None:
    """Writes `history.csv`: one row an epoch of every training.

    Args:
        path: To write.
        trainings: Name -> its epochs.
        more: Further columns, fields of `Epoch`.
    """
    columns = (*_COLUMNS, *more)
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["training", *columns])
    for name, history in trainings.items():
        for epoch in history:
            cells = [getattr(epoch, column) for column in columns]
            shown = [f"{each:.6g}" if isinstance(each, float) else each for each in cells]
            table.writerow([name, *["" if c == "nan" else c for c in shown]])
    path.write_text(text.getvalue(), encoding="utf-8")


def write_preview(
    path: Path, dataset: Dataset, items: np.ndarray, recipe: Recipe, preprocess: Preprocess
) -> None:
    """Writes an image of some training images, each as it is and as training sees it.

    Args:
        path: A JPEG file.
        dataset: N items.
        items: (M,) int training items; a few of them are drawn.
        recipe: With the policy.
        preprocess: Of the network.
    """
    from dataclasses import replace

    import torch
    from PIL import Image

    from headstart.images.inputs import InputImages
    from headstart.nets.batches.augment import MARGIN, Augment

    chosen = items[np.linspace(0, len(items) - 1, min(_PREVIEWS, len(items))).astype(int)]
    large = replace(preprocess, size=round(preprocess.size * MARGIN))
    inputs = InputImages(dataset.take(chosen), large)
    augment = Augment(recipe.augment, preprocess, hflip=recipe.hflip != "no")
    plain = Augment("none", preprocess)
    rows = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        for number in range(len(inputs)):
            looks = [augment(inputs[number]) for _ in range(_LOOKS)]
            rows.append(np.concatenate([plain(inputs[number]), *looks], axis=1))
    picture = Image.fromarray(np.concatenate(rows, axis=0))
    picture.thumbnail((640, 768))
    picture.save(path, quality=80)
