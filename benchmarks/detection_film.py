"""A film of two minutes with known objects: are they counted right, and does memory stay flat?

Squares of two colours go by on a belt, every one of them once; a small model finds them (the one of
`tests/squares.py`, trained in seconds on images of up to three), as an ONNX file. Counts of each
class beside the truth, and the resident set after every ten seconds of film.

    python benchmarks/detection_film.py [--seconds 120]
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import ROOT, commit, machine

sys.path[:0] = [str(ROOT / "src"), str(ROOT)]

RATE, SPEED, APART, SIDE = 10, 24, 40, 22
WIDTH, HEIGHT = 120, 90
# The last ones have time to be seen whole.
LEFT_OUT = 3


def belt(path: Path, seconds: int, colours: np.ndarray) -> list[int]:
    """Writes the film; returns how many squares of each colour go by."""
    from headstart.images.video import Writer

    rng = np.random.default_rng(3)
    count = int((seconds - LEFT_OUT) * SPEED / APART)
    kinds = rng.integers(0, len(colours), count)
    writer = Writer(path, rate=RATE)
    for t in range(RATE * seconds):
        pixels = rng.integers(0, 40, (HEIGHT, WIDTH, 3)).astype(np.uint8)
        for number, kind in enumerate(kinds.tolist()):
            left = round(SPEED * t / RATE - APART * number - SIDE)
            top = 8 + 28 * (number % 3)
            if -SIDE < left < WIDTH:
                pixels[top : top + SIDE, max(left, 0) : max(left + SIDE, 0)] = colours[kind]
        writer.add(pixels, t / RATE)
    writer.close()
    return np.bincount(kinds, minlength=len(colours)).tolist()


def main() -> None:
    """Prints counts and memory."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=int, default=120)
    seconds = options.parse_args().seconds
    from tests.models import exported_file
    from tests.squares import COLOURS, squares_model

    from headstart.video.predict_video import predict_video

    held: list[float] = []

    def progress(_phase: str, done: int, _total: int) -> None:
        while len(held) < done // 100:  # in tenths of a second
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            held.append(pages * resource.getpagesize() / 1e6)

    with tempfile.TemporaryDirectory() as home:
        truth = belt(Path(home) / "belt.mp4", seconds, COLOURS)
        model = exported_file(squares_model(400), Path(home) / "m.onnx", threshold=0.5)
        begun = time.perf_counter()
        film = str(Path(home) / "belt.mp4")
        found = predict_video(model, film, fps=RATE, out=None, progress=progress)
        print(f"{len(found)} frames in {time.perf_counter() - begun:.1f} s; {found!r}")
    for (name, counted), true in zip(found.counts.items(), truth, strict=True):
        print(f"{name}: {counted} counted, {true} went by ({counted / true - 1:+.1%})")
    print("MB after every 10 s of film:", ", ".join(f"{each:.0f}" for each in held))
    print(machine(), commit())


if __name__ == "__main__":
    main()
