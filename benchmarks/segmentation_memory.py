"""Memory of learning masks: 20, 200 and 2,000 generated images.

Discs, squares and rings on noise, 360 x 280 pixels. For each count and strategy one process trains
with an empty cache; the table says its largest anonymous memory (what is not a mapped file, which
the system takes back when it needs the room), where the maps were and how large, and the seconds.
Memory must not grow with the images but by what is stated: inputs of at most 2 GB are held.

    python benchmarks/segmentation_memory.py [COUNTS] [--strategies probe,auto]
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from common import commit, headstart, machine, need, parser, read_json, versions
from PIL import Image


def draw(seed: int, width: int = 360, height: int = 280) -> tuple[np.ndarray, np.ndarray]:
    """Returns an (H, W, 3) uint8 image and its (H, W) uint8 mask of 0, 1, 2 and 3."""
    rng = np.random.default_rng(seed)
    down, across = np.mgrid[:height, :width]
    image = rng.integers(40, 110, (height, width, 3))
    mask = np.zeros((height, width), np.uint8)
    for kind in rng.integers(1, 4, rng.integers(2, 6)):
        x, y, radius = (
            rng.integers(30, width - 30),
            rng.integers(30, height - 30),
            rng.integers(14, 50),
        )
        apart = np.hypot(across - x, down - y)
        inside = {
            1: apart < radius,
            2: np.maximum(abs(across - x), abs(down - y)) < radius,
            3: abs(apart - radius) < 5,
        }[int(kind)]
        mask[inside] = kind
        image[inside] += rng.integers(20, 120, 3)
    return np.clip(image, 0, 255).astype(np.uint8), mask


def write(place: Path, count: int) -> Path:
    """Writes images and masks, a fifth of them under test/."""
    for number in range(count):
        image, mask = draw(number)
        part = place / ("test" if number % 5 == 4 else "train")
        for kind, pixels in (("images", image), ("masks", mask)):
            (part / kind).mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(part / kind / f"{number:05}.png")
    return place


def main() -> None:
    options = parser(__doc__)
    options.add_argument("counts", nargs="*", type=int, default=[20, 200, 2000])
    options.add_argument("--strategies", default="probe,auto")
    options.add_argument("--budget", type=float, default=2.0, help="minutes of auto")
    args = options.parse_args()
    need(Path(args.backbone))
    print(f"Machine: {machine()}. Headstart {commit()}: {versions(args.python)}.\n")
    print(
        "| images | strategy | anonymous memory, MB | maps | mIoU | s |\n|---|---|---|---|---|---|"
    )
    for count in args.counts:
        with tempfile.TemporaryDirectory() as home:
            place = Path(home)
            data = write(place / "data", count)
            for strategy in args.strategies.split(","):
                done = headstart(
                    "train", data, "-o", place / "run", "--backbone", args.backbone, "--quiet",
                    "--overwrite", "--task", "segmentation", "--seed", args.seed,
                    "--strategy", strategy, "--budget", args.budget,
                    cache=place / "cache", python=args.python, memory="RssAnon",
                ).check()  # fmt: skip
                found = read_json(place / "run" / "metrics.json")
                maps = [found["maps"]["linear arm"], *found["maps"]["more"]]
                iou = found["test"]["mean_iou"]["value"]
                print(
                    f"| {count:,} | {strategy} | {done.peak_mb:,.0f} | {'; '.join(maps)} "
                    f"| {iou:.3f} | {done.seconds:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
