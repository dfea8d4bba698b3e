"""Fine-tuning on data with planted troubles: what comes out, and what is said.

Two classes of cifar10_small (cats and dogs, as given) are linked into a folder each, spoilt in one
way, and trained on by `headstart train --strategy finetune`: labels of one image in five exchanged;
fifty times as many cats as dogs; a class of one image; a rate at which the loss is no number; a
batch larger than the data. The test images stay as they are.

    python benchmarks/planted.py
"""

from __future__ import annotations

import tempfile
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

CLASSES = ("cat", "dog")
# name -> (images of the second class or None for all, share of labels exchanged, further flags)
TROUBLES: dict[str, tuple[int | None, float, list[str]]] = {
    "none": (None, 0.0, []),
    "20 % of labels exchanged": (None, 0.2, []),
    "50 : 1, --recipe balance=none": (4, 0.0, ["--recipe", "balance=none"]),
    "50 : 1, --recipe balance=auto": (4, 0.0, ["--recipe", "balance=auto"]),
    "one image in a class": (1, 0.0, []),
    "rate too high: --lr 1": (None, 0.0, ["--lr", "1"]),
    "loss not a number: --lr 1e12": (None, 0.0, ["--lr", "1e12", "--recipe", "clip=1e12"]),
    "batch larger than the data": (None, 0.0, ["--recipe", "batch=4096"]),
}


def plant(place: Path, second: int | None, exchanged: float, seed: int) -> Path:
    """Links the images of two classes, fewer of the second, some under the other's name."""
    rng = np.random.default_rng(seed)
    for part in ("train", "test"):
        for number, name in enumerate(CLASSES):
            (place / part / name).mkdir(parents=True, exist_ok=True)
            files = sorted((DATA / "cifar10_small" / part / name).iterdir())
            if part == "train" and number == 1 and second is not None:
                files = files[:second]
            swapped = rng.random(len(files)) < (exchanged if part == "train" else 0)
            for file, wrong in zip(files, swapped, strict=True):
                label = CLASSES[number ^ int(wrong)]
                (place / part / label).mkdir(parents=True, exist_ok=True)
                (place / part / label / f"{name}-{file.name}").symlink_to(file.resolve())
    return place


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--epochs", type=int, default=5)
    args = options.parse_args()
    need(Path(args.backbone), DATA / "cifar10_small")
    print(f"Machine: {machine()}. Headstart {commit()}: {versions(args.python)}.\n")
    print("| trouble | status | kept | accuracy (95 %) | balanced | seconds | verdict or message |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as place:
        for number, (name, (second, exchanged, flags)) in enumerate(TROUBLES.items()):
            data = plant(Path(place) / f"data{number}", second, exchanged, args.seed)
            folder = Path(place) / f"run{number}"
            done = headstart(
                "train", data, "-o", folder, "--backbone", args.backbone, "--strategy", "finetune",
                "--epochs", args.epochs, "--evaluation", "holdout", "--baselines", "none",
                "--seed", args.seed, "--quiet", *flags, cache=Path(place) / "cache",
                python=args.python,
            )  # fmt: skip
            if done.status:
                said = (done.stderr.strip().splitlines() or ["-"])[-1]
                print(f"| {name} | {done.status} | | | | {done.seconds:.0f} | {said} |", flush=True)
                continue
            metrics = read_json(folder / "metrics.json")
            tuned = metrics["finetuning"]
            said = "; ".join(each["claim"] for each in tuned["verdicts"])
            balanced = metrics["test"]["balanced_accuracy"]
            print(
                f"| {name} | 0 | {tuned['kept']} | {show_estimate(metrics['test']['accuracy'])} | "
                f"{show_estimate(balanced)} | {done.seconds:.0f} | {said} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
