"""Headstart against fastai: whole processes, side by side, the same weights and given split.

Per set, in turn: (a) fastai `vision_learner` + `fine_tune(5)` at 224 px; (b) `headstart train`
with an empty cache; (c) the same again, warm; (d) the ten-line baseline (`peers/ten_lines.py`:
last layer + logistic regression) on the same split. All files are read once beforehand, so that the
disk favours no one. Wall time is that of the whole process, imports included. The paired
difference is over the same test images.

    python benchmarks/against_fastai.py --fastai-python /path/to/fastai/bin/python
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from common import (
    DATA,
    ROOT,
    commit,
    headstart,
    machine,
    need,
    over_baseline,
    paired_difference,
    parser,
    read_json,
    read_predictions,
    run,
    show,
    show_estimate,
    ten_lines,
    versions,
    wilson,
)

SETS = ("hymenoptera", "flowers12", "cifar10_small")


def limited(data: Path, limit: int, place: Path) -> Path:
    """Links `limit` images of each class folder, for a smoke test."""
    for folder in sorted(p for p in data.glob("*/*") if p.is_dir()):
        target = place / folder.relative_to(data)
        target.mkdir(parents=True)
        for file in sorted(folder.iterdir())[:limit]:
            (target / file.name).symlink_to(file.resolve())
    return place


def compare(data: Path, args, place: Path) -> tuple[list[str], list[str]]:
    """Measures one set; returns rows of the results table and of the phases table."""
    for file in data.rglob("*"):
        if file.is_file():
            file.read_bytes()
    rows, phases = [], []
    theirs: dict[str, tuple[str, str]] = {}
    their_seconds = None
    if args.fastai_python:
        out = place / "fastai.json"
        script = ROOT / "benchmarks" / "peers" / "fastai_fine_tune.py"
        command = [args.fastai_python, script, data, "--weights", args.backbone, "--out", out]
        command += ["--epochs", args.epochs, "--batch-size", args.batch_size, "--seed", args.seed]
        done = run([str(part) for part in command]).check()
        peer = read_json(out)
        theirs = {p["name"]: (p["truth"], p["predicted"]) for p in peer["predictions"]}
        right = sum(truth == guess for truth, guess in theirs.values())
        their_seconds = done.seconds
        rows.append(
            f"| {data.name} | {peer['peer']} | {show(*wilson(right, len(theirs)))} | {len(theirs)} "
            f"| {done.seconds:.1f} | 1 | – | – |"
        )
    plain = None
    for state in ("cold", "warm"):
        folder = place / state
        command = ["train", data, "-o", folder, "--backbone", args.backbone, "--quiet"]
        command += ["--strategy", "probe"]
        # The split as given, leaks and all, because fastai takes it so.
        command += ["--no-drop-leaks", "--seed", args.seed, *args.train_args.split()]
        done = headstart(*command, cache=place / "cache", python=args.python).check()
        estimate = read_json(folder / "metrics.json")["test"]["accuracy"]
        ours = read_predictions(folder)
        ratio = f"{their_seconds / done.seconds:.1f}" if their_seconds else "–"
        difference = "–"
        if theirs:
            # What we could not read or did not predict counts against us.
            names = sorted(theirs)
            if unknown := set(ours) - set(theirs):
                sys.exit(f"the two did not see the same test set: {sorted(unknown)[:3]}")
            difference = show(
                *paired_difference(
                    [name in ours and ours[name][0] == ours[name][1] for name in names],
                    [theirs[name][0] == theirs[name][1] for name in names],
                ),
                signed=True,
            )
        if plain is None:
            plain = ten_lines(data, folder, args.backbone, place, args.python)
        rows.append(
            f"| {data.name} | headstart train, {state} | {show_estimate(estimate)} "
            f"| {estimate['n']} | {done.seconds:.1f} | {ratio} | {difference} "
            f"| {over_baseline(folder, plain)} |"
        )
        seconds = read_json(folder / "environment.json").get("seconds", {})
        parts = ", ".join(
            f"{name} {value:.2f}"
            for name, value in seconds.items()
            if isinstance(value, int | float)
        )
        phases.append(f"| {data.name} | {state} | {done.seconds:.1f} | {parts} |")
    assert plain is not None
    ratio = f"{their_seconds / plain.seconds:.1f}" if their_seconds else "–"
    share = show(*wilson(sum(plain.right.values()), len(plain.right)))
    rows.append(
        f"| {data.name} | {plain.peer} | {share} "
        f"| {len(plain.right)} | {plain.seconds:.1f} | {ratio} | – | – |"
    )
    return rows, phases


def main() -> None:
    options = parser(__doc__)
    options.add_argument("sets", nargs="*", default=list(SETS), help="default: %(default)s")
    options.add_argument("--fastai-python", help="interpreter that has fastai and timm")
    options.add_argument("--epochs", type=int, default=5, help="of fastai's fine_tune")
    options.add_argument("--batch-size", type=int, default=64, help="of fastai; 64 is its default")
    options.add_argument("--limit", type=int, help="images per class (smoke test)")
    options.add_argument("--train-args", default="", help="further flags for headstart train")
    args = options.parse_args()
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
            more, parts = compare(data, args, Path(place))
        rows += more
        phases += parts
        print("\n".join(more), file=sys.stderr)
    heads = (
        "set",
        "what",
        "test accuracy (95 %)",
        "n",
        "seconds",
        "fastai's / ours",
        "ours - fastai's",
        "ours - ten lines",
    )
    print(f"| {' | '.join(heads)} |")
    print("|---|---|---|---|---|---|---|---|")
    print("\n".join(rows))
    print("\n| set | cache | seconds | of which (environment.json) |\n|---|---|---|---|")
    print("\n".join(phases))


if __name__ == "__main__":
    main()
