"""Measures the bundled `starter` against raw pixels, random weights and ImageNet weights.

    python benchmarks/starter.py                    # the table of docs/starter.md
    python benchmarks/starter.py --sets digits --c 0.01     # one set, without the search of C

Logistic regression on standardised, frozen features; five folds, stratified, and by drawer where
the set has drawers. C is chosen once per column, inside the first training fold. Sets come from the
folder HEADSTART_DATA (default `../shared/data` beside the checkout), the ImageNet weights from
HEADSTART_WEIGHTS (default `../shared/weights`); what is absent is skipped.
"""

from __future__ import annotations

import argparse
import csv
import os
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import timm
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits
from timm.data import create_transform, resolve_data_config

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("HEADSTART_DATA", ROOT.parent / "shared/data"))
WEIGHTS = Path(os.environ.get("HEADSTART_WEIGHTS", ROOT.parent / "shared/weights"))
SETS = ("cifar10_small", "omniglot", "flowers12", "digits", "orl")
GRID = (0.001, 0.01, 0.1)
Pool = Literal["last", "stages"]


@dataclass(frozen=True)
class Sample:
    """A set of images with their classes and, where known, the groups that must not be split.

    Attributes:
        images: RGB images.
        target: (N,) int class numbers.
        group: (N,) int group numbers, or None where every image stands alone.
    """

    images: list[Image.Image]
    target: np.ndarray
    group: np.ndarray | None


def read(name: str) -> Sample | None:
    """Returns a set, train and test pooled, or None where its folder is absent."""
    if name == "digits":
        digits = load_digits()
        pixels = (digits.images * (255 / 16)).astype(np.uint8)
        return Sample(
            [Image.fromarray(image).convert("RGB") for image in pixels], digits.target, None
        )
    folder = DATA / name
    if not folder.is_dir():
        return None
    suffixes = {".png", ".jpg", ".jpeg", ".pgm"}
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in suffixes)
    group = None
    if name == "omniglot":
        with (folder / "attributes.csv").open(newline="") as table:
            drawer = {row["file"]: int(row["drawer"]) for row in csv.DictReader(table)}
        group = np.array([drawer[file.relative_to(folder).as_posix()] for file in files])
    target = np.unique([file.parent.name for file in files], return_inverse=True)[1]
    return Sample([Image.open(file).convert("RGB") for file in files], target, group)


def features(
    model: torch.nn.Module, images: Sequence[Image.Image], batch: int = 64
) -> dict[Pool, np.ndarray]:
    """Returns the pooled last layer, and mean and maximum of stem and stages, (N, D) each."""
    transform = create_transform(**resolve_data_config({}, model=model))
    model = model.eval().to(memory_format=torch.channels_last)
    last, stages = [], []
    with torch.inference_mode():
        for start in range(0, len(images), batch):
            pixels = torch.stack([transform(image) for image in images[start : start + batch]])
            top, maps = model.forward_intermediates(pixels.to(memory_format=torch.channels_last))
            last.append(model.forward_head(top, pre_logits=True))
            stages.append(
                torch.cat([pool for m in maps for pool in (m.mean((2, 3)), m.amax((2, 3)))], 1)
            )
    return {"last": torch.cat(last).numpy(), "stages": torch.cat(stages).numpy()}


def probe(x: np.ndarray, sample: Sample, fixed: float | None) -> np.ndarray:
    """Returns whether logistic regression was right about each left-out image: (N,) bool."""
    folds, chosen = _folds(sample.target, sample.group, 5), fixed
    if chosen is None:
        train = folds[0][0]
        group = None if sample.group is None else sample.group[train]
        fit, check = (train[part] for part in _folds(sample.target[train], group, 4)[0])
        scores = [
            _fit(x[fit], sample.target[fit], c).score(x[check], sample.target[check]) for c in GRID
        ]
        chosen = GRID[int(np.argmax(scores))]
    right = np.zeros(len(x), bool)
    for train, test in folds:
        right[test] = (
            _fit(x[train], sample.target[train], chosen).predict(x[test]) == sample.target[test]
        )
    return right


def _folds(
    target: np.ndarray, group: np.ndarray | None, count: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    kind = StratifiedKFold if group is None else StratifiedGroupKFold
    return list(kind(count, shuffle=True, random_state=0).split(target, target, group))


def _fit(x: np.ndarray, y: np.ndarray, c: float) -> Pipeline:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=c, max_iter=100, tol=1e-3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the same budget for every column
        return model.fit(x, y)


def interval(
    values: np.ndarray, group: np.ndarray | None, draws: int = 2000
) -> tuple[float, float, float]:
    """Returns mean, low and high of (N,) values: 95 % bootstrap of images or whole groups."""
    rng = np.random.default_rng(0)
    unit = np.arange(len(values)) if group is None else np.unique(group, return_inverse=True)[1]
    sums, sizes = np.bincount(unit, values.astype(float)), np.bincount(unit)
    picks = rng.integers(len(sums), size=(draws, len(sums)))
    means = sums[picks].sum(1) / sizes[picks].sum(1)
    return float(values.mean()), *(float(v) for v in np.quantile(means, (0.025, 0.975)))


def main() -> None:
    """Prints the two tables of docs/starter.md."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--starter", type=Path, default=ROOT / "src/headstart/nets/pretrained/starter"
    )
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--c", type=float, help="one C for all, instead of the search")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--alone", action="store_true", help="only the starter's own columns, while training it"
    )
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    threadpool_limits(
        args.threads
    )  # small fits are several times slower when BLAS threads fight over two cores
    starter = timm.create_model(f"local-dir:{args.starter}", pretrained=True, num_classes=0)
    torch.manual_seed(0)
    untrained = timm.create_model(f"local-dir:{args.starter}", pretrained=False, num_classes=0)
    imagenet = WEIGHTS / "mobilenetv2_100"
    head, gains = [], []
    for name in args.sets:
        sample = read(name)
        if sample is None:
            print(f"{name}: skipped, there is no folder {DATA / name}", file=sys.stderr)
            continue
        began = time.perf_counter()
        own = features(starter, sample.images)
        speed = len(sample.images) / (time.perf_counter() - began)
        columns = {"starter, last layer": own["last"], "starter, all stages": own["stages"]}
        if not args.alone:
            small = [
                np.asarray(i.resize((32, 32), Image.Resampling.BICUBIC)).ravel()
                for i in sample.images
            ]
            blank = features(untrained, sample.images)
            columns |= {"raw pixels": np.stack(small).astype(np.float32)}
            columns |= {"random, last layer": blank["last"], "random, all stages": blank["stages"]}
            if imagenet.is_dir():
                big = timm.create_model(f"local-dir:{imagenet}", pretrained=True)
                columns["ImageNet mobilenetv2_100"] = features(big, sample.images)["last"]
        right = {column: probe(x, sample, args.c) for column, x in columns.items()}
        cells = {column: interval(hits, sample.group) for column, hits in right.items()}
        text = " | ".join(f"{m:.3f} [{low:.3f}, {high:.3f}]" for m, low, high in cells.values())
        if not head:
            head = list(columns)
            print(f"| set | n | {' | '.join(head)} |\n|---|---|{'---|' * len(head)}")
        print(f"| {name} | {len(sample.target)} | {text} |", flush=True)
        print(f"{name}: decoding and features at {speed:.0f} images/s", file=sys.stderr)
        ours = right["starter, all stages"].astype(float)
        rivals = [c for c in right if not c.startswith("starter")]
        differences = [interval(ours - right[c], sample.group) for c in rivals]
        gains.append(
            f"| {name} | "
            + " | ".join(f"{m:+.3f} [{lo:+.3f}, {hi:+.3f}]" for m, lo, hi in differences)
            + " |"
        )
    if not args.alone and gains:
        print(
            f"\n| starter, all stages, minus | {' | '.join(rivals)} |\n|---|{'---|' * len(rivals)}"
        )
        print("\n".join(gains))


if __name__ == "__main__":
    main()
