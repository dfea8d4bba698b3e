"""The shipped ONNX file of boxes beside its bare network, and a two-minute film.

Milliseconds an image, batch 1, two threads: the graph alone (the bare network, every cell), the
graph with NMS and decoding (what is shipped), by turns; p50 and p95 of each, and images a second.
Then a generated film of 120 s (squares on a belt; that objects are counted right is held by
`tests/video/test_place_frames.py`): memory of the process after every ten seconds of film.

    python benchmarks/detection_speed.py RUN [--film FILM]
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import ROOT, commit, machine

sys.path.insert(0, str(ROOT / "src"))

TURNS, SECONDS, RATE = 200, 120, 10


def timed(file: Path, images: np.ndarray) -> dict[str, list[float]]:
    """Returns milliseconds an image of the bare graph and of the whole answer, by turns."""
    from headstart.deploy.runtime import OnnxPredictor

    model = OnnxPredictor(file, threads=2)
    found: dict[str, list[float]] = {"bare network": [], "shipped": []}
    for turn in range(TURNS):
        inputs = images[turn % len(images)][None]
        begun = time.perf_counter()
        model.outputs(inputs)
        middle = time.perf_counter()
        places = model.places([(images.shape[2], images.shape[3])])
        model.decode(model.settled(inputs) | places, [""])
        ended = time.perf_counter()
        if turn >= TURNS // 10:  # the first warm up
            found["bare network"].append(1e3 * (middle - begun))
            found["shipped"].append(1e3 * (ended - middle))
    return found


def belt(path: Path) -> Path:
    """Writes a film of squares that go by."""
    from headstart.images.video import Writer

    rng = np.random.default_rng(0)
    writer = Writer(path, rate=RATE)
    for t in range(SECONDS * RATE):
        pixels = rng.integers(0, 40, (240, 320, 3)).astype(np.uint8)
        for number in range(SECONDS):
            left = round(60 * (t / RATE - number))
            if -40 < left < 320:
                top = 30 + 60 * (number % 3)
                pixels[top : top + 40, max(left, 0) : max(left + 40, 0)] = (230, 60, 50)
        writer.add(pixels, t / RATE)
    writer.close()
    return path


def memory(model: object, film: Path) -> list[float]:
    """Returns the largest resident set in MB after every ten seconds of film."""
    from headstart.video.predict_video import predict_video

    found: list[float] = []

    def progress(_phase: str, done: int, _total: int) -> None:
        while len(found) < done // 100:  # in tenths of a second
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            found.append(pages * resource.getpagesize() / 1e6)

    begun = time.perf_counter()
    answers = predict_video(model, str(film), fps=RATE, out=None, progress=progress)  # type: ignore[arg-type]
    print(f"film: {len(answers)} frames in {time.perf_counter() - begun:.1f} s; {answers!r}")
    return found


def main() -> None:
    """Prints both."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("run", type=Path)
    options.add_argument("--film", type=Path)
    given = options.parse_args()
    from headstart.deploy.runtime import About, OnnxPredictor, put_about
    from headstart.exporting.graph import write_graph
    from headstart.nets.model import Model

    model = Model.load(given.run)
    size = model.preprocess.size
    images = np.random.default_rng(0).integers(0, 256, (16, 1, size, size, 3), np.uint8)
    with tempfile.TemporaryDirectory() as home:
        file = Path(home) / "model.onnx"
        write_graph(model, file)
        threshold = float(model.spec.settings["threshold"])
        put_about(file, About(model.spec, model.preprocess, model.tta, threshold, "fp32", {}))
        for name, ms in timed(file, images).items():
            middle = statistics.median(ms)
            p95 = sorted(ms)[round(0.95 * (len(ms) - 1))]
            rate = 1e3 / middle
            print(f"{name:<14} p50 {middle:6.1f} ms  p95 {p95:6.1f} ms  {rate:6.1f} images/s")
        film = given.film or belt(Path(home) / "belt.mp4")
        found = memory(OnnxPredictor(file, threads=2), film)
        print("MB after every 10 s of film:", ", ".join(f"{each:.0f}" for each in found))
    print(machine(), commit())


if __name__ == "__main__":
    main()
