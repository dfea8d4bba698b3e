"""A film of two minutes with known objects: are they counted right, and does memory stay flat?

Squares of two colours go by on a belt, every one of them once. A first answer (`--strategy probe`)
is trained on other stills of such a belt, exported as an ONNX file, and asked about the film:
counts of each class beside the truth, and the resident set after every ten seconds of film.

    python benchmarks/detection_film.py --backbone FOLDER [--seconds 120]
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import ROOT, commit, headstart, machine

sys.path.insert(0, str(ROOT / "src"))

RATE, SPEED, APART, SIDE = 10, 72, 120, 66
WIDTH, HEIGHT = 360, 270
NAMES, COLOURS = ("red", "blue"), np.array([[230, 60, 50], [60, 90, 240]])
# The last ones have time to be seen whole.
LEFT_OUT = 6
STILLS = {"train": 60, "test": 20}


class Belt:
    """Squares that go by.

    Args:
        seconds: Of it.
        seed: Of their colours.
    """

    def __init__(self, seconds: float, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        count = int((seconds - LEFT_OUT) * SPEED / APART)
        self.kinds = self.rng.integers(0, len(NAMES), count)

    def at(self, seconds: float) -> tuple[np.ndarray, list[tuple[int, list[int]]]]:
        """Returns a frame, and (class, left, top, width, height) of what is on it."""
        pixels = self.rng.integers(0, 40, (HEIGHT, WIDTH, 3)).astype(np.uint8)
        found = []
        for number, kind in enumerate(self.kinds.tolist()):
            left = round(SPEED * seconds - APART * number - SIDE)
            top = 24 + 84 * (number % 3)
            first, last = max(left, 0), min(left + SIDE, WIDTH)
            if last - first > SIDE // 4:
                pixels[top : top + SIDE, first:last] = COLOURS[kind]
                found.append((kind, [first, top, last - first, SIDE]))
        return pixels, found


def stills(place: Path) -> Path:
    """Writes train/ and test/ with frames of other belts and a COCO file each."""
    from PIL import Image

    categories = [{"id": at + 1, "name": name} for at, name in enumerate(NAMES)]
    for seed, (split, count) in enumerate(STILLS.items(), 7):
        (place / split).mkdir(parents=True)
        shown, images, boxes = Belt(2 * count + LEFT_OUT, seed), [], []
        for number in range(count):
            pixels, found = shown.at(2 * number + 1.3)
            name = f"{split}{number:03}.png"
            Image.fromarray(pixels).save(place / split / name)
            images.append({"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT})
            boxes += [
                {"id": len(boxes) + at, "image_id": number, "category_id": kind + 1, "bbox": box,
                 "iscrowd": 0, "area": box[2] * box[3]}
                for at, (kind, box) in enumerate(found, 1)
            ]  # fmt: skip
        content = {"images": images, "annotations": boxes, "categories": categories}
        (place / split / "_annotations.coco.json").write_text(json.dumps(content))
    return place


def main() -> None:
    """Prints counts and memory."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--backbone", type=Path, required=True)
    options.add_argument("--seconds", type=int, default=120)
    given = options.parse_args()
    from headstart.deploy.runtime import OnnxPredictor, find_exported
    from headstart.images.video import Writer
    from headstart.video.predict_video import predict_video

    held: list[float] = []

    def progress(_phase: str, done: int, _total: int) -> None:
        while len(held) < done // 100:  # in tenths of a second
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            held.append(pages * resource.getpagesize() / 1e6)

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        film, shown = home / "belt.mp4", Belt(given.seconds, 3)
        writer = Writer(film, rate=RATE)
        for t in range(RATE * given.seconds):
            writer.add(shown.at(t / RATE)[0], t / RATE)
        writer.close()
        for words in (
            ("train", stills(home / "data"), "-o", home / "run", "--task", "detection",
             "--strategy", "probe", "--device", "cpu", "--quiet", "--backbone", given.backbone),
            ("export", home / "run", "-o", home / "file", "--quiet"),
        ):  # fmt: skip
            headstart(*words, cache=home / "cache").check()
        print("test:", json.loads((home / "run" / "metrics.json").read_text())["test"]["map_50"])
        model = OnnxPredictor(find_exported(home / "file"), threads=2)
        begun = time.perf_counter()
        found = predict_video(model, str(film), fps=RATE, out=None, progress=progress)
        print(f"{len(found)} frames in {time.perf_counter() - begun:.1f} s; {found!r}")
    truth = np.bincount(shown.kinds, minlength=len(NAMES)).tolist()
    for name, true in zip(NAMES, truth, strict=True):
        counted = found.counts.get(name, 0)
        print(f"{name}: {counted} counted, {true} went by ({counted / true - 1:+.1%})")
    print("MB after every 10 s of film:", ", ".join(f"{each:.0f}" for each in held))
    print(machine(), commit())


if __name__ == "__main__":
    main()
