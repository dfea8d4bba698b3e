"""Fine-tuning on data with planted troubles: what comes out, and what is said.

Two classes of cifar10_small (cats and dogs, as given; vehicles and animals for 800 : 16) are
linked into a folder each, spoilt in one way, and trained on by `headstart train --strategy
finetune`: labels of one image in five exchanged; fifty times as many of the one as of the other;
a class of one image; a rate at which the loss is no number; a batch larger than the data. The
test images stay as they are.

    python benchmarks/planted.py
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from common import (
    DATA,
    commit,
    headstart,
    machine,
    need,
    parser,
    read_json,
    show_estimate,
    versions,
)

PAIR = {"cat": ["cat"], "dog": ["dog"]}
KINDS = {
    "vehicle": ["airplane", "automobile", "ship", "truck"],
    "animal": ["bird", "cat", "deer", "dog", "frog", "horse"],
}


@dataclass(frozen=True)
class Trouble:
    """What is planted: `second` images of the second class (None: all), exchanged labels, flags."""

    classes: dict[str, list[str]] = field(default_factory=lambda: PAIR)
    second: int | None = None
    exchanged: float = 0.0
    flags: tuple[str, ...] = ()


TROUBLES = {
    "none": Trouble(),
    "20 % of labels exchanged": Trouble(exchanged=0.2),
    "800 : 16, balance=none": Trouble(KINDS, 16, flags=("--recipe", "balance=none")),
    "800 : 16, balance=auto": Trouble(KINDS, 16, flags=("--recipe", "balance=auto")),
    "200 : 4, balance=none": Trouble(second=4, flags=("--recipe", "balance=none")),
    "200 : 4, balance=auto": Trouble(second=4, flags=("--recipe", "balance=auto")),
    "one image in a class": Trouble(second=1),
    "rate too high: --lr 1": Trouble(flags=("--lr", "1")),
    "loss not a number: --lr 1e12": Trouble(flags=("--lr", "1e12", "--recipe", "clip=1e12")),
    "batch larger than the data": Trouble(flags=("--recipe", "batch=4096")),
}


def plant(place: Path, trouble: Trouble, seed: int) -> Path:
    """Links the images of two classes, fewer of the second, some under the other's name."""
    rng = np.random.default_rng(seed)
    names = list(trouble.classes)
    for part in ("train", "test"):
        for number, name in enumerate(names):
            (place / part / name).mkdir(parents=True, exist_ok=True)
            folders = [DATA / "cifar10_small" / part / each for each in trouble.classes[name]]
            files = [file for folder in folders for file in sorted(folder.iterdir())]
            if part == "train" and number == 1 and trouble.second is not None:
                files = [files[i] for i in rng.permutation(len(files))[: trouble.second]]
            swapped = rng.random(len(files)) < (trouble.exchanged if part == "train" else 0)
            for file, wrong in zip(files, swapped, strict=True):
                target = place / part / names[number ^ int(wrong)]
                target.mkdir(parents=True, exist_ok=True)
                (target / f"{file.parent.name}-{file.name}").symlink_to(file.resolve())
    return place


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--epochs", type=int, default=5)
    options.add_argument("--only", nargs="*", help="troubles whose name holds one of these")
    args = options.parse_args()
    need(Path(args.backbone), DATA / "cifar10_small")
    print(f"Machine: {machine()}. Headstart {commit()}: {versions(args.python)}.\n")
    print("| trouble | status | kept | accuracy (95 %) | balanced | seconds | verdict or message |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        for number, (name, trouble) in enumerate(TROUBLES.items()):
            if args.only and not any(each in name for each in args.only):
                continue
            data = plant(Path(place) / f"data{number}", trouble, args.seed)
            folder = Path(place) / f"run{number}"
            done = headstart(
                "train", data, "-o", folder, "--backbone", args.backbone, "--strategy", "finetune",
                "--epochs", args.epochs, "--evaluation", "holdout", "--baselines", "none",
                "--seed", args.seed, "--quiet", *trouble.flags, cache=Path(place) / "cache",
                python=args.python,
            )  # fmt: skip
            if done.status:
                said = (done.stderr.strip().splitlines() or ["-"])[-1]
                print(f"| {name} | {done.status} | | | | {done.seconds:.0f} | {said} |", flush=True)
                continue
            metrics = read_json(folder / "metrics.json")
            tuned = metrics["finetuning"]
            said = "; ".join(each["claim"] for each in tuned["diagnoses"])
            balanced = metrics["test"]["balanced_accuracy"]
            print(
                f"| {name} | 0 | {tuned['kept']} | {show_estimate(metrics['test']['accuracy'])} | "
                f"{show_estimate(balanced)} | {done.seconds:.0f} | {said} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
