"""Killed at random points and gone on with, a fine-tuning ends with the very same weights.

The same `headstart train --strategy finetune` (gradual unfreezing, so that stages begin to learn on
the way) runs twice: once undisturbed, once killed with SIGKILL at random moments and gone on with
by `--resume` each time. Compared are the bytes of the final weights and of the predictions.

    python benchmarks/kill_points.py [SET] --kills 5
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import DATA, ROOT, commit, machine, need, parser, versions


def start(words: list[object], cache: Path, python: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"HEADSTART_CACHE": str(cache), "PYTHONPATH": str(ROOT / "src")}
    return subprocess.Popen(
        [python, "-m", "headstart", *map(str, words)], env=environment, stdout=subprocess.DEVNULL
    )


def digests(run: Path) -> dict[str, str]:
    files = [run / "model" / "backbone" / "model.safetensors", run / "model" / "head.safetensors"]
    files.append(run / "predictions.csv")
    return {str(f.relative_to(run)): hashlib.sha256(f.read_bytes()).hexdigest()[:16] for f in files}


def step_of(unfinished: Path) -> str:
    """Returns training and step of the newest state of an unfinished run."""
    states = sorted(unfinished.glob("*.safetensors"), key=lambda each: each.stat().st_mtime)
    if not states:
        return "before the first state"
    from safetensors import safe_open

    with safe_open(states[-1], framework="numpy") as stream:
        numbers = json.loads(stream.metadata()["numbers"])
    return f"{states[-1].stem}, step {numbers['step']}"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("set", nargs="?", default="hymenoptera")
    options.add_argument("--kills", type=int, default=5)
    options.add_argument("--size", type=int, default=128)
    options.add_argument("--epochs", type=int, default=16)
    args = options.parse_args()
    data = DATA / args.set
    need(Path(args.backbone), data)
    rng = random.Random(args.seed)
    words: list[object] = ["train", data, "--backbone", args.backbone, "--image-size", args.size]
    words += ["--strategy", "finetune", "--epochs", args.epochs, "--recipe", "freeze=gradual"]
    words += ["--baselines", "none", "--quiet", "--seed", args.seed]
    with tempfile.TemporaryDirectory() as place:
        home = Path(place)
        begun = time.perf_counter()
        if start([*words, "-o", home / "whole"], home / "cache", args.python).wait():
            sys.exit("the undisturbed training failed")
        whole = time.perf_counter() - begun
        command = [*words, "-o", home / "killed"]
        kills = []
        while len(kills) < args.kills:
            process = start(command, home / "cache", args.python)
            # Long enough to get somewhere: it starts in ten, and keeps a state every 20 seconds.
            wait = rng.uniform(31, 50)
            try:
                process.wait(wait)
                break  # it was done before it could be killed
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
                process.wait()
            kills.append(f"after {wait:.0f} s ({step_of(home / 'killed.unfinished')})")
            if (home / "killed.unfinished").exists():
                command = ["train", "--resume", home / "killed", "--quiet"]
        if not (home / "killed").exists() and start(command, home / "cache", args.python).wait():
            sys.exit("going on failed")
        one, other = digests(home / "whole"), digests(home / "killed")
    print(f"Machine: {machine()}. Headstart {commit()}: {versions(args.python)}.\n")
    print(f"{args.set}, {args.epochs} epochs at {args.size} px: {whole:.0f} s undisturbed; killed")
    print("\n".join(f"- {each}" for each in kills))
    print("\n| file | undisturbed | killed | same |\n|---|---|---|---|")
    for name, mark in one.items():
        print(f"| {name} | {mark} | {other[name]} | {mark == other[name]} |")
    sys.exit(one != other)


if __name__ == "__main__":
    main()
