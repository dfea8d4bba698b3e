"""Whether `auto` keeps what is best, and whether the budget that it names suffices.

    python benchmarks/auto.py [--sets brain_tumor omniglot] [--epochs 8]

Each set is trained as `probe`, as `finetune`, as `auto` with next to no time, which names a budget
where fine-tuning could be shown to pay, and as `auto` with that budget: it suffices where the
network is then fine-tuned and all that `auto` did for it (imports, timing of steps, training,
prediction, saving) took no longer. Where `finetune` took longer than that, `auto` is compared with
it at the time that `finetune` took (`--budget`: at so many minutes at least). Sets without a split
are tested on the same held-out part throughout. Beside them the average of the probabilities of
probe and fine-tuned network, which is two networks and no model that can be kept: what averaging
would bring where `auto` chooses.
"""

from __future__ import annotations

import csv
import re
import sys
import tempfile
from pathlib import Path

from common import (
    DATA,
    commit,
    headstart,
    machine,
    need,
    paired_difference,
    parser,
    read_json,
    show,
    show_estimate,
    versions,
)

SETS = {
    "brain_tumor": "brain_tumor",
    "magnetic_tile": "magnetic_tile/classes",
    "hymenoptera": "hymenoptera",
    "cifar10_small": "cifar10_small",
    "omniglot": "omniglot",
    "flowers12": "flowers12",
}
_NEXT_TO_NOTHING = 0.02  # minutes


def rows_of(run: Path) -> list[dict[str, str]]:
    """Returns the rows of a run's predictions.csv, in order of name."""
    with (run / "predictions.csv").open(newline="", encoding="utf-8") as stream:
        return sorted(csv.DictReader(stream), key=lambda row: row["name"])


def right(run: Path) -> list[bool]:
    """Returns which tested images were classified correctly, in order of name."""
    return [row["truth"] == row["class"] for row in rows_of(run)]


def averaged(first: Path, second: Path) -> float:
    """Returns the accuracy of the mean of the probabilities of two runs."""
    hits = 0
    pairs = list(zip(rows_of(first), rows_of(second), strict=True))
    for one, other in pairs:
        mean = {k: float(one[k]) + float(other[k]) for k in one if k.startswith("p(")}
        hits += max(mean, key=lambda each: mean[each]) == f"p({one['truth']})"
    return hits / len(pairs)


def train(name: str, args, place: Path, strategy: str, *flags: object) -> tuple[dict, float]:
    """Trains in a process of its own; returns its metrics and seconds."""
    out = place / strategy
    done = headstart(
        *("train", DATA / SETS[name], "-o", out, "--backbone", args.backbone, "--quiet"),
        *("--strategy", strategy, "--seed", args.seed, "--overwrite", "--baselines", "none"),
        *("--evaluation", "holdout", *args.train_args.split(), *flags),
        cache=place / "cache",
        python=args.python,
    )
    done.check()
    times = {"seconds": read_json(out / "environment.json")["seconds"]}
    return read_json(out / "metrics.json") | times, done.seconds


def named(metrics: dict) -> float | None:
    """Returns the budget in minutes that a run named, or None."""
    found = re.search(r"--budget of ([0-9.]+) minutes", " ".join(metrics["advice"]["summary"]))
    return float(found[1]) if found else None


def compare(name: str, args, place: Path) -> str:
    """Returns one row of the table."""
    probe, probe_seconds = train(name, args, place, "probe")
    refit = () if args.refit else ("--recipe", "refit=no")
    epochs = ("--epochs", args.epochs)
    tuned, tuned_seconds = train(name, args, place, "finetune", *epochs, *refit)
    auto, auto_seconds = train(name, args, place, "auto", "--budget", _NEXT_TO_NOTHING)
    budget, sufficed = named(auto), "none named"
    if budget is not None:
        auto, auto_seconds = train(name, args, place, "auto", "--budget", budget)
        spent = auto["seconds"]["fine-tune"]
        done = auto.get("finetuning") is not None and spent <= 60 * budget
        sufficed = f"{'yes' if done else 'NO'}: {spent:.0f} of {60 * budget:.0f} s"
        fair = max(tuned_seconds / 60, args.budget or 0)
        if fair > budget:
            auto, auto_seconds = train(name, args, place, "auto", "--budget", f"{fair:.2f}")
    print("\n".join(auto["advice"]["summary"]), file=sys.stderr)
    kept = auto.get("finetuning") or {"kept": "probe"}
    print(kept.get("summary"), file=sys.stderr, flush=True)
    best = max(("probe", "finetune"), key=lambda each: sum(right(place / each)))
    gap = show(*paired_difference(right(place / "auto"), right(place / best)), signed=True)
    average = averaged(place / "probe", place / "finetune")
    cells = [show_estimate(each["test"]["accuracy"]) for each in (probe, tuned, auto)]
    return (
        f"| {name} | {cells[0]} | {probe_seconds:.0f} | {cells[1]} | {tuned_seconds:.0f} "
        f"| {cells[2]}, {kept['kept']} | {auto_seconds:.0f} | {sufficed} | {gap} | {average:.3f} |"
    )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--sets", nargs="*", choices=list(SETS), default=list(SETS))
    options.add_argument("--epochs", type=int, default=8, help="of finetune")
    options.add_argument("--refit", action="store_true", help="finetune once more on all images")
    options.add_argument("--budget", type=float, help="minutes that auto has at least")
    options.add_argument("--train-args", default="", help="further flags for headstart train")
    args = options.parse_args()
    need(Path(args.backbone), *(DATA / SETS[name] for name in args.sets))
    print(f"{machine()}; {versions(args.python)}; {commit()}; backbone {args.backbone}\n")
    print("| set | probe | s | finetune | s | auto, kept | s | named budget suffices "
          "| auto - best single | probe and finetune averaged |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for name in args.sets:
        with tempfile.TemporaryDirectory() as place:
            print(compare(name, args, Path(place)), flush=True)


if __name__ == "__main__":
    main()
