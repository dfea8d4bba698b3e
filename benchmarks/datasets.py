"""Accuracy over the real image sets, by the command line as a user would run it.

First the sets with a given split (flowers12 also with its leaks left in), then those without
one by five-fold cross-validation that keeps duplicates together. Beside each the baseline of a
good engineer (`peers/ten_lines.py`: last layer + logistic regression) on the same split or folds,
and the paired difference, ours less it, on the same images. `--naive` adds what a random
split would have claimed: the same features and classifier, each image its own cluster, beside
the same with clusters kept together. `--sweep` varies geometry and test-time augmentation instead.

    python benchmarks/datasets.py [--naive] [--sweep] [--sets flowers12 brain_tumor]
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from common import (
    DATA,
    Outcome,
    commit,
    headstart,
    machine,
    need,
    over_baseline,
    paired_difference,
    parser,
    read_json,
    show,
    show_estimate,
    ten_lines,
    versions,
    wilson,
)

FOLDS = 5
CV = ("--evaluation", "cv", "--folds", FOLDS)
# Set -> (folder under HEADSTART_DATA, further flags).
SETS: dict[str, tuple[str, tuple[object, ...]]] = {
    "hymenoptera": ("hymenoptera", ()),
    "flowers12": ("flowers12", ("--drop-leaks",)),
    "flowers12, leaks left in": ("flowers12", ("--no-drop-leaks",)),
    "cifar10_small": ("cifar10_small", ()),
    "omniglot": ("omniglot", ()),
    "magnetic_tile": ("magnetic_tile/classes", CV),
    "brain_tumor": ("brain_tumor", CV),
}
SWEEP = [(geometry, views) for geometry in ("square", "crop", "pad", "squash") for views in (1, 2)]


def train(name: str, args, place: Path, *flags: object) -> tuple[dict, Outcome]:
    """Trains on one set in a process of its own; returns its metrics and the process."""
    folder, own = SETS[name]
    out = place / "run"
    done = headstart(
        *("train", DATA / folder, "-o", out, "--backbone", args.backbone, "--quiet"),
        *("--strategy", "probe"),
        *("--seed", args.seed, "--overwrite", *own, *flags, *args.train_args.split()),
        cache=place / "cache",
        python=args.python,
    )
    done.check()
    return read_json(out / "metrics.json"), done


def table(names: list[str], args, place: Path) -> None:
    heads = ("set", "evaluation", "n", "test accuracy (95 %)", "balanced accuracy", "seconds")
    heads += ("peak MB", "ten lines (95 %)", "its seconds", "ours - ten lines, paired")
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    for name in names:
        metrics, done = train(name, args, place)
        test = metrics["test"]
        how = f"{FOLDS}-fold, duplicates together" if CV[0] in SETS[name][1] else "given split"
        balanced = test.get("balanced_accuracy")
        folder = DATA / SETS[name][0]
        plain = ten_lines(folder, place / "run", args.backbone, place, args.python)
        theirs = show(*wilson(sum(plain.right.values()), len(plain.right)))
        print(
            f"| {name} | {how} | {test['accuracy']['n']} | {show_estimate(test['accuracy'])} "
            f"| {show_estimate(balanced) if balanced else '–'} "
            f"| {done.seconds:.1f} | {done.peak_mb:.0f} "
            f"| {theirs} | {plain.seconds:.1f} | {over_baseline(place / 'run', plain)} |",
            flush=True,
        )


def sweep(names: list[str], args, place: Path) -> None:
    heads = [f"{geometry}, {views} view{'s' * (views > 1)}" for geometry, views in SWEEP]
    print("| set |", " | ".join(heads), "|")
    print("|---|" + "---|" * len(SWEEP))
    for name in names:
        cells = []
        for geometry, views in SWEEP:
            flags = ("--geometry", geometry, "--tta", views, "--views", 1, "--baselines", "none")
            metrics, _ = train(name, args, place, *flags)
            cells.append(show_estimate(metrics["test"]["accuracy"]))
        print(f"| {name} |", " | ".join(cells), "|", flush=True)


def naive(name: str, args, place: Path) -> str:
    """Cross-validates one classifier twice: images scattered freely, and clusters kept together.

    Features and near-duplicate clusters are Headstart's; the folds and the classifier are plain
    scikit-learn and the same for both, so that only the scattering differs.
    """
    os.environ["HEADSTART_CACHE"] = str(place / "cache")
    import numpy as np
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from headstart.checks.duplicates import clusters
    from headstart.data.open import open_dataset
    from headstart.features.extract import extract
    from headstart.nets.pretrained.backbone import open_backbone

    dataset = open_dataset(DATA / SETS[name][0])
    features = extract(dataset, open_backbone(args.backbone))
    keep = np.flatnonzero(features.stats.readable & dataset.labelled)
    x, y = features.take(keep), dataset.labels.targets[keep]
    groups = clusters(features.stats.take(keep))
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    right = []
    for folds in (StratifiedKFold, StratifiedGroupKFold):
        splitter = folds(FOLDS, shuffle=True, random_state=args.seed)
        guesses = cross_val_predict(classifier, x, y, groups=groups, cv=splitter)
        right.append((guesses == y).tolist())
    shown = [show(*wilson(sum(each), len(each))) for each in right]
    gap = show(*paired_difference(*right), signed=True)
    n_clusters = len(np.unique(groups))
    return f"| {name} | {len(y)} | {n_clusters} | {shown[0]} | {shown[1]} | {gap} |"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    options.add_argument("--naive", action="store_true", help="add what a random split claims")
    options.add_argument("--sweep", action="store_true", help="geometry x views instead")
    options.add_argument("--train-args", default="", help="further flags for headstart train")
    args = options.parse_args()
    need(Path(args.backbone), *(DATA / SETS[name][0] for name in args.sets))
    print(f"Machine: {machine()}. Headstart {commit()}: {versions(args.python)}.")
    print(f"Backbone: {Path(args.backbone).name}, seed {args.seed}.\n", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        if args.sweep:
            sweep(args.sets, args, place)
            return
        table(args.sets, args, place)
        if args.naive:
            sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
            print("\n| set | images | clusters | random folds | clusters together | difference |")
            print("|---|---|---|---|---|---|")
            for name in dict.fromkeys(n.split(",")[0] for n in args.sets):
                if CV[0] in SETS[name][1]:
                    print(naive(name, args, place), flush=True)


if __name__ == "__main__":
    main()
