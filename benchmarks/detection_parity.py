"""One model of boxes asked five ways about every test image: run, torch, ONNX file, server, film.

Above the operating threshold each way is to give the boxes of the run: the same classes, IoU of at
least 0.99, scores within 0.001. What differs is listed, with its image. A film has no files: its
frames are the images as pixels, and it is compared with the run asked about the same pixels.

    python benchmarks/detection_parity.py RUN DATA [RUN DATA ...]

DATA is a folder that `detection_sets.lay_out` made, or any folder with a test split; `raccoon` and
`bccd` are laid out here.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from common import ROOT, commit, machine

sys.path.insert(0, str(ROOT / "src"))

LEAST, APART = 0.99, 1e-3
Objects = list[tuple[str, float, np.ndarray]]


def objects(record: dict) -> Objects:
    """Returns (class, score, (4,) box) of every object of an answer."""
    return [
        (each["class"], float(each["score"]), np.array(each["box"], float))
        for each in record.get("objects", ())
    ]


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Returns the IoU of two boxes."""
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    areas = [float(np.prod(each[2:] - each[:2])) for each in (one, other)]
    return shared / max(sum(areas) - shared, 1e-12)


def differences(run: Objects, other: Objects, threshold: float) -> tuple[int, list[str], float]:
    """Returns how many boxes are the same, what differs, and the largest difference of scores."""
    free, same, said, most = list(other), 0, [], 0.0
    for kind, score, box in run:
        near = [(overlap(box, each[2]), at) for at, each in enumerate(free) if each[0] == kind]
        best, at = max(near, default=(0.0, -1))
        if best < LEAST:
            edge = ", at the threshold" if score < threshold + APART else ""
            said.append(f"{kind} {score:.4f} is missing (nearest IoU {best:.3f}){edge}")
            continue
        apart = abs(free.pop(at)[1] - score)
        most = max(most, apart)
        if apart > APART:
            said.append(f"{kind} {score:.4f}: score differs by {apart:.4f}")
        else:
            same += 1
    for kind, score, _ in free:
        edge = ", at the threshold" if score < threshold + APART else ""
        said.append(f"{kind} {score:.4f} is there besides{edge}")
    return same, said, most


def ask(run: Path, files: Sequence[Path]) -> dict[str, list[Objects]]:
    """Returns way -> what it gives of each image; `run on pixels` is what films compare with."""
    from fastapi.testclient import TestClient

    from headstart.deploy.runtime import About, OnnxPredictor, put_about
    from headstart.deploy.server import create_app
    from headstart.exporting.graph import write_graph
    from headstart.images.decode import decode, read_bytes
    from headstart.images.video import Frame
    from headstart.nets.model import Model
    from headstart.scoring.run_predictor import RunPredictor
    from headstart.video.place_frames import ObjectFrames

    model = Model.load(run)
    with tempfile.TemporaryDirectory() as home:
        place = Path(home) / "model.onnx"
        write_graph(model, place)
        threshold = float(model.spec.settings["threshold"])
        put_about(place, About(model.spec, model.preprocess, model.tta, threshold, "fp32", {}))
        file = OnnxPredictor(place, threads=2)
        frozen = RunPredictor(model, many=True)
        found: dict[str, list[Objects]] = {}
        for name, predictor in {
            "run": frozen, "torch": RunPredictor(model, exact=True), "ONNX": file,
        }.items():  # fmt: skip
            answers = predictor.predictions(list(files))
            found[name] = [objects(answers.record(at)) for at in range(len(files))]
        film, found["film"], found["run on pixels"] = ObjectFrames(file, "film"), [], []
        for number, each in enumerate(files):
            pixels = decode(read_bytes(each)).pixels
            [[seen]] = film.handle([Frame(number, pixels, True)])
            found["film"].append(objects(seen.line))
            found["run on pixels"].append(objects(frozen.predictions([pixels]).record(0)))
        with TestClient(create_app(file)) as client:
            found["server"] = []
            for each in files:
                answer = client.post("/predict", content=each.read_bytes())
                assert answer.status_code == 200, answer.text
                found["server"].append(objects(answer.json()["predictions"][0]))
    return found


def report(run: Path, data: Path) -> None:
    """Prints the table of one model."""
    from headstart.data.open import open_dataset
    from headstart.nets.model import Model

    dataset = open_dataset(str(data), task="detection")
    tested = np.flatnonzero(dataset.tested())
    files = [dataset.path(int(item)) for item in tested]
    threshold = float(Model.load(run).spec.settings["threshold"])
    found = ask(run, files)
    boxes = sum(map(len, found["run"]))
    print(f"{data.name}: {len(files)} test images, {boxes} boxes above {threshold:.3f}", flush=True)
    for way in ("torch", "ONNX", "server", "film"):
        with_run, same, most, differing = "run on pixels" if way == "film" else "run", 0, 0.0, []
        for file, one, other in zip(files, found[with_run], found[way], strict=True):
            equal, said, apart = differences(one, other, threshold)
            same, most = same + equal, max(most, apart)
            differing += [f"  {way}, {file.name}: {each}" for each in said]
        total = sum(map(len, found[with_run]))
        print(f"{way:<7} {same} of {total} the same, scores at most {most:.5f} apart, "
              f"{len(differing)} differ", *differing, sep="\n", flush=True)  # fmt: skip


def main() -> None:
    """Prints what differs, for every pair of run and data."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("pairs", nargs="+", help="RUN DATA, any number of them")
    given = options.parse_args()
    if len(given.pairs) % 2:
        options.error("runs and data come in pairs")
    from detection_sets import SETS, lay_out

    print(machine(), commit())
    for run, data in zip(given.pairs[::2], given.pairs[1::2], strict=True):
        with tempfile.TemporaryDirectory() as home:
            own = lay_out(data, Path(home) / data) if data in SETS else Path(data)
            report(Path(run), own)


if __name__ == "__main__":
    main()
