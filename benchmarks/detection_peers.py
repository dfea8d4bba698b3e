"""Boxes beside torchvision's detectors: same network weights, split, input size and measure.

Per set and seed, in turn, whole processes with an empty cache: `headstart train` with its own
ways; with `--arms` its named ones (`--detector`); then each detector of torchvision as its
reference scripts train it (`peers/torchvision_boxes.py`), or YOLOX-nano as its authors fine-tune it
(`--peers yolox`, with `--backbone` the folder that `headstart convert` made of the same file), to
its last epoch. Every AP is computed here, by Headstart's matching, from what each found on the test
images at their own size; intervals and paired differences resample test images. Nothing is chosen
on them.

    python benchmarks/detection_peers.py [SETS] --peers fasterrcnn,ssdlite --device cuda
    python benchmarks/detection_peers.py raccoon --backbone YOLOX --peers yolox --size 416
    python benchmarks/detection_peers.py raccoon --most 12 --tested 6 --peer-epochs 1 --size 128
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from common import (
    DATA,
    ROOT,
    WEIGHTS,
    Outcome,
    commit,
    headstart,
    machine,
    need,
    parser,
    read_json,
    run,
    show_estimate,
    versions,
)
from detection import BUDGETS
from detection_sets import SETS, lay_out

HERE = Path(__file__).resolve().parent
MEASURES = ("map_50", "map")


@dataclass(frozen=True)
class Answered:
    """What somebody found on the test images.

    Attributes:
        who: In words.
        statistics: Measure -> statistic over the test images of our run.
        seconds: Of the whole process.
        peak: Memory, MB.
    """

    who: str
    statistics: dict[str, Any]
    seconds: float
    peak: float


@dataclass(frozen=True)
class Tested:
    """The test images of a run, with what is on them."""

    names: tuple[str, ...]
    labels: Any
    clusters: Any
    sizes: Any


def ours(data: Path, place: Path, args, seed: int, *flags: object) -> tuple[Path, Outcome]:
    """Trains in a process of its own; returns the run."""
    out = place / f"run{len(list(place.iterdir()))}"
    done = headstart(
        "train", data, "-o", out, "--quiet", "--task", "detection", "--seed", seed,
        "--device", args.device, "--backbone", args.backbone, "--image-size", args.size,
        *(("--epochs", args.epochs) if args.epochs else ()), *flags, cache=place / f"{out.name}c",
        python=args.python,
    )  # fmt: skip
    return out, done.check()


def answers_of(folder: Path) -> tuple[Tested, Any]:
    """Returns the test images of a run, and what it found on them."""
    from headstart.results.items import read_items
    from headstart.results.outputs import read_predictions
    from headstart.run import Run

    items = read_items(Run(folder))
    rows, found = read_predictions(Run(folder), items)
    tested = Tested(
        tuple(items.dataset.names[row] for row in rows), items.dataset.labels.take(rows),
        items.clusters[rows], found.sizes,
    )  # fmt: skip
    return tested, found


def found_by(folder: Path, data: Path, tested: Tested) -> Any:
    """Returns what a peer found, as boxes of our measure, in the order of our test images."""
    import numpy as np

    from headstart.tasks.detection.detections import Detections

    about = read_json(data / "test" / "_annotations.coco.json")
    place = {Path(name).name: at for at, name in enumerate(tested.names)}
    image = {each["id"]: place.get(each["file_name"]) for each in about["images"]}
    called = {each["id"]: each["name"] for each in about["categories"]}
    classes = tested.labels.names
    rows = sorted(
        (image[each["image_id"]], -each["score"], classes.index(called[each["category_id"]]),
         each["bbox"])
        for each in read_json(folder / "found.json") if image[each["image_id"]] is not None
    )  # fmt: skip
    items, scores, labels = (np.array([row[at] for row in rows]) for at in range(3))
    boxes = np.array([row[3] for row in rows], float).reshape(-1, 4)
    counts = np.bincount(items.astype(int), minlength=len(tested.names))
    return Detections(
        tested.names, tuple(classes), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1), -scores.astype(float),
        labels.astype(np.int64), tested.sizes,
    )  # fmt: skip


def measured_as(who: str, found: Any, tested: Tested, done: Outcome) -> Answered:
    """Returns somebody's answers, measured."""
    from headstart.scoring.score import measured

    statistics = measured("detection", found, tested.labels).statistics
    return Answered(who, statistics, done.seconds, done.peak_mb)


def row(name: str, seed: int, each: Answered, first: Answered, tested: Tested) -> str:
    """Returns one row of the table; differences are ours minus theirs, on the same images."""
    from headstart.metrics.statistic import difference, estimate

    told = [
        show_estimate(_json(estimate(each.statistics[key], tested.clusters))) for key in MEASURES
    ]
    gap, share = "–", "–"
    if each is not first:
        found = difference(first.statistics["map"], each.statistics["map"], tested.clusters)
        gap = f"{found.value:+.3f} ({found.low:+.3f} to {found.high:+.3f})"
        share = f"{first.seconds / each.seconds:.2f}"
    return (
        f"| {name} | {seed} | {each.who} | {' | '.join(told)} | {gap} | {each.seconds:.0f} "
        f"| {share} | {each.peak:.0f} |"
    )


def _json(found: Any) -> dict[str, float]:
    return {"value": found.value, "low": found.low, "high": found.high}


def compared(name: str, place: Path, args, seed: int) -> None:
    """Prints the rows of one set and seed, each as soon as it is known."""
    data = lay_out(name, place / "data", args.most, args.tested)
    trained, done = ours(data, place, args, seed, "--budget", BUDGETS[name])
    tested, found = answers_of(trained)
    first = measured_as("Headstart", found, tested, done)
    print(row(name, seed, first, first, tested), flush=True)
    for arm in filter(None, args.arms.split(",")):
        flags = ("--detector", arm, "--budget", args.arm_budget)
        trained, done = ours(data, place, args, seed, *flags)
        other, found = answers_of(trained)
        assert other.names == tested.names, "both runs were tested on the same images"
        each = measured_as(f"Headstart, --detector {arm}", found, tested, done)
        print(row(name, seed, each, first, tested), flush=True)
    for peer in filter(None, args.peers.split(",")):
        out = place / peer
        script = ["torchvision_boxes.py", "--weights", args.backbone, "--arch", peer]
        if peer == "yolox":
            script = ["yolox_boxes.py", "--weights", args.yolox]
        done = run([
            args.peer_python or args.python, str(HERE / "peers" / script[0]), str(data),
            *script[1:], "--out", str(out), "--epochs", str(args.peer_epochs),
            "--size", str(args.size), "--device", args.device, "--seed", str(seed),
        ]).check()  # fmt: skip
        about = read_json(out / "peer.json")
        each = measured_as(about["peer"], found_by(out, data, tested), tested, done)
        print(row(name, seed, each, first, tested), flush=True)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("sets", nargs="*", default=list(SETS), help="default: %(default)s")
    options.add_argument("--peers", default="fasterrcnn,ssdlite", help="joined by commas")
    options.add_argument("--yolox", default=str(WEIGHTS / "yolox_nano" / "yolox_nano.onnx"))
    options.add_argument("--peer-python", help="default: the same as ours")
    options.add_argument("--peer-epochs", type=int, default=30)
    options.add_argument("--arms", default="", help="of --detector, joined by commas")
    options.add_argument("--arm-budget", type=float, default=60.0, help="minutes of each")
    options.add_argument("--epochs", type=int, help="of ours, instead of a budget")
    options.add_argument("--seeds", default="0", help="joined by commas")
    options.add_argument("--size", type=int, default=320)
    options.add_argument("--device", default="cpu")
    options.add_argument("--most", type=int, help="training images, for a quick look")
    options.add_argument("--tested", type=int, help="test images, likewise")
    args = options.parse_args()
    need(Path(args.backbone), *(DATA / name for name in args.sets))
    sys.path.insert(0, str(ROOT / "src"))
    print(f"Machine: {machine()}. Headstart {commit()}: {versions(args.python)}. Input {args.size} "
          f"px, device {args.device}.\n\nDifferences are Headstart's AP minus the row's, paired "
          f"by test image; the share is Headstart's time of the row's.\n")  # fmt: skip
    print("| set | seed | who | AP50 (95 %) | AP (95 %) | Headstart's AP minus it (95 %) | s "
          "| share | MB |\n|---|---|---|---|---|---|---|---|---|", flush=True)  # fmt: skip
    for name in args.sets:
        for seed in map(int, args.seeds.split(",")):
            with tempfile.TemporaryDirectory() as folder:
                compared(name, Path(folder), args, seed)


if __name__ == "__main__":
    main()
