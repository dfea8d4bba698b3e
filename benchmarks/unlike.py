"""Is what a model was not trained on told, and do sets hold the true class nine times in ten?

    python benchmarks/unlike.py [--draws 20] [--resplits 100] [--files]

Vectors of hymenoptera, flowers12, omniglot, utkface_a and cifar10_small under one network; then all
is asked of the vectors, by the functions that `headstart train` uses. `--files` also trains on
hymenoptera, exports fp32 and int8, and asks both files about 200 images of each of the others.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import common
import numpy as np
from common import DATA, ROOT, commit, machine, need, parser, versions

sys.path.insert(0, str(ROOT / "src"))

from headstart.checks.duplicates import clusters as find_clusters
from headstart.data.open import open_dataset
from headstart.data.splits.split import folds as make_folds
from headstart.deploy.runtime import OnnxPredictor
from headstart.features.extract import extract
from headstart.metrics.conformal import possible_classes, set_floors
from headstart.nets.pretrained.backbone import open_backbone
from headstart.probe.familiar import calibrated_unlike
from headstart.probe.held_out import held_out_like
from headstart.strategies.prepare import choose_preprocess

OWN, FAR = "hymenoptera", ("flowers12", "omniglot", "utkface_a")
MOST = 800


class Set:
    """Vectors, classes and clusters of a data set, as another one's model would see it."""

    def __init__(self, name: str, network, preprocess, seed: int = 0, most: int | None = None):
        data = open_dataset(DATA / name)
        if most is not None and len(data) > most:
            data = data.take(np.sort(np.random.default_rng(seed).permutation(len(data))[:most]))
        features = extract(data, network, preprocess=preprocess)
        good = features.stats.readable
        self.vectors = features.vectors[good]
        self.clusters = find_clusters(features.stats.take(good), None)
        last = features.slices["last"]
        self.columns = np.arange(last.start, last.stop)
        self.targets = getattr(data.labels, "strata", np.zeros(len(data), int))[good]
        self.splits = data.splits[good]


def auroc(near: np.ndarray, far: np.ndarray) -> float:
    """Returns how often something far is further than something near."""
    return float((far[:, None] > near).mean() + 0.5 * (far[:, None] == near).mean())


def halves(each: Set, share: float, seed: int) -> np.ndarray:
    """Returns (N,) bool: a random part for training, copies on one side."""
    rng = np.random.default_rng(seed)
    return np.isin(each.clusters, np.flatnonzero(rng.random(each.clusters.max() + 1) < share))


def fitted(each: Set, rows: np.ndarray, seed: int):
    """Returns what training would keep of some rows."""
    return calibrated_unlike(
        each.vectors[rows], each.targets[rows], each.clusters[rows], each.columns, seed=seed
    )


def far_and_own(own: Set, others: dict[str, Set], draws: int) -> None:
    """Prints how well other data sets are told from new images of the own."""
    print("\n| other images | AUROC, the given split | over re-splits | called unlike |")
    print("|---|---|---|---|")
    given = own.splits == "train"
    for name, other in others.items():
        first = fitted(own, given, 0)
        told = auroc(first.distances(own.vectors[~given]), first.distances(other.vectors))
        rows = []
        for seed in range(draws):
            train = halves(own, 0.7, seed)
            unlike = fitted(own, train, seed)
            near, far = unlike.distances(own.vectors[~train]), unlike.distances(other.vectors)
            rows.append((auroc(near, far), (far > 1).mean()))
        mean = np.mean(rows, axis=0)
        print(f"| {name} | {told:.3f} | {mean[0]:.3f} | {mean[1]:.0%} |", flush=True)


def near(flowers: Set, draws: int, left_out: int = 3) -> None:
    """Prints how well classes that were left out are told."""
    found = []
    kinds = np.unique(flowers.targets)
    for seed in range(draws):
        out = np.random.default_rng(seed).choice(kinds, left_out, replace=False)
        new, train = np.isin(flowers.targets, out), halves(flowers, 0.7, seed)
        unlike = fitted(flowers, train & ~new, seed)
        old = unlike.distances(flowers.vectors[~train & ~new])
        found.append(auroc(old, unlike.distances(flowers.vectors[new])))
    print(f"\n{left_out} of {len(kinds)} flowers left out: AUROC {np.mean(found):.3f} "
          f"({min(found):.3f} to {max(found):.3f}, {draws} draws)")  # fmt: skip


def own_share(name: str, each: Set, resplits: int) -> None:
    """Prints how many own new images are called unlike."""
    shares = []
    for seed in range(resplits):
        train = halves(each, 0.7, seed)
        shares.append((fitted(each, train, seed).distances(each.vectors[~train]) > 1).mean())
    size = sum(array.nbytes for array in fitted(each, train, 0).arrays.values())
    print(f"{name}: {np.mean(shares):.1%} of own new images are called unlike "
          f"(±{np.std(shares):.1%} over {resplits} re-splits); {size / 1e6:.2f} MB")  # fmt: skip


def coverage(name: str, each: Set, resplits: int) -> None:
    """Prints how often sets hold the true class, over re-splits of held-out answers."""
    _, targets = np.unique(each.targets, return_inverse=True)
    targets = targets.reshape(-1)
    columns = np.arange(each.vectors.shape[1])
    _, beside = held_out_like(None, each.vectors[:, columns], targets, each.clusters)
    p = np.exp(beside.scores)
    p /= p.sum(axis=1, keepdims=True)
    right = (p.argmax(axis=1) == targets).mean()
    rows, worst = [], []
    for seed in range(resplits):
        count = min(5, len(np.unique(each.clusters)))
        half = make_folds(targets, each.clusters, k=count, seed=seed) < count // 2 + 1
        floors, own = set_floors(p[half], targets[half])
        inside = possible_classes(p[~half], floors)
        hit = inside[np.arange(len(inside)), targets[~half]]
        sizes = inside.sum(axis=1)
        rows.append((hit.mean(), sizes.mean(), (sizes == 0).mean()))
        by_class = [hit[targets[~half] == k].mean() for k in np.flatnonzero(own)]
        worst.append(min(by_class, default=np.nan))
    mean = np.mean(rows, axis=0)
    spread = np.std(rows, axis=0)[0]
    print(f"{name} (accuracy {right:.3f}): sets cover {mean[0]:.3f} (±{spread:.3f} "
          f"over {resplits} re-splits), {mean[1]:.2f} classes on average, {mean[2]:.0%} empty; "
          f"the worst class {np.nanmean(worst):.2f} on average")  # fmt: skip


def files(arguments) -> None:
    """Prints what the exported files say of 200 images of each set."""
    with tempfile.TemporaryDirectory() as temporary:
        room = Path(temporary)
        options = {"cache": room / "cache", "python": arguments.python}
        common.headstart(
            "train", DATA / OWN, "-o", room / "run", "--backbone", arguments.backbone,
            "--strategy", "probe", **options,
        ).check()  # fmt: skip
        common.headstart(
            "export", room / "run", "-o", room / "files", "--int8", "--max-drop", "100", **options
        ).check()
        print("\n| file | images | called unlike | AUROC against own test images |")
        print("|---|---|---|---|")
        for file in sorted((room / "files").glob("*.onnx")):
            own: list[float] = []
            for name in (OWN, *FAR):
                data = open_dataset(DATA / name)
                rows = np.flatnonzero((data.splits == "test") | (name != OWN))
                rows = np.random.default_rng(0).permutation(rows)[:200]
                found = OnnxPredictor(file).predictions([data.path(row) for row in rows])
                far = found.unlike[found.answered]
                own = far if name == OWN else own
                told = "" if name == OWN else f"{auroc(own, far):.3f}"
                print(f"| {file.name} | {name} | {(far > 1).mean():.1%} | {told} |", flush=True)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--draws", type=int, default=20)
    options.add_argument("--resplits", type=int, default=100)
    options.add_argument("--files", action="store_true")
    args = options.parse_args()
    need(DATA / OWN, *[DATA / name for name in FAR], Path(args.backbone))
    print(f"{machine()}; {versions(args.python)}; {commit()}")
    network = open_backbone(args.backbone)
    preprocess = choose_preprocess(
        open_dataset(DATA / OWN), network, "auto", "square", levels=network.preprocess.levels
    )
    own = Set(OWN, network, preprocess)
    far_and_own(own, {n: Set(n, network, preprocess, most=MOST) for n in FAR}, args.draws)
    flowers = Set("flowers12", network, preprocess)
    near(flowers, args.draws)
    small = Set("cifar10_small", network, replace(preprocess, size=128))
    print()
    for name, each in ((OWN, own), ("flowers12", flowers), ("cifar10_small", small)):
        own_share(name, each, args.resplits)
    print()
    for name, each in (("flowers12", flowers), ("cifar10_small", small)):
        coverage(name, each, args.resplits)
    if args.files:
        files(args)


if __name__ == "__main__":
    main()
