"""Planted shifts: are they noticed, does a given `val` choose better, is the forecast withdrawn?

Training images of one kind; `val` and `test` of another: one exposure of magnetic_tile against the
others (other tiles, or the same tiles on all sides), and dark, zoomed or recoloured copies of
hymenoptera and cifar10_small. Each is probed twice: with `val` given, and with `val` poured into
training, which is what happens where validation images choose nothing. Then the same sets without
a shift, split at random, where nothing may be said.

Features are computed once and everything after them is what `train --strategy probe` does.

    python benchmarks/shift.py [--redraws 20] [--sets magnetic hymenoptera cifar10_small null]
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from common import (
    DATA,
    ROOT,
    commit,
    machine,
    need,
    parser,
    show,
    versions,
)
from PIL import Image

sys.path.insert(0, str(ROOT / "src"))

from headstart.compute import Compute
from headstart.data.open import open_dataset
from headstart.data.splits.split import leaks
from headstart.features.extract import extract
from headstart.images.depths import data_set_levels
from headstart.metrics.interval import paired_difference
from headstart.nets.pretrained.backbone import open_backbone
from headstart.probe.frozen import Frozen
from headstart.strategies.classes.shift import choose_probe, look_at_test, shift_sections
from headstart.strategies.make_problem import make_problem
from headstart.strategies.prepare import check_and_split, choose_preprocess
from headstart.strategies.problem import Prepared

CHANGES = ("dark", "zoom", "recolour")
EXPOSURES = ("exp1", "exp2", "exp3", "exp4", "exp5", "exp6")
MOST = 1_200


@dataclass(frozen=True)
class Set:
    """The usable items of a set with their vectors."""

    prepared: Prepared
    frozen: Frozen

    def take(self, items: np.ndarray) -> Set:
        """Returns some items, in the order given."""
        own = self.prepared
        prepared = Prepared(
            own.dataset.take(items), own.stats.take(items), own.clusters[items],
            own.splits[items], own.dropped[items],
        )  # fmt: skip
        return Set(prepared, Frozen(self.frozen.vectors[items], self.frozen.sets))

    def split(self, splits: np.ndarray, *, drop: bool = True) -> Set:
        """Returns the same with this split given, leaks dropped as `train` does."""
        own = self.prepared
        dataset = replace(own.dataset, splits=splits)
        dropped = leaks(splits, own.clusters) & drop
        return replace(self, prepared=replace(own, dataset=dataset, splits=splits, dropped=dropped))


def changed(image: Image.Image, how: str) -> Image.Image:
    """Returns a copy of another kind."""
    image = image.convert("RGB")
    width, height = image.size
    if how == "dark":
        return Image.fromarray((np.asarray(image) * 0.3).astype(np.uint8))
    if how == "zoom":
        ends = (0.25 * width, 0.25 * height, 0.75 * width, 0.75 * height)
        return image.crop(tuple(int(each) for each in ends))
    return Image.fromarray(np.asarray(image)[..., [2, 0, 1]])


def read(root: Path, backbone: str, seed: int) -> Set:
    """Opens and embeds a set."""
    data, network = open_dataset(str(root)), open_backbone(backbone)
    preprocess = choose_preprocess(data, network, "auto", "square", levels=data_set_levels(data))
    found = extract(data, network, preprocess=preprocess)
    _, kept, prepared = check_and_split(
        data, found.stats, seed=seed, drop_leaks=False,
        last=found.vectors[:, found.slices["last"]],
    )  # fmt: skip
    return Set(prepared, Frozen.of_stages(found.vectors, found.slices).take(kept))


def copied(name: str, how: str, place: Path, backbone: str, seed: int) -> Set:
    """Opens and embeds changed copies of a set."""
    root = place / f"{name}_{how}"
    for file in sorted((DATA / name).rglob("*")):
        copy = root / file.relative_to(DATA / name).with_suffix(".png")
        if file.suffix.lower() in (".jpg", ".jpeg", ".png") and not copy.exists():
            copy.parent.mkdir(parents=True, exist_ok=True)
            changed(Image.open(file), how).save(copy)
    return read(root, backbone, seed)


def magnetic(args) -> Iterator[tuple[str, Set]]:
    """Yields one case for each exposure, with tiles apart and without."""
    everything = read(DATA / "magnetic_tile/classes", args.backbone, args.seed)
    names = everything.prepared.dataset.names
    exposures = np.array([Path(name).name.split("_")[0] for name in names])
    clusters = everything.prepared.clusters
    for number, exposure in enumerate(EXPOSURES):
        rng = np.random.default_rng(args.seed + number)
        order = rng.permutation(np.unique(clusters))
        place = np.argsort(order)[np.searchsorted(np.unique(clusters), clusters)] / len(order)
        side = np.where(place < 0.5, "train", np.where(place < 0.75, "val", "test"))
        own = exposures == exposure
        apart = np.flatnonzero((side == "train") == own)
        yield f"magnetic, other tiles: {exposure}", everything.take(apart).split(side[apart])
        same = np.where(own, "train", np.where(rng.random(len(own)) < 1 / 3, "val", "test"))
        yield f"magnetic, same tiles: {exposure}", everything.split(same, drop=False)


def copies(name: str, place: Path, args) -> Iterator[tuple[str, Set]]:
    """Yields two cases for each change of a set."""
    plain = read(DATA / name, args.backbone, args.seed)
    keys = [str(Path(each).with_suffix("")) for each in plain.prepared.dataset.names]
    for how in CHANGES:
        other = copied(name, how, place, args.backbone, args.seed)
        there = {
            str(Path(each).with_suffix("")): i
            for i, each in enumerate(other.prepared.dataset.names)
        }
        for draw in range(2):
            rng = np.random.default_rng(args.seed + draw)
            order = rng.permutation([i for i, key in enumerate(keys) if key in there])[:MOST]
            case = plain.take(order).split(sides(len(order)))
            vectors = case.frozen.vectors.copy()
            for row, item in enumerate(order):
                if case.prepared.splits[row] != "train":
                    vectors[row] = other.frozen.vectors[there[keys[item]]]
            yield f"{name}: {how}, {draw}", replace(case, frozen=Frozen(vectors, plain.frozen.sets))


def sides(n: int) -> np.ndarray:
    """Returns half training, a sixth validation, a third test."""
    parts = np.array(["train"] * (n // 2) + ["val"] * (n // 6) + ["test"] * n)
    return parts[:n]


def play(case: Set, seed: int) -> tuple[dict, np.ndarray, np.ndarray]:
    """Probes as `train` does; returns sections of shifts, which test items are right, clusters."""
    problem = make_problem(case.prepared, "auto", folds=5, seed=seed)
    compute = Compute(seed=seed)
    choice = choose_probe(problem, case.frozen, compute, folds=5)
    shift = look_at_test(choice.problem, case.frozen, choice.outcome, compute)
    fold = choice.outcome.folds[0]
    right = fold.scores.argmax(axis=1) == fold.round.targets[fold.test]
    return shift_sections(choice, shift, {"forecast": None}), right, problem.clusters[fold.test]


def yes(section: dict | None) -> str:
    """Returns whether it says that images are unlike."""
    return "yes" if (section or {}).get("unlike") else "no"


def compare(cases: Iterator[tuple[str, Set]], args) -> None:
    """Prints what each case says, and the gain of all of its family together."""
    families: dict[str, list[tuple[np.ndarray, np.ndarray, np.ndarray]]] = {}
    for name, case in cases:
        found, chosen, clusters = play(case, args.seed)
        splits = np.where(case.prepared.splits == "val", "train", case.prepared.splits)
        dataset = replace(case.prepared.dataset, splits=splits)
        poured = replace(case.prepared, splits=splits, dataset=dataset)
        plain, today, _ = play(replace(case, prepared=poured), args.seed)
        families.setdefault(name.split(": ")[0], []).append((chosen, today, clusters))
        said = found.get("validation") or {}
        withdrawn = "yes" if "learning_curve" in found else "no"
        print(
            f"{name}: val chooses {chosen.mean():.3f}, poured in {today.mean():.3f}, "
            f"{difference(chosen, today, clusters)}; val unlike {yes(said)}, overruled folds "
            f"{said.get('chosen')}, joined {said.get('joined')}; test unlike "
            f"{yes(found.get('test_shift'))}; withdrawn {withdrawn}; "
            f"poured in: test unlike {yes(plain.get('test_shift'))}\n  {said.get('summary')}",
            flush=True,
        )
    for family, parts in families.items():
        # An image that is tested in several cases is in one cluster.
        chosen, today, clusters = (np.concatenate(each) for each in zip(*parts, strict=True))
        print(f"ALL {family}: {difference(chosen, today, clusters)}, {len(chosen)} answers")


def difference(chosen: np.ndarray, today: np.ndarray, clusters: np.ndarray) -> str:
    """Returns the paired difference of two models over clusters, as text."""
    found = paired_difference(chosen, today, clusters)
    return show(found.value, found.low, found.high, signed=True)


def alarms(args) -> None:
    """Prints how often something is said where there is no shift."""
    count = {"validation": 0, "test_shift": 0, "either": 0}
    names = ("hymenoptera", "cifar10_small")
    sets = [read(DATA / name, args.backbone, args.seed) for name in names]
    for draw in range(args.redraws):
        whole = sets[draw % 2]
        n = len(whole.prepared.dataset)
        order = np.random.default_rng(1000 + draw).permutation(n)[: MOST // 2]
        found, _, _ = play(whole.take(order).split(sides(len(order))), args.seed)
        said = [each for each in ("validation", "test_shift") if yes(found.get(each)) == "yes"]
        for each in [*said, *(["either"] if said else [])]:
            count[each] += 1
    print(f"false alarms in {args.redraws} redraws: {count}", flush=True)


def main() -> None:
    """Runs what was asked for."""
    options = parser(__doc__)
    options.add_argument("--redraws", type=int, default=20)
    options.add_argument("--work", type=Path, help="folder for copies and cache; kept")
    families = ["magnetic", "hymenoptera", "cifar10_small", "null"]
    options.add_argument("--sets", nargs="+", default=families, choices=families)
    args = options.parse_args()
    need(DATA / "magnetic_tile", DATA / "hymenoptera", DATA / "cifar10_small", Path(args.backbone))
    print(f"commit {commit()}; {machine()}; {versions(args.python)}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        place = args.work or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        os.environ.setdefault("HEADSTART_CACHE", str(place / "cache"))
        for name in args.sets:
            if name == "null":
                alarms(args)
            elif name == "magnetic":
                compare(magnetic(args), args)
            else:
                compare(copies(name, place, args), args)


if __name__ == "__main__":
    main()
