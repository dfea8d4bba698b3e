"""Fine-tuning against the frozen probe and against two peers: whole processes, side by side.

Per set, in one run on the same weights and the same split: `headstart train` with strategy probe
and finetune (and auto, if asked) for every seed, each with an empty cache; fastai
`vision_learner` + `fine_tune`; the loop of PyTorch's transfer-learning tutorial. All files are read
once beforehand, so that the disk favours no one. Sets without a given split (magnetic_tile/classes,
brain_tumor) are cross-validated in five folds that keep duplicates together, and there Headstart is
compared with itself alone; `--holdout` gives them a split instead (the one that `train` draws,
duplicates together), so that the peers can take part.

Differences are paired, over the same test images. Peers run with the first seed, and each is
compared with Headstart's run of that seed; Headstart's own runs are compared seed by seed.

    python benchmarks/fine_tune.py --fastai-python /path/to/fastai/bin/python
    python benchmarks/fine_tune.py magnetic_tile/classes brain_tumor --seeds 0 1 2
"""

from __future__ import annotations

import csv
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from common import (
    DATA,
    ROOT,
    commit,
    headstart,
    machine,
    need,
    paired_difference,
    parser,
    read_json,
    read_predictions,
    run,
    show,
    show_estimate,
    versions,
    wilson,
)

SETS = ("hymenoptera", "flowers12", "cifar10_small", "omniglot")
STRATEGIES = ("probe", "finetune", "auto")


@dataclass(frozen=True)
class Measured:
    """One finished training, mostly as text for the tables; `strategy` is empty for a peer."""

    what: str
    strategy: str
    seed: int
    epochs: str
    size: int
    accuracy: str
    seconds: float
    rate: str
    right: dict[str, bool]  # test item -> whether it was classified correctly
    summary: str


def limited(data: Path, limit: int, place: Path) -> Path:
    """Links `limit` images of each class folder, wherever it lies, for a smoke test."""
    for folder in sorted(p for p in data.rglob("*") if p.is_dir()):
        files = sorted(p for p in folder.iterdir() if p.is_file())[:limit]
        target = place / folder.relative_to(data)
        target.mkdir(parents=True, exist_ok=True)
        for file in files:
            (target / file.name).symlink_to(file.resolve())
    return place


def held_out(data: Path, place: Path, seed: int) -> Path:
    """Links the items of a set without a split into train and test, as `train` would draw them."""
    os.environ["HEADSTART_CACHE"] = str(place / "cache")
    sys.path.insert(0, str(ROOT / "src"))
    from headstart.data.open import open_dataset
    from headstart.images.pixels import measure
    from headstart.strategies.prepare import check_and_split

    dataset = open_dataset(data)
    _, _, whole = check_and_split(dataset, measure(dataset), seed=seed, drop_leaks=True)
    found, root = whole.dataset, place / "split"
    for number, (name, split) in enumerate(zip(found.names, whole.splits, strict=True)):
        part = "test" if split == "test" else "train"
        folder = root / part / found.labels.names[found.labels.targets[number]]
        folder.mkdir(parents=True, exist_ok=True)
        link = folder / f"{number:05}{Path(name).suffix}"
        link.symlink_to((found.root / name).resolve())
    return root


def has_split(data: Path) -> bool:
    return (data / "train").is_dir() and (data / "test").is_dir()


def ours(data: Path, strategy: str, seed: int, args, place: Path) -> Measured:
    """Trains with Headstart, nothing cached."""
    folder = place / f"{strategy}-{seed}"
    command = ["train", data, "-o", folder, "--backbone", args.backbone, "--quiet"]
    command += ["--strategy", strategy, "--seed", seed]
    if has_split(data):
        # The split as given, leaks and all, because the peers take it so.
        command += ["--no-drop-leaks"]
    else:
        command += ["--evaluation", "cv", "--folds", 5]
    if strategy != "probe":
        command += ["--epochs", args.epochs] if args.epochs else []
        command += args.finetune_args.split()
    command += args.train_args.split()
    with tempfile.TemporaryDirectory(dir=place) as cache:
        done = headstart(*command, cache=Path(cache), python=args.python).check()
    metrics = read_json(folder / "metrics.json")
    tuned = metrics.get("finetuning") or {}
    history: list[dict[str, str]] = []
    if (file := folder / "history.csv").exists():
        history = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    images, spent = (sum(float(row[key]) for row in history) for key in ("images", "seconds"))
    phases = read_json(folder / "environment.json").get("seconds", {})
    parts = [f"{k} {v:.1f}" for k, v in phases.items() if isinstance(v, int | float)]
    parts += [f"{k}: {tuned[k]}" for k in ("kept", "share", "epochs", "refitted") if k in tuned]
    return Measured(
        what=f"headstart {strategy}, seed {seed}",
        strategy=strategy,
        seed=seed,
        epochs=str(max((int(row["epoch"]) for row in history), default="–")),
        size=read_json(folder / "model" / "model.json")["preprocess"]["size"],
        accuracy=show_estimate(metrics["test"]["accuracy"]),
        seconds=done.seconds,
        rate=f"{images / spent:.1f}" if spent else "–",
        right={k: truth == guess for k, (truth, guess) in read_predictions(folder).items()},
        summary=", ".join(parts),
    )


def peer(
    data: Path, script: str, python: str, flags: list[object], epochs: int, args, place: Path
) -> Measured:
    """Trains with a peer; `flags` are its own."""
    out = place / f"{script}-{epochs}.json"
    command = [python, ROOT / "benchmarks" / "peers" / f"{script}.py", data]
    command += ["--weights", args.backbone, "--out", out, "--seed", args.seeds[0]]
    command += ["--epochs", epochs, "--size", args.peer_size, *flags]
    done = run([str(part) for part in command]).check()
    found = read_json(out)
    right = {p["name"]: p["truth"] == p["predicted"] for p in found["predictions"]}
    rate = found["images_per_second"]
    return Measured(
        what=found["peer"],
        strategy="",
        seed=args.seeds[0],
        epochs=str(epochs),
        size=args.peer_size,
        accuracy=show(*wilson(sum(right.values()), len(right))),
        seconds=done.seconds,
        rate=f"{rate:.1f}" if rate else "–",
        right=right,
        summary=", ".join(f"{name} {value:.1f}" for name, value in found["seconds"].items()),
    )


def clusters_of(data: Path, place: Path) -> dict[str, int]:
    """Item -> its cluster of near-duplicates and groups, as cross-validation keeps them."""
    os.environ["HEADSTART_CACHE"] = str(place / "cache")
    sys.path.insert(0, str(ROOT / "src"))
    from headstart.checks.duplicates import clusters
    from headstart.data.open import open_dataset
    from headstart.images.pixels import measure

    dataset = open_dataset(data)
    numbers = clusters(measure(dataset), dataset.groups)
    return dict(zip(dataset.names, numbers.tolist(), strict=True))


def difference(one: Measured, other: Measured, clusters: dict[str, int] | None) -> str:
    """Returns the paired difference of two trainings; whole clusters vary together."""
    names = sorted(other.right)
    if unknown := set(one.right) - set(names):
        sys.exit(f"{one.what}, {other.what}: not the same test set: {sorted(unknown)[:3]}")
    # What we could not read or did not predict counts against us.
    pairs = [[each.right.get(name, False) for name in names] for each in (one, other)]
    if clusters is None:
        return show(*paired_difference(*pairs), signed=True)
    import numpy as np

    from headstart.metrics.interval import paired_difference as by_cluster

    found = by_cluster(*map(np.array, pairs), np.array([clusters[name] for name in names]))
    return show(found.value, found.low, found.high, signed=True)


def compare(name: str, data: Path, args, place: Path) -> tuple[list[str], list[str]]:
    """Measures one set; returns rows of the results table and of the phases table."""
    for file in filter(Path.is_file, data.rglob("*")):
        file.read_bytes()
    measured: list[Measured] = []

    def done(each: Measured) -> None:
        measured.append(each)
        print(f"{name}: {each.what}: {each.accuracy}, {each.seconds:.1f} s", file=sys.stderr)

    for seed in args.seeds:
        for strategy in args.strategies:
            done(ours(data, strategy, seed, args, place))
    clusters = None if has_split(data) else clusters_of(data, place)
    if args.fastai_python and clusters is None:
        flags = ["--batch-size", args.batch_size]
        for epochs in args.fastai_epochs:
            done(peer(data, "fastai_fine_tune", args.fastai_python, flags, epochs, args, place))
        for epochs in args.tutorial_epochs:
            done(peer(data, "tutorial_loop", args.python, [], epochs, args, place))
    rows, phases = [], []
    own = {(each.strategy, each.seed): each for each in measured if each.strategy}
    for each in measured:
        # A peer is compared with every strategy, a strategy with those that come after it.
        known = args.strategies.index(each.strategy) + 1 if each.strategy else 0
        later = [own[strategy, each.seed] for strategy in args.strategies[known:]]
        cells = ["–"] * known + [difference(one, each, clusters) for one in later]
        rows.append(
            f"| {name} | {each.what} | {each.epochs} | {each.size} | {each.accuracy} "
            f"| {each.seconds:.1f} | {each.rate} | {' | '.join(cells)} |"
        )
        phases.append(f"| {name} | {each.what} | {each.summary} |")
    return rows, phases


def main() -> None:
    options = parser(__doc__)
    options.add_argument("sets", nargs="*", default=list(SETS), help="default: %(default)s")
    options.add_argument("--seeds", type=int, nargs="+", help="of Headstart; default: --seed")
    options.add_argument("--auto", action="store_true", help="run strategy auto too")
    options.add_argument("--epochs", type=int, help="of Headstart's fine-tuning; default: its own")
    options.add_argument("--fastai-python", help="interpreter that has fastai; turns peers on")
    options.add_argument("--fastai-epochs", type=int, nargs="*", default=[5])
    options.add_argument("--tutorial-epochs", type=int, nargs="*", default=[5])
    options.add_argument("--batch-size", type=int, default=64, help="of fastai; 64 is its default")
    options.add_argument("--peer-size", type=int, default=224, help="image size of the peers")
    options.add_argument("--holdout", action="store_true", help="split sets that have no split")
    options.add_argument("--limit", type=int, help="images per class (smoke test)")
    options.add_argument("--train-args", default="", help="further flags for headstart train")
    options.add_argument("--finetune-args", default="", help="the same, but none for the probe")
    args = options.parse_args()
    args.seeds = list(dict.fromkeys(args.seeds or [args.seed]))
    args.strategies = STRATEGIES if args.auto else STRATEGIES[:-1]
    need(Path(args.backbone), *(DATA / name for name in args.sets))
    if not args.fastai_python:
        print("no --fastai-python: measuring Headstart alone\n", file=sys.stderr)

    print(f"Machine: {machine()}. Headstart {commit()}: {versions(args.python)}.", end="")
    print(f" fastai: {versions(args.fastai_python)}." if args.fastai_python else "", end="\n\n")
    rows, phases = [], []
    for name in args.sets:
        with tempfile.TemporaryDirectory() as place:
            data = DATA / name
            if args.limit:
                data = limited(data, args.limit, Path(place) / "data" / name)
            if args.holdout and not has_split(data):
                data = held_out(data, Path(place), args.seed)
            more, parts = compare(name, data, args, Path(place))
        rows += more
        phases += parts
        print("\n".join(more), file=sys.stderr)
    heads = ["set", "what", "epochs", "image size", "test accuracy (95 %)", "seconds"]
    heads += ["training images/s", *(f"{strategy} - this" for strategy in args.strategies)]
    print(f"| {' | '.join(heads)} |\n|{'---|' * len(heads)}")
    print("\n".join(rows))
    print("\n| set | what | seconds of which, and what was kept |\n|---|---|---|")
    print("\n".join(phases))


if __name__ == "__main__":
    main()
