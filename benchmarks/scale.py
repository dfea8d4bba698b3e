"""Time and memory of `check` and `train` on many images: N and N/4, so that growth is visible.

The images are generated (48 px JPEGs, ten classes of coloured gratings on noise, no two alike)
by several processes. The backbone is the bundled starter. Peak memory is the largest resident
set of the process with its children, sampled five times a second.

    python benchmarks/scale.py                 # 100,000 images: half an hour on two cores
    python benchmarks/scale.py --images 2000   # smoke test
"""

from __future__ import annotations

import os
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from common import commit, headstart, machine, parser, read_json, show_estimate, versions

CLASSES = 10
SIDE = 48


def generate(job: tuple[Path, int, int]) -> None:
    """Writes images `start` to `stop` (numbers also seed them)."""
    import numpy as np
    from PIL import Image

    root, start, stop = job
    rows, columns = np.mgrid[0:SIDE, 0:SIDE] / SIDE
    for number in range(start, stop):
        rng = np.random.default_rng(number)
        kind = number % CLASSES
        angle = np.pi * kind / CLASSES + rng.normal(0, 0.1)
        phase, waves = rng.uniform(0, 2 * np.pi), 3 + kind % 3 + rng.normal(0, 0.3)
        along = np.cos(angle) * columns + np.sin(angle) * rows
        grating = 0.5 + 0.5 * np.sin(2 * np.pi * waves * along + phase)
        colour = rng.uniform(0.3, 1, 3)
        pixels = 200 * grating[..., None] * colour + rng.normal(25, 18, (SIDE, SIDE, 3))
        image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        image.save(root / f"class_{kind}" / f"{number:07}.jpg", quality=85)


def make(root: Path, count: int) -> float:
    """Fills a folder with class folders of images; returns the seconds it took."""
    begun = time.monotonic()
    for kind in range(CLASSES):
        (root / f"class_{kind}").mkdir(parents=True)
    step = 1000
    jobs = [(root, start, min(start + step, count)) for start in range(0, count, step)]
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(generate, jobs))
    return time.monotonic() - begun


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--images", type=int, default=100_000)
    options.add_argument("--train-args", default="", help="further flags for headstart train")
    options.set_defaults(backbone="starter")
    args = options.parse_args()
    print(f"Machine: {machine()}. Headstart {commit()}: {versions(args.python)}.\n")
    print("| images | command | seconds | images/s | peak MB | says |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as temporary:
        for count in (args.images // 4, args.images):
            place = Path(temporary) / str(count)
            made = make(place / "data", count)
            print(f"| {count:,} | (generating) | {made:.0f} | {count / made:.0f} | – | – |")
            check = headstart("check", place / "data", cache=place / "cache", python=args.python)
            check.check(accept=(0, 1))  # 1: done, and something serious was found
            report(count, "check, cold cache", check, "–")
            train = headstart(
                *("train", place / "data", "-o", place / "run", "--backbone", args.backbone),
                *("--strategy", "probe"),
                *("--seed", args.seed, "--quiet", *args.train_args.split()),
                cache=place / "cache",
                python=args.python,
            ).check()
            test = read_json(place / "run" / "metrics.json")["test"]["accuracy"]
            summary = f"accuracy {show_estimate(test)}"
            report(count, f"train --backbone {args.backbone}", train, summary)


def report(count: int, what: str, done, summary: str) -> None:
    """Prints one row."""
    print(
        f"| {count:,} | {what} | {done.seconds:.0f} | {count / done.seconds:.0f} "
        f"| {done.peak_mb:.0f} | {summary} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
