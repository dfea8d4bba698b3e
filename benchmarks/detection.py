"""Boxes: the first answer and the best answer, whole processes with an empty cache.

Two sets with their own splits (raccoon 160 / 40; bccd trainval 292 / test 72). Per set, backbone
and seed: (a) `headstart train --strategy probe`, the first answer; with a backbone that is no
detector the head on frozen maps, within `--budget 0.95`. (b) `--budget`, the best
answer. AP is as `metrics.json` has it, COCO's, with its interval over test images; the last lines
are means over seeds.

    python benchmarks/detection.py [SETS] --backbones FOLDER,FOLDER --seeds 0,1,2 --device cpu
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from common import (
    BACKBONE,
    DATA,
    ROOT,
    commit,
    headstart,
    machine,
    need,
    parser,
    read_json,
    show_estimate,
    versions,
)
from detection_sets import SETS, lay_out

# Minutes of the best answer, from start to end; a little less than its goal.
BUDGETS = {"raccoon": 1.9, "bccd": 5.85}
# Likewise of the first; it binds a head on frozen maps, a detector's probe takes what it takes.
FIRST = 0.95


def answer(data: Path, out: Path, cache: Path, args, seed: int, *flags: object) -> dict:
    """Trains in a process of its own; returns its metrics, with seconds."""
    done = headstart(
        "train", data, "-o", out, "--quiet", "--overwrite", "--task", "detection",
        "--seed", seed, "--device", args.device, *flags,
        *(("--recipe", args.recipe) if args.recipe else ()), cache=cache, python=args.python,
    )  # fmt: skip
    done.check()
    found = read_json(out / "metrics.json")
    found["seconds"], found["peak"] = done.seconds, done.peak_mb
    print(found["model"]["summary"], file=sys.stderr, flush=True)
    return found


def row(name: str, backbone: str, what: str, seed: int, found: dict) -> str:
    """Returns one row of the table."""
    test = found["test"]
    classes = ", ".join(
        f"{each['class']} {each['ap_50']['value']:.3f} {each['ap']['value']:.3f}"
        for each in found["details"]["per_class"]
    )
    floor = next(iter(found["baselines"].values()), {}).get("map")
    operating = found["details"]["operating"]
    return (
        f"| {name} | {backbone} | {what} | {seed} | {show_estimate(test['map_50'])} "
        f"| {show_estimate(test['map'])} | {classes} | {operating['f1']['value']:.3f} at "
        f"{operating['threshold']:.2f} | {show_estimate(floor) if floor else '–'} "
        f"| {found['seconds']:.1f} | {found['peak']:.0f} |"
    )


def main() -> None:
    options = parser(__doc__)
    options.add_argument("sets", nargs="*", default=list(SETS), help="default: %(default)s")
    options.add_argument("--backbones", default=str(BACKBONE), help="joined by commas")
    options.add_argument("--seeds", default="0", help="joined by commas")
    options.add_argument("--device", default="cpu")
    options.add_argument("--recipe", help="passed on")
    options.add_argument("--only", choices=("first", "best"), help="one of both answers")
    options.add_argument("--budget", type=float, help="minutes of the best answer, not each set's")
    options.add_argument("--most", type=int, help="training images, for a quick look")
    args = options.parse_args()
    backbones = [Path(each) for each in args.backbones.split(",")]
    need(*backbones, *(DATA / name for name in args.sets))
    sys.path.insert(0, str(ROOT / "src"))
    print(f"Machine: {machine()}. Headstart {commit()}: {versions(args.python)}.\n")
    print("| set | backbone | what | seed | AP50 (95 %) | AP (95 %) | AP50 AP of classes | F1 "
          "| floor AP | s | MB |\n|---|---|---|---|---|---|---|---|---|---|---|", flush=True,
    )  # fmt: skip
    means: dict[tuple[str, str, str], list[tuple[float, float, float]]] = {}
    for name in args.sets:
        for backbone in backbones:
            for seed in map(int, args.seeds.split(",")):
                with tempfile.TemporaryDirectory() as folder:
                    place = Path(folder)
                    data = lay_out(name, place / "data", args.most)
                    steps = {"first answer": ("--strategy", "probe", "--budget", FIRST),
                             "best answer": ("--budget", args.budget or BUDGETS[name])}  # fmt: skip
                    for number, (what, flags) in enumerate(steps.items()):
                        if args.only and not what.startswith(args.only):
                            continue
                        found = answer(
                            data, place / f"run{number}", place / f"cache{number}", args, seed,
                            "--backbone", backbone, *flags,
                        )  # fmt: skip
                        print(row(name, backbone.name, what, seed, found), flush=True)
                        values = [found["test"][key]["value"] for key in ("map_50", "map")]
                        means.setdefault((name, backbone.name, what), []).append(
                            (*values, found["seconds"])
                        )
    print("\nMeans over seeds:\n")
    for (name, backbone, what), rows in means.items():
        fifty, whole, seconds = (sum(column) / len(rows) for column in zip(*rows, strict=True))
        print(f"{name}, {backbone}, {what}: AP50 {fifty:.3f}, AP {whole:.3f}, {seconds:.0f} s")


if __name__ == "__main__":
    main()
