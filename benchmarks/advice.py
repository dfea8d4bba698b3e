"""What `advise` expects and `auto` announces, against what is measured and taken afterwards.

For each set: `headstart advise` on one backbone, then `headstart train --strategy auto` at the size
that training takes by default, both within the same budget and with one cache. The test accuracy
that training measures must lie in the interval that advice gave, and the time it took near the
one it announced.

    python benchmarks/advice.py [SET ...] --budget 3
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from common import (
    DATA,
    commit,
    headstart,
    machine,
    need,
    parser,
    read_json,
    show,
    show_estimate,
    versions,
)

SETS = (
    "hymenoptera", "flowers12", "cifar10_small", "omniglot", "magnetic_tile/classes", "brain_tumor",
)  # fmt: skip


def main() -> None:
    options = parser(__doc__)
    options.add_argument("sets", nargs="*", default=list(SETS), help="default: all six")
    options.add_argument("--budget", type=float, default=5.0, help="minutes, of each")
    args = options.parse_args()
    need(Path(args.backbone), *(DATA / name for name in args.sets))
    print(f"Machine: {machine()}. Headstart {commit()}: {versions(args.python)}.\n")
    print(
        "| set | advise: fits | best of its probes | expects | auto kept | test accuracy (95 %) | "
        "inside | probe's | announced, s | fine-tuning took, s |\n" + "|---" * 10 + "|"
    )
    inside_all = 0
    for name in args.sets:
        with tempfile.TemporaryDirectory() as place:
            cache, run = Path(place) / "cache", Path(place) / "run"
            common = ["--backbone", args.backbone, "--budget", args.budget, "--seed", args.seed]
            told = headstart(
                "advise", DATA / name, *common, "--json", cache=cache, python=args.python
            ).check()
            advice = json.loads(told.stdout)
            headstart(
                "train", DATA / name, "-o", run, *common, "--strategy", "auto", "--quiet",
                "--baselines", "none", cache=cache, python=args.python,
            ).check()  # fmt: skip
            metrics = read_json(run / "metrics.json")
            seconds = read_json(run / "environment.json")["seconds"]
        expected, found = advice["expected"], metrics["test"]["accuracy"]
        inside = expected["low"] <= found["value"] <= expected["high"]
        inside_all += inside
        best = advice["candidates"][0]
        tuned = metrics.get("finetuning") or {}
        announced = (metrics.get("advice") or {}).get("announced_seconds", 0.0)
        validation = (tuned.get("validation") or {}).get("probe")
        print(
            f"| {name} | {'yes' if advice['fits'] else 'no'} | {best['features']} at "
            f"{best['image_size']} px | "
            f"{show(expected['value'], expected['low'], expected['high'])} | "
            f"{tuned.get('kept', 'probe')} | {show_estimate(found)} | "
            f"{'yes' if inside else 'no'} | "
            f"{show_estimate(validation) if validation else '–'} | {announced:.0f} | "
            f"{seconds.get('fine-tune', 0.0):.0f} |",
            flush=True,
        )
        for each in (metrics.get("advice") or {}).get("summary", []):
            print(f"| | {each} | | | | | | | | |", flush=True)
    print(f"\nInside the interval: {inside_all} of {len(args.sets)}.")


if __name__ == "__main__":
    main()
